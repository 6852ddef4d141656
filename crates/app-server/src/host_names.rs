//! Our names on the host: a marked block in `/etc/hosts`, and the registry's certificate where container tools look for it.
//!
//! Registry names carry account and region, so each region in use has its line. `docker`, `skopeo` and `buildah` then push
//! to the URI that ECR reports without any set-up: the name resolves, and the certificate is trusted for that name alone.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use control_plan::edge_names;
use state_model::Scope;
use state_tables::{State, View};
use stdx_async::shutdown::Shutdown;
use stdx_async::supervisor;

/// The domain of every name that we serve.
pub const DOMAIN: &str = "neargate.internal";

/// What SDKs write before the endpoint's host for some operations, also when that is an address: `stream-127.0.0.1` for
/// StartLiveTail, `data-127.0.0.1` for Cloud Map's discovery.
const ENDPOINT_PREFIXES: [&str; 2] = ["stream-", "data-"];

/// Where tools of the containers family and Docker look for the authorities of a registry.
const CERTIFICATE_DIRECTORIES: [&str; 2] = ["/etc/containers/certs.d", "/etc/docker/certs.d"];

#[derive(Debug, thiserror::Error)]
#[error("{path}: {action} failed")]
pub struct HostNamesError {
    pub path: PathBuf,
    pub action: &'static str,
    #[source]
    pub source: io::Error,
}

/// The files to keep. Tests use others than the host's own.
#[derive(Clone, Debug)]
pub struct HostFiles {
    pub hosts: PathBuf,
    pub certificate_directories: Vec<PathBuf>,
}

impl Default for HostFiles {
    fn default() -> Self {
        Self {
            hosts: PathBuf::from("/etc/hosts"),
            certificate_directories: CERTIFICATE_DIRECTORIES.iter().map(PathBuf::from).collect(),
        }
    }
}

/// What the names of one instance come to.
#[derive(Clone, Debug)]
pub struct HostNames {
    pub files: HostFiles,
    pub instance: String,
    pub listen: SocketAddr,
    pub authority_pem: String,
}

/// What the files are to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Regions in use: each has its registry.
    pub scopes: Vec<Scope>,
    /// Names of load balancers, each with every address that it has.
    pub load_balancers: Vec<(String, Ipv4Addr)>,
}

impl Published {
    fn of(view: &View) -> Self {
        let load_balancers = view.elb_load_balancers.iter().flat_map(|(_, load_balancer)| {
            let addresses = edge_names::host_addresses(view, load_balancer);
            addresses.into_iter().map(|address| (load_balancer.dns_name.clone(), address))
        });
        Self {
            scopes: view.regions.iter().map(|(_, region)| region.scope.clone()).collect(),
            load_balancers: load_balancers.collect(),
        }
    }
}

/// `<account>.dkr.ecr.<region>.neargate.internal`
pub fn registry_host(scope: &Scope) -> String {
    format!("{}.dkr.ecr.{}.{DOMAIN}", scope.account, scope.region)
}

impl HostNames {
    /// Makes the files say exactly this.
    pub fn publish(&self, published: &Published) -> Result<(), HostNamesError> {
        let scopes = &published.scopes;
        let address = match self.listen.ip() {
            address if address.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            address => address,
        };
        let mut lines = vec![format!("{address} {DOMAIN}")];
        if address.is_ipv4() {
            lines.extend(ENDPOINT_PREFIXES.iter().map(|prefix| format!("{address} {prefix}{address}")));
        }
        lines.extend(scopes.iter().map(|scope| format!("{address} {}", registry_host(scope))));
        lines.extend(published.load_balancers.iter().map(|(name, address)| format!("{address} {name}")));
        write_block(&self.files.hosts, &self.instance, Some(&lines))?;
        for scope in scopes {
            self.publish_certificate(&registry_host(scope))?;
        }
        Ok(())
    }

    fn publish_certificate(&self, host: &str) -> Result<(), HostNamesError> {
        for parent in self.files.certificate_directories.iter().filter(|parent| is_tool_installed(parent)) {
            let directory = parent.join(format!("{host}:{}", self.listen.port()));
            let path = directory.join(self.certificate_name());
            if fs::read(&path).is_ok_and(|present| present == self.authority_pem.as_bytes()) {
                continue;
            }
            let fail = |action| {
                let path = path.clone();
                move |source| HostNamesError { path, action, source }
            };
            fs::create_dir_all(&directory).map_err(fail("creating its directory"))?;
            fs::write(&path, &self.authority_pem).map_err(fail("writing the registry's authority"))?;
        }
        Ok(())
    }

    fn certificate_name(&self) -> String {
        certificate_name(&self.instance)
    }
}

