//! Whole rollouts: tasks start, fail and get healthy in any order, and the plan is followed step by step.

use std::time::Duration;

use proptest::prelude::*;
use state_model::ecs::service_deployment::{DeploymentStatus, ServiceDeploymentProgress};
use state_model::ecs::task::Phase;
use state_model::elbv2::target::HealthState;
use stdx::clock::Timestamp;

use super::stage::{GROUP, NOW, breaker, progress};
use crate::services::snapshot::{
    Deployment, Failure, FailureKind, Place, Revision, Snapshot, TargetView, Task, Told,
};
use crate::services::{Decisions, plan};

/// Steps after which a world must have come to rest.
const STEPS_MAX: usize = 4_000;

#[derive(Clone, Debug)]
struct Settings {
    desired: u32,
    minimum: u32,
    maximum: u32,
    zones: usize,
    has_breaker: bool,
    /// What tasks of the new revision do.
    fate: Fate,
    /// What tasks of the old revision do that are made once a rollback has begun.
    fate_back: Fate,
    /// In which order things happen.
    choices: Vec<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Works,
    NeverStarts,
    Crashes,
    NeverHealthy,
}

#[derive(Clone, Debug)]
struct WorldTask {
    key: String,
    revision: &'static str,
    zone: usize,
    fate: Fate,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    phase: Phase,
    health: HealthState,
    stop_asked: bool,
    failure: Option<FailureKind<'static>>,
}

struct World {
    settings: Settings,
    progress: ServiceDeploymentProgress,
    tasks: Vec<WorldTask>,
    told: Vec<(Timestamp, String)>,
    now: Timestamp,
    made: usize,
    /// Tasks that ended though nobody asked: what the minimum can't be held against.
    lost: bool,
}

const ZONES: [&str; 3] = ["a", "b", "c"];

impl World {
    /// Tasks of revision 1 run, and a deployment of revision 2 has just been made.
    fn new(settings: Settings) -> Self {
        let mut world = Self {
            progress: progress(DeploymentStatus::Pending),
            tasks: Vec::new(),
            told: Vec::new(),
            now: NOW,
            made: 0,
            lost: false,
            settings,
        };
        for index in 0..world.settings.desired {
            world.add("1", index as usize % world.settings.zones);
        }
        for task in &mut world.tasks {
            task.phase = Phase::Running;
            task.health = HealthState::Healthy;
            task.started_at = Some(NOW);
        }
        world
    }

    fn add(&mut self, revision: &'static str, zone: usize) {
        self.made += 1;
        self.tasks.push(WorldTask {
            key: format!("t{}", self.made),
            revision,
            zone,
            fate: match (revision, &self.progress.rollback) {
                ("2", _) => self.settings.fate,
                (_, Some(_)) => self.settings.fate_back,
                (_, None) => Fate::Works,
            },
            created_at: self.now,
            started_at: None,
            phase: Phase::Provisioning,
            health: HealthState::Initial,
            stop_asked: false,
            failure: None,
        });
    }

