//! A netlink socket of one namespace: batches with acknowledgements, and queries.

use std::io;

use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE};
use netlink_sys::{Socket as RawSocket, SocketAddr};

use crate::error::NetworkError;
use crate::limits::NETLINK_BUFFER_BYTES;
use crate::netlink::message::{Batch, FLAG_ACK, HEADER_LENGTH, read_u32};

const KIND_ERROR: u16 = 2;
const KIND_DONE: u16 = 3;
const FLAG_MULTI: u16 = 0x2;

#[derive(Debug)]
pub struct Socket {
    raw: RawSocket,
    sequence: u32,
    buffer: Vec<u8>,
}

/// One message of an answer: its kind and what follows its header.
#[derive(Debug)]
pub struct Answer {
    pub kind: u16,
    pub body: Vec<u8>,
}

impl Socket {
    /// Opens a route socket in the calling thread's namespace.
    pub fn route() -> Result<Self, NetworkError> {
        Self::open(NETLINK_ROUTE).map_err(NetworkError::netlink("open a route socket"))
    }

    /// Opens a netfilter socket in the calling thread's namespace.
    pub fn netfilter() -> Result<Self, NetworkError> {
        Self::open(NETLINK_NETFILTER).map_err(NetworkError::netlink("open a netfilter socket"))
    }

    fn open(protocol: isize) -> io::Result<Self> {
        let mut raw = RawSocket::new(protocol)?;
        raw.bind_auto()?;
        raw.connect(&SocketAddr::new(0, 0))?;
        // Acknowledgements then carry the header of the refused message, not the whole of it.
        raw.set_cap_ack(true)?;
        Ok(Self { raw, sequence: 0, buffer: Vec::with_capacity(NETLINK_BUFFER_BYTES) })
    }

    /// Sends every message of `batch`, waits for all acknowledgements and returns the first refusal.
    pub fn execute(&mut self, mut batch: Batch) -> Result<(), NetworkError> {
        if batch.is_empty() {
            return Ok(());
        }
        let first = self.sequence.wrapping_add(1);
        for request in &batch.requests {
            self.sequence = self.sequence.wrapping_add(1);
            let header = &mut batch.bytes[request.start..];
            let flags = u16::from_ne_bytes([header[6], header[7]]) | FLAG_ACK;
            header[6..8].copy_from_slice(&flags.to_ne_bytes());
            header[8..12].copy_from_slice(&self.sequence.to_ne_bytes());
        }
        self.raw.send(&batch.bytes, 0).map_err(NetworkError::netlink("send a batch"))?;
        let mut waiting = batch.requests.len();
        let mut refusal = None;
        while waiting > 0 {
            self.receive().map_err(NetworkError::netlink("receive an acknowledgement"))?;
            for message in messages(&self.buffer) {
                let index = usize::try_from(message.sequence.wrapping_sub(first)).unwrap_or(usize::MAX);
                let Some(request) = batch.requests.get(index).filter(|_| message.kind == KIND_ERROR) else {
                    continue;
                };
                waiting -= 1;
                let code = error_code(message.body);
                if code != 0 && !request.tolerated.contains(&code) && refusal.is_none() {
                    let source = io::Error::from_raw_os_error(code);
                    refusal = Some(NetworkError::Netlink { what: request.what, source });
                }
            }
        }
        refusal.map_or(Ok(()), Err)
    }

    /// Sends the one message of `query` and returns all messages of the answer.
    pub fn query(&mut self, mut query: Batch) -> Result<Vec<Answer>, NetworkError> {
        let what = query.requests.first().map_or("query", |request| request.what);
        self.sequence = self.sequence.wrapping_add(1);
        query.bytes[8..12].copy_from_slice(&self.sequence.to_ne_bytes());
        self.raw.send(&query.bytes, 0).map_err(NetworkError::netlink(what))?;
        let mut answers = Vec::new();
        loop {
            self.receive().map_err(NetworkError::netlink(what))?;
            for message in messages(&self.buffer) {
                if message.sequence != self.sequence {
                    continue;
                }
                match message.kind {
                    KIND_DONE => return Ok(answers),
                    KIND_ERROR => match error_code(message.body) {
                        0 => return Ok(answers),
                        code => {
                            let source = io::Error::from_raw_os_error(code);
                            return Err(NetworkError::Netlink { what, source });
                        }
                    },
                    kind => {
                        answers.push(Answer { kind, body: message.body.to_vec() });
                        if message.flags & FLAG_MULTI == 0 {
                            return Ok(answers);
                        }
                    }
                }
            }
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        self.buffer.clear();
        loop {
            match self.raw.recv(&mut self.buffer, 0) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

struct Message<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    body: &'a [u8],
}

fn messages(buffer: &[u8]) -> impl Iterator<Item = Message<'_>> {
    let mut rest = buffer;
    std::iter::from_fn(move || {
        let length = usize::try_from(read_u32(rest)?).ok()?;
        let message = rest.get(..length).filter(|message| message.len() >= HEADER_LENGTH)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Message {
            kind: u16::from_ne_bytes([message[4], message[5]]),
            flags: u16::from_ne_bytes([message[6], message[7]]),
            sequence: read_u32(&message[8..])?,
            body: &message[HEADER_LENGTH..],
        })
    })
}

/// The positive error number of an error message; zero acknowledges.
fn error_code(body: &[u8]) -> i32 {
    body.get(..4).and_then(|bytes| bytes.try_into().ok()).map_or(0, |bytes| i32::from_ne_bytes(bytes).abs())
}
