//! Tasks to be started.

use super::snapshot::Revision;
use super::spread::Spread;
use super::{Condition, Event, Launch, Planner};
use crate::limits::LAUNCHES_PER_PLAN_MAX;

impl<'a> Planner<'_, 'a> {
    /// Starts up to `count` tasks of the revision; yields how many.
    pub(super) fn launch(&mut self, revision: &Revision<'a>, count: usize) -> usize {
        let room = LAUNCHES_PER_PLAN_MAX.saturating_sub(self.decisions.launches.len());
        let count = count.min(room);
        if count == 0 {
            return 0;
        }
        let mut spread = self.spread();
        for _ in 0..count {
            // A revision whose subnets are gone can't have tasks; UpdateService gives it others.
            let Some((place, capacity_provider)) = spread.take(revision) else { return 0 };
            self.decisions.launches.push(Launch { revision: revision.id, place, capacity_provider });
        }
        count
    }

    pub(super) fn tell_launches(&mut self, replaced: usize) {
        if !self.decisions.launches.is_empty() {
            self.decisions.events.push(Event::Started { replaced });
        }
    }

    /// Of the tasks that go on, and of those launched by this plan.
    fn spread(&self) -> Spread<'a> {
        let tasks = self.snapshot.tasks.iter().zip(&self.conditions);
        let active = tasks.filter(|(_, condition)| **condition != Condition::Ending);
        let mut spread = Spread::of(active.map(|(task, _)| task));
        for launch in &self.decisions.launches {
            spread.add(launch.revision, launch.place, launch.capacity_provider);
        }
        spread
    }
}
