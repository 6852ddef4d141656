//! Order, health, restarts and stopping, as real containers do them.

use node_runtime::spec::{Condition, Dependency, HealthCheck, RestartPolicy};
use node_runtime::status::{ContainerPhase, HealthState, StopFacts, TaskPhase};

use crate::Test;
use crate::kit::Kit;

pub const TESTS: &[Test] = &[
    ("dependencies_start_in_order", dependencies_start_in_order),
    ("a_failed_dependency_stops_the_task", a_failed_dependency_stops_the_task),
    ("an_essential_exit_stops_the_rest", an_essential_exit_stops_the_rest),
    ("a_stop_sends_the_images_signal", a_stop_sends_the_images_signal),
    ("a_deaf_container_is_killed", a_deaf_container_is_killed),
    ("stopping_goes_in_reversed_order", stopping_goes_in_reversed_order),
    ("health_is_checked_inside_the_container", health_is_checked_inside_the_container),
    ("a_slow_check_counts_as_failed", a_slow_check_counts_as_failed),
    ("restarts_follow_the_policy", restarts_follow_the_policy),
    ("an_init_process_reaps_and_forwards", an_init_process_reaps_and_forwards),
    ("a_shared_pid_namespace_is_shared", a_shared_pid_namespace_is_shared),
    ("a_circle_of_dependencies_is_told", a_circle_of_dependencies_is_told),
    ("a_task_stopped_before_its_network_never_starts", a_task_stopped_before_its_network_never_starts),
];

const WAIT_FOR_TERM: &str = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done";

fn depends(container: &str, condition: Condition) -> Vec<Dependency> {
    vec![Dependency { container: container.into(), condition }]
}

fn dependencies_start_in_order(kit: &Kit) {
    let mut first = kit.container("first", "echo 1");
    first.essential = false;
    let mut second = kit.container("second", "exit 9");
    second.essential = false;
    second.depends_on = depends("first", Condition::Success);
    let mut third = kit.container("third", "echo 3");
    third.depends_on = depends("second", Condition::Complete);
    let done = kit.run(kit.spec(vec![third, second, first]));
    let times = |name: &str| (done.container(name).started_at, done.container(name).finished_at);
    assert!(
        times("first").1 <= times("second").0 && times("second").1 <= times("third").0,
        "{:#?}",
        done.status
    );
    assert_eq!(done.container("second").exit_code, Some(9));
    assert_eq!(done.status.stop, Some(StopFacts::EssentialExited { container: "third".into() }));
    done.assert_clean();
}

fn a_failed_dependency_stops_the_task(kit: &Kit) {
    let mut first = kit.container("first", "exit 4");
    first.essential = false;
    let mut second = kit.container("second", "echo never");
    second.depends_on = depends("first", Condition::Success);
    let done = kit.run(kit.spec(vec![first, second]));
    let reason = "container first ended with exit code 4".into();
    assert_eq!(done.status.stop, Some(StopFacts::DependencyFailed { container: "second".into(), reason }));
    assert_eq!(done.container("second").started_at, None);
}

fn an_essential_exit_stops_the_rest(kit: &Kit) {
    let side = kit.container("side", WAIT_FOR_TERM);
    let mut main = kit.container("main", "exit 0");
    main.depends_on = depends("side", Condition::Start);
    let done = kit.run(kit.spec(vec![side, main]));
    assert_eq!(done.status.stop, Some(StopFacts::EssentialExited { container: "main".into() }));
    assert!(matches!(done.container("side").exit_code, Some(3 | 143 | 137)), "{:#?}", done.status);
    done.assert_clean();
}

fn a_stop_sends_the_images_signal(kit: &Kit) {
    let mut container =
        kit.container("main", "trap 'echo got; exit 5' USR1; echo ready; while :; do sleep 0.05; done");
    container.stop_signal = Some("SIGUSR1".into());
    let mut task = kit.launch(kit.spec(vec![container]));
    task.wait_line(0, "ready");
    task.stop();
    let done = task.finish();
    assert_eq!(done.code(), Some(5), "{:#?}", done.status);
    assert_eq!(done.lines(), ["ready", "got"]);
    assert_eq!(done.status.stop, Some(StopFacts::Requested { reason: "asked".into() }));
    done.assert_clean();
}

fn a_deaf_container_is_killed(kit: &Kit) {
    let mut container = kit.container("main", "trap '' TERM; echo ready; while :; do sleep 0.05; done");
    container.stop_timeout_secs = 1;
    let mut task = kit.launch(kit.spec(vec![container]));
    task.wait_line(0, "ready");
    task.stop();
    let done = task.finish();
    assert_eq!(done.code(), Some(137));
    let main = done.container("main");
    assert!(!main.out_of_memory && main.reason.is_none());
    done.assert_clean();
}

fn stopping_goes_in_reversed_order(kit: &Kit) {
    let base = kit.container("base", WAIT_FOR_TERM);
    let mut app = kit.container("app", WAIT_FOR_TERM);
    app.depends_on = depends("base", Condition::Start);
    let mut task = kit.launch(kit.spec(vec![base, app]));
    task.wait_line(0, "ready");
    task.wait_line(1, "ready");
    task.stop();
    let done = task.finish();
    assert!(done.container("app").finished_at <= done.container("base").finished_at);
    assert_eq!((done.container("app").exit_code, done.container("base").exit_code), (Some(3), Some(3)));
}

fn check(command: &str, retries: u32) -> HealthCheck {
    let command = vec!["CMD-SHELL".into(), command.into()];
    HealthCheck { command, interval_secs: 1, timeout_secs: 1, retries, start_period_secs: 0 }
}

