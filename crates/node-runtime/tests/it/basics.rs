//! One container: it runs, its output and exit code arrive, nothing stays.

use node_runtime::spec::{MountSpec, TmpfsSpec, Ulimit};
use node_runtime::status::{ContainerPhase, StopFacts};

use crate::Test;
use crate::kit::Kit;

pub const TESTS: &[Test] = &[
    ("a_container_runs_logs_and_ends", a_container_runs_logs_and_ends),
    ("a_signal_gives_128_and_its_number", a_signal_gives_128_and_its_number),
    ("a_missing_program_is_told_in_awss_words", a_missing_program_is_told_in_awss_words),
    ("a_missing_user_is_told", a_missing_user_is_told),
    ("a_user_has_its_groups_home_and_folder", a_user_has_its_groups_home_and_folder),
    ("a_read_only_root_is_read_only", a_read_only_root_is_read_only),
    ("volumes_are_shared_and_seeded", volumes_are_shared_and_seeded),
    ("limits_and_kernel_settings_arrive", limits_and_kernel_settings_arrive),
    ("name_files_are_the_tasks_own", name_files_are_the_tasks_own),
    ("a_terminal_can_be_given", a_terminal_can_be_given),
    ("long_lines_are_cut_and_marked", long_lines_are_cut_and_marked),
    ("many_lines_all_arrive", many_lines_all_arrive),
];

fn a_container_runs_logs_and_ends(kit: &Kit) {
    let done = kit.run_script("echo hello; echo oops >&2; printf last; exit 7");
    assert_eq!(done.code(), Some(7), "{:#?}", done.status);
    let mut lines = done.lines();
    lines.sort();
    assert_eq!(lines, ["hello", "last", "oops"]);
    assert_eq!(done.status.stop, Some(StopFacts::EssentialExited { container: "main".into() }));
    let main = done.container("main");
    assert!(main.created_at <= main.started_at && main.started_at <= main.finished_at);
    assert_eq!(main.phase, ContainerPhase::Stopped);
    done.assert_clean();
}

fn a_signal_gives_128_and_its_number(kit: &Kit) {
    // A namespace's first process is immune to its own signals; its child is not.
    let done = kit.run_script("sh -c 'kill -SEGV $$'; exit $?");
    assert_eq!(done.code(), Some(139), "{:#?}", done.status);
}

fn a_missing_program_is_told_in_awss_words(kit: &Kit) {
    let mut container = kit.container("main", "");
    container.args = vec!["foo".into()];
    let done = kit.run(kit.spec(vec![container]));
    let reason = done.container("main").reason.clone().unwrap_or_default();
    let begin = "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: \
                 failed to create shim task: OCI runtime create failed: ";
    assert!(reason.starts_with(begin), "{reason}");
    if !kit.is_gvisor() {
        let end = "runc create failed: unable to start container process: exec: \"foo\": executable file not found \
                   in $PATH: unknown";
        assert_eq!(reason.strip_prefix(begin), Some(end));
    }
    let failed = StopFacts::StartFailed { container: Some("main".into()), reason };
    assert_eq!(done.status.stop, Some(failed));
    assert_eq!(done.code(), None);
    done.assert_clean();
}

fn a_missing_user_is_told(kit: &Kit) {
    let mut container = kit.container("main", "id");
    container.user = "nobody-here".into();
    let done = kit.run(kit.spec(vec![container]));
    let reason = done.container("main").reason.clone().unwrap_or_default();
    assert!(
        reason.ends_with("unable to find user nobody-here: no matching entries in passwd file"),
        "{reason}"
    );
    done.assert_clean();
}

fn a_user_has_its_groups_home_and_folder(kit: &Kit) {
    let mut container =
        kit.container("main", "id -u; id -g; id -G; echo $HOME; pwd; echo $WHO; touch /root/x || echo no");
    container.user = "app".into();
    container.cwd = "/made/up".into();
    container.env.push("WHO=me".into());
    let done = kit.run(kit.spec(vec![container]));
    let lines: Vec<String> = done.lines().into_iter().filter(|line| !line.starts_with("touch")).collect();
    assert_eq!(lines, ["1000", "1001", "1001 50", "/home/app", "/made/up", "me", "no"], "{:#?}", done.status);
}

