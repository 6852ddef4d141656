//! The agent's end of a supervisor's control socket, on the runtime's event loop.

use std::io;
use std::path::Path;

use node_runtime::client::TaskConnection;
use node_runtime::protocol::{self, Command, Decoder, Report};
use tokio::net::UnixStream;

#[derive(Debug)]
pub struct SupervisorLink {
    stream: UnixStream,
    decoder: Decoder,
}

impl SupervisorLink {
    /// # Errors
    /// When no supervisor listens in `directory`.
    pub fn connect(directory: &Path) -> io::Result<Self> {
        Self::new(TaskConnection::connect(directory)?)
    }

    pub fn new(connection: TaskConnection) -> io::Result<Self> {
        let stream = connection.into_stream();
        stream.set_nonblocking(true)?;
        Ok(Self { stream: UnixStream::from_std(stream)?, decoder: Decoder::default() })
    }

    /// The next report; none when the supervisor has ended. Nothing is lost when the future is dropped.
    pub async fn receive(&mut self) -> io::Result<Option<Report>> {
        loop {
            if let Some(report) = self.decoder.next().map_err(io::Error::other)? {
                return Ok(Some(report));
            }
            self.stream.readable().await?;
            let mut bytes = [0; 8192];
            match self.stream.try_read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(count) => self.decoder.push(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The supervisor ended with some of our commands unread.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Commands are a few hundred bytes: the socket's buffer takes them whole, or the supervisor doesn't read any more.
    pub async fn send(&mut self, command: &Command) -> io::Result<()> {
        let bytes = protocol::encode(command).map_err(io::Error::other)?;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
