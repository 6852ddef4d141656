//! Requests at a fixed rate, each answer looked at: what somebody who uses the service sees of an update.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

const CLIENTS: u32 = 4;
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub struct Report {
    pub requests: usize,
    pub failures: Vec<String>,
    /// Answers by the version that their page tells.
    pub versions: BTreeMap<String, usize>,
    took_ms: Vec<f64>,
    /// From the start of the load to its end.
    pub lasted: Duration,
}

impl Report {
    pub fn percentile_ms(&self, share: f64) -> f64 {
        let mut ordered = self.took_ms.clone();
        ordered.sort_by(f64::total_cmp);
        let place = (ordered.len() as f64 * share) as usize;
        ordered.get(place.min(ordered.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}

/// Clients with kept connections that ask until they are told to end.
pub struct Load {
    ending: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Report>>,
}

impl Load {
    pub fn start(host: &str, path: &'static str, rate: u32) -> Self {
        let ending = Arc::new(AtomicBool::new(false));
        let pause = Duration::from_secs(1) * CLIENTS / rate;
        let client = |_| {
            let (host, ending) = (host.to_owned(), Arc::clone(&ending));
            thread::spawn(move || ask_until(&host, path, pause, &ending))
        };
        Self { clients: (0..CLIENTS).map(client).collect(), ending }
    }

    pub fn end(self) -> Report {
        self.ending.store(true, Ordering::Relaxed);
        let mut all = Report::default();
        for client in self.clients {
            let Ok(report) = client.join() else { continue };
            all.requests += report.requests;
            all.lasted = all.lasted.max(report.lasted);
            all.failures.extend(report.failures);
            all.took_ms.extend(report.took_ms);
            for (version, count) in report.versions {
                *all.versions.entry(version).or_default() += count;
            }
        }
        all
    }
}

#[expect(clippy::disallowed_methods, reason = "the demo measures real time")]
fn ask_until(host: &str, path: &str, pause: Duration, ending: &AtomicBool) -> Report {
    let (mut report, began) = (Report::default(), Instant::now());
    let mut kept = None;
    while !ending.load(Ordering::Relaxed) {
        let started = Instant::now();
        report.requests += 1;
        match ask(host, path, &mut kept) {
            Ok(page) => {
                let version = page.split_whitespace().nth(3).unwrap_or("?").to_owned();
                *report.versions.entry(version).or_default() += 1;
                report.took_ms.push(started.elapsed().as_secs_f64() * 1e3);
            }
            Err(error) => {
                kept = None;
                report.failures.push(format!("{error:#}"));
            }
        }
        thread::sleep(pause.saturating_sub(started.elapsed()));
    }
    report.lasted = began.elapsed();
    report
}

/// One request on the kept connection, or on a new one when there is none.
fn ask(host: &str, path: &str, kept: &mut Option<BufReader<TcpStream>>) -> Result<String> {
    let mut stream = match kept.take() {
        Some(stream) => stream,
        None => BufReader::new(connect(host)?),
    };
    write!(stream.get_mut(), "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").context("sending")?;
    let mut line = String::new();
    ensure!(stream.read_line(&mut line).context("reading the status")? > 0, "the connection was closed");
    ensure!(line.starts_with("HTTP/1.1 200"), "the answer was {}", line.trim());
    let (mut length, mut closes) = (None, false);
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).context("reading the headers")?;
        let header = header.trim().to_ascii_lowercase();
        match header.split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse::<usize>().ok(),
            Some(("connection", value)) => closes = value.trim() == "close",
            Some(_) => {}
            None if header.is_empty() => break,
            None => bail!("a header without a colon: {header}"),
        }
    }
    let mut body = vec![0; length.context("an answer without a length")?];
    stream.read_exact(&mut body).context("reading the page")?;
    if !closes {
        *kept = Some(stream);
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn connect(host: &str) -> Result<TcpStream> {
    let address = (host, 80).to_socket_addrs().context("looking up the load balancer")?.next();
    let stream = TcpStream::connect_timeout(&address.context("the load balancer has no address")?, PATIENCE)
        .context("connecting")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
