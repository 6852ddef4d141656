//! The spawner: a tiny process, forked before the server has any thread, that forks one supervisor per task.
//!
//! Supervisors share its pages, live in its private mount namespace, and outlive both it and the server.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags};
use serde::{Deserialize, Serialize};

use crate::client::{self, TaskConnection};
use crate::spec::{NetworkSource, TaskSpec};
use crate::{cgroup, supervisor, sys, taskdir};

mod namespace;
mod process;

use process::Process;

/// Descriptors that travel with a launch: control connection, listening socket, lock, perhaps a network
/// namespace.
const DESCRIPTORS_MAX: usize = 4;
const ORDER_BYTES_MAX: usize = 8192;

/// The argument that makes the program a spawner in the place of one that died: [`serve_replacement`].
pub const REPLACEMENT_ARGUMENT: &str = "internal-spawner";

/// The server's handle. The spawner ends when it is dropped; supervisors stay.
#[derive(Debug)]
pub struct Spawner {
    current: Mutex<Arc<Process>>,
}

/// One task to start.
#[derive(Debug)]
pub struct LaunchRequest {
    /// The task's own folder; it is made here and must not hold a task yet.
    pub dir: PathBuf,
    pub spec: TaskSpec,
    /// The network namespace when the specification says it is given.
    pub network: Option<OwnedFd>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    dir: PathBuf,
    instance: String,
}

/// Forks the spawner. Must be called while the process has one thread; anything else is an error.
pub fn start() -> io::Result<Spawner> {
    let (ours, theirs) = process::connection()?;
    let Some(pid) = sys::fork()? else {
        drop(ours);
        // A panic must not unwind into the copy of the program's own main.
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| serve(&theirs)));
        sys::exit_now(i32::from(ended.is_err()));
    };
    drop(theirs);
    let process = Process::new(ours, pid)?;
    Ok(Spawner { current: Mutex::new(Arc::new(process)) })
}

/// The life of a spawner that is a program of its own, with its connection as standard input.
pub fn serve_replacement() -> io::Result<()> {
    let socket = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3)?;
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    sys::replace_standard(&nothing, 0)?;
    drop(nothing);
    serve(&socket);
    Ok(())
}

impl Spawner {
    /// Makes the task's folder, starts its supervisor and returns the connection to it. May be called from
    /// any thread.
    pub fn launch(&self, request: LaunchRequest) -> io::Result<TaskConnection> {
        let LaunchRequest { dir, spec, network } = request;
        if (spec.network == NetworkSource::Given) != network.is_some() {
            return Err(io::Error::other("a network namespace comes exactly when the specification says so"));
        }
        DirBuilder::new().mode(0o700).create(&dir)?;
        taskdir::write_spec(&dir, &spec)?;
        // The lock is taken here and travels with the order: there is no moment at which a starting task
        // looks dead.
        let lock = taskdir::create_lock(&dir)?;
        // The same holds for the socket: whoever connects now waits in its queue.
        let listener = client::listen(&dir)?;
        let (ours, theirs) = UnixStream::pair()?;
        let instance = spec.instance;
        let order = serde_json::to_vec(&Order { dir, instance: instance.clone() })?;
        let mut descriptors = vec![theirs.as_fd(), listener.as_fd(), lock.as_fd()];
        descriptors.extend(network.as_ref().map(AsFd::as_fd));
        let process = self.current();
        match process.send(&order, &descriptors) {
            Err(error) if process::is_gone(&error) => {
                self.successor(&process, &instance)?.send(&order, &descriptors)?
            }
            sent => sent?,
        }
        Ok(TaskConnection::new(ours))
    }

    fn current(&self) -> Arc<Process> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces a spawner that was killed, unless another launch has just done so.
    fn successor(&self, gone: &Arc<Process>, instance: &str) -> io::Result<Arc<Process>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, gone) {
            *current = Arc::new(Process::replace(instance)?);
        }
        Ok(Arc::clone(&current))
    }
}

