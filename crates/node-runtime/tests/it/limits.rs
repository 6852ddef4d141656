//! What the kernel enforces: memory, cpu, storage, capabilities, system calls.

use node_runtime::cgroup;

use crate::Test;
use crate::kit::Kit;

pub const TESTS: &[Test] = &[
    ("a_container_over_its_memory_is_killed_and_told", a_container_over_its_memory_is_killed_and_told),
    ("a_task_over_its_memory_is_killed_and_told", a_task_over_its_memory_is_killed_and_told),
    ("the_tasks_cpu_is_limited_and_counted", the_tasks_cpu_is_limited_and_counted),
    ("a_full_volume_says_no_space", a_full_volume_says_no_space),
    ("capabilities_are_fargates", capabilities_are_fargates),
    ("dangerous_calls_are_refused", dangerous_calls_are_refused),
    ("the_host_is_out_of_reach", the_host_is_out_of_reach),
];

/// Takes memory until it is stopped.
const HOG: &str = "exec tail /dev/zero";

fn a_container_over_its_memory_is_killed_and_told(kit: &Kit) {
    if kit.is_gvisor() {
        return;
    }
    let mut container = kit.container("main", HOG);
    container.memory_limit_mib = Some(32);
    let done = kit.run(kit.spec(vec![container]));
    let main = done.container("main");
    assert_eq!((main.exit_code, main.out_of_memory), (Some(137), true), "{:#?}", done.status);
    assert_eq!(main.reason.as_deref(), Some("OutOfMemoryError: Container killed due to memory usage"));
    done.assert_clean();
}

fn a_task_over_its_memory_is_killed_and_told(kit: &Kit) {
    let mut spec = kit.spec(vec![kit.container("main", HOG)]);
    // A gVisor sandbox needs some for itself.
    spec.memory_mib = if kit.is_gvisor() { 128 } else { 48 };
    let done = kit.run(spec);
    assert_eq!((done.code(), done.container("main").out_of_memory), (Some(137), true), "{:#?}", done.status);
    done.assert_clean();
}

fn the_tasks_cpu_is_limited_and_counted(kit: &Kit) {
    if kit.is_gvisor() {
        return;
    }
    let mut spec = kit.spec(vec![kit.container("main", "echo go; while :; do :; done")]);
    spec.cpu_units = 128;
    let (task_id, runtime_id) = (spec.task_id.clone(), spec.containers[0].runtime_id.clone());
    spec.containers[0].stop_timeout_secs = 0;
    let mut task = kit.launch(spec);
    task.wait_line(0, "go");
    let mut used = 0;
    // A period is a tenth of a second: until ten of them were throttled, a second of wall time has passed.
    let throttled = loop {
        let stats =
            cgroup::container_stats(&kit.instance, &task_id, &runtime_id).expect("a running container");
        let group = cgroup::task_group(&kit.instance, &task_id);
        let hierarchy = cgroup::Hierarchy::detect().expect("this host has cgroups");
        let whole = cgroup::read_stats(&hierarchy, &group).expect("a running task");
        assert!(stats.memory_limit <= 512 << 20 && stats.pids_current >= 1 && stats.memory_usage > 0);
        if whole.throttling.throttled_periods >= 10 {
            used = used.max(stats.cpu_total_ns);
            break whole.throttling;
        }
    };
    // An eighth of a core: 12.5 ms per period, with room for the kernel's slices.
    assert!(used < throttled.periods * 25_000_000, "{used} ns in {} periods", throttled.periods);
    task.stop();
    task.finish().assert_clean();
}

fn a_full_volume_says_no_space(kit: &Kit) {
    let script = "dd if=/dev/zero of=/big bs=1M count=100 2>&1 | grep -o 'No space left on device' | head -1; \
                  rm /big; dd if=/dev/zero of=/small bs=1M count=1 2>/dev/null && echo room";
    let mut spec = kit.spec(vec![kit.container("main", script)]);
    spec.storage.limit_bytes = Some(64 << 20);
    let done = kit.run(spec);
    assert_eq!(done.lines(), ["No space left on device", "room"], "{:#?}", done.status);
    done.assert_clean();
}

fn capabilities_are_fargates(kit: &Kit) {
    let read = "grep CapBnd /proc/self/status | cut -f2";
    let plain = kit.run_script(read);
    assert_eq!(plain.text(), "00000000a80425fb");
    let mut container = kit.container("main", read);
    container.capabilities_dropped = vec!["ALL".into()];
    container.capabilities_added = vec!["SYS_PTRACE".into()];
    assert_eq!(kit.run(kit.spec(vec![container])).text(), "0000000000080000");
}

fn dangerous_calls_are_refused(kit: &Kit) {
    if kit.is_gvisor() {
        return;
    }
    let script = "grep Seccomp: /proc/self/status | cut -f2; unshare -m true 2>/dev/null || echo unshare; \
                  mount -t tmpfs x /tmp 2>/dev/null || echo mount; echo 1 2>/dev/null > /proc/sys/vm/panic_on_oom || echo proc; \
                  mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk 2>/dev/null || echo disk";
    let done = kit.run_script(script);
    let lines: Vec<String> = done.lines().into_iter().filter(|line| !line.starts_with("/bin/sh")).collect();
    assert_eq!(lines, ["2", "unshare", "mount", "proc", "disk"]);
}

fn the_host_is_out_of_reach(kit: &Kit) {
    let script = "ls /proc | grep -c '^[0-9]*$' | awk '{print ($1 < 8)}'; ls -A /proc/acpi /sys/firmware 2>/dev/null | \
                  grep -v : | grep -c .; grep -c /tmp/ng- /proc/mounts; ls /dev | grep -c sda";
    let done = kit.run_script(script);
    let lines = done.lines();
    assert_eq!((lines[0].as_str(), lines[1].as_str(), lines[3].as_str()), ("1", "0", "0"), "{lines:?}");
    if !kit.is_gvisor() {
        assert_eq!(lines[2], "0", "no path of the host in the mount table");
    }
}
