//! The balancer's processes on this host: starting them, finding them, ending them. They are found by their command line,
//! which names the instance's own socket: no file can lie about it.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use node_network::Instance;
use rustix::process::{Pid, PidfdFlags, Signal};
use stdx_async::supervisor;

use crate::data_dir::DataDir;
use crate::limits::BALANCER_LOG_BYTES_MAX;

/// The subcommand by which the program becomes the balancer.
pub const SUBCOMMAND: &str = "balancer";

/// Rounds of ending processes: the keeper may start a worker while it is being ended.
const END_ROUNDS_MAX: u32 = 10;

/// Where the balancer keeps its things.
#[derive(Clone, Debug)]
pub struct BalancerFiles {
    /// Control connects here. Outside of the data directory, whose path may be too long for a socket.
    pub socket: PathBuf,
    /// Its whole configuration, by which a restarted worker serves at once. Holds private keys.
    pub state: PathBuf,
    /// Access logs on their way to their buckets.
    pub spool: PathBuf,
    pub log: PathBuf,
}

#[derive(Debug, thiserror::Error)]
#[error("{action}")]
pub struct StartError {
    action: &'static str,
    #[source]
    source: io::Error,
}

impl BalancerFiles {
    pub fn of(data_dir: &DataDir) -> Self {
        let directory = data_dir.balancer();
        Self {
            socket: Instance::of_data_dir(&data_dir.root).run_dir().join("balancer.sock"),
            state: directory.join("config.json"),
            spool: directory.join("access-logs"),
            log: directory.join("balancer.log"),
        }
    }

    /// What is left when its process is gone would be taken for a running one.
    pub fn forget_socket(&self) {
        let _ = fs::remove_file(&self.socket);
    }

    /// Removes what only a running balancer has. Access logs that are not yet uploaded stay.
    pub fn forget(&self) {
        self.forget_socket();
        for extension in ["json", "key", "lock"] {
            let _ = fs::remove_file(self.state.with_extension(extension));
        }
    }
}

/// Starts the balancer. It makes a session of its own at once, and outlives the server and its terminal.
pub fn start(files: &BalancerFiles) -> Result<(), StartError> {
    let fail = |action| move |source| StartError { action, source };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&files.spool)
        .map_err(fail("making the balancer's directory"))?;
    let log = open_log(files).map_err(fail("opening the balancer's log"))?;
    let errors = log.try_clone().map_err(fail("opening the balancer's log"))?;
    let program = std::env::current_exe().map_err(fail("finding the program"))?;
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut child = Command::new(program)
        .arg(SUBCOMMAND)
        .arg("--socket")
        .arg(&files.socket)
        .arg("--state")
        .arg(&files.state)
        .arg("--spool")
        .arg(&files.spool)
        .args(["--workers", &workers.to_string()])
        // The working directory would keep a file system busy.
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(fail("starting the program"))?;
    // Otherwise it would stay as a zombie for as long as the server runs.
    let _detached = supervisor::spawn("balancer-reaper", supervisor::blocking(move || child.wait()));
    Ok(())
}

/// What it wrote before is kept, up to a limit.
fn open_log(files: &BalancerFiles) -> io::Result<fs::File> {
    let is_full = fs::metadata(&files.log).is_ok_and(|log| log.len() > BALANCER_LOG_BYTES_MAX);
    if is_full {
        fs::rename(&files.log, files.log.with_extension("log.old"))?;
    }
    fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&files.log)
}

/// Every process of the balancer of these files.
pub fn running(files: &BalancerFiles) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(Pid::from_raw).filter(|pid| is_balancer(files, *pid)).collect()
}

fn is_balancer(files: &BalancerFiles, pid: Pid) -> bool {
    let Ok(line) = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())) else { return false };
    let mut words = line.split(|byte| *byte == 0);
    let is_ours = words.nth(1).is_some_and(|word| word == SUBCOMMAND.as_bytes());
    is_ours && words.any(|word| word == files.socket.as_os_str().as_bytes())
}

/// Ends all of them at once: connections break. Returns those that don't end.
pub fn end(files: &BalancerFiles) -> Vec<Pid> {
    for _ in 0..END_ROUNDS_MAX {
        let found = running(files);
        if found.is_empty() {
            break;
        }
        let handles: Vec<_> = found
            .iter()
            .filter_map(|pid| {
                rustix::process::pidfd_open(*pid, PidfdFlags::empty()).ok().map(|handle| (*pid, handle))
            })
            // Asked again: the number may be another process's by now.
            .filter(|(pid, _)| is_balancer(files, *pid))
            .collect();
        for (_, handle) in &handles {
            // One that has just ended is fine.
            let _ = rustix::process::pidfd_send_signal(handle, Signal::KILL);
        }
        for (_, handle) in &handles {
            let _ = crate::down::ends_within(handle, crate::limits::BALANCER_END_MAX);
        }
    }
    running(files)
}
