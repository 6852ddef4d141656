//! `neargate down`: stops the server and every task, and removes every trace from the host. It needs nothing but the data
//! directory, so that it works whatever happened before.

use std::io;
use std::time::Duration;

use anyhow::anyhow;
use node_network::Instance;
use rustix::process::{Pid, Signal};

use crate::balancer::process::{self, BalancerFiles};
use crate::data_dir::DataDir;
use crate::host_names::{self, HostFiles};
use crate::runtimes;

/// How long the server gets to end by itself.
const SERVER_END_MAX: Duration = Duration::from_secs(10);

/// Goes on after a failure and returns all of them.
pub fn run(data_dir: &DataDir) -> Vec<anyhow::Error> {
    let mut errors = Vec::new();
    if let Err(error) = stop_server(data_dir) {
        errors.push(error);
    }
    errors.extend(end_balancer(data_dir).err());
    let instance = data_dir.instance();
    let runtimes = runtimes::all(&instance);
    let failed = node_runtime::teardown::teardown_all(&instance, &runtimes);
    errors.extend(failed.into_iter().map(anyhow::Error::msg));
    errors.extend(forget_tasks(data_dir).err());
    let networks = node_network::teardown_all(&Instance::of_data_dir(&data_dir.root));
    errors.extend(networks.err().into_iter().map(Into::into));
    errors.extend(host_names::withdraw(&HostFiles::default(), &instance).into_iter().map(Into::into));
    errors.extend(remove_run_directory(&instance).err());
    errors
}

/// Ends the server of this data directory, if one runs: told by its lock, never by a number alone.
fn stop_server(data_dir: &DataDir) -> anyhow::Result<()> {
    let Some(pid) = state_store::embedded::holder(&data_dir.state())? else { return Ok(()) };
    let pid = Pid::from_raw(pid).ok_or_else(|| anyhow!("the state's lock names no process"))?;
    let handle = match rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        Err(error) => return Err(anyhow::Error::new(error).context("the server can't be watched")),
    };
    rustix::process::pidfd_send_signal(&handle, Signal::TERM)?;
    if !ends_within(&handle, SERVER_END_MAX)? {
        rustix::process::pidfd_send_signal(&handle, Signal::KILL)?;
        anyhow::ensure!(ends_within(&handle, SERVER_END_MAX)?, "the server with pid {pid:?} does not end");
    }
    Ok(())
}

pub(crate) fn ends_within(handle: &impl std::os::fd::AsFd, limit: Duration) -> io::Result<bool> {
    let mut events = [rustix::event::PollFd::new(handle, rustix::event::PollFlags::IN)];
    let limit =
        rustix::time::Timespec { tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX), tv_nsec: 0 };
    Ok(rustix::event::poll(&mut events, Some(&limit))? > 0)
}

/// Before the networks: it holds their namespaces.
fn end_balancer(data_dir: &DataDir) -> anyhow::Result<()> {
    let files = BalancerFiles::of(data_dir);
    let left = process::end(&files);
    files.forget();
    anyhow::ensure!(left.is_empty(), "processes of the balancer do not end: {left:?}");
    Ok(())
}

fn remove_run_directory(instance: &str) -> anyhow::Result<()> {
    let parent = std::path::Path::new("/run/neargate");
    match std::fs::remove_dir_all(parent.join(instance)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    // Stays while another instance is in it.
    let _ = std::fs::remove_dir(parent);
    Ok(())
}

/// The folders of tasks: what ran is gone. The state still knows them; the next server reports them as lost.
fn forget_tasks(data_dir: &DataDir) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(data_dir.tasks()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