fn certificate_name(instance: &str) -> String {
    format!("neargate-{instance}.crt")
}

/// Publishes again whenever an account or region is brought to life or dropped.
pub async fn follow(state: Arc<State>, names: HostNames, mut shutdown: Shutdown) {
    let mut changes = state.changes();
    let mut published = Published::default();
    loop {
        changes.mark_unchanged();
        let wanted = Published::of(&state.view());
        if wanted != published {
            let names = names.clone();
            let to_publish = wanted.clone();
            let outcome = supervisor::blocking(move || names.publish(&to_publish)).await;
            if let Err(error) = outcome {
                // A convenience of this host: without it everything else works, so a read-only /etc is only told.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "names on the host can't be published"
                );
            }
            published = wanted;
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = shutdown.requested() => return,
        }
    }
}

/// Removes every trace of `instance`, going on after a failure.
pub fn withdraw(files: &HostFiles, instance: &str) -> Vec<HostNamesError> {
    let mut errors = Vec::new();
    errors.extend(write_block(&files.hosts, instance, None).err());
    for parent in &files.certificate_directories {
        errors.extend(withdraw_certificates(parent, instance).err());
    }
    errors
}

fn withdraw_certificates(parent: &Path, instance: &str) -> Result<(), HostNamesError> {
    let fail = |action| move |source| HostNamesError { path: parent.to_owned(), action, source };
    let entries = match fs::read_dir(parent) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fail("reading")(error)),
    };
    let mut removed = false;
    for entry in entries {
        let directory = entry.map_err(fail("reading"))?.path();
        if fs::remove_file(directory.join(certificate_name(instance))).is_ok() {
            // Another instance may have its own certificate for the same name: then the directory stays.
            let _ = fs::remove_dir(&directory);
            removed = true;
        }
    }
    if removed {
        // Stays when anything else is in it.
        let _ = fs::remove_dir(parent);
    }
    Ok(())
}

/// The tool's own configuration directory comes with its package; we make none for tools that aren't there.
fn is_tool_installed(certificate_directory: &Path) -> bool {
    certificate_directory.parent().is_some_and(Path::is_dir)
}

/// Replaces the block of `instance`, or removes it. Everything else in the file stays byte for byte.
///
/// The file is rewritten in place: inside containers it is often a mount that can't be renamed over.
fn write_block(path: &Path, instance: &str, lines: Option<&[String]>) -> Result<(), HostNamesError> {
    let fail = |action| move |source| HostNamesError { path: path.to_owned(), action, source };
    let before = fs::read_to_string(path).map_err(fail("reading"))?;
    let after = with_block(&before, instance, lines);
    if after == before {
        return Ok(());
    }
    replace_content(path, &before, &after).map_err(fail("writing"))
}

/// Writes from the first difference on: who reads the file meanwhile never finds the lines above missing.
fn replace_content(path: &Path, before: &str, after: &str) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    let same = before.bytes().zip(after.bytes()).take_while(|(old, new)| old == new).count();
    let file = fs::OpenOptions::new().write(true).open(path)?;
    file.write_all_at(&after.as_bytes()[same..], same as u64)?;
    file.set_len(after.len() as u64)
}

fn with_block(text: &str, instance: &str, lines: Option<&[String]>) -> String {
    let begin =
        format!("# begin neargate {instance}: written by `neargate up`, removed by `neargate down`\n");
    let end = format!("# end neargate {instance}\n");
    let mut outside = String::with_capacity(text.len());
    match (text.find(&begin), text.find(&end)) {
        (Some(from), Some(to)) if from < to => {
            outside.push_str(&text[..from]);
            outside.push_str(&text[to + end.len()..]);
        }
        _ => outside.push_str(text),
    }
    if let Some(lines) = lines {
        if !outside.is_empty() && !outside.ends_with('\n') {
            outside.push('\n');
        }
        outside.push_str(&begin);
        for line in lines {
            outside.push_str(line);
            outside.push('\n');
        }
        outside.push_str(&end);
    }
    outside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_comes_and_goes_without_a_trace() {
        let original = "127.0.0.1 localhost\n# mine\n";
        let one = with_block(original, "aaaa", Some(&[String::from("127.0.0.1 x")]));
        assert!(one.starts_with(original));
        let two = with_block(&one, "bbbb", Some(&[String::from("127.0.0.1 y")]));
        let replaced = with_block(&two, "aaaa", Some(&[String::from("127.0.0.1 z")]));
        assert!(!replaced.contains("127.0.0.1 x") && replaced.contains("127.0.0.1 z"));
        assert!(replaced.contains("127.0.0.1 y"));
        let cleared = with_block(&with_block(&replaced, "aaaa", None), "bbbb", None);
        assert_eq!(cleared, original);
    }
}
