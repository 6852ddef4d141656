//! What the agent does next for a task: a pure function of what it has done and what is wanted.

use serde::{Deserialize, Serialize};
use state_model::ecs::task::{ObservedStop, Phase};

/// How far this node has come with a task. Persisted, so that a restarted agent goes on where it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// The interface is in the task's namespace.
    pub attached: bool,
    /// Images are unpacked and log streams exist.
    pub prepared: bool,
    /// A supervisor was asked for. Set before it is: from then on a task that isn't found is lost, not new.
    pub launched: bool,
    /// The supervisor knows that the task is to end.
    pub stop_sent: bool,
    /// Every container has ended, or there never was one; nothing runs any more.
    pub ended: bool,
    /// Every log line of the task is in the log store.
    pub drained: bool,
    /// The interface is gone.
    pub detached: bool,
    /// The first cause of the end.
    pub stop: Option<ObservedStop>,
}

impl Progress {
    /// Whether a restarted agent would act otherwise if it knew only `other`: what it must find in the ledger. The rest it
    /// finds out again, or does again without harm.
    pub fn differs_for_a_restart(&self, other: &Progress) -> bool {
        (self.attached, self.launched, self.ended, &self.stop)
            != (other.attached, other.launched, other.ended, &other.stop)
    }
}

/// What control wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Desired {
    #[default]
    Running,
    Stopped,
    /// The end is recorded: nothing of the task is needed any more.
    Forgotten,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Attach,
    Prepare,
    Launch,
    /// Wait for the supervisor, or for control to want something else.
    Watch,
    SendStop,
    /// Nothing was launched, so there is nothing to stop: note the end.
    Abandon,
    Drain,
    Detach,
    /// Report STOPPED, then wait until control has recorded it.
    AwaitForget,
    Remove,
}

pub fn next_step(progress: &Progress, desired: Desired) -> Step {
    if progress.ended {
        return after_the_end(progress, desired);
    }
    let ending = desired >= Desired::Stopped || progress.stop.is_some();
    match (progress.launched, ending) {
        (false, true) => Step::Abandon,
        (false, false) if !progress.attached => Step::Attach,
        (false, false) if !progress.prepared => Step::Prepare,
        (false, false) => Step::Launch,
        (true, true) if !progress.stop_sent => Step::SendStop,
        (true, _) => Step::Watch,
    }
}

fn after_the_end(progress: &Progress, desired: Desired) -> Step {
    // Lines may still be in the spool of a task that control has already forgotten (it was removed by hand): they are
    // worth no more than the task, but an acknowledged task's lines are drained before its end is told.
    if progress.launched && !progress.drained {
        return Step::Drain;
    }
    if !progress.detached {
        return Step::Detach;
    }
    if desired < Desired::Forgotten { Step::AwaitForget } else { Step::Remove }
}

/// What the supervisor has told of the containers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Every container started.
    pub running: bool,
    /// Every container has ended.
    pub all_stopped: bool,
}

/// The phase that this progress shows.
///
/// ACTIVATING isn't among them: ECS shows it only while a task registers with load balancers or names.
pub fn phase(progress: &Progress, seen: Seen) -> Phase {
    if progress.ended {
        return if progress.detached { Phase::Stopped } else { Phase::Deprovisioning };
    }
    if progress.launched && (progress.stop_sent || progress.stop.is_some()) {
        // A task whose containers ended by themselves has nothing left to stop.
        return if seen.all_stopped { Phase::Deprovisioning } else { Phase::Stopping };
    }
    match (progress.attached, seen.running) {
        (false, _) => Phase::Provisioning,
        (true, false) => Phase::Pending,
        (true, true) => Phase::Running,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(change: impl FnOnce(&mut Progress)) -> Progress {
        let mut progress = Progress::default();
        change(&mut progress);
        progress
    }

    /// Plays the steps as if each succeeded, and yields them until the agent would wait.
    fn play(mut progress: Progress, desired: Desired) -> (Vec<Step>, Progress) {
        let mut steps = Vec::new();
        loop {
            let step = next_step(&progress, desired);
            steps.push(step);
            match step {
                Step::Attach => progress.attached = true,
                Step::Prepare => progress.prepared = true,
                Step::Launch => progress.launched = true,
                Step::SendStop => progress.stop_sent = true,
                Step::Abandon => progress.ended = true,
                Step::Drain => progress.drained = true,
                Step::Detach => progress.detached = true,
                Step::Watch | Step::AwaitForget | Step::Remove => return (steps, progress),
            }
        }
    }

    #[test]
    fn a_task_goes_up_and_down_in_order() {
        let (steps, up) = play(Progress::default(), Desired::Running);
        assert_eq!(steps, [Step::Attach, Step::Prepare, Step::Launch, Step::Watch]);
        let running = Seen { running: true, all_stopped: false };
        let over = Seen { running: true, all_stopped: true };
        assert_eq!(phase(&up, Seen::default()), Phase::Pending);
        assert_eq!(phase(&up, running), Phase::Running);
        let (steps, stopping) = play(up, Desired::Stopped);
        assert_eq!(steps, [Step::SendStop, Step::Watch]);
        assert_eq!(phase(&stopping, running), Phase::Stopping);
        assert_eq!(phase(&stopping, over), Phase::Deprovisioning);
        let ended = Progress { ended: true, ..stopping };
        let (steps, down) = play(ended, Desired::Stopped);
        assert_eq!(steps, [Step::Drain, Step::Detach, Step::AwaitForget]);
        assert_eq!(phase(&down, over), Phase::Stopped);
        assert_eq!(play(down, Desired::Forgotten).0, [Step::Remove]);
    }

    #[test]
    fn a_stop_before_the_launch_starts_nothing() {
        for early in [
            Progress::default(),
            progress(|progress| progress.attached = true),
            progress(|progress| {
                progress.attached = true;
                progress.prepared = true;
            }),
        ] {
            let (steps, _) = play(early, Desired::Stopped);
            assert_eq!(steps, [Step::Abandon, Step::Detach, Step::AwaitForget]);
        }
    }

    #[test]
    fn a_failed_preparation_ends_the_task() {
        let failed = progress(|progress| {
            progress.attached = true;
            progress.stop = Some(ObservedStop::FailedToStart { reason: String::from("no image") });
        });
        assert_eq!(phase(&failed, Seen::default()), Phase::Pending);
        assert_eq!(play(failed, Desired::Running).0, [Step::Abandon, Step::Detach, Step::AwaitForget]);
    }
}
