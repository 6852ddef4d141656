//! Capabilities: Docker's fourteen, less what the task definition drops, plus SYS_PTRACE if it asks for it.

const DEFAULT: [&str; 14] = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// The capability set of a container; names are taken with and without `CAP_`.
pub(super) fn resolve(added: &[String], dropped: &[String]) -> Vec<String> {
    let dropped: Vec<String> = dropped.iter().map(|name| full_name(name)).collect();
    let kept = DEFAULT.iter().map(|name| String::from(*name));
    let kept = kept.filter(|name| !dropped.iter().any(|drop| drop == name || drop == "CAP_ALL"));
    let mut all: Vec<String> = kept.collect();
    for name in added.iter().map(|name| full_name(name)) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

fn full_name(name: &str) -> String {
    let name = name.to_ascii_uppercase();
    if name.starts_with("CAP_") { name } else { format!("CAP_{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(added: &[&str], dropped: &[&str], expect_count: usize) -> Vec<String> {
        let own = |names: &[&str]| names.iter().map(|name| String::from(*name)).collect::<Vec<_>>();
        let resolved = resolve(&own(added), &own(dropped));
        assert_eq!(resolved.len(), expect_count, "{resolved:?}");
        resolved
    }

    #[test]
    fn drops_come_before_adds() {
        check(&[], &[], 14);
        check(&["SYS_PTRACE"], &[], 15);
        check(&[], &["ALL"], 0);
        assert_eq!(check(&["SYS_PTRACE"], &["all"], 1), ["CAP_SYS_PTRACE"]);
        assert!(!check(&[], &["CAP_NET_RAW", "chown"], 12).contains(&String::from("CAP_NET_RAW")));
    }
}
