//! The server's side of a supervisor's control socket, blocking; its descriptor can be driven by any event
//! loop with
//! the framing of [`crate::protocol`].

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use crate::protocol::{self, Command, Decoder, Report};

const CONTROL_SOCKET: &str = "control.sock";

/// Makes the socket on which a task's supervisor is found.
pub(crate) fn listen(dir: &Path) -> io::Result<UnixListener> {
    let folder = File::open(dir)?;
    UnixListener::bind(format!("/proc/self/fd/{}/{CONTROL_SOCKET}", folder.as_raw_fd()))
}

#[derive(Debug)]
pub struct TaskConnection {
    stream: UnixStream,
    decoder: Decoder,
}

impl TaskConnection {
    /// Connects to the supervisor of the task in `dir`.
    pub fn connect(dir: &Path) -> io::Result<Self> {
        // A socket's path is limited to 107 bytes, a task's folder is not: go through its descriptor.
        let folder = File::open(dir)?;
        let path = format!("/proc/self/fd/{}/{CONTROL_SOCKET}", folder.as_raw_fd());
        Ok(Self::new(UnixStream::connect(path)?))
    }

    pub fn new(stream: UnixStream) -> Self {
        Self { stream, decoder: Decoder::default() }
    }

    /// Gives up the socket, for an event loop. What was read but not taken is lost, so do it before
    /// receiving.
    pub fn into_stream(self) -> UnixStream {
        self.stream
    }

    pub fn send(&mut self, command: &Command) -> io::Result<()> {
        let bytes = protocol::encode(command).map_err(io::Error::other)?;
        self.stream.write_all(&bytes)
    }

    /// Waits for the next report; none when the supervisor has ended.
    pub fn receive(&mut self) -> io::Result<Option<Report>> {
        loop {
            if let Some(report) = self.decoder.next().map_err(io::Error::other)? {
                return Ok(Some(report));
            }
            let mut bytes = [0; 8192];
            match self.stream.read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(count) => self.decoder.push(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The supervisor ended with some of our commands unread.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Limits how long `receive` waits.
    pub fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.stream.set_read_timeout(timeout)
    }
}

impl AsFd for TaskConnection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
