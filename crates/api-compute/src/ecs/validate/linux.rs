//! Linux parameters, ulimits and system controls.

use state_model::ecs::linux_parameters::{
    Device, KernelCapabilities, LinuxParameters, SystemControl, Tmpfs, Ulimit,
};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use super::numbers::unsigned;
use crate::ecs::errors::client;

/// What Docker knows, without the prefix `CAP_`.
const CAPABILITIES: &[&str] = &[
    "ALL",
    "AUDIT_CONTROL",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "SYSLOG",
    "WAKE_ALARM",
];

/// Sysctls of the IPC namespace; those of the network namespace begin with `net.`.
const IPC_CONTROLS: &[&str] = &[
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

pub fn linux_parameters(given: wire::LinuxParameters) -> Result<LinuxParameters, ServiceError> {
    Ok(LinuxParameters {
        capabilities: given.capabilities.map(capabilities).transpose()?,
        init_process_enabled: given.init_process_enabled,
        devices: given.devices.map(|devices| devices.into_iter().map(device).collect()),
        shared_memory_size_mib: unsigned("sharedMemorySize", given.shared_memory_size)?,
        tmpfs: given.tmpfs.map(|mounts| mounts.into_iter().map(tmpfs).collect()).transpose()?,
        max_swap_mib: unsigned("maxSwap", given.max_swap)?,
        swappiness: unsigned("swappiness", given.swappiness)?,
    })
}

pub fn ulimit(given: wire::Ulimit) -> Result<Ulimit, ServiceError> {
    let Some(name) = given.name.filter(wire::UlimitName::is_known) else {
        return Err(client(format!("Ulimit name must be one of [{}]", wire::UlimitName::VALUES.join(", "))));
    };
    let (Some(soft_limit), Some(hard_limit)) = (given.soft_limit, given.hard_limit) else {
        return Err(client(format!("Both limits must be specified for ulimit {name}")));
    };
    // -1 is no limit at all, which no limit exceeds.
    let order = |limit: i32| if limit < 0 { i64::MAX } else { i64::from(limit) };
    if order(soft_limit) > order(hard_limit) {
        return Err(client(format!("Soft limit exceeds hard limit for ulimit {name}")));
    }
    Ok(Ulimit {
        name: name.as_str().to_owned(),
        soft_limit: i64::from(soft_limit),
        hard_limit: i64::from(hard_limit),
    })
}

pub fn system_control(given: wire::SystemControl) -> Result<SystemControl, ServiceError> {
    let namespace = given.namespace.as_deref().unwrap_or_default();
    let known = namespace.starts_with("net.")
        || namespace.starts_with("fs.mqueue.")
        || IPC_CONTROLS.contains(&namespace);
    if !known || namespace.contains("..") || namespace.contains('/') {
        return Err(client(format!("Invalid 'namespace' setting for system control: '{namespace}'.")));
    }
    Ok(SystemControl { namespace: given.namespace, value: given.value })
}

fn capabilities(given: wire::KernelCapabilities) -> Result<KernelCapabilities, ServiceError> {
    for name in given.add.iter().chain(&given.drop).flatten() {
        if !CAPABILITIES.contains(&name.as_str()) {
            return Err(client(format!("Invalid capability: {name}")));
        }
    }
    Ok(KernelCapabilities { add: given.add, drop: given.drop })
}

fn device(given: wire::Device) -> Device {
    Device {
        host_path: given.host_path.unwrap_or_default(),
        container_path: given.container_path,
        permissions: given
            .permissions
            .map(|list| list.iter().map(|permission| permission.as_str().to_owned()).collect()),
    }
}

fn tmpfs(given: wire::Tmpfs) -> Result<Tmpfs, ServiceError> {
    Ok(Tmpfs {
        container_path: given.container_path.unwrap_or_default(),
        size_mib: unsigned("size", given.size)?.unwrap_or_default(),
        mount_options: given.mount_options,
    })
}
