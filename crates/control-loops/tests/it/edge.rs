//! A session with a balancer that a test plays.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use control_loops::edge::{EdgeDispatch, EdgeMetrics, EdgeSession, SessionError, Unseal};
use link_protocol::edge::{
    CountedWindow, EdgeDown, EdgeUp, HealthReport, ListeningReport, LoadBalancerConfig, MetricSeries,
    MetricValue, TargetGroupConfig,
};
use link_protocol::edge_frame::{self, Decoder};
use state_model::ec2::Vpc;
use state_model::ec2::security_group::{RulePeer, RuleProtocol};
use state_model::ec2::vpc::BlockAssociation;
use state_model::elbv2::load_balancer::{LoadBalancerKind, LoadBalancerState, Scheme};
use state_model::elbv2::target::HealthState;
use state_model::elbv2::{LoadBalancer, Target, TargetGroup};
use state_model::record::Record;
use state_telemetry::metrics::{MetricId, PointQuery, Stat};
use stdx::clock::Timestamp;
use stdx_async::{shutdown, supervisor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::load_balancing::{
    self, LoadBalancing, NODE, group, listener, load_balancer, target, target_group,
};

const PATIENCE: Duration = Duration::from_secs(10);

struct Session {
    stream: UnixStream,
    decoder: Decoder,
    attached: watch::Sender<BTreeSet<String>>,
    ended: JoinHandle<Option<Result<(), SessionError>>>,
    _shutdown: shutdown::Trigger,
}

async fn session(elb: &LoadBalancing) -> Session {
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    let placed = elb.state.view();
    let zones = placed.elb_load_balancer_placements.iter().flat_map(|(_, placement)| placement.zones.clone());
    let (attached, seen) = watch::channel(zones.map(|zone| zone.eni_id).collect());
    let dispatch = EdgeDispatch {
        context: elb.context.clone(),
        node: NODE.into(),
        namespaces: PathBuf::from("/run/edges"),
        unseal: Unseal(Arc::new(|_| None)),
        attached: seen,
        metrics: EdgeMetrics::default(),
        store: elb.metrics.clone(),
        applied: watch::Sender::new(0),
    };
    let (trigger, shutdown) = shutdown::channel();
    let ended = supervisor::spawn("session", async move {
        let session = EdgeSession::open(theirs).await?;
        assert_eq!((session.pid, session.version.as_str()), (7, "1"));
        dispatch.run(session, shutdown).await
    });
    let mut session =
        Session { stream: ours, decoder: Decoder::default(), attached, ended, _shutdown: trigger };
    session.say(&EdgeUp::Hello { pid: 7, version: "1".into() }).await;
    session
}

impl Session {
    async fn say(&mut self, message: &EdgeUp) {
        let frame = edge_frame::encode(message).expect("a message");
        self.stream.write_all(&frame).await.expect("the session reads");
    }

    async fn told(&mut self) -> EdgeDown {
        let mut bytes = [0; 4096];
        loop {
            if let Some(message) = self.decoder.next().expect("a message") {
                return message;
            }
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut bytes)).await;
            let read = read.expect("it is told something").expect("the session lasts");
            assert!(read > 0, "the session has ended");
            self.decoder.push(&bytes[..read]);
        }
    }

    /// Everything up to the next mark that follows something.
    async fn batch(&mut self) -> Vec<EdgeDown> {
        let mut batch = Vec::new();
        loop {
            match self.told().await {
                EdgeDown::Mark { .. } if batch.is_empty() => {}
                EdgeDown::Mark { .. } => return batch,
                message => batch.push(message),
            }
        }
    }
}

struct Web {
    load_balancer: LoadBalancer,
    target_group: TargetGroup,
    target: Target,
}

async fn web(elb: &LoadBalancing) -> Web {
    let load_balancer =
        load_balancer("web", LoadBalancerKind::Application, Scheme::InternetFacing, &["a", "b"]);
    let target_group = target_group("web");
    let target = target(&target_group, Ipv4Addr::new(10, 0, 0, 9), "us-east-1a");
    let everyone = RulePeer::Ipv4("0.0.0.0/0".into());
    let members = RulePeer::Group { id: "sg-1".into(), account: "000000000000".into() };
    let rules = vec![(RuleProtocol::Tcp, 80, 80, everyone), (RuleProtocol::All, -1, -1, members)];
    elb.put(&group("sg-1", rules)).await;
    elb.put(&load_balancer).await;
    elb.put(&target_group).await;
    elb.put(&target).await;
    elb.put(&listener(&load_balancer, 80, &target_group)).await;
    elb.settle().await;
    Web { load_balancer, target_group, target }
}

fn as_group(message: &EdgeDown) -> &TargetGroupConfig {
    match message {
        EdgeDown::TargetGroup(config) => config,
        other => panic!("not a target group: {other:?}"),
    }
}

fn as_load_balancer(message: &EdgeDown) -> &LoadBalancerConfig {
    match message {
        EdgeDown::LoadBalancer(config) => config,
        other => panic!("not a load balancer: {other:?}"),
    }
}

