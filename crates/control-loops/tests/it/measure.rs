//! From what a node measured to the store of metrics.

use std::sync::Arc;

use control_loops::measure::{Measuring, PerformanceLog};
use link_protocol::Up;
use link_protocol::measured::{ContainerUse, Measured, TaskUse};
use serde_json::Value;
use state_model::ecs::cluster::{Cluster, ClusterSetting, ClusterStatus};
use state_model::ecs::task::{Phase, TaskIntent, TaskService};
use state_telemetry::metrics::{self, MetricId, MetricStore, PointQuery, Stat};
use stdx::clock::Timestamp;
use stdx_async::{shutdown, supervisor};
use tokio::sync::mpsc;

use crate::installation::{Installation, intent, scope, start};

struct Lab {
    one: Installation,
    metrics: MetricStore,
    to_loop: mpsc::Sender<Measured>,
    logs: mpsc::Receiver<PerformanceLog>,
    task: Arc<link_protocol::TaskName>,
    _shutdown: shutdown::Trigger,
    _folder: tempfile::TempDir,
}

/// A task of a service that runs, in a cluster with this setting of containerInsights.
async fn lab(insights: &str) -> Lab {
    let mut one = start("10.0.0.0/24").await;
    one.put(&Cluster {
        scope: scope(),
        name: "default".into(),
        status: ClusterStatus::Active,
        settings: vec![ClusterSetting { name: "containerInsights".into(), value: insights.into() }],
        configuration: None,
        capacity_providers: Vec::new(),
        default_strategy: Vec::new(),
        service_connect_namespace: None,
        tags: Default::default(),
        created_at: Timestamp::from_secs(1),
        deleted_at: None,
    })
    .await;
    let service = TaskService { name: "web".into(), uid: "1".into(), revision: "1".into() };
    let key = one.run(&TaskIntent { service: Some(service), ..intent("t1") }).await;
    let assignment = one.assigned().await;
    one.report(&assignment, 1, Phase::Running).await;
    one.until("running", |view| view.task(&key).is_some_and(|task| task.last_status() == "RUNNING")).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let metrics = MetricStore::open(folder.path(), metrics::Config::default(), one.clock.clone());
    let metrics = metrics.expect("an empty store opens");
    let (to_loop, measured) = mpsc::channel(4);
    let (measuring, logs) = Measuring::new(one.context.clone(), metrics.clone(), measured);
    let (trigger, shutdown) = shutdown::channel();
    supervisor::spawn("m", measuring.run(shutdown));
    let task = Arc::new(assignment.name());
    Lab { one, metrics, to_loop, logs, task, _shutdown: trigger, _folder: folder }
}

impl Lab {
    fn used(&self, at: i64, generation: u64, cpu_share: f64) -> Measured {
        let container = ContainerUse {
            name: "app".into(),
            cpu_ns: (cpu_share * 250_000_000.0) as u64,
            memory_bytes: 128 << 20,
            read_bytes: 0,
            write_bytes: 0,
            restart_count: None,
        };
        let task = TaskUse {
            task: Arc::clone(&self.task),
            generation,
            elapsed_ns: 1_000_000_000,
            containers: vec![container],
            network: None,
            storage_bytes: None,
        };
        Measured { at: Timestamp::from_secs(at), tasks: vec![task] }
    }

    /// As the node tells it, through dispatch.
    async fn measure(&mut self, measured: Measured) {
        self.one.up.send(Up::Measured(Box::new(measured))).await.expect("dispatch listens");
        let heard = self.one.measured.recv().await.expect("dispatch passes it on");
        self.to_loop.send(heard).await.expect("the loop listens");
    }

