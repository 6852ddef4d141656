//! The control socket: the server's connection made at launch, and a listening socket for servers that come
//! later.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use rustix::event::PollFlags;

use crate::limits::{CLIENT_QUEUE_BYTES_MAX, CLIENTS_MAX};
use crate::protocol::{Command, Decoder, ProtocolError, Report, encode};
use crate::spool::Position;
use crate::status::TaskStatus;

/// How long the last report may take to be taken; it is on disk as well.
const LAST_WORD_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Control {
    listener: UnixListener,
    clients: Vec<Option<Client>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Listener,
    Client(usize),
}

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    decoder: Decoder,
    queue: Vec<u8>,
    /// It has read everything and wants to hear of more.
    waits_for_spool: bool,
}

impl Control {
    pub(super) fn new(listener: UnixListener, first: UnixStream) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let mut control = Self { listener, clients: Vec::new() };
        control.add(first)?;
        Ok(control)
    }

    pub(super) fn sources(&self) -> Vec<(Source, BorrowedFd<'_>, PollFlags)> {
        let mut sources = vec![(Source::Listener, self.listener.as_fd(), PollFlags::IN)];
        for (index, client) in self.clients.iter().enumerate() {
            if let Some(client) = client {
                let flags =
                    if client.queue.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
                sources.push((Source::Client(index), client.stream.as_fd(), flags));
            }
        }
        sources
    }

    /// Does what a ready source needs and returns the commands that came.
    pub(super) fn handle(&mut self, source: Source, status: &TaskStatus, end: Position) -> Vec<Command> {
        match source {
            Source::Listener => {
                while let Ok((stream, _)) = self.listener.accept() {
                    if let Ok(index) = self.add(stream) {
                        self.send(index, &Report::Status { status: Box::new(status.clone()) });
                    }
                }
                Vec::new()
            }
            Source::Client(index) => self.serve(index, end),
        }
    }

    pub(super) fn send_status(&mut self, status: &TaskStatus) {
        self.broadcast(&Report::Status { status: Box::new(status.clone()) });
    }

    pub(super) fn broadcast(&mut self, report: &Report) {
        for index in 0..self.clients.len() {
            self.send(index, report);
        }
    }

    /// Tells those who wait that the spool has grown: once, until they have read on.
    pub(super) fn announce(&mut self, to: Position) {
        for index in 0..self.clients.len() {
            if let Some(client) = &mut self.clients[index]
                && std::mem::take(&mut client.waits_for_spool)
            {
                self.send(index, &Report::SpoolAdvanced { to });
            }
        }
    }

    /// Gives every client the time to take what is queued.
    pub(super) fn finish(&mut self) {
        for client in self.clients.iter_mut().filter_map(Option::take) {
            let mut client = client;
            let ready = client.stream.set_nonblocking(false);
            if ready.and_then(|()| client.stream.set_write_timeout(Some(LAST_WORD_TIMEOUT))).is_ok() {
                let _ = client.stream.write_all(&client.queue);
            }
        }
    }

    fn add(&mut self, stream: UnixStream) -> io::Result<usize> {
        stream.set_nonblocking(true)?;
        let client =
            Client { stream, decoder: Decoder::default(), queue: Vec::new(), waits_for_spool: false };
        if let Some(index) = self.clients.iter().position(Option::is_none) {
            self.clients[index] = Some(client);
            return Ok(index);
        }
        if self.clients.len() == CLIENTS_MAX {
            return Err(io::Error::other("too many control clients"));
        }
        self.clients.push(Some(client));
        Ok(self.clients.len() - 1)
    }

    fn serve(&mut self, index: usize, end: Position) -> Vec<Command> {
        let Some(Some(client)) = self.clients.get_mut(index) else { return Vec::new() };
        let mut reports = Vec::new();
        let mut commands = Vec::new();
        let open = client.write_queue() && client.read(&mut commands, &mut reports);
        for command in &commands {
            if let Command::SpoolRead { read, .. } = command {
                client.waits_for_spool = end <= *read;
                if !client.waits_for_spool {
                    reports.push(Report::SpoolAdvanced { to: end });
                }
            }
        }
        if !open {
            self.clients[index] = None;
        }
        for report in &reports {
            self.send(index, report);
        }
        commands
    }

    fn send(&mut self, index: usize, report: &Report) {
        let Some(Some(client)) = self.clients.get_mut(index) else { return };
        let Ok(bytes) = encode(report) else { return };
        client.queue.extend_from_slice(&bytes);
        if !client.write_queue() || client.queue.len() > CLIENT_QUEUE_BYTES_MAX {
            self.clients[index] = None;
        }
    }
}

impl Client {
    /// False when the connection is of no use any more.
    fn write_queue(&mut self) -> bool {
        while !self.queue.is_empty() {
            match self.stream.write(&self.queue) {
                Ok(count) => {
                    self.queue.drain(..count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
    }

    fn read(&mut self, commands: &mut Vec<Command>, reports: &mut Vec<Report>) -> bool {
        let mut bytes = [0; 4096];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return false,
                Ok(count) => self.decoder.push(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return false,
            }
            loop {
                match self.decoder.next() {
                    Ok(Some(command)) => commands.push(command),
                    Ok(None) => break,
                    // A newer server may know commands that this supervisor does not.
                    Err(error @ ProtocolError::Malformed(_)) => {
                        reports.push(Report::Refused { reason: error.to_string() });
                    }
                    Err(ProtocolError::TooLong { .. }) => return false,
                }
            }
        }
    }
}