fn a_read_only_root_is_read_only(kit: &Kit) {
    let mut container = kit.container(
        "main",
        "touch /x 2>/dev/null && echo wrong; touch /data/x && touch /scratch/x && echo fine",
    );
    container.readonly_root = true;
    container.mounts = vec![MountSpec { volume: "data".into(), path: "/data".into(), readonly: false }];
    container.tmpfs = vec![TmpfsSpec { path: "/scratch".into(), size_mib: 4, options: Vec::new() }];
    let mut spec = kit.spec(vec![container]);
    spec.volumes = vec!["data".into()];
    let done = kit.run(spec);
    assert_eq!(done.lines(), ["fine"], "{:#?}", done.status);
}

fn volumes_are_shared_and_seeded(kit: &Kit) {
    let mount = |readonly| vec![MountSpec { volume: "data".into(), path: "/seeded".into(), readonly }];
    let mut writer = kit.container("writer", "cat /seeded/from-image; echo shared > /seeded/new");
    writer.essential = false;
    writer.mounts = mount(false);
    let mut reader = kit.container(
        "reader",
        "cat /seeded/new /seeded/from-image; touch /seeded/x 2>/dev/null || echo locked",
    );
    reader.mounts = mount(true);
    reader.depends_on = vec![node_runtime::spec::Dependency {
        container: "writer".into(),
        condition: node_runtime::spec::Condition::Success,
    }];
    let mut spec = kit.spec(vec![writer, reader]);
    spec.volumes = vec!["data".into()];
    let done = kit.run(spec);
    assert_eq!(done.lines_of(0), ["seed"], "{:#?}", done.status);
    assert_eq!(done.lines_of(1), ["shared", "seed", "locked"], "{:#?}", done.status);
    assert!(!kit.layer().join("seeded/new").exists(), "the image's layer is untouched");
    done.assert_clean();
}

fn limits_and_kernel_settings_arrive(kit: &Kit) {
    let mut container = kit.container(
        "main",
        "ulimit -n; ulimit -Hn; ulimit -c; cat /proc/sys/net/core/somaxconn; df -m /dev/shm | tail -1 | awk '{print $2}'",
    );
    container.ulimits = vec![
        Ulimit { name: "nofile".into(), soft: 1000, hard: 2000 },
        Ulimit { name: "core".into(), soft: 0, hard: 0 },
    ];
    container.sysctls = vec![("net.core.somaxconn".into(), "77".into())];
    let done = kit.run(kit.spec(vec![container]));
    let lines = done.lines();
    assert!(lines.len() > 3, "{:#?}", done.status);
    assert_eq!(lines[..3], ["1000", "2000", "0"]);
    // gVisor has its own kernel: it keeps its own settings.
    if !kit.is_gvisor() {
        assert_eq!(lines[3..], ["77", "64"]);
    }
}

fn name_files_are_the_tasks_own(kit: &Kit) {
    let done = kit.run_script("hostname; cat /etc/hosts /etc/resolv.conf /etc/hostname");
    let expect =
        "ip-172-31-0-9.ec2.internal\n127.0.0.1 localhost\nnameserver 172.31.0.2\nip-172-31-0-9.ec2.internal";
    assert_eq!(done.text(), expect);
}

fn a_terminal_can_be_given(kit: &Kit) {
    let mut container = kit.container("main", "test -t 0 && test -t 1 && echo terminal");
    container.tty = true;
    container.interactive = true;
    let done = kit.run(kit.spec(vec![container]));
    // A terminal ends lines with a carriage return too.
    assert_eq!(done.lines(), ["terminal\r"], "{:#?}", done.status);
    done.assert_clean();
}

fn long_lines_are_cut_and_marked(kit: &Kit) {
    let done = kit.run_script("head -c 600000 /dev/zero | tr '\\0' x; echo; echo short");
    let lengths: Vec<usize> = done.lines().iter().map(String::len).collect();
    assert_eq!(lengths, [262_144, 262_144, 600_000 - 2 * 262_144, 5]);
}

fn many_lines_all_arrive(kit: &Kit) {
    let count = if kit.is_gvisor() { 20_000 } else { 200_000 };
    let done = kit.run_script(&format!("seq 1 {count}"));
    let lines = done.lines();
    assert_eq!(lines.len(), count);
    assert!(lines.iter().zip(1..).all(|(line, number)| *line == number.to_string()));
}
