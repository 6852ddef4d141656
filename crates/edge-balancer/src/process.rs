//! The balancer as processes: a keeper that holds the listening sockets, and the worker that serves with them.
//!
//! The keeper does next to nothing, so next to nothing can end it. When the worker dies, the keeper starts another and
//! hands it the sockets: connections wait in the kernel meanwhile, and only what was in flight is lost. A worker that loses
//! its keeper goes on and starts another.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

mod held;
mod keeper;
mod serving;

pub(crate) use held::{KeeperLink, SocketKey};

#[derive(Debug, thiserror::Error)]
pub enum BalancerError {
    #[error("the arguments of the balancer are wrong: {0}")]
    Arguments(String),
    #[error("another balancer serves with {}", path.display())]
    Busy { path: PathBuf },
    #[error("{action} failed")]
    System {
        action: &'static str,
        #[source]
        source: io::Error,
    },
}

impl BalancerError {
    pub(crate) fn system<E: Into<io::Error>>(action: &'static str) -> impl FnOnce(E) -> BalancerError {
        move |source| BalancerError::System { action, source: source.into() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What is to be started: it starts its worker.
    Keeper,
    /// A keeper that a worker has started after it lost its own: the worker is at the other end of standard input.
    SecondKeeper,
    /// Its keeper is at the other end of standard input.
    Worker,
}

/// `balancer --socket PATH --state FILE [--spool FOLDER] [--workers COUNT] [--role ROLE]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// Where control connects.
    pub socket: PathBuf,
    /// What was configured: read at the start, written when it changes.
    pub state: PathBuf,
    /// Where access logs go; none: they aren't written.
    pub spool: Option<PathBuf>,
    /// Threads that carry traffic; none: one per core.
    pub workers: Option<usize>,
    pub role: Role,
}

impl Arguments {
    /// Reads what follows the program's name and the word `balancer`.
    pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Arguments, BalancerError> {
        let wrong = |text: String| BalancerError::Arguments(text);
        let (mut socket, mut state, mut spool, mut workers) = (None, None, None, None);
        let mut role = Role::Keeper;
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let name = word.to_string_lossy().into_owned();
            let value = words.next().ok_or_else(|| wrong(format!("{name} has no value")))?;
            match name.as_str() {
                "--socket" => socket = Some(PathBuf::from(value)),
                "--state" => state = Some(PathBuf::from(value)),
                "--spool" => spool = Some(PathBuf::from(value)),
                "--workers" => {
                    let count = value.to_str().and_then(|text| text.parse().ok()).filter(|count| *count > 0);
                    workers = Some(count.ok_or_else(|| wrong(format!("{value:?} workers")))?);
                }
                "--role" => role = parse_role(&value).ok_or_else(|| wrong(format!("role {value:?}")))?,
                _ => return Err(wrong(format!("{name} is unknown"))),
            }
        }
        Ok(Arguments {
            socket: socket.ok_or_else(|| wrong("--socket is missing".to_owned()))?,
            state: state.ok_or_else(|| wrong("--state is missing".to_owned()))?,
            spool,
            workers,
            role,
        })
    }

    /// The words that start the same balancer in another role, `balancer` first.
    pub fn words(&self, role: Role) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["balancer".into()];
        let mut add = |name: &str, value: OsString| words.extend([OsString::from(name), value]);
        add("--socket", self.socket.clone().into());
        add("--state", self.state.clone().into());
        if let Some(spool) = &self.spool {
            add("--spool", spool.clone().into());
        }
        if let Some(workers) = self.workers {
            add("--workers", workers.to_string().into());
        }
        let role = match role {
            Role::Keeper => "keeper",
            Role::SecondKeeper => "second-keeper",
            Role::Worker => "worker",
        };
        add("--role", role.into());
        words
    }
}

fn parse_role(text: &OsString) -> Option<Role> {
    match text.to_str()? {
        "keeper" => Some(Role::Keeper),
        "second-keeper" => Some(Role::SecondKeeper),
        "worker" => Some(Role::Worker),
        _ => None,
    }
}

/// Runs until the balancer is told to end. Called on the main thread, before any other thread or runtime exists.
///
/// `version` is the program's: control replaces a balancer of another one.
pub fn run(arguments: &Arguments, version: &str) -> Result<(), BalancerError> {
    raise_file_limit();
    match arguments.role {
        Role::Keeper | Role::SecondKeeper => keeper::run(arguments),
        Role::Worker => serving::run(arguments, version),
    }
}

/// This very program, also when its file was replaced meanwhile: keeper and worker are always of one version.
const PROGRAM: &str = "/proc/self/exe";

fn program() -> &'static Path {
    Path::new(PROGRAM)
}

/// Each connection takes two descriptors. What isn't allowed stays as it is: connections are limited by what there is.
fn raise_file_limit() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_survive_being_handed_on() {
        let arguments = Arguments {
            socket: "/run/x/edge.sock".into(),
            state: "/run/x/edge.json".into(),
            spool: Some("/run/x/spool".into()),
            workers: Some(3),
            role: Role::Worker,
        };
        let words = arguments.words(Role::Worker);
        assert_eq!(words[0], "balancer");
        assert_eq!(Arguments::parse(words.into_iter().skip(1)).unwrap(), arguments);
    }

    #[test]
    fn what_is_missing_or_unknown_is_told() {
        for words in [
            &["--socket", "/x"][..],
            &["--socket", "/x", "--state"],
            &["--socket", "/x", "--state", "/y", "--workers", "0"],
            &["--socket", "/x", "--state", "/y", "--speed", "9"],
            &["--socket", "/x", "--state", "/y", "--role", "king"],
        ] {
            let parsed = Arguments::parse(words.iter().map(OsString::from));
            assert!(matches!(parsed, Err(BalancerError::Arguments(_))), "{words:?}");
        }
    }
}
