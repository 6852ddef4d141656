//! The loop of flow logs against counts and a log store that tests hold.

use super::*;
use link_protocol::log::LogAcknowledgement;
use link_protocol::services::{Credentials, ObjectName, ProtectionOutcome, ProtectionUpdate, RegistryAccess};
use stdx::clock::{FakeClock, Timestamp};

#[derive(Debug, Default)]
struct Counted(Mutex<Vec<FlowCount>>);

#[async_trait]
impl FlowSource for Counted {
    async fn take_flows(&self, _vpc_id: &str) -> Result<Vec<FlowCount>, NetworkError> {
        Ok(std::mem::take(&mut *self.0.lock().unwrap()))
    }

    async fn interfaces(&self, _vpc_id: &str) -> Result<BTreeMap<String, Ipv4Addr>, NetworkError> {
        Ok(BTreeMap::from([
            ("eni-1".into(), [172, 31, 0, 4].into()),
            ("eni-2".into(), [172, 31, 0, 5].into()),
        ]))
    }
}

/// Takes lines as the log store does: none before its position. Refuses while it is told to.
#[derive(Debug, Default)]
struct Store {
    refuses: Mutex<bool>,
    position: Mutex<u64>,
    lines: Mutex<Vec<String>>,
}

fn never<T>() -> Result<T, ServiceFailure> {
    Err(ServiceFailure { code: "Unexpected".into(), message: "not a question of flow logs".into() })
}

#[async_trait]
impl ControlServices for Store {
    async fn role_credentials(&self, _: &TaskName, _: &str) -> Result<Credentials, ServiceFailure> {
        never()
    }

    async fn registry_access(
        &self,
        _: &TaskName,
        _: Option<&str>,
        _: &Scope,
    ) -> Result<RegistryAccess, ServiceFailure> {
        never()
    }

    async fn read_object(
        &self,
        _: &TaskName,
        _: Option<&str>,
        _: &ObjectName,
        _: u64,
    ) -> Result<Vec<u8>, ServiceFailure> {
        never()
    }

    async fn prepare_log_stream(&self, _: &LogTarget) -> Result<(), ServiceFailure> {
        never()
    }

    async fn log_position(&self, _: &TaskName, _: &LogTargets) -> Result<SpoolPosition, ServiceFailure> {
        Ok(SpoolPosition(*self.position.lock().unwrap()))
    }

    async fn append_log(
        &self,
        task: &TaskName,
        targets: &LogTargets,
        batch: LogBatch<'_>,
    ) -> Result<LogAcknowledgement, ServiceFailure> {
        let mut position = self.position.lock().unwrap();
        for line in batch.lines.iter().filter(|line| line.end.0 > *position) {
            let target = &targets[&line.target];
            let text = String::from_utf8_lossy(line.bytes);
            let told = format!("{} {}/{} {} {text}", task.id, target.group, target.stream, line.at_ms);
            self.lines.lock().unwrap().push(told);
        }
        *position = batch.end.0.max(*position);
        // Too late: what was taken is taken, and the lines come again.
        if *self.refuses.lock().unwrap() {
            return never();
        }
        Ok(LogAcknowledgement { durable: batch.end, flush_at: None })
    }

    async fn forget_log(&self, _: &TaskName, _: &LogTargets) -> Result<(), ServiceFailure> {
        never()
    }

    async fn task_protection(
        &self,
        _: &TaskName,
        _: Option<ProtectionUpdate>,
    ) -> Result<ProtectionOutcome, ServiceFailure> {
        never()
    }
}

fn vpc(logs: &[(&str, u32)]) -> VpcSnapshot {
    let log = |(id, interval): &(&str, u32)| FlowLogSnapshot {
        id: (*id).to_owned(),
        resource_id: "vpc-1".into(),
        traffic: FlowLogTraffic::All,
        log_group_name: "flows".into(),
        log_format: "${interface-id} ${packets} ${log-status}".into(),
        max_aggregation_interval_secs: *interval,
    };
    VpcSnapshot { flow_logs: logs.iter().map(log).collect(), ..crate::test_vpc::snapshot("vpc-1") }
}

