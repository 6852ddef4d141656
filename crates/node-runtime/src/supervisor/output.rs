//! Containers' output: pipes are read in big chunks, cut into lines, and go into the spool one write per
//! batch.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use memchr::memchr_iter;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use stdx::clock::Timestamp;

use crate::limits::{LINE_BYTES_MAX, PIPE_BYTES, READ_BYTES_MAX};
use crate::spec::{LogSpec, TaskSpec};
use crate::spool::{Admission, FLAG_DROPPED, FLAG_END, FLAG_PARTIAL, Position, Record, Writer};
use crate::taskdir::SPOOL_FOLDER;

#[derive(Debug)]
pub(super) struct Output {
    writer: Writer,
    /// Slots keep their number while others come and go.
    streams: Vec<Option<Stream>>,
    dropped_lines: Vec<u64>,
    chunk: Vec<u8>,
}

#[derive(Debug)]
struct Stream {
    container: u8,
    number: u8,
    pipe: File,
    /// The beginning of a line whose end was not read yet.
    pending: Vec<u8>,
    /// Lines dropped since the last record of this stream.
    dropped: u64,
}

/// A pipe: ours to read without waiting, and the container's end.
pub(super) fn new_pipe() -> io::Result<(File, File)> {
    let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&ours, true)?;
    // Less is fine too: a host may limit the memory of pipes.
    let _ = fcntl_setpipe_size(&ours, PIPE_BYTES);
    Ok((File::from(ours), File::from(theirs)))
}

impl Output {
    pub(super) fn new(dir: &Path, spec: &TaskSpec) -> io::Result<Self> {
        let buffers: Vec<Option<u64>> = spec
            .containers
            .iter()
            .map(|container| match container.log {
                LogSpec::Blocking => None,
                LogSpec::NonBlocking { max_buffer_bytes } => Some(max_buffer_bytes),
            })
            .collect();
        Ok(Self {
            writer: Writer::create(&dir.join(SPOOL_FOLDER), &buffers)?,
            streams: Vec::new(),
            dropped_lines: vec![0; spec.containers.len()],
            chunk: Vec::new(),
        })
    }

    pub(super) fn position(&self) -> Position {
        self.writer.position()
    }

    pub(super) fn acknowledged(&mut self, position: Position) {
        self.writer.acknowledged(position);
    }

    pub(super) fn dropped_lines(&self, container: usize) -> u64 {
        self.dropped_lines.get(container).copied().unwrap_or(0)
    }

    pub(super) fn attach(&mut self, container: usize, number: u8, pipe: OwnedFd) {
        let container = u8::try_from(container).unwrap_or(u8::MAX);
        let stream = Stream { container, number, pipe: pipe.into(), pending: Vec::new(), dropped: 0 };
        match self.streams.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => *slot = Some(stream),
            None => self.streams.push(Some(stream)),
        }
    }

    /// Streams to wait for: one whose container has to wait for the log consumer is left out.
    pub(super) fn sources(&self) -> impl Iterator<Item = (usize, BorrowedFd<'_>)> {
        self.streams.iter().enumerate().filter_map(|(index, stream)| {
            let stream = stream.as_ref()?;
            let admitted = self.writer.admission(usize::from(stream.container)) != Admission::Wait;
            admitted.then(|| (index, stream.pipe.as_fd()))
        })
    }

    /// Reads one chunk of a stream. False when there is nothing to read at the moment, or ever.
    pub(super) fn read(&mut self, index: usize, now: Timestamp) -> bool {
        let Some(Some(stream)) = self.streams.get_mut(index) else { return false };
        self.chunk.resize(READ_BYTES_MAX, 0);
        match stream.pipe.read(&mut self.chunk) {
            Ok(0) => {}
            Ok(count) => {
                let container = usize::from(stream.container);
                let keep = self.writer.admission(container) != Admission::Drop;
                let dropped = stream.take(&self.chunk[..count], keep, now, &mut self.writer);
                self.dropped_lines[container] += dropped;
                return true;
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return false;
            }
            // A terminal whose last user has gone reads as an error: that is its end.
            Err(_) => {}
        }
        stream.end(now, &mut self.writer);
        self.streams[index] = None;
        false
    }

    /// Reads what a container left in its pipes, whatever the mode: a pipe holds only so much.
    pub(super) fn drain(&mut self, container: usize, now: Timestamp) {
        for index in 0..self.streams.len() {
            let belongs = |stream: &Stream| usize::from(stream.container) == container;
            if self.streams[index].as_ref().is_some_and(belongs) {
                while self.read(index, now) {}
            }
        }
    }

    /// Ends every stream, at the end of the task.
    pub(super) fn close(&mut self, now: Timestamp) {
        for stream in self.streams.iter_mut().filter_map(Option::take) {
            let mut stream = stream;
            stream.end(now, &mut self.writer);
        }
    }

    pub(super) fn is_stuck(&self) -> bool {
        self.writer.is_stuck()
    }

    pub(super) fn flush(&mut self) -> io::Result<bool> {
        self.writer.flush()
    }
}

impl Stream {
    /// Takes bytes in; returns how many lines were dropped.
    fn take(&mut self, bytes: &[u8], keep: bool, now: Timestamp, writer: &mut Writer) -> u64 {
        let before = self.dropped;
        let mut start = 0;
        for end in memchr_iter(b'\n', bytes) {
            let part = &bytes[start..end];
            start = end + 1;
            if self.pending.is_empty() {
                self.emit(part, 0, keep, now, writer);
            } else {
                let mut line = std::mem::take(&mut self.pending);
                line.extend_from_slice(part);
                self.emit(&line, 0, keep, now, writer);
            }
        }
        self.pending.extend_from_slice(&bytes[start..]);
        while self.pending.len() > LINE_BYTES_MAX {
            let rest = self.pending.split_off(LINE_BYTES_MAX);
            let line = std::mem::replace(&mut self.pending, rest);
            self.emit(&line, FLAG_PARTIAL, keep, now, writer);
        }
        // Only what was dropped now counts as new; the record about it comes with the next line that is kept.
        self.dropped.saturating_sub(if keep { self.dropped } else { before })
    }

    fn emit(&mut self, line: &[u8], flags: u8, keep: bool, now: Timestamp, writer: &mut Writer) {
        if !keep {
            self.dropped += u64::from(flags & FLAG_PARTIAL == 0);
            return;
        }
        self.tell_dropped(now, writer);
        let (first, rest) = line.split_at(line.len().min(LINE_BYTES_MAX));
        if rest.is_empty() {
            writer.append(self.record(first, flags, now));
        } else {
            writer.append(self.record(first, FLAG_PARTIAL, now));
            self.emit(rest, flags, keep, now, writer);
        }
    }

    fn tell_dropped(&mut self, now: Timestamp, writer: &mut Writer) {
        if self.dropped > 0 {
            let count = std::mem::take(&mut self.dropped).to_le_bytes();
            writer.append(self.record(&count, FLAG_DROPPED, now));
        }
    }

    fn end(&mut self, now: Timestamp, writer: &mut Writer) {
        let last = std::mem::take(&mut self.pending);
        if !last.is_empty() {
            self.emit(&last, 0, true, now, writer);
        }
        self.tell_dropped(now, writer);
        writer.append(self.record(&[], FLAG_END, now));
    }

    fn record<'a>(&self, payload: &'a [u8], flags: u8, now: Timestamp) -> Record<'a> {
        let at_ms = now.as_millis().max(0).cast_unsigned();
        Record { at_ms, container: self.container, stream: self.number, flags, payload }
    }
}
