//! Container Insights: once a minute, the metrics and events of clusters that have it on.
//!
//! Source: "Amazon ECS Container Insights metrics" in the CloudWatch User Guide.

use std::collections::{BTreeMap, HashMap};

use control_plan::measure::TaskMinute;
use link_protocol::measured::Measured;
use state_model::ecs::cluster::Cluster;
use state_model::ecs::container_definition::ContainerDefinition;
use state_model::ecs::service::Service;
use state_model::ecs::task::{Health, Phase, TaskColumns};
use state_model::ecs::task_definition::task_definition_key;
use state_model::record::Record;
use state_tables::service_counts::{counts_by_revision, service_counts};
use state_tables::{View, service_history};
use state_telemetry::metrics::{Name, Sample, Unit};
use stdx::clock::Timestamp;

use super::performance::{self, ServiceFigures, TaskFigures};
use super::{DimensionList, PerformanceLog, minute_sample, tasks};

const NAMESPACE: &str = "ECS/ContainerInsights";

/// The cluster's setting `containerInsights`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Off,
    Enabled,
    /// Down to the task and the container.
    Enhanced,
}

impl Level {
    pub fn of(cluster: &Cluster) -> Self {
        let mut settings = cluster.settings.iter();
        match settings.find(|setting| setting.name == "containerInsights").map(|setting| &*setting.value) {
            Some("enabled") if cluster.is_active() => Level::Enabled,
            Some("enhanced") if cluster.is_active() => Level::Enhanced,
            _ => Level::Off,
        }
    }
}

/// What was measured of the minute so far, by the key of the task.
#[derive(Debug, Default)]
pub struct Insights(HashMap<String, TaskMinute>);

#[derive(Debug, Default)]
pub struct Closed {
    pub samples: Vec<Sample>,
    pub logs: Vec<PerformanceLog>,
}

