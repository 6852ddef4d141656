//! The default seccomp profile: an allow list equal in effect to Docker's default on a current kernel.

use serde_json::{Value, json};

/// Names the kernel or the library does not know are ignored by the runtimes.
const ALLOWED: &str = include_str!("seccomp_allowed.txt");

/// Flags of clone that make a new namespace.
const CLONE_NAMESPACES: u64 = 0x7E02_0000;
const AF_VSOCK: u64 = 40;
const EPERM: u32 = 1;
const ENOSYS: u32 = 38;
/// Execution domains that change nothing about safety: Linux, 32 bit, and 2.6 version numbers.
const PERSONALITIES: [u64; 5] = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// The profile for a container with these capabilities.
pub(super) fn profile(capabilities: &[String]) -> Value {
    let has = |name: &str| capabilities.iter().any(|capability| capability == name);
    let mut allowed: Vec<&str> = ALLOWED.split_whitespace().collect();
    if cfg!(target_arch = "aarch64") {
        allowed.extend(["arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush", "set_tls"]);
    }
    if has("CAP_SYS_CHROOT") {
        allowed.push("chroot");
    }
    if has("CAP_SYS_PTRACE") {
        allowed.extend(["kcmp", "pidfd_getfd", "process_madvise"]);
    }
    let mut rules = vec![
        json!({"names": allowed, "action": "SCMP_ACT_ALLOW"}),
        json!({"names": ["clone"], "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": CLONE_NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}),
        // A C library falls back to clone, whose flags can be filtered, only when clone3 seems not to exist.
        json!({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS}),
        json!({"names": ["socket"], "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": AF_VSOCK, "op": "SCMP_CMP_NE"}]}),
    ];
    rules.extend(PERSONALITIES.iter().map(|personality| {
        json!({"names": ["personality"], "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": personality, "op": "SCMP_CMP_EQ"}]})
    }));
    let architectures: &[&str] = if cfg!(target_arch = "aarch64") {
        &["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    } else {
        &["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    };
    json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": EPERM, "architectures": architectures,
        "syscalls": rules})
}
