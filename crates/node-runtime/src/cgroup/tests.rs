//! Layouts of real hosts, as their mountinfo tells them, and a recorded version 2 tree.

use std::fs;

use super::{Hierarchy, create_task, out_of_memory_kills, read_stats, stats};

const V1: &str = "\
25 18 0:22 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755
26 25 0:23 / /sys/fs/cgroup/systemd rw,nosuid shared:10 - cgroup cgroup rw,xattr,name=systemd
28 25 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:12 - cgroup cgroup rw,cpu,cpuacct
29 25 0:27 / /sys/fs/cgroup/memory rw,nosuid shared:13 - cgroup cgroup rw,memory
30 25 0:28 / /sys/fs/cgroup/pids rw,nosuid shared:14 - cgroup cgroup rw,pids
";
const V2: &str = "\
23 18 0:21 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
27 23 0:24 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
";

fn describe(mountinfo: &str) -> String {
    match Hierarchy::from_mountinfo(mountinfo) {
        None => "none".into(),
        Some(Hierarchy::V2 { root }) => format!("v2 {}", root.display()),
        Some(Hierarchy::V1 { controllers, unified }) => {
            let names: Vec<_> = controllers.keys().map(String::as_str).collect();
            let unified = unified.map_or_else(|| "-".into(), |unified| unified.display().to_string());
            format!("v1 {} unified {unified}", names.join(","))
        }
    }
}

#[test]
fn the_three_layouts_are_told_apart() {
    let hybrid =
        format!("{V1}31 25 0:29 / /sys/fs/cgroup/unified rw,nosuid shared:11 - cgroup2 cgroup2 rw\n");
    // A named version 1 hierarchy beside version 2 has no controllers: limits are version 2's.
    let named =
        format!("{V2}26 25 0:23 / /sys/fs/cgroup/systemd rw shared:10 - cgroup cgroup rw,name=systemd\n");
    for (mountinfo, expect) in [
        (V1, "v1 cpu,cpuacct,memory,name=systemd,pids unified -"),
        (&hybrid, "v1 cpu,cpuacct,memory,name=systemd,pids unified /sys/fs/cgroup/unified"),
        (V2, "v2 /sys/fs/cgroup"),
        (&named, "v2 /sys/fs/cgroup"),
        ("22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw", "none"),
    ] {
        assert_eq!(describe(mountinfo), expect);
    }
}

#[test]
fn shared_mounts_are_visited_once() {
    let hierarchy = Hierarchy::from_mountinfo(V1).expect("a layout");
    assert_eq!(hierarchy.mounts().len(), 4);
}

#[test]
fn version_2_limits_and_statistics_use_its_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().to_owned();
    fs::write(root.join("cgroup.controllers"), "cpuset cpu io memory pids\n").expect("a file");
    let hierarchy = Hierarchy::V2 { root: root.clone() };
    create_task(&hierarchy, "neargate-x/task", 512, 1024).expect("plain files take every value");
    let read =
        |file: &str| fs::read_to_string(root.join("neargate-x").join(file)).expect("the file was written");
    assert_eq!(read("task/cpu.max"), "50000 100000");
    assert_eq!(read("task/memory.max"), "1073741824");
    assert_eq!(read("cgroup.subtree_control"), "+cpu +memory +pids +io");

    let container = root.join("neargate-x/task/web");
    fs::create_dir(&container).expect("a folder");
    for (file, text) in [
        (
            "cpu.stat",
            "usage_usec 120\nuser_usec 100\nsystem_usec 20\nnr_periods 7\nnr_throttled 2\nthrottled_usec 9\n",
        ),
        ("memory.current", "4096\n"),
        ("memory.max", "max\n"),
        ("memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\noom_group_kill 0\n"),
        ("memory.stat", "anon 1024\nfile 2048\n"),
        ("pids.current", "3\n"),
        ("io.stat", "254:0 rbytes=4096 wbytes=512 rios=1 wios=2 dbytes=0 dios=0\n"),
    ] {
        fs::write(container.join(file), text).expect("a file");
    }
    let group = "neargate-x/task/web";
    let read = read_stats(&hierarchy, group).expect("the recorded tree is complete");
    assert_eq!((read.cpu_total_ns, read.throttling.throttled_periods), (120_000, 2));
    assert_eq!((read.memory_usage, read.memory_limit, read.pids_current), (4096, 1 << 30, 3));
    assert_eq!(read.io_service_bytes.len(), 2);
    assert_eq!(out_of_memory_kills(&hierarchy, group), 1);
    assert_eq!(stats::block_io_v2("").0, []);
}