/// A metric of something: its name, unit and value.
pub type Figure = (&'static str, Unit, f64);

/// Metrics and the sets of dimensions under which each is told.
#[derive(Debug, Default)]
pub struct Figures {
    pub figures: Vec<Figure>,
    pub sets: Vec<DimensionList>,
}

impl Insights {
    pub fn add(&mut self, view: &View, measured: &Measured) {
        for used in &measured.tasks {
            let name = &used.task;
            let cluster = view.clusters.get(&name.scope.key(&name.cluster));
            if cluster.is_none_or(|cluster| Level::of(cluster) == Level::Off) {
                continue;
            }
            let key = name.key();
            if view.task(&key).is_some_and(|task| tasks::is_measured(&task, used)) {
                self.0.entry(key).or_default().add(used);
            }
        }
    }

    /// Everything of the minute that began at `at`.
    pub fn close(&mut self, view: &View, at: Timestamp) -> Closed {
        let mut by_cluster: BTreeMap<String, Vec<(TaskColumns<'_>, &TaskMinute)>> = BTreeMap::new();
        for (key, minute) in self.0.iter().filter(|(_, minute)| !minute.is_empty()) {
            let Some(task) = view.task(key) else { continue };
            let cluster = task.intent.scope.key(&task.intent.cluster);
            by_cluster.entry(cluster).or_default().push((task, minute));
        }
        let mut closed = Closed::default();
        for (key, cluster) in view.clusters.iter() {
            let level = Level::of(cluster);
            if level == Level::Off {
                continue;
            }
            let mut minute =
                ClusterMinute { view, cluster, level, at, closed: &mut closed, events: Vec::new() };
            for (task, used) in by_cluster.remove(key).unwrap_or_default() {
                minute.task(&task, used);
            }
            minute.services_and_cluster();
            let events = minute.events;
            let (scope, cluster) = (cluster.scope.clone(), cluster.name.clone());
            closed.logs.push(PerformanceLog { scope, cluster, at, events });
        }
        self.0.retain(|key, minute| {
            *minute = minute.next();
            view.live_tasks.contains(key.as_str())
        });
        closed
    }
}

struct ClusterMinute<'a> {
    view: &'a View,
    cluster: &'a Cluster,
    level: Level,
    at: Timestamp,
    closed: &'a mut Closed,
    events: Vec<String>,
}

impl ClusterMinute<'_> {
    fn task(&mut self, task: &TaskColumns<'_>, used: &TaskMinute) {
        let intent = task.intent;
        let key = task_definition_key(&intent.scope, &intent.family, intent.task_revision);
        let definition = self.view.task_definitions.get(&key);
        let containers = definition.map_or(&[][..], |row| &row.body.container_definitions);
        let figures = TaskFigures { task: *task, used, figures: task_figures(task, used, self.level) };
        let sets = task_sets(self.cluster, task, self.level);
        let told = Figures { figures: figures.figures.clone(), sets };
        self.put(&told);
        for container in containers {
            let Some(minute) = used.containers.get(&*container.name).filter(|minute| !minute.is_empty())
            else {
                continue;
            };
            let told = match self.level {
                Level::Enhanced => Figures {
                    figures: container_figures(task, container, minute),
                    sets: container_sets(self.cluster, task, container),
                },
                _ => Figures::default(),
            };
            self.put(&told);
            self.events.push(performance::container(&figures, container, minute, &told, self.at));
        }
        self.events.push(performance::task(&figures, &told, self.at));
    }

    fn services_and_cluster(&mut self) {
        let prefix = format!("{}/", self.cluster.key());
        let mut service_count = 0;
        for (_, service) in self.view.services.prefix(&prefix).filter(|(_, service)| !service.is_deleted()) {
            service_count += 1;
            self.service(service);
        }
        let live = self.view.live_tasks.iter();
        let running = live
            .skip_while(|key| ***key < *prefix)
            .take_while(|key| key.starts_with(&prefix))
            .filter_map(|key| self.view.task(key))
            .filter(|task| task.last_status() == Phase::Running.as_str());
        let told = Figures {
            figures: vec![
                ("TaskCount", Unit::Count, running.count() as f64),
                ("ContainerInstanceCount", Unit::Count, 0.0),
                ("ServiceCount", Unit::Count, f64::from(service_count)),
            ],
            sets: vec![vec![("ClusterName", self.cluster.name.as_str().into())]],
        };
        self.put(&told);
        self.events.push(performance::cluster(self.cluster, &told, self.at));
    }

    fn service(&mut self, service: &Service) {
        let counts = service_counts(self.view, service);
        let by_revision = counts_by_revision(self.view, service);
        let deployment = service_history::deployment(self.view, service, &service.deployment);
        let current = deployment.map(|row| row.target_revision.as_str());
        // The wanted one is a deployment even without tasks.
        let deployments =
            by_revision.len() + usize::from(current.is_some_and(|id| !by_revision.contains_key(id)));
        let figures = ServiceFigures {
            desired: service.desired_count,
            running: counts.running,
            pending: counts.pending,
            deployments,
        };
        let told = Figures {
            figures: figures.figures(),
            sets: vec![vec![
                ("ClusterName", self.cluster.name.as_str().into()),
                ("ServiceName", service.name.as_str().into()),
            ]],
        };
        self.put(&told);
        self.events.push(performance::service(service, &told, self.at));
    }

    fn put(&mut self, told: &Figures) {
        for set in &told.sets {
            for figure in &told.figures {
                self.closed.samples.push(minute_sample(
                    &self.cluster.scope,
                    NAMESPACE,
                    *figure,
                    set,
                    self.at,
                ));
            }
        }
    }
}

fn task_figures(task: &TaskColumns<'_>, used: &TaskMinute, level: Level) -> Vec<Figure> {
    let (cpu, memory) = (f64::from(task.intent.cpu), f64::from(task.intent.memory_mib));
    let storage = f64::from(task.intent.ephemeral_storage_gib);
    let stored = used.storage_bytes.map(gigabytes);
    let mut figures = vec![
        ("CpuUtilized", Unit::None, used.cpu_units()),
        ("CpuReserved", Unit::None, cpu),
        ("MemoryUtilized", Unit::Megabytes, used.memory_mib()),
        ("MemoryReserved", Unit::Megabytes, memory),
        ("StorageReadBytes", Unit::BytesPerSecond, used.read_bytes_per_second()),
        ("StorageWriteBytes", Unit::BytesPerSecond, used.write_bytes_per_second()),
        ("EphemeralStorageReserved", Unit::Gigabytes, storage),
    ];
    figures.extend(stored.map(|stored| ("EphemeralStorageUtilized", Unit::Gigabytes, stored)));
    // In a task's first seconds its interface has not been read twice.
    if used.network.elapsed_ns > 0 {
        figures.push(("NetworkRxBytes", Unit::BytesPerSecond, used.rx_bytes_per_second()));
        figures.push(("NetworkTxBytes", Unit::BytesPerSecond, used.tx_bytes_per_second()));
    }
    figures.extend(used.restarts().map(|count| ("RestartCount", Unit::Count, f64::from(count))));
    if level == Level::Enhanced {
        let percent = |used: f64, of: f64| if of > 0.0 { 100.0 * used / of } else { 0.0 };
        figures.push(("TaskCpuUtilization", Unit::Percent, percent(used.cpu_units(), cpu)));
        figures.push(("TaskMemoryUtilization", Unit::Percent, percent(used.memory_mib(), memory)));
        let stored = stored.map(|stored| percent(stored, storage));
        figures.extend(stored.map(|stored| ("TaskEphemeralStorageUtilization", Unit::Percent, stored)));
    }
    figures
}