fn count(packets: u64) -> FlowCount {
    FlowCount {
        eni_id: "eni-1".into(),
        is_ingress: false,
        accepted: true,
        source: [172, 31, 0, 4].into(),
        destination: [172, 31, 0, 5].into(),
        source_port: 4000,
        destination_port: 80,
        protocol: 6,
        packets,
        bytes: packets,
    }
}

struct Bench {
    source: Arc<Counted>,
    store: Arc<Store>,
    clock: Arc<FakeClock>,
    flow_logs: FlowLogs,
    running: RunningLogs,
}

impl Bench {
    fn new() -> Self {
        let (source, store) = (Arc::<Counted>::default(), Arc::<Store>::default());
        let clock = FakeClock::at(Timestamp::from_secs(30));
        let flow_logs = FlowLogs {
            source: Arc::clone(&source) as Arc<dyn FlowSource>,
            control: Arc::clone(&store) as Arc<dyn ControlServices>,
            clock: Arc::clone(&clock) as SharedClock,
            wanted: Mutex::default(),
            changed: Notify::new(),
        };
        Self { source, store, clock, flow_logs, running: RunningLogs::new() }
    }

    /// Counts, lets the time pass, and answers with what was written since.
    async fn round(&mut self, packets: u64, secs: u64) -> Vec<String> {
        if packets > 0 {
            self.source.0.lock().unwrap().push(count(packets));
        }
        self.clock.advance(Duration::from_secs(secs));
        self.flow_logs.round(&mut self.running).await;
        std::mem::take(&mut *self.store.lines.lock().unwrap())
    }
}

#[tokio::test]
async fn each_log_writes_at_the_end_of_its_intervals() {
    let mut bench = Bench::new();
    assert_eq!(bench.flow_logs.want(&vpc(&[("fl-1", 60)])), BTreeSet::from(["fl-1".to_owned()]));
    assert!(bench.round(7, 0).await.is_empty(), "what was counted before the log is not its own");
    assert_eq!(bench.flow_logs.wait(&bench.running), Duration::from_secs(30));
    let both = bench.round(2, 30).await;
    assert_eq!(both, ["fl-1 flows/eni-1-all 30000 eni-1 2 OK", "fl-1 flows/eni-2-all 30000 eni-2 - NODATA"]);
    bench.flow_logs.want(&vpc(&[("fl-1", 60), ("fl-2", 600)]));
    bench.round(0, 0).await;
    assert_eq!(bench.round(3, 60).await[0], "fl-1 flows/eni-1-all 60000 eni-1 3 OK");
    let long = bench.round(4, 480).await;
    assert!(long.contains(&"fl-1 flows/eni-1-all 120000 eni-1 4 OK".to_owned()), "{long:?}");
    assert!(long.contains(&"fl-2 flows/eni-1-all 60000 eni-1 7 OK".to_owned()), "{long:?}");
    assert!(bench.flow_logs.want(&vpc(&[])).is_empty());
    assert!(bench.round(5, 600).await.is_empty(), "a deleted log writes nothing");
}

#[tokio::test]
async fn a_record_is_written_once_however_often_it_is_tried() {
    let mut bench = Bench::new();
    bench.flow_logs.want(&vpc(&[("fl-1", 60)]));
    bench.round(0, 0).await;
    *bench.store.refuses.lock().unwrap() = true;
    assert_eq!(bench.round(1, 30).await.len(), 2, "taken, though the answer is lost");
    *bench.store.refuses.lock().unwrap() = false;
    assert!(bench.round(0, 1).await.is_empty(), "the same lines aren't taken again");
    assert_eq!(bench.round(2, 59).await[0], "fl-1 flows/eni-1-all 60000 eni-1 2 OK");
}