/// The spawner's own life.
fn serve(socket: &OwnedFd) {
    sys::new_session();
    sys::set_name("neargate-spawn");
    // Supervisors are reaped by the kernel: nobody here asks how they ended.
    sys::set_signal_action(libc::SIGCHLD, libc::SIG_IGN);
    sys::set_signal_action(libc::SIGPIPE, libc::SIG_IGN);
    sys::close_others(&[socket.as_raw_fd()]);
    let answer = match namespace::enter_private() {
        Ok(()) => String::from("ready"),
        Err(error) => error.to_string(),
    };
    let sent = rustix::net::send(socket, answer.as_bytes(), SendFlags::NOSIGNAL);
    if answer != "ready" || sent.is_err() {
        return;
    }
    let mut joined = None;
    while let Ok(Some((order, descriptors))) = receive(socket) {
        if joined.as_ref() != Some(&order.instance) {
            // Out of whatever cgroup the server is in: stopping the server's service must not stop tasks.
            if let Err(error) = cgroup::join_supervisors(&order.instance) {
                eprintln!("spawner: {error}");
            }
            joined = Some(order.instance.clone());
        }
        // When a fork fails, dropping the descriptors closes the connection, which is how the server learns
        // it.
        match sys::fork() {
            Ok(None) => become_supervisor(&order.dir, descriptors),
            Ok(Some(_)) => {}
            Err(error) => eprintln!("spawner: a supervisor could not be forked: {error}"),
        }
    }
}

fn receive(socket: &OwnedFd) -> io::Result<Option<(Order, Vec<OwnedFd>)>> {
    let mut bytes = [0; ORDER_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [io::IoSliceMut::new(&mut bytes)];
    let message = loop {
        match rustix::net::recvmsg(socket, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other?,
        }
    };
    if message.bytes == 0 {
        return Ok(None);
    }
    let mut descriptors = Vec::new();
    for part in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = part {
            descriptors.extend(received);
        }
    }
    Ok(Some((serde_json::from_slice(&bytes[..message.bytes])?, descriptors)))
}

fn become_supervisor(dir: &Path, descriptors: Vec<OwnedFd>) -> ! {
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        sys::new_session();
        sys::set_name("neargate-task");
        sys::set_signal_action(libc::SIGCHLD, libc::SIG_DFL);
        let keep: Vec<_> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        sys::close_others(&keep);
        redirect_standard(dir)?;
        let mut descriptors = descriptors.into_iter();
        let (Some(control), Some(listener), Some(lock)) =
            (descriptors.next(), descriptors.next(), descriptors.next())
        else {
            return Err(io::Error::other("an order came without its descriptors"));
        };
        // Held until the process ends, whatever happens in between: others see by it that the task is
        // supervised.
        let _ = lock.into_raw_fd();
        let network = descriptors.next();
        supervisor::run(supervisor::Inheritance {
            dir: dir.to_owned(),
            control: control.into(),
            listener: listener.into(),
            network,
        })
    }));
    let code = match ended {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => {
            eprintln!("supervisor: {error}");
            supervisor::give_up(dir, &error);
            1
        }
        Err(_) => 2,
    };
    sys::exit_now(code)
}

/// Nothing of the server's terminal or pipes stays in a process that outlives it.
fn redirect_standard(dir: &Path) -> io::Result<()> {
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    let log = File::options().append(true).create(true).open(dir.join("supervisor.log"))?;
    sys::replace_standard(&nothing, 0)?;
    sys::replace_standard(&nothing, 1)?;
    sys::replace_standard(&log, 2)
}

/// Writes a file so that readers see the old content or the new, never a part.
pub(crate) fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    drop(file);
    std::fs::rename(&temporary, path)
}

/// Reads a whole file that is limited in size.
pub(crate) fn read_limited(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}