fn health_is_checked_inside_the_container(kit: &Kit) {
    let mut base = kit.container("base", &format!("touch /tmp/ok; {WAIT_FOR_TERM}"));
    base.health_check = Some(check("echo looked; test -e /tmp/ok", 1));
    let mut app = kit.container("app", WAIT_FOR_TERM);
    app.depends_on = depends("base", Condition::Healthy);
    let mut task = kit.launch(kit.spec(vec![base, app]));
    let status = task.wait("app runs", |status| status.containers[1].phase == ContainerPhase::Running);
    let health = status.containers[0].health.clone().expect("a checked container has health");
    assert_eq!(
        (health.state, health.exit_code, health.output.as_str()),
        (HealthState::Healthy, Some(0), "looked\n")
    );
    assert!(status.containers[1].started_at >= Some(health.since));
    task.stop();
    task.finish().assert_clean();
}

fn a_slow_check_counts_as_failed(kit: &Kit) {
    let mut container = kit.container("main", WAIT_FOR_TERM);
    container.health_check = Some(check("sleep 100", 1));
    let mut task = kit.launch(kit.spec(vec![container]));
    let unhealthy = |status: &node_runtime::status::TaskStatus| {
        status.containers[0].health.as_ref().is_some_and(|health| health.state == HealthState::Unhealthy)
    };
    let status = task.wait("it is unhealthy", unhealthy);
    assert_eq!(status.phase, TaskPhase::Running, "an unhealthy standalone task goes on");
    task.stop();
    task.finish().assert_clean();
}

fn restarts_follow_the_policy(kit: &Kit) {
    // The shortest period that a test can wait for; the service itself asks for 60 seconds.
    let script = "test -e /root/again && exit 8; touch /root/again; sleep 1.2; exit 1";
    let mut container = kit.container("main", script);
    container.restart_policy = Some(RestartPolicy { ignored_exit_codes: vec![8], attempt_period_secs: 1 });
    let done = kit.run(kit.spec(vec![container]));
    assert_eq!(done.container("main").restart_count, Some(1), "{:#?}", done.status);
    assert_eq!(done.code(), Some(8));
    done.assert_clean();
}

fn an_init_process_reaps_and_forwards(kit: &Kit) {
    let script = "sh -c 'sleep 0.1 & exit 0'; sleep 0.3; ps -o stat | grep -c Z; cat /proc/1/comm; \
                  trap 'exit 6' TERM; echo ready; while :; do sleep 0.05; done";
    let mut container = kit.container("main", script);
    container.init_process = true;
    let mut task = kit.launch(kit.spec(vec![container]));
    task.wait_line(0, "ready");
    task.stop();
    let done = task.finish();
    assert_eq!(done.lines(), ["0", "init", "ready"]);
    assert_eq!(done.code(), Some(6));
    done.assert_clean();
}

fn a_shared_pid_namespace_is_shared(kit: &Kit) {
    if kit.is_gvisor() {
        let mut spec = kit.spec(vec![kit.container("main", "true")]);
        spec.share_processes = true;
        let dir = kit.dir(&spec);
        let request = node_runtime::spawner::LaunchRequest { dir: dir.clone(), spec, network: None };
        let connection = kit.spawner.launch(request).expect("the spawner takes the task");
        let stop = crate::kit::Task { dir, connection, status: None }.finish().status.stop;
        assert!(matches!(stop, Some(StopFacts::StartFailed { container: None, .. })), "{stop:?}");
        return;
    }
    let base = kit.container("base", "sleep 1234");
    let mut app = kit.container("app", "ps -o args | grep -q 'sleep 1234' && echo seen");
    app.depends_on = depends("base", Condition::Start);
    let mut spec = kit.spec(vec![base, app]);
    spec.share_processes = true;
    let done = kit.run(spec);
    assert_eq!(done.lines_of(1), ["seen"], "{:#?}", done.status);
    assert_eq!(done.container("base").exit_code, Some(143));
    done.assert_clean();
}

fn a_circle_of_dependencies_is_told(kit: &Kit) {
    use node_runtime::spawner::LaunchRequest;
    let mut container = kit.container("main", "echo never");
    container.depends_on = depends("main", Condition::Start);
    let spec = kit.spec(vec![container]);
    let dir = kit.dir(&spec);
    let request = LaunchRequest { dir: dir.clone(), spec, network: None };
    let mut connection = kit.spawner.launch(request).expect("the spawner takes the task");
    assert!(connection.receive().expect("the supervisor just ends").is_none());
    let concluded = node_runtime::taskdir::conclude(&dir, Default::default()).expect("there is a result");
    let reason =
        "ResourceInitializationError: container main depends on itself through its dependencies".into();
    assert_eq!(concluded.stop, Some(StopFacts::StartFailed { container: None, reason }));
}

fn a_task_stopped_before_its_network_never_starts(kit: &Kit) {
    use node_runtime::protocol::Command;
    use node_runtime::spawner::LaunchRequest;
    let spec = kit.spec(vec![kit.container("main", "echo never")]);
    let dir = kit.dir(&spec);
    let request = LaunchRequest { dir: dir.clone(), spec, network: None };
    let mut connection = kit.spawner.launch(request).expect("the spawner takes the task");
    connection.send(&Command::Stop { reason: "early".into() }).expect("the supervisor listens");
    let done = crate::kit::Task { dir, connection, status: None }.finish();
    assert_eq!(done.status.stop, Some(StopFacts::Requested { reason: "early".into() }));
    assert!(done.lines().is_empty());
    done.assert_clean();
}