    fn snapshot(&self) -> Snapshot<'_> {
        let places: Vec<Place<'_>> =
            ZONES[..self.settings.zones].iter().map(|zone| Place { subnet: zone, zone }).collect();
        let revision = |id| Revision { id, strategy: &[], places: places.clone() };
        let wanted = self.progress.rollback.as_ref().map_or("2", |rollback| rollback.revision.as_str());
        let since = self.progress.rollback.as_ref().map_or(NOW, |rollback| rollback.started_at);
        let failed = self.tasks.iter().filter(|task| task.revision == wanted && task.created_at >= since);
        let told = self.told.iter().rev().map(|(at, message)| Told { at: *at, message });
        let steady = self.told.iter().rev().position(|(_, message)| message.ends_with("steady state."));
        static BREAKER: std::sync::OnceLock<state_model::ecs::service::CircuitBreaker> =
            std::sync::OnceLock::new();
        Snapshot {
            name: "S",
            desired: self.settings.desired,
            is_deleted: false,
            maximum_percent: self.settings.maximum,
            minimum_healthy_percent: self.settings.minimum,
            breaker: self.settings.has_breaker.then(|| BREAKER.get_or_init(|| breaker(true))),
            alarms: None,
            bake: Duration::ZERO,
            grace: Duration::ZERO,
            is_rebalancing: true,
            changed_at: NOW,
            deployment: Deployment { created_at: NOW, stop: None, progress: &self.progress },
            superseded: Vec::new(),
            wanted: revision(wanted),
            completed: (!self.progress.status.is_final()).then(|| revision("1")),
            tasks: self.tasks.iter().filter(|task| task.phase < Phase::Stopped).map(view).collect(),
            failures: failed
                .filter_map(|task| Some(Failure { id: &task.key, kind: task.failure? }))
                .collect(),
            told: told.take(steady.map_or(usize::MAX, |place| place + 1)).collect(),
        }
    }

    fn carry_out(&mut self, decisions: Decisions<'static>) {
        for launch in &decisions.launches {
            let revision = if launch.revision == "1" { "1" } else { "2" };
            let zone = ZONES.iter().position(|zone| *zone == launch.place.zone).expect("a zone of the world");
            self.add(revision, zone);
        }
        for stop in &decisions.stops {
            let task = self.tasks.iter_mut().find(|task| task.key == stop.key).expect("a task of the world");
            assert!(!task.stop_asked, "asked twice: {}", task.key);
            task.stop_asked = true;
        }
        if let Some(progress) = decisions.progress {
            self.progress = progress;
        }
        let started: Vec<String> = decisions.launches.iter().map(|_| String::from("T")).collect();
        for event in &decisions.events {
            self.told.push((self.now, event.message("S", &started)));
        }
    }

    /// One task takes its next step. False when none has one.
    fn happen(&mut self, choice: u16) -> bool {
        let movable: Vec<usize> =
            (0..self.tasks.len()).filter(|index| can_move(&self.tasks[*index])).collect();
        if movable.is_empty() {
            return false;
        }
        let now = self.now;
        let task = &mut self.tasks[movable[usize::from(choice) % movable.len()]];
        let (fate, fails) = (task.fate, !task.stop_asked);
        match task.phase {
            Phase::Stopping => task.phase = Phase::Stopped,
            _ if task.stop_asked => task.phase = Phase::Stopping,
            Phase::Provisioning if fails && fate == Fate::NeverStarts => {
                task.phase = Phase::Stopped;
                task.failure = Some(FailureKind::NeverStarted);
            }
            Phase::Provisioning => {
                task.phase = Phase::Running;
                task.started_at = Some(now);
            }
            _ if fails && fate == Fate::Crashes => {
                task.phase = Phase::Stopping;
                task.failure = Some(FailureKind::Crashed);
            }
            _ if fails && fate == Fate::NeverHealthy => task.health = HealthState::Unhealthy,
            _ => task.health = HealthState::Healthy,
        }
        true
    }

    /// Somebody kills a task.
    fn kill(&mut self, choice: u16) {
        let running: Vec<usize> = (0..self.tasks.len())
            .filter(|index| self.tasks[*index].phase == Phase::Running && !self.tasks[*index].stop_asked)
            .collect();
        if !running.is_empty() {
            self.tasks[running[usize::from(choice) % running.len()]].phase = Phase::Stopping;
            self.lost = true;
        }
    }

    fn check_bounds(&self, step: usize) {
        let desired = u64::from(self.settings.desired);
        let upper = desired * u64::from(self.settings.maximum) / 100;
        let lower = (desired * u64::from(self.settings.minimum)).div_ceil(100);
        let occupying = self.tasks.iter().filter(|task| task.phase <= Phase::Running).count() as u64;
        assert!(occupying <= upper, "step {step}: {occupying} tasks of at most {upper}");
        let is_healthy = |task: &&WorldTask| {
            task.phase == Phase::Running && task.health == HealthState::Healthy && !task.stop_asked
        };
        let healthy = self.tasks.iter().filter(is_healthy).count() as u64;
        assert!(self.lost || healthy >= lower, "step {step}: {healthy} healthy of at least {lower}");
    }
}

