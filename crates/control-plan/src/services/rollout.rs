//! The steps from the tasks that there are to those that there should be, between the two percentages.

use state_model::ecs::task::Phase;

use super::snapshot::Task;
use super::{Condition, Planner, events};

/// Tasks counted once per plan.
#[derive(Clone, Copy, Debug)]
struct Counts {
    /// At least so many stay healthy.
    lower: usize,
    /// At most so many are RUNNING or on their way there.
    upper: usize,
    desired: usize,
    /// RUNNING or on the way there, whatever was asked of them.
    occupying: usize,
    active: usize,
    /// Of the wanted revision: pending, starting or healthy.
    good: usize,
    healthy: usize,
    unhealthy: usize,
    /// Of other revisions, all that are active.
    old: usize,
    old_good: usize,
}

impl Counts {
    fn of(planner: &Planner<'_, '_>) -> Self {
        let snapshot = planner.snapshot;
        let desired = u64::from(snapshot.desired);
        let lower = (desired * u64::from(snapshot.minimum_healthy_percent)).div_ceil(100);
        let upper = desired * u64::from(snapshot.maximum_percent) / 100;
        let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let mut counts = Self {
            lower: number(lower),
            upper: number(upper),
            desired: number(desired),
            occupying: 0,
            active: 0,
            good: 0,
            healthy: 0,
            unhealthy: 0,
            old: 0,
            old_good: 0,
        };
        for (task, condition) in snapshot.tasks.iter().zip(&planner.conditions) {
            counts.add(task, *condition, planner.is_wanted(task));
        }
        counts
    }

    fn add(&mut self, task: &Task<'_>, condition: Condition, is_wanted: bool) {
        if task.phase <= Phase::Running && !task.is_draining {
            self.occupying += 1;
        }
        if condition == Condition::Ending {
            return;
        }
        self.active += 1;
        if is_wanted {
            self.good += usize::from(condition.is_good());
            self.healthy += usize::from(condition == Condition::Healthy);
            self.unhealthy += usize::from(condition.is_unhealthy());
        } else {
            self.old += 1;
            self.old_good += usize::from(condition.is_good());
        }
    }

    fn wanted(&self) -> usize {
        self.good + self.unhealthy
    }

    /// Tasks that are asked to end and still count as RUNNING.
    fn leaving(&self) -> usize {
        self.occupying.saturating_sub(self.active)
    }
}

impl Planner<'_, '_> {
    pub(super) fn roll(&mut self) {
        let counts = Counts::of(self);
        let may_start = self.may_start_for(&counts);
        let mut room = counts.upper.saturating_sub(counts.occupying);
        room -= self.keep_minimum(&counts, room);
        let wanted = self.snapshot.wanted.clone();
        let missing = counts.desired.saturating_sub(counts.good);
        let launched = if may_start { self.launch(&wanted, missing.min(room)) } else { 0 };
        let absent = counts.desired.saturating_sub(counts.wanted());
        self.tell_launches(launched.saturating_sub(absent));

        // Room for tasks of the wanted revision that don't exist yet, beside what is leaving anyway.
        let wanting = absent.saturating_sub(launched).saturating_sub(counts.leaving());
        let wanting = if may_start { wanting } else { 0 };
        let released = (counts.healthy + counts.old).saturating_sub(counts.desired);
        self.stop_old(wanting.max(released), counts.healthy, counts.lower);
        self.stop_unhealthy(&counts, may_start && launched == 0);
        self.scale_in(counts.good.saturating_sub(counts.desired));
        let is_stuck = counts.upper <= counts.desired && counts.lower >= counts.desired;
        if counts.old > 0 && absent > 0 && is_stuck {
            self.tell_once(events::blocked_by_configuration(self.snapshot.name));
        }
    }

    /// Only asks for the time of the next start when there is something to start.
    fn may_start_for(&mut self, counts: &Counts) -> bool {
        counts.good < counts.desired && self.may_start()
    }

    /// While the tasks of a deployment fail, lost tasks of the revision before it are replaced by their like, so that the
    /// service doesn't shrink with every one of them.
    fn keep_minimum(&mut self, counts: &Counts, room: usize) -> usize {
        let is_failing = self.progress.start_failures > 0
            || self.progress.counts.failure_count > 0
            || counts.unhealthy > 0;
        if !is_failing || self.progress.status.is_final() || self.progress.rollback.is_some() {
            return 0;
        }
        let short = counts.lower.saturating_sub(counts.good + counts.old_good);
        match self.snapshot.completed.clone() {
            Some(completed) if completed.id != self.snapshot.wanted.id => {
                self.launch(&completed, short.min(room))
            }
            _ => 0,
        }
    }

    /// Replaced first, stopped then; where there is no room for a replacement, stopped one at a time.
    fn stop_unhealthy(&mut self, counts: &Counts, may_make_room: bool) {
        if counts.unhealthy == 0 {
            return;
        }
        let replaced = (counts.healthy + counts.unhealthy).saturating_sub(counts.desired);
        let is_quiet = counts.good == counts.healthy && counts.leaving() == 0;
        let makes_room = may_make_room && is_quiet && self.decisions.stops.is_empty();
        let count = if self.is_frozen() { counts.unhealthy } else { replaced.max(usize::from(makes_room)) };
        self.stop_sick(count);
    }
}