#[tokio::test]
async fn a_session_begins_with_everything_and_goes_on_with_changes() {
    let elb = load_balancing::start().await;
    let web = web(&elb).await;
    elb.put(&target_group("unused")).await;
    let mut session = session(&elb).await;
    let first = session.batch().await;
    assert_eq!(first.len(), 3, "{first:?}");
    let config = as_group(&first[0]);
    assert_eq!(config.arn, web.target_group.arn());
    assert_eq!(config.path, "targetgroup/web/fedcba9876543210");
    assert_eq!(config.load_balancer_arn.as_deref(), Some(web.load_balancer.arn().as_str()));
    assert_eq!(config.attributes.get("slow_start.duration_seconds").map(String::as_str), Some("0"));
    assert_eq!(config.targets[0].address, Ipv4Addr::new(10, 0, 0, 9));
    let config = as_load_balancer(&first[1]);
    assert_eq!(config.zones.len(), 2);
    assert_eq!(config.zones[0].namespace, PathBuf::from("/run/edges").join(&config.zones[0].eni_id));
    let ingress = config.public_ingress.clone().expect("it has groups");
    assert_eq!(ingress.len(), 1, "members of groups are inside: {ingress:?}");
    assert_eq!((ingress[0].tcp, ingress[0].from_port, ingress[0].to_port), (true, 80, 80));
    assert_eq!(config.listeners[0].port, 80);
    assert!(matches!(first[2], EdgeDown::Complete));

    // A change of a target touches its group alone.
    let draining = Target { deregistered_at: Some(Timestamp::from_secs(9)), ..web.target.clone() };
    elb.put(&draining).await;
    let batch = session.batch().await;
    assert_eq!(batch.len(), 1);
    assert_eq!(as_group(&batch[0]).targets[0].draining_since, Some(Timestamp::from_secs(9)));

    // Groups come before who uses them.
    let other = target_group("other");
    elb.put(&other).await;
    elb.put(&listener(&web.load_balancer, 81, &other)).await;
    let batch = session.batch().await;
    assert_eq!(as_group(&batch[0]).arn, other.arn());
    assert_eq!(as_load_balancer(&batch[1]).listeners.len(), 2);

    // A changed rule of a security group reaches the balancer.
    elb.put(&group("sg-1", Vec::new())).await;
    let batch = session.batch().await;
    assert_eq!(as_load_balancer(&batch[0]).public_ingress, Some(Vec::new()));

    // Blocks of the VPC: nobody from outside is taken for one inside.
    assert_eq!(as_load_balancer(&batch[0]).vpc_cidr_blocks, ["10.0.0.0/16"]);
    let mut vpc = Vpc::clone(elb.state.view().vpcs.iter().next().expect("the VPC").1.record());
    vpc.secondary_blocks
        .push(BlockAssociation { id: "vpc-cidr-assoc-2".into(), cidr_block: "10.1.0.0/16".into() });
    elb.put(&vpc).await;
    let batch = session.batch().await;
    assert_eq!(as_load_balancer(&batch[0]).vpc_cidr_blocks, ["10.0.0.0/16", "10.1.0.0/16"]);

    // An interface that is not in place is not told.
    let zones =
        elb.state.view().elb_load_balancer_placements.get(&web.load_balancer.key()).unwrap().zones.clone();
    session.attached.send_replace(BTreeSet::from([zones[1].eni_id.clone()]));
    let batch = session.batch().await;
    assert_eq!(as_load_balancer(&batch[0]).zones.len(), 1);

    elb.delete_load_balancer(&web.load_balancer.key()).await;
    let batch = session.batch().await;
    assert!(
        matches!(&batch[0], EdgeDown::RemoveLoadBalancer { arn } if *arn == web.load_balancer.arn()),
        "{batch:?}"
    );
    drop(session.stream);
    let ended = session.ended.await.expect("it ends").expect("it doesn't panic");
    assert!(matches!(ended, Err(SessionError::HungUp | SessionError::Connection(_))));
}

fn report(web: &Web, state: HealthState, registered_at: Timestamp) -> HealthReport {
    HealthReport {
        target_group_arn: web.target_group.arn(),
        target_id: web.target.target_id.clone(),
        port: web.target.port,
        registered_at,
        state,
        reason: None,
        description: None,
        since: Timestamp::from_secs(5),
    }
}

