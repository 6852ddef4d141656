//! Tasks to be stopped, and in which order.

use state_model::ecs::service_revision::deployment_id;
use state_model::ecs::task::Phase;

use super::condition::Cause;
use super::snapshot::Task;
use super::{Condition, Planner, Stop, events};
use crate::limits::{STOPS_PER_PLAN_MAX, UNHEALTHY_STOPS_PER_PLAN_MAX};

impl<'a> Planner<'_, 'a> {
    /// Stops up to `count` tasks of other revisions, as far as `lower` tasks stay healthy with the `healthy` ones of the
    /// wanted revision.
    pub(super) fn stop_old(&mut self, count: usize, healthy: usize, lower: usize) {
        if count == 0 {
            return;
        }
        let is_old = |planner: &Self, task: &Task<'a>| !planner.is_wanted(task);
        let old = |planner: &Self, wanted: &dyn Fn(Condition) -> bool| {
            planner.count(|task, condition| is_old(planner, task) && wanted(condition))
        };
        let mut healthy_left = healthy + old(self, &|condition| condition == Condition::Healthy);
        let mut good_left = healthy + old(self, &Condition::is_good);
        let candidates =
            self.indexes(|task, condition| !self.is_wanted(task) && condition != Condition::Ending);
        let mut left = count;
        for index in self.ordered(candidates, &mut left) {
            if left == 0 {
                break;
            }
            let condition = self.conditions[index];
            let keeps_healthy = condition != Condition::Healthy || healthy_left > lower;
            let keeps_good = condition.is_unhealthy() || good_left > lower;
            if !keeps_healthy || !keeps_good || !self.stop(index, None) {
                continue;
            }
            left -= 1;
            healthy_left -= usize::from(condition == Condition::Healthy);
            good_left -= usize::from(condition.is_good());
        }
        self.tell_stops(None);
    }

    /// Stops tasks of the wanted revision that are too many.
    pub(super) fn scale_in(&mut self, surplus: usize) {
        if surplus == 0 {
            return;
        }
        let candidates = self.indexes(|task, condition| self.is_wanted(task) && condition.is_good());
        let rebalanced_zone = self.rebalanced_zone(surplus);
        if rebalanced_zone.is_none() && self.is_moving() {
            // The task that moves is one too many until it is healthy.
            return;
        }
        let mut left = surplus;
        let before = self.decisions.stops.len();
        for index in self.ordered(candidates, &mut left) {
            if left == 0 {
                break;
            }
            let elsewhere = rebalanced_zone.is_some_and(|zone| zone != self.snapshot.tasks[index].place.zone);
            if !elsewhere && self.stop(index, None) {
                left -= 1;
            }
        }
        if self.decisions.stops.len() > before {
            self.tell_stops(rebalanced_zone);
        }
    }

    /// Stops up to `count` unhealthy tasks of the wanted revision. Protection doesn't keep them.
    pub(super) fn stop_sick(&mut self, count: usize) {
        let sick = self.indexes(|task, condition| self.is_wanted(task) && condition.is_unhealthy());
        for index in sick.into_iter().take(count.min(UNHEALTHY_STOPS_PER_PLAN_MAX)) {
            let task = &self.snapshot.tasks[index];
            let Condition::Unhealthy(cause) = self.conditions[index] else { continue };
            let (reason, told) = match cause {
                Cause::Containers => (
                    String::from("Task failed container health checks"),
                    events::unhealthy_containers(self.snapshot.name, task),
                ),
                Cause::Target(target) => {
                    (elb_reason(task, target), events::unhealthy_target(self.snapshot.name, task, target))
                }
            };
            if self.stop(index, Some(reason)) {
                self.text(told);
                self.count_failure();
            }
        }
        self.tell_stops(None);
    }

    /// Whether there was room for it in this plan.
    pub(super) fn stop(&mut self, index: usize, reason: Option<String>) -> bool {
        if self.decisions.stops.len() >= STOPS_PER_PLAN_MAX {
            return false;
        }
        let task = &self.snapshot.tasks[index];
        let reason = reason.unwrap_or_else(|| {
            format!("Scaling activity initiated by (deployment {})", deployment_id(task.revision))
        });
        self.decisions.stops.push(Stop { key: task.key, reason });
        self.conditions[index] = Condition::Ending;
        self.untold.push(index);
        true
    }

    /// Tells the stops that weren't told yet.
    pub(super) fn tell_stops(&mut self, rebalanced_zone: Option<&str>) {
        let indexes = std::mem::take(&mut self.untold);
        let tasks = indexes.iter().map(|index| &self.snapshot.tasks[*index]);
        let (running, pending): (Vec<&Task<'a>>, Vec<&Task<'a>>) =
            tasks.partition(|task| task.phase == Phase::Running);
        let name = self.snapshot.name;
        if !running.is_empty() {
            let ids: Vec<&str> = running.iter().map(|task| task.id).collect();
            self.text(match rebalanced_zone {
                Some(zone) => events::stopped_to_rebalance(name, zone, &ids),
                None => events::stopped_running(name, &ids),
            });
        }
        if !pending.is_empty() {
            self.text(events::stopped_pending(name, pending.len()));
        }
    }

    /// In the order of stopping: unhealthy before pending before starting before healthy, each time in the zone that has
    /// most, there the youngest. Protected tasks are left out; when they are needed that is told.
    fn ordered(&mut self, candidates: Vec<usize>, needed: &mut usize) -> Vec<usize> {
        let snapshot = self.snapshot;
        let protected =
            |index: &usize| snapshot.tasks[*index].protected_until.is_some_and(|at| at > self.now);
        let (kept, mut open): (Vec<usize>, Vec<usize>) = candidates.iter().copied().partition(protected);
        if open.len() < *needed && !kept.is_empty() {
            let until = kept.iter().filter_map(|index| snapshot.tasks[*index].protected_until).min();
            until.into_iter().for_each(|at| self.due.at(at));
            let deployment = deployment_id(snapshot.tasks[kept[0]].revision);
            self.tell_once(events::blocked_by_protection(snapshot.name, &deployment, kept.len()));
        }
        let mut zones: Vec<(&str, Option<&str>, usize)> = Vec::new();
        for task in candidates.iter().map(|index| &snapshot.tasks[*index]) {
            let of_task = |entry: &&mut (&str, Option<&str>, usize)| {
                entry.0 == task.place.zone && entry.1 == task.capacity_provider
            };
            match zones.iter_mut().find(of_task) {
                Some(entry) => entry.2 += 1,
                None => zones.push((task.place.zone, task.capacity_provider, 1)),
            }
        }
        let mut ordered = Vec::with_capacity(open.len());
        while !open.is_empty() && ordered.len() < STOPS_PER_PLAN_MAX {
            let rank = |index: usize| {
                let task = &snapshot.tasks[index];
                let in_zone = zones
                    .iter()
                    .find(|entry| entry.0 == task.place.zone && entry.1 == task.capacity_provider);
                let crowd = in_zone.map_or(0, |entry| entry.2);
                (severity(self.conditions[index]), crowd, task.created_at, task.key)
            };
            let best = (0..open.len()).max_by_key(|place| rank(open[*place]));
            let Some(index) = best.map(|place| open.swap_remove(place)) else { break };
            let task = &snapshot.tasks[index];
            let zone = zones
                .iter_mut()
                .find(|entry| entry.0 == task.place.zone && entry.1 == task.capacity_provider);
            zone.into_iter().for_each(|entry| entry.2 -= 1);
            ordered.push(index);
        }
        ordered
    }
}

fn severity(condition: Condition) -> u8 {
    match condition {
        Condition::Unhealthy(_) => 4,
        Condition::Pending => 3,
        Condition::Starting => 2,
        Condition::Healthy => 1,
        Condition::Ending => 0,
    }
}

fn elb_reason(task: &Task<'_>, target: usize) -> String {
    let group = task.targets.get(target).map_or("", |target| target.target_group_arn);
    format!("Task failed ELB health checks in (target-group {group})")
}
