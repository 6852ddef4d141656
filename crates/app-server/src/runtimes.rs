//! The OCI runtimes of this host.

use std::path::PathBuf;

use node_runtime::spec::{RuntimeKind, RuntimeSpec};

/// Where Debian and administrators put programs. The environment's own search path isn't asked: what runs as root must not
/// depend on it.
const DIRECTORIES: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// None when it isn't installed.
pub fn find(kind: RuntimeKind, instance: &str) -> Option<RuntimeSpec> {
    let name = match kind {
        RuntimeKind::Crun => "crun",
        RuntimeKind::Runc => "runc",
        RuntimeKind::Runsc => "runsc",
    };
    let mut paths = DIRECTORIES.iter().map(|directory| PathBuf::from(directory).join(name));
    let path = paths.find(|path| path.is_file())?;
    let state_dir = PathBuf::from("/run/neargate").join(instance).join(name);
    Some(RuntimeSpec { kind, path, state_dir })
}

/// Every runtime that is installed.
pub fn all(instance: &str) -> Vec<RuntimeSpec> {
    [RuntimeKind::Crun, RuntimeKind::Runc, RuntimeKind::Runsc]
        .into_iter()
        .filter_map(|kind| find(kind, instance))
        .collect()
}