#[tokio::test]
async fn reports_are_written_when_they_are_of_now() {
    let elb = load_balancing::start().await;
    let web = web(&elb).await;
    let mut session = session(&elb).await;
    session.batch().await;
    let key = web.target.key();
    let now = web.target.registered_at;
    let load_balancer_arn = web.load_balancer.arn();
    let health = || elb.state.view().elb_target_health.get(&key).map(|health| health.state);
    let status = || {
        let view = elb.state.view();
        view.elb_load_balancer_status.get(&web.load_balancer.key()).map(|status| status.state)
    };
    let reports = [
        (vec![report(&web, HealthState::Healthy, Timestamp::from_secs(1))], None),
        (vec![report(&web, HealthState::Draining, now)], None),
        (
            vec![report(&web, HealthState::Initial, now), report(&web, HealthState::Healthy, now)],
            Some(HealthState::Healthy),
        ),
    ];
    for (accepting, (reports, expect)) in (0_u32..).zip(reports) {
        session.say(&EdgeUp::Health(reports)).await;
        // A marker of its own: states are written after the health that came before them.
        let failures = vec![format!("marker {accepting}")];
        let listening = ListeningReport { load_balancer_arn: load_balancer_arn.clone(), accepting, failures };
        session.say(&EdgeUp::Listening(listening)).await;
        wait_for_reason(&elb, &web, &format!("marker {accepting}")).await;
        assert_eq!(health(), expect);
        let expect =
            if accepting == 0 { LoadBalancerState::Failed } else { LoadBalancerState::ActiveImpaired };
        assert_eq!(status(), Some(expect));
    }
    let listening = ListeningReport { load_balancer_arn, accepting: 2, failures: Vec::new() };
    session.say(&EdgeUp::Listening(listening)).await;
    let mut changes = elb.state.changes();
    while status() != Some(LoadBalancerState::Active) {
        tokio::time::timeout(PATIENCE, changes.changed()).await.expect("it becomes active").expect("a feed");
    }
}

async fn wait_for_reason(elb: &LoadBalancing, web: &Web, reason: &str) {
    let mut changes = elb.state.changes();
    loop {
        let view = elb.state.view();
        let status = view.elb_load_balancer_status.get(&web.load_balancer.key());
        if status.is_some_and(|status| status.reason.as_deref() == Some(reason)) {
            return;
        }
        tokio::time::timeout(PATIENCE, changes.changed()).await.expect("it is written").expect("a feed");
    }
}

#[tokio::test]
async fn a_change_among_many_touches_little() {
    let elb = load_balancing::start().await;
    let web = web(&elb).await;
    for number in 0..100 {
        let group = target_group(&format!("many-{number}"));
        elb.put(&group).await;
        elb.put(&listener(&web.load_balancer, 1_000 + number, &group)).await;
        for host in 0..10 {
            elb.put(&target(&group, Ipv4Addr::new(10, 0, 1, host), "us-east-1b")).await;
        }
    }
    let mut session = session(&elb).await;
    assert_eq!(session.batch().await.len(), 103);
    for host in 10..20 {
        let group = target_group("many-7");
        elb.put(&target(&group, Ipv4Addr::new(10, 0, 1, host), "us-east-1b")).await;
        let batch = session.batch().await;
        assert_eq!(batch.len(), 1);
        assert_eq!(as_group(&batch[0]).targets.len(), usize::from(host) + 1);
    }
}

#[tokio::test]
async fn counts_are_kept_once_and_acknowledged() {
    let elb = load_balancing::start().await;
    let web = web(&elb).await;
    let mut session = session(&elb).await;
    session.batch().await;
    let group = format!("targetgroup/{}", web.target_group.path());
    let balancer = web.load_balancer.path();
    let series = |zone: &str, count| MetricSeries {
        name: "RequestCount".into(),
        load_balancer: balancer.clone(),
        target_group: Some(group.clone()),
        availability_zone: Some(zone.into()),
        value: MetricValue::Counter(count),
    };
    let window = |number, at, again| CountedWindow {
        number,
        at: Timestamp::from_secs(at),
        again,
        series: vec![series("us-east-1a", 3), series("us-east-1b", 4)],
    };
    // The second is told again, as after the death of a server that had kept it, and the third as if it had not.
    for window in [window(1, 900, false), window(1, 900, true), window(2, 905, true)] {
        session.say(&EdgeUp::Counted(Box::new(window.clone()))).await;
        let told = session.told().await;
        assert!(matches!(told, EdgeDown::Counted { number } if number == window.number), "{told:?}");
    }
    let of_group = [("LoadBalancer", &*balancer), ("TargetGroup", &*group)];
    let of_zone = [of_group[0], of_group[1], ("AvailabilityZone", "us-east-1b")];
    for (name, dimensions, expect) in [
        ("RequestCount", &of_group[..], 7.0),
        ("RequestCount", &of_zone[..], 4.0),
        ("RequestCount", &of_group[..1], 0.0),
        // One target is registered.
        ("RequestCountPerTarget", &of_group[..], 7.0),
        ("RequestCountPerTarget", &of_group[1..], 7.0),
    ] {
        let query = PointQuery {
            id: MetricId::new(
                "000000000000/us-east-1",
                "AWS/ApplicationELB",
                name,
                dimensions.iter().copied(),
            ),
            from: Timestamp::from_secs(0),
            until: Timestamp::from_secs(2_000),
            period_secs: 1,
            stat: Stat::Sum,
            unit: None,
        };
        let points = elb.metrics.points(&query).expect("readable");
        let found: Vec<f64> = points.into_iter().map(|point| point.value).collect();
        assert_eq!(found, if expect > 0.0 { vec![expect; 2] } else { vec![] }, "{name} {dimensions:?}");
    }
}
