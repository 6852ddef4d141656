//! A part of a file as a body: pooled chunks, read in place when the page cache holds them.

use std::fs::File;
use std::future::Future;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustix::io::ReadWriteFlags;
use stdx_async::supervisor;

use crate::limits::{FILE_CHUNK_BYTES, FILE_CHUNKS_KEPT_MAX};

type PendingRead = Pin<Box<dyn Future<Output = io::Result<Chunk>> + Send>>;

pub struct FileRange {
    file: Arc<File>,
    offset: u64,
    remaining: u64,
    pending: Option<PendingRead>,
}

impl FileRange {
    pub(super) fn new(file: File, offset: u64, length: u64) -> Self {
        Self { file: Arc::new(file), offset, remaining: length, pending: None }
    }

    pub(super) fn remaining(&self) -> u64 {
        self.remaining
    }

    pub(super) fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        if self.pending.is_none() {
            let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(FILE_CHUNK_BYTES);
            let mut chunk = Chunk::take();
            // Bytes in the page cache are copied right here; a hop to the blocking pool costs as much as the
            // copy.
            match read_cached(&self.file, &mut chunk.buffer[..wanted], self.offset) {
                Ok(count) if count > 0 => {
                    chunk.length = count;
                    return Poll::Ready(Some(Ok(self.advance(chunk))));
                }
                // End of file, or the disk is needed: the blocking read tells which.
                _ => {
                    self.pending =
                        Some(Box::pin(read_blocking(self.file.clone(), chunk, wanted, self.offset)))
                }
            }
        }
        let Some(pending) = self.pending.as_mut() else { return Poll::Ready(None) };
        let outcome = ready!(pending.as_mut().poll(context));
        self.pending = None;
        Poll::Ready(Some(outcome.map(|chunk| self.advance(chunk))))
    }

    fn advance(&mut self, chunk: Chunk) -> Bytes {
        self.offset += chunk.length as u64;
        self.remaining -= chunk.length as u64;
        Bytes::from_owner(chunk)
    }
}

fn read_cached(file: &File, buffer: &mut [u8], offset: u64) -> rustix::io::Result<usize> {
    rustix::io::preadv2(file, &mut [io::IoSliceMut::new(buffer)], offset, ReadWriteFlags::NOWAIT)
}

async fn read_blocking(file: Arc<File>, mut chunk: Chunk, wanted: usize, offset: u64) -> io::Result<Chunk> {
    supervisor::blocking(move || {
        file.read_exact_at(&mut chunk.buffer[..wanted], offset)?;
        chunk.length = wanted;
        Ok(chunk)
    })
    .await
}

/// A buffer that goes back to the pool when the last reader of its bytes is done.
struct Chunk {
    buffer: Vec<u8>,
    length: usize,
}

static POOL: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

impl Chunk {
    fn take() -> Self {
        let kept = POOL.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self { buffer: kept.unwrap_or_else(|| vec![0; FILE_CHUNK_BYTES]), length: 0 }
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < FILE_CHUNKS_KEPT_MAX {
            pool.push(std::mem::take(&mut self.buffer));
        }
    }
}