fn can_move(task: &WorldTask) -> bool {
    let settled = match task.fate {
        Fate::NeverHealthy => HealthState::Unhealthy,
        Fate::Crashes => HealthState::Draining,
        Fate::Works | Fate::NeverStarts => HealthState::Healthy,
    };
    match task.phase {
        Phase::Stopped => false,
        Phase::Running => task.stop_asked || task.health != settled,
        _ => true,
    }
}

fn view(task: &WorldTask) -> Task<'_> {
    let zone = ZONES[task.zone];
    let target =
        TargetView { target_group_arn: GROUP, port: 80, state: Some(task.health), description: None };
    Task {
        key: &task.key,
        id: &task.key,
        revision: task.revision,
        place: Place { subnet: zone, zone },
        capacity_provider: None,
        created_at: task.created_at,
        phase: task.phase,
        started_at: task.started_at,
        is_ending: task.stop_asked || task.phase > Phase::Running,
        is_draining: false,
        protected_until: None,
        container_health: None,
        targets: vec![target],
    }
}

/// Plans and lets things happen until there is nothing of either. Time passes only when nothing else does.
fn run(world: &mut World, kills: usize) {
    let choices = world.settings.choices.clone();
    let mut kills = kills;
    for step in 0..STEPS_MAX {
        let choice = choices[step % choices.len()];
        let snapshot = world.snapshot();
        let decisions = plan(&snapshot, world.now);
        let (is_idle, next) = (decisions.is_empty(), decisions.next);
        // The world is borrowed by what is decided: it is written down apart from it.
        let decisions = Owned::of(&decisions).decisions();
        drop(snapshot);
        world.carry_out(decisions);
        world.check_bounds(step);
        if !is_idle && !choice.is_multiple_of(3) {
            continue;
        }
        // After a deployment nothing counts failures: a task that dies then is replaced on and on where its like fail.
        let is_killable = world.settings.fate_back == Fate::Works || !world.progress.status.is_final();
        if kills > 0 && is_killable && choice.is_multiple_of(7) {
            kills -= 1;
            world.kill(choice);
        } else if !world.happen(choice) && is_idle {
            match next {
                Some(at) if at.since(world.now) < Duration::from_secs(3_600) => world.now = at.max(world.now),
                _ => return,
            }
        }
        world.now = world.now.plus(Duration::from_millis(1));
    }
    panic!("it never comes to rest: {:?} {:#?}", world.progress, world.told);
}

/// Decisions without their borrows.
struct Owned(Decisions<'static>);

impl Owned {
    fn of(decisions: &Decisions<'_>) -> Self {
        let text = |text: &str| -> &'static str { String::from(text).leak() };
        let launches = decisions.launches.iter().map(|launch| crate::services::Launch {
            revision: text(launch.revision),
            place: Place { subnet: text(launch.place.subnet), zone: text(launch.place.zone) },
            capacity_provider: None,
        });
        let stops = decisions
            .stops
            .iter()
            .map(|stop| crate::services::Stop { key: text(stop.key), reason: stop.reason.clone() });
        Self(Decisions {
            launches: launches.collect(),
            stops: stops.collect(),
            progress: decisions.progress.clone(),
            superseded: Vec::new(),
            events: decisions.events.clone(),
            next: decisions.next,
        })
    }

    fn decisions(self) -> Decisions<'static> {
        self.0
    }
}

fn failing() -> impl Strategy<Value = Fate> {
    prop::sample::select(vec![Fate::NeverStarts, Fate::Crashes, Fate::NeverHealthy])
}

fn settings() -> impl Strategy<Value = Settings> {
    let fate = prop_oneof![Just(Fate::Works), failing()];
    let percents = prop_oneof![
        Just((100, 200)),
        Just((50, 100)),
        Just((50, 200)),
        Just((0, 100)),
        Just((75, 150)),
        Just((100, 150)),
        (0_u32..=100, 100_u32..=250),
    ];
    (0_u32..9, percents, 1_usize..=3, fate, prop::collection::vec(any::<u16>(), 16..64)).prop_map(
        |(desired, (minimum, maximum), zones, fate, choices)| Settings {
            desired,
            minimum,
            maximum,
            zones,
            has_breaker: fate != Fate::Works || choices[0] % 2 == 0,
            fate,
            fate_back: Fate::Works,
            choices,
        },
    )
}

