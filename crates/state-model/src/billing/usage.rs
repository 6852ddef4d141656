//! What tasks used: one record per task and day, and later one per day and set of attributes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use super::amount::Quantity;
use super::calendar::{Day, Span};
use crate::Scope;
use crate::ecs::task::{TaskColumns, TaskIntent, task_key};
use crate::record::Record;

/// The shortest run that is billed.
pub const BILLED_SECS_MIN: u64 = 60;

/// Ephemeral storage that every task has without a charge.
pub const STORAGE_INCLUDED_GIB: u32 = 20;

const SPOT_PROVIDER: &str = "FARGATE_SPOT";
const MILLIS_PER_SEC: i64 = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Architecture {
    X86,
    Arm,
}

/// What usage is told apart by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attributes {
    pub region: String,
    pub cluster: String,
    #[serde(default)]
    pub service: Option<String>,
    pub family: String,
    pub architecture: Architecture,
    pub is_spot: bool,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Attributes {
    pub fn of(intent: &TaskIntent) -> Self {
        Self {
            region: intent.scope.region.clone(),
            cluster: intent.cluster.clone(),
            service: intent.service.as_ref().map(|service| service.name.clone()),
            family: intent.family.clone(),
            architecture: match intent.cpu_architecture.as_str() {
                "arm64" => Architecture::Arm,
                _ => Architecture::X86,
            },
            is_spot: intent.capacity_provider_name.as_deref() == Some(SPOT_PROVIDER),
            tags: intent.stopped_tags.as_ref().unwrap_or(&intent.tags).clone(),
        }
    }
}

/// What was used of each thing that has a price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantities {
    /// CPU units times seconds.
    pub cpu_unit_secs: u64,
    /// MiB times seconds.
    pub memory_mib_secs: u64,
    /// GiB beyond those included, times seconds.
    pub storage_gib_secs: u64,
}

impl Quantities {
    pub fn cpu(&self) -> Quantity {
        Quantity(u128::from(self.cpu_unit_secs))
    }

    pub fn memory(&self) -> Quantity {
        Quantity(u128::from(self.memory_mib_secs))
    }

    pub fn storage(&self) -> Quantity {
        Quantity(u128::from(self.storage_gib_secs) * 1024)
    }

    pub fn add(&mut self, other: &Self) {
        self.cpu_unit_secs = self.cpu_unit_secs.saturating_add(other.cpu_unit_secs);
        self.memory_mib_secs = self.memory_mib_secs.saturating_add(other.memory_mib_secs);
        self.storage_gib_secs = self.storage_gib_secs.saturating_add(other.storage_gib_secs);
    }
}

/// The size of a task, as it is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    pub cpu: u32,
    pub memory_mib: u32,
    pub extra_storage_gib: u32,
}

impl Size {
    pub fn of(intent: &TaskIntent) -> Self {
        let extra_storage_gib = intent.ephemeral_storage_gib.saturating_sub(STORAGE_INCLUDED_GIB);
        Self { cpu: intent.cpu, memory_mib: intent.memory_mib, extra_storage_gib }
    }

    fn during(self, secs: u64) -> Quantities {
        Quantities {
            cpu_unit_secs: u64::from(self.cpu) * secs,
            memory_mib_secs: u64::from(self.memory_mib) * secs,
            storage_gib_secs: u64::from(self.extra_storage_gib) * secs,
        }
    }
}

/// A run as it is billed: whole seconds from the beginning of the image pull, at least a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub started_at: Timestamp,
    pub secs: u64,
    pub is_over: bool,
}

impl Run {
    pub fn new(started_at: Timestamp, ended_at: Option<Timestamp>, now: Timestamp) -> Self {
        let until = ended_at.unwrap_or(now);
        let secs = secs_before(started_at, until).max(BILLED_SECS_MIN);
        Self { started_at, secs, is_over: ended_at.is_some() }
    }

    /// None when nothing is billed (yet): the task isn't Fargate's, or its images were never pulled.
    pub fn of(task: TaskColumns<'_>, now: Timestamp) -> Option<Self> {
        if task.intent.launch_type != "FARGATE" {
            return None;
        }
        let times = &task.observation?.times;
        let ended_at = task
            .is_stopped()
            .then(|| task.stopped_at().or(times.execution_stopped_at).or(times.stopping_at).unwrap_or(now));
        Some(Self::new(times.pull_started_at?, ended_at, now))
    }

    /// Its seconds from the `from_secs`th on, by the day that each begins in.
    pub fn days_from(&self, from_secs: u64) -> Vec<(Day, u64, u64)> {
        let mut days = Vec::new();
        let mut from = from_secs;
        while from < self.secs {
            let offset = i64::try_from(from).unwrap_or(i64::MAX).saturating_mul(MILLIS_PER_SEC);
            let day = Day::of(Timestamp(self.started_at.0.saturating_add(offset)));
            let until = secs_before(self.started_at, day.plus(1).start()).clamp(from + 1, self.secs);
            days.push((day, from, until));
            from = until;
        }
        days
    }
}

/// How many of the seconds that follow `started_at` begin before `at`.
pub fn secs_before(started_at: Timestamp, at: Timestamp) -> u64 {
    u64::try_from(at.0.saturating_sub(started_at.0)).unwrap_or(0).div_ceil(MILLIS_PER_SEC.unsigned_abs())
}