    fn values(&self, namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Vec<(i64, f64)> {
        let query = PointQuery {
            id: MetricId::new(scope().to_string(), namespace, name, dimensions.iter().copied()),
            from: Timestamp::from_secs(0),
            until: Timestamp::from_secs(10_000),
            period_secs: 1,
            stat: Stat::Average,
            unit: None,
        };
        let points = self.metrics.points(&query).expect("readable");
        points.into_iter().map(|point| (point.at.as_secs(), point.value)).collect()
    }
}

const OF_SERVICE: [(&str, &str); 2] = [("ClusterName", "default"), ("ServiceName", "web")];

#[tokio::test]
async fn each_second_of_a_service_is_kept() {
    let mut lab = lab("disabled").await;
    for (at, generation, share) in [(1_001, 1, 0.5), (1_002, 7, 0.9), (1_003, 1, 1.0)] {
        lab.measure(lab.used(at, generation, share)).await;
    }
    // The next minute says that the one before is closed.
    lab.measure(lab.used(1_081, 1, 0.0)).await;
    lab.measure(lab.used(1_082, 1, 0.0)).await;
    let found = async {
        while lab.values("AWS/ECS", "CPUUtilization", &OF_SERVICE).len() < 4 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), found).await.expect("it is kept");
    let cpu = lab.values("AWS/ECS", "CPUUtilization", &OF_SERVICE);
    assert_eq!(cpu, [(1_001, 50.0), (1_003, 100.0), (1_081, 0.0), (1_082, 0.0)], "not of generation 7");
    let memory = lab.values("AWS/ECS", "MemoryUtilization", &OF_SERVICE);
    assert!(memory.iter().all(|(_, value)| *value == 25.0), "{memory:?}");
    let usage =
        [("Service", "Fargate"), ("Type", "Resource"), ("Resource", "vCPU"), ("Class", "Standard/OnDemand")];
    assert_eq!(lab.values("AWS/Usage", "ResourceCount", &usage), [(960, 0.25)]);
    assert_eq!(lab.values("ECS/ContainerInsights", "TaskCount", &[("ClusterName", "default")]), []);
    assert!(lab.logs.try_recv().is_err(), "Container Insights is off");
}

#[tokio::test]
async fn a_minute_of_container_insights_is_told_when_it_is_over() {
    for (level, is_enhanced) in [("enabled", false), ("enhanced", true)] {
        let mut lab = lab(level).await;
        for (at, share) in [(1_001, 0.5), (1_002, 1.0), (1_021, 0.0)] {
            lab.measure(lab.used(at, 1, share)).await;
        }
        let log = lab.logs.recv().await.expect("events of the minute");
        assert_eq!((&*log.cluster, log.at), ("default", Timestamp::from_secs(960)));
        let events: Vec<Value> =
            log.events.iter().map(|event| serde_json::from_str(event).expect("JSON")).collect();
        let kinds: Vec<&str> = events.iter().filter_map(|event| event["Type"].as_str()).collect();
        assert_eq!(kinds, ["Task", "Cluster"], "the definition has no container, and there is no service");
        assert_eq!(events[0]["CpuUtilized"], 192.0);
        assert_eq!((&events[0]["MemoryUtilized"], &events[0]["TaskId"]), (&128.0.into(), &"t1".into()));
        assert_eq!(events[1]["TaskCount"], 1);
        // They were put before the events were told.
        for dimensions in
            [&OF_SERVICE[..1], &OF_SERVICE, &[("ClusterName", "default"), ("TaskDefinitionFamily", "web")]]
        {
            assert_eq!(lab.values("ECS/ContainerInsights", "CpuUtilized", dimensions), [(960, 192.0)]);
        }
        let of_task = [OF_SERVICE[0], OF_SERVICE[1], ("TaskId", "t1")];
        let expect: &[(i64, f64)] = if is_enhanced { &[(960, 75.0)] } else { &[] };
        assert_eq!(lab.values("ECS/ContainerInsights", "TaskCpuUtilization", &of_task), expect);
        // A straggler of the minute before opens it no second time.
        for (at, share) in [(1_019, 1.0), (1_022, 0.0), (1_081, 0.0)] {
            lab.measure(lab.used(at, 1, share)).await;
        }
        let next = lab.logs.recv().await.expect("events of the next minute");
        assert_eq!(next.at, Timestamp::from_secs(1_020));
    }
}