/// Both ways fail.
fn settings_without_a_way() -> impl Strategy<Value = Settings> {
    (settings(), failing(), failing()).prop_map(|(settings, fate, fate_back)| Settings {
        has_breaker: true,
        fate,
        fate_back,
        ..settings
    })
}

/// Whether the percentages leave room for any step at all.
fn is_stuck(settings: &Settings) -> bool {
    let desired = u64::from(settings.desired);
    let upper = desired * u64::from(settings.maximum) / 100;
    let lower = (desired * u64::from(settings.minimum)).div_ceil(100);
    upper <= desired && lower >= desired
}

fn count(world: &World, revision: &str) -> usize {
    let lives = |task: &&WorldTask| task.phase == Phase::Running && task.revision == revision;
    world.tasks.iter().filter(lives).count()
}

proptest! {
    #[test]
    fn rollouts_keep_their_bounds_and_come_to_rest(settings in settings(), kills in 0_usize..3) {
        let desired = settings.desired as usize;
        let fate = settings.fate;
        let stuck = is_stuck(&settings) && desired > 0;
        let mut world = World::new(settings);
        run(&mut world, kills);
        if stuck {
            return Ok(());
        }
        if fate == Fate::Works || desired == 0 {
            prop_assert_eq!(world.progress.status, DeploymentStatus::Successful);
            prop_assert_eq!((count(&world, "1"), count(&world, "2")), (0, desired));
        } else {
            prop_assert_eq!(world.progress.status, DeploymentStatus::RollbackSuccessful, "{:#?}", world.told);
            prop_assert_eq!((count(&world, "1"), count(&world, "2")), (desired, 0));
        }
        prop_assert!(world.told.last().is_some_and(|(_, message)| message.ends_with("steady state.")));
        // At rest nothing is decided, however often one asks.
        let snapshot = world.snapshot();
        prop_assert!(plan(&snapshot, world.now).is_empty());
        let mut zones = [0_usize; 3];
        world.tasks.iter().filter(|task| task.phase == Phase::Running).for_each(|task| zones[task.zone] += 1);
        let zones = &zones[..world.settings.zones];
        let spread = zones.iter().max().unwrap_or(&0) - zones.iter().min().unwrap_or(&0);
        let can_move = u64::from(world.settings.desired) * u64::from(world.settings.maximum) / 100 > desired as u64;
        prop_assert!(spread < 2 || !can_move, "{zones:?}");
    }

    /// However tasks fail on both ways, no more of them are made than the breaker counts, twice, and a batch each.
    #[test]
    fn a_service_that_fails_both_ways_stops_making_tasks(settings in settings_without_a_way(), kills in 0_usize..3) {
        let desired = settings.desired as usize;
        let stuck = is_stuck(&settings);
        let batch = settings.desired as usize * settings.maximum as usize / 100;
        let threshold = breaker(true).threshold_count(settings.desired) as usize;
        let mut world = World::new(settings);
        run(&mut world, kills);
        if stuck || desired == 0 {
            return Ok(());
        }
        let bound = desired + 2 * (threshold + batch) + kills;
        prop_assert!(world.made <= bound, "{} tasks of at most {}: {:#?}", world.made, bound, world.told);
        let status = world.progress.status;
        if status == DeploymentStatus::RollbackSuccessful {
            // The old tasks were all there still: the way back asked for none.
            prop_assert_eq!((count(&world, "1"), count(&world, "2")), (desired, 0));
            return Ok(());
        }
        prop_assert_eq!(status, DeploymentStatus::RollbackFailed, "{:#?}", world.told);
        prop_assert!(world.progress.finished_at.is_some());
        // Nothing more is made, however long one waits and whatever dies.
        let made = world.made;
        world.kill(0);
        run(&mut world, 0);
        world.now = world.now.plus(Duration::from_hours(24));
        run(&mut world, 0);
        prop_assert_eq!((world.made, world.progress.status), (made, status));
    }
}
