//! What matters for safety and for AWS's semantics in a built configuration.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Identity, Prepared, config};
use crate::spec::{
    ContainerSpec, Isolation, MountSpec, NetworkSource, RuntimeKind, RuntimeSpec, StorageSpec, TaskSpec,
    Ulimit,
};

fn task(container: ContainerSpec) -> TaskSpec {
    TaskSpec {
        version: 1,
        task_id: "task".into(),
        instance: "test".into(),
        cpu_units: 256,
        memory_mib: 512,
        isolation: Isolation::Namespace,
        runtime: RuntimeSpec {
            kind: RuntimeKind::Runc,
            path: "/usr/sbin/runc".into(),
            state_dir: "/run/x".into(),
        },
        network: NetworkSource::New,
        hostname: "ip-172-31-0-5.ec2.internal".into(),
        resolv_conf: String::new(),
        hosts: String::new(),
        storage: StorageSpec { limit_bytes: None, template_dir: "/templates".into() },
        share_processes: false,
        volumes: vec!["data".into()],
        containers: vec![container],
    }
}

fn build(change: impl FnOnce(&mut ContainerSpec)) -> Value {
    let mut container = ContainerSpec::new("web", "task-1", Vec::new(), vec!["/bin/true".into()]);
    change(&mut container);
    let prepared = Prepared {
        rootfs: "/rootfs".into(),
        identity: Identity { uid: 7, gid: 8, additional_gids: vec![9], home: "/home/app".into() },
        etc: "/etc-files".into(),
        mount_sources: container
            .mounts
            .iter()
            .map(|mount| PathBuf::from("/volumes").join(&mount.volume))
            .collect(),
        init_program: "/init".into(),
        network: "/proc/5/ns/net".into(),
        processes: None,
        cgroup: "neargate-test/task/web".into(),
        cgroup_v2: false,
        open_files: super::OPEN_FILES_DEFAULT,
        sandbox: None,
    };
    config(&task(container.clone()), &container, &prepared)
}

#[test]
fn defaults_are_fargates() {
    let config = build(|_| {});
    assert_eq!(config["process"]["user"], json!({"uid": 7, "gid": 8, "additionalGids": [9], "umask": 18}));
    assert_eq!(
        config["process"]["rlimits"],
        json!([{"type": "RLIMIT_NOFILE", "soft": 65535, "hard": 65535}])
    );
    assert_eq!(config["process"]["cwd"], "/");
    assert_eq!(config["linux"]["cgroupsPath"], "/neargate-test/task/web");
    assert_eq!(config["linux"]["resources"]["cpu"]["shares"], 2);
    assert_eq!(config["process"]["capabilities"]["bounding"].as_array().map(Vec::len), Some(14));
    assert_eq!(config["linux"]["seccomp"]["defaultAction"], "SCMP_ACT_ERRNO");
    let env = config["process"]["env"].as_array().expect("a list");
    assert!(
        env.contains(&"HOME=/home/app".into()) && env.contains(&"HOSTNAME=ip-172-31-0-5.ec2.internal".into())
    );
}

#[test]
fn a_container_never_gets_more_memory_than_its_task() {
    let config = build(|container| container.memory_limit_mib = Some(4096));
    assert_eq!(config["linux"]["resources"]["memory"]["limit"], 512 * 1024 * 1024);
    assert_eq!(config["linux"]["resources"]["memory"]["swap"], 512 * 1024 * 1024);
}

#[test]
fn options_of_the_definition_arrive() {
    let config = build(|container| {
        container.init_process = true;
        container.readonly_root = true;
        container.ulimits = vec![Ulimit { name: "nofile".into(), soft: 10, hard: 20 }];
        container.mounts = vec![
            MountSpec { volume: "data".into(), path: "/data/inner".into(), readonly: true },
            MountSpec { volume: "data".into(), path: "/data".into(), readonly: false },
        ];
    });
    assert_eq!(config["process"]["args"], json!(["/dev/init", "--", "/bin/true"]));
    assert_eq!(config["root"]["readonly"], true);
    assert_eq!(config["process"]["rlimits"], json!([{"type": "RLIMIT_NOFILE", "soft": 10, "hard": 20}]));
    let mounts = config["mounts"].as_array().expect("a list");
    let ends: Vec<_> = mounts[mounts.len() - 2..].iter().map(|mount| &mount["destination"]).collect();
    assert_eq!(ends, ["/data", "/data/inner"]);
    assert_eq!(mounts[mounts.len() - 1]["options"], json!(["rbind", "ro", "rprivate"]));
}

#[test]
fn seccomp_filters_namespaces_and_follows_capabilities() {
    let names = |config: &Value| config["linux"]["seccomp"]["syscalls"][0]["names"].to_string();
    let plain = names(&build(|_| {}));
    for forbidden in
        ["\"mount\"", "\"unshare\"", "\"setns\"", "\"bpf\"", "\"keyctl\"", "\"clone\"", "\"reboot\""]
    {
        assert!(!plain.contains(forbidden), "{forbidden}");
    }
    assert!(plain.contains("\"chroot\"") && !plain.contains("\"kcmp\""));
    assert!(
        !names(&build(|container| container.capabilities_dropped = vec!["ALL".into()]))
            .contains("\"chroot\"")
    );
    let traced = names(&build(|container| container.capabilities_added = vec!["SYS_PTRACE".into()]));
    assert!(traced.contains("\"kcmp\""));
}
