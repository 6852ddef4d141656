//! Bytes in both directions between two connections, until both have ended, nothing came for too long, or it is cut.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::time::Duration;

use rustix::net::shutdown;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::limits;

#[derive(Debug)]
pub enum End {
    /// Both sides have closed.
    Closed,
    Idle,
    Cut,
    /// Told by the side that broke.
    ClientBroke(io::Error),
    TargetBroke(io::Error),
}

/// What both directions have in common: when something moved last, and how much.
struct Progress<'a> {
    last: Cell<Instant>,
    count: &'a dyn Fn(u64),
}

impl Progress<'_> {
    fn moved(&self, bytes: usize) {
        self.last.set(Instant::now());
        (self.count)(bytes as u64);
    }
}

enum Broken {
    Reading(io::Error),
    Writing(io::Error),
}

thread_local! {
    /// One for all connections of a worker: what was read is written, or kept aside, before anyone else reads.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; limits::COPY_BUFFER_BYTES].into());
}

/// Between plain connections. An idle connection holds no buffer.
pub async fn plain(
    client: &TcpStream,
    target: &TcpStream,
    idle: Duration,
    cut: impl Future<Output = ()>,
    count: &dyn Fn(u64),
) -> End {
    let progress = Progress { last: Cell::new(Instant::now()), count };
    let up = pump(client, target, &progress);
    let down = pump(target, client, &progress);
    until(up, down, &progress, idle, cut).await
}

/// Between connections of any kind.
pub async fn any<C, T>(
    client: C,
    target: T,
    idle: Duration,
    cut: impl Future<Output = ()>,
    count: &dyn Fn(u64),
) -> End
where
    C: AsyncRead + AsyncWrite,
    T: AsyncRead + AsyncWrite,
{
    let progress = Progress { last: Cell::new(Instant::now()), count };
    let (client_reads, client_writes) = tokio::io::split(client);
    let (target_reads, target_writes) = tokio::io::split(target);
    let up = pump_any(client_reads, target_writes, &progress);
    let down = pump_any(target_reads, client_writes, &progress);
    until(up, down, &progress, idle, cut).await
}

async fn until(
    up: impl Future<Output = Result<(), Broken>>,
    down: impl Future<Output = Result<(), Broken>>,
    progress: &Progress<'_>,
    idle: Duration,
    cut: impl Future<Output = ()>,
) -> End {
    let up = async {
        up.await.map_err(|broken| match broken {
            Broken::Reading(failure) => End::ClientBroke(failure),
            Broken::Writing(failure) => End::TargetBroke(failure),
        })
    };
    let down = async {
        down.await.map_err(|broken| match broken {
            Broken::Reading(failure) => End::TargetBroke(failure),
            Broken::Writing(failure) => End::ClientBroke(failure),
        })
    };
    let too_long = async {
        loop {
            let deadline = progress.last.get() + idle;
            if deadline <= Instant::now() {
                return;
            }
            sleep_until(deadline).await;
        }
    };
    tokio::select! {
        biased;
        both = async { tokio::try_join!(up, down) } => both.map_or_else(|end| end, |_| End::Closed),
        () = cut => End::Cut,
        () = too_long => End::Idle,
    }
}

async fn pump(from: &TcpStream, to: &TcpStream, progress: &Progress<'_>) -> Result<(), Broken> {
    loop {
        from.readable().await.map_err(Broken::Reading)?;
        let left = BUFFER.with_borrow_mut(|buffer| {
            let count = match from.try_read(buffer) {
                Ok(0) => return Ok(None),
                Ok(count) => count,
                Err(failure) if failure.kind() == io::ErrorKind::WouldBlock => return Ok(Some(Vec::new())),
                Err(failure) => return Err(Broken::Reading(failure)),
            };
            progress.moved(count);
            let written = match to.try_write(&buffer[..count]) {
                Ok(written) => written,
                Err(failure) if failure.kind() == io::ErrorKind::WouldBlock => 0,
                Err(failure) => return Err(Broken::Writing(failure)),
            };
            Ok(Some(buffer[written..count].to_vec()))
        })?;
        match left {
            Some(left) => write_all(to, &left, progress).await.map_err(Broken::Writing)?,
            None => {
                // The other direction may go on.
                let _ = shutdown(to, rustix::net::Shutdown::Write);
                return Ok(());
            }
        }
    }
}

async fn write_all(to: &TcpStream, mut left: &[u8], progress: &Progress<'_>) -> io::Result<()> {
    while !left.is_empty() {
        to.writable().await?;
        match to.try_write(left) {
            Ok(written) => {
                left = &left[written..];
                progress.last.set(Instant::now());
            }
            Err(failure) if failure.kind() == io::ErrorKind::WouldBlock => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

async fn pump_any<R: AsyncRead, W: AsyncWrite>(
    mut from: ReadHalf<R>,
    mut to: WriteHalf<W>,
    progress: &Progress<'_>,
) -> Result<(), Broken> {
    let mut buffer = vec![0; limits::TLS_COPY_BUFFER_BYTES];
    loop {
        let count = match from.read(&mut buffer).await {
            Ok(0) => break,
            Ok(count) => count,
            // Closed without a goodbye, as many clients do.
            Err(failure) if failure.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(failure) => return Err(Broken::Reading(failure)),
        };
        progress.moved(count);
        to.write_all(&buffer[..count]).await.map_err(Broken::Writing)?;
        to.flush().await.map_err(Broken::Writing)?;
    }
    let _ = to.shutdown().await;
    Ok(())
}
