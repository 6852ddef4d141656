//! Asking the host's resolvers, in turn, each for a bounded time.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use stdx::clock::SharedClock;
use stdx::random::{self, SharedRandom};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::limits;
use crate::resolver::answer::bare;
use crate::resolver::{PORT, Upstreams};

/// The file of upstream servers is looked at again after this long.
const FILE_READ_PERIOD: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub struct Forwarder {
    upstreams: Upstreams,
    from_file: Mutex<Option<(Duration, Arc<[SocketAddr]>)>>,
    slots: Arc<Semaphore>,
    clock: SharedClock,
    random: SharedRandom,
}

impl Forwarder {
    pub fn new(upstreams: Upstreams, clock: SharedClock, random: SharedRandom) -> Self {
        let slots = Arc::new(Semaphore::new(limits::DNS_FORWARDS_MAX));
        Self { upstreams, from_file: Mutex::new(None), slots, clock, random }
    }

    /// Room for one more question, unless too many wait already.
    pub fn slot(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).try_acquire_owned().ok()
    }

    /// The answer of the first server that has one; SERVFAIL when none has.
    pub async fn ask(&self, question: &[u8], over_udp: bool) -> Vec<u8> {
        let mut last = None;
        for upstream in self.servers().iter().take(limits::DNS_UPSTREAMS_MAX) {
            let attempt = async {
                if over_udp {
                    self.ask_udp(*upstream, question).await
                } else {
                    ask_tcp(*upstream, question).await
                }
            };
            match timeout(limits::DNS_UPSTREAM_TIMEOUT, attempt).await {
                Ok(Ok(answer)) if is_final(&answer) => return answer,
                Ok(Ok(answer)) => last = Some(answer),
                Ok(Err(_)) | Err(_) => {}
            }
        }
        last.unwrap_or_else(|| bare(question, ResponseCode::ServFail))
    }

    async fn ask_udp(&self, upstream: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
        let local: IpAddr = match upstream {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        // A socket and an id of its own for each question: what comes back can't be guessed from inside the
        // VPC.
        let socket = UdpSocket::bind((local, 0)).await?;
        socket.connect(upstream).await?;
        let mut sent = question.to_vec();
        let [high, low, ..] = random::u64(&*self.random).to_ne_bytes();
        sent[..2].copy_from_slice(&[high, low]);
        socket.send(&sent).await?;
        let mut buffer = vec![0; usize::from(u16::MAX)];
        loop {
            let length = socket.recv(&mut buffer).await?;
            if length >= 12 && buffer[..2] == sent[..2] && buffer[2] & 0x80 != 0 {
                buffer.truncate(length);
                buffer[..2].copy_from_slice(&question[..2]);
                return Ok(buffer);
            }
        }
    }

    fn servers(&self) -> Arc<[SocketAddr]> {
        let path = match &self.upstreams {
            Upstreams::Fixed(servers) => return servers.as_slice().into(),
            Upstreams::File(path) => path,
        };
        let now = self.clock.monotonic();
        let mut cached = self.from_file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((read, servers)) = &*cached
            && now.saturating_sub(*read) < FILE_READ_PERIOD
        {
            return Arc::clone(servers);
        }
        let servers: Arc<[SocketAddr]> = read_servers(path).into();
        *cached = Some((now, Arc::clone(&servers)));
        servers
    }
}

/// Whether another server should not be asked: it failed, or it refuses us.
fn is_final(answer: &[u8]) -> bool {
    !matches!(answer[3] & 15, 2 | 5)
}

async fn ask_tcp(upstream: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(upstream).await?;
    let length = u16::try_from(question.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(question);
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    if answer.len() < 12 || answer[..2] != question[..2] {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(answer)
}

fn read_servers(path: &Path) -> Vec<SocketAddr> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let servers: Vec<SocketAddr> = parse_servers(&text);
    // The C library's default when the file names nobody.
    if servers.is_empty() { vec![(Ipv4Addr::LOCALHOST, PORT).into()] } else { servers }
}

fn parse_servers(text: &str) -> Vec<SocketAddr> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    lines.filter_map(|rest| Some((rest.trim().parse::<IpAddr>().ok()?, PORT).into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_file_is_understood() {
        let text = "# comment\nsearch example.com\nnameserver 192.0.2.53\n nameserver\t2001:db8::53 \nnameserver x\n";
        let expected: Vec<SocketAddr> =
            vec!["192.0.2.53:53".parse().unwrap(), "[2001:db8::53]:53".parse().unwrap()];
        assert_eq!(parse_servers(text), expected);
        assert_eq!(read_servers(Path::new("/nonexistent")), ["127.0.0.1:53".parse().unwrap()]);
    }
}