fn container_figures(
    task: &TaskColumns<'_>,
    container: &ContainerDefinition,
    used: &control_plan::measure::ContainerMinute,
) -> Vec<Figure> {
    let (cpu, memory) = performance::reserved(container);
    // Without a reservation of its own, a container may take the task's.
    let share = |own: f64, of_task: u32| if own > 0.0 { own } else { f64::from(of_task) };
    let percent = |used: f64, of: f64| if of > 0.0 { 100.0 * used / of } else { 0.0 };
    let cpu_share = share(cpu, task.intent.cpu);
    let memory_share = share(memory, task.intent.memory_mib);
    let mut figures = vec![
        ("ContainerCpuUtilized", Unit::None, used.cpu_units()),
        ("ContainerCpuReserved", Unit::None, cpu),
        ("ContainerCpuUtilization", Unit::Percent, percent(used.cpu_units(), cpu_share)),
        ("ContainerMemoryUtilized", Unit::Megabytes, used.memory_mib()),
        ("ContainerMemoryReserved", Unit::Megabytes, memory),
        ("ContainerMemoryUtilization", Unit::Percent, percent(used.memory_mib(), memory_share)),
        ("ContainerStorageReadBytes", Unit::BytesPerSecond, used.read_bytes_per_second()),
        ("ContainerStorageWriteBytes", Unit::BytesPerSecond, used.write_bytes_per_second()),
    ];
    figures.extend(used.restarts().map(|count| ("RestartCount", Unit::Count, f64::from(count))));
    if container.health_check.is_some() {
        let observed = task.observation.map_or(&[][..], |observation| &observation.containers);
        let health = observed.iter().find(|one| one.name == container.name).map(|one| one.health);
        let is_unhealthy = health == Some(Health::Unhealthy);
        figures.push(("UnHealthyContainerHealthStatus", Unit::Count, f64::from(u8::from(is_unhealthy))));
    }
    figures
}

fn gigabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// The cluster, the family, the service; with enhanced observability the task as well.
fn task_sets(cluster: &Cluster, task: &TaskColumns<'_>, level: Level) -> Vec<DimensionList> {
    let cluster = || ("ClusterName", Name::from(&*cluster.name));
    let family = || ("TaskDefinitionFamily", Name::from(&*task.intent.family));
    let mut sets = vec![vec![cluster()], vec![cluster(), family()]];
    let service = task.intent.service.as_ref().map(|service| ("ServiceName", Name::from(&*service.name)));
    sets.extend(service.clone().map(|service| vec![cluster(), service]));
    if level == Level::Enhanced {
        let id = || ("TaskId", Name::from(&*task.intent.id));
        sets.push(vec![cluster(), family(), id()]);
        sets.extend(service.map(|service| vec![cluster(), service, id()]));
    }
    sets
}

fn container_sets(
    cluster: &Cluster,
    task: &TaskColumns<'_>,
    container: &ContainerDefinition,
) -> Vec<DimensionList> {
    let name = ("ContainerName", Name::from(&*container.name));
    let sets = task_sets(cluster, task, Level::Enhanced).into_iter();
    let of_container = sets.map(|mut set| {
        // The cluster's own sum is over all containers, whatever they are called.
        if set.len() > 1 {
            set.push(name.clone());
        }
        set
    });
    of_container.collect()
}