/// A part of one task's run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPart {
    /// The task's id.
    pub task: String,
    /// When the whole run began.
    pub started_at: Timestamp,
    /// Seconds of the run.
    pub from_secs: u64,
    pub until_secs: u64,
    pub size: Size,
}

impl RunPart {
    pub fn quantities(&self) -> Quantities {
        self.size.during(self.until_secs - self.from_secs)
    }

    /// What of it began in the span.
    pub fn within(&self, span: Span) -> Quantities {
        let bound = |at| secs_before(self.started_at, at).clamp(self.from_secs, self.until_secs);
        self.size.during(bound(span.until).saturating_sub(bound(span.from)))
    }
}

/// Usage of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub account: String,
    pub day: Day,
    pub attributes: Attributes,
    pub detail: Detail,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Detail {
    /// Of one task.
    Run(RunPart),
    /// Of all tasks with these attributes: what is left of a day long ago.
    Folded(Quantities),
}

impl Usage {
    /// `account/day/`: days are in the order of their keys.
    pub fn prefix(account: &str, day: Day) -> String {
        format!("{account}/{:08}/", day.0)
    }

    pub fn quantities(&self) -> Quantities {
        match &self.detail {
            Detail::Run(part) => part.quantities(),
            Detail::Folded(quantities) => *quantities,
        }
    }

    /// How far the run is recorded with it. None of what was folded.
    pub fn until_secs(&self) -> Option<u64> {
        match &self.detail {
            Detail::Run(part) => Some(part.until_secs),
            Detail::Folded(_) => None,
        }
    }

    /// What of it falls into the span. What was folded counts from the beginning of its day.
    pub fn within(&self, span: Span) -> Quantities {
        match &self.detail {
            Detail::Run(part) => part.within(span),
            Detail::Folded(quantities) if span.from <= self.day.start() && self.day.start() < span.until => {
                *quantities
            }
            Detail::Folded(_) => Quantities::default(),
        }
    }

    /// The same usage as what it is folded into.
    pub fn folded_key(&self) -> String {
        let text = serde_json::to_string(&self.attributes).unwrap_or_default();
        format!("{}~/{:032x}", Self::prefix(&self.account, self.day), fingerprint(text.as_bytes()))
    }
}

/// FNV-1a of 128 bits: whoever folds compares the attributes too.
fn fingerprint(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

impl Record for Usage {
    const TABLE: &'static str = "billing-usage";

    fn key(&self) -> String {
        match &self.detail {
            Detail::Run(part) => {
                let prefix = Self::prefix(&self.account, self.day);
                format!("{prefix}{}/{}/{}", self.attributes.region, self.attributes.cluster, part.task)
            }
            Detail::Folded(_) => self.folded_key(),
        }
    }
}

/// How far the usage of a task is recorded. Written with the records, by the metering loop alone; it goes with the task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskMeter {
    pub scope: Scope,
    pub cluster: String,
    pub id: String,
    /// Seconds of the run that are recorded.
    pub secs: u64,
    /// Nothing follows: the task has stopped.
    pub is_final: bool,
}

impl Record for TaskMeter {
    const TABLE: &'static str = "billing-task-meter";

    fn key(&self) -> String {
        task_key(&self.scope, &self.cluster, &self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(start: i64, end: i64) -> Run {
        Run::new(Timestamp(start), Some(Timestamp(end)), Timestamp(end))
    }

    #[test]
    fn runs_are_billed_by_the_second_and_at_least_a_minute() {
        for (start, end, expected) in [
            (0, 0, 60),
            (0, 59_999, 60),
            (0, 60_000, 60),
            (0, 60_001, 61),
            (500, 61_500, 61),
            (500, 61_501, 62),
            (10_000, 0, 60),
        ] {
            assert_eq!(run(start, end).secs, expected, "{start}..{end}");
        }
    }

    #[test]
    fn a_run_over_midnight_is_split_there() {
        let midnight = Day(1).start().0;
        assert_eq!(
            run(midnight - 9_500, midnight + 80_000).days_from(0),
            [(Day(0), 0, 10), (Day(1), 10, 90)]
        );
        assert_eq!(
            run(midnight - 10_000, midnight - 5_000).days_from(0),
            [(Day(0), 0, 10), (Day(1), 10, 60)]
        );
        assert_eq!(run(midnight - 10_000, midnight + 90_000).days_from(10), [(Day(1), 10, 100)]);
        assert_eq!(run(midnight, midnight + 60_000).days_from(60), []);
    }

    #[test]
    fn spans_of_a_part_add_up_to_it() {
        let size = Size { cpu: 256, memory_mib: 512, extra_storage_gib: 1 };
        let part =
            RunPart { task: "t".into(), started_at: Timestamp(500), from_secs: 0, until_secs: 7_200, size };
        let hour = |count: i64| Timestamp::from_secs(3600 * count);
        let mut sum = Quantities::default();
        for count in -1..4 {
            sum.add(&part.within(Span { from: hour(count), until: hour(count + 1) }));
        }
        assert_eq!(sum, part.quantities());
        assert_eq!(part.within(Span { from: hour(0), until: hour(1) }).storage_gib_secs, 3_600);
    }
}
