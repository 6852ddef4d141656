//! What a node has room for. FARGATE_SPOT tasks yield: where an on-demand task doesn't fit, the youngest of them are
//! interrupted.
//!
//! Source: "Amazon ECS clusters for Fargate workloads", FARGATE_SPOT.

use state_model::ecs::task::TaskIntent;
use state_tables::{Row, View};

const SPOT: &str = "FARGATE_SPOT";

/// What the tasks of a node may take together. None: no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// CPU units.
    pub cpu: Option<u32>,
    pub memory_mib: Option<u32>,
}

/// CPU units and MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Size {
    cpu: u64,
    memory_mib: u64,
}

impl Size {
    fn of(intent: &TaskIntent) -> Self {
        Self { cpu: u64::from(intent.cpu), memory_mib: u64::from(intent.memory_mib) }
    }

    fn plus(self, other: Size) -> Self {
        Self { cpu: self.cpu + other.cpu, memory_mib: self.memory_mib + other.memory_mib }
    }

    fn minus(self, other: Size) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(other.cpu),
            memory_mib: self.memory_mib.saturating_sub(other.memory_mib),
        }
    }
}

/// What becomes of a task that waits.
#[derive(Debug)]
pub enum Fit<T = Row<TaskIntent>> {
    Fits,
    /// Once these Spot tasks are gone, and those that end already.
    After(Vec<T>),
    Never,
}

/// The room that is left while one plan is made.
#[derive(Debug)]
pub struct Room<T = Row<TaskIntent>> {
    capacity: Capacity,
    /// By all tasks that were placed, and by those this plan placed or holds room for.
    taken: Size,
    /// Of it, by tasks that are about to leave.
    leaving: Size,
    /// Spot tasks that could be interrupted, the oldest first.
    spot: Vec<T>,
}

impl Room {
    pub fn of(view: &View, capacity: Capacity) -> Self {
        let mut room = Self { capacity, taken: Size::default(), leaving: Size::default(), spot: Vec::new() };
        if capacity == Capacity::default() {
            return room;
        }
        let placed = view.live_tasks.iter().filter(|key| view.task_placements.contains(key));
        for intent in placed.filter_map(|key| view.task_intents.get(key)) {
            let size = Size::of(intent);
            room.taken = room.taken.plus(size);
            let key = state_model::record::Record::key(&**intent.record());
            if view.task(&key).is_some_and(|task| task.desired_status() != "RUNNING") {
                room.leaving = room.leaving.plus(size);
            } else if is_spot(intent) {
                room.spot.push(intent.clone());
            }
        }
        room.spot.sort_by_key(|intent| intent.created_at);
        room
    }

    /// Takes the room of a task, or holds it until there is enough.
    pub fn take(&mut self, intent: &TaskIntent) -> Fit {
        self.take_size(Size::of(intent), is_spot(intent), |spot| Size::of(spot))
    }
}

impl<T: Clone> Room<T> {
    fn take_size(&mut self, wanted: Size, is_spot: bool, size_of: impl Fn(&T) -> Size) -> Fit<T> {
        if self.fits(self.taken.plus(wanted)) {
            self.taken = self.taken.plus(wanted);
            return Fit::Fits;
        }
        if is_spot {
            return Fit::Never;
        }
        let mut after = self.taken.minus(self.leaving).plus(wanted);
        let mut kept = self.spot.len();
        while !self.fits(after) && kept > 0 {
            kept -= 1;
            after = after.minus(size_of(&self.spot[kept]));
        }
        if !self.fits(after) {
            return Fit::Never;
        }
        // The youngest first.
        let interrupted: Vec<T> = self.spot.split_off(kept).into_iter().rev().collect();
        for spot in &interrupted {
            self.leaving = self.leaving.plus(size_of(spot));
        }
        self.taken = self.taken.plus(wanted);
        Fit::After(interrupted)
    }

    fn fits(&self, size: Size) -> bool {
        let is_within = |taken: u64, bound: Option<u32>| bound.is_none_or(|bound| taken <= u64::from(bound));
        is_within(size.cpu, self.capacity.cpu) && is_within(size.memory_mib, self.capacity.memory_mib)
    }
}

fn is_spot(intent: &TaskIntent) -> bool {
    intent.capacity_provider_name.as_deref() == Some(SPOT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `taken` and `leaving` are CPU units; `spot` those of tasks that can be interrupted, the oldest first.
    fn check(taken: u64, leaving: u64, spot: &[u64], wanted: (u64, bool), expected: &str) {
        let memory = |cpu: u64| Size { cpu, memory_mib: 2 * cpu };
        let capacity = Capacity { cpu: Some(1_024), memory_mib: None };
        let mut room = Room { capacity, taken: memory(taken), leaving: memory(leaving), spot: spot.to_vec() };
        let fit = match room.take_size(memory(wanted.0), wanted.1, |cpu| memory(*cpu)) {
            Fit::Fits => String::from("fits"),
            Fit::After(tasks) => format!("after {tasks:?}"),
            Fit::Never => String::from("never"),
        };
        assert_eq!(fit, expected, "{wanted:?} beside {taken} of which {leaving} leave, spot {spot:?}");
    }

    #[test]
    fn spot_tasks_yield_to_others() {
        check(512, 0, &[], (512, false), "fits");
        check(768, 0, &[], (512, false), "never");
        check(1_024, 0, &[256, 256], (256, false), "after [256]");
        check(1_024, 0, &[512, 256], (512, false), "after [256, 512]");
        check(1_024, 0, &[256], (512, false), "never");
        check(1_024, 512, &[256], (512, false), "after []");
        check(1_024, 0, &[256], (256, true), "never");
        check(1_024, 512, &[], (256, true), "never");
    }

    #[test]
    fn room_that_is_waited_for_is_given_once() {
        let size = |cpu: u64| Size { cpu, memory_mib: 0 };
        let capacity = Capacity { cpu: Some(1_024), memory_mib: None };
        let mut room = Room { capacity, taken: size(1_024), leaving: Size::default(), spot: vec![512_u64] };
        let of = |cpu: &u64| size(*cpu);
        assert!(matches!(room.take_size(size(512), false, of), Fit::After(tasks) if tasks == [512]));
        assert!(matches!(room.take_size(size(512), false, of), Fit::Never));
    }
}
