//! The folder that access logs wait in: `NAME.log.gz` with `NAME.json` beside it, which is written last.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use stdx::clock::{SharedClock, Timestamp};

use super::{Entry, Sink};
use crate::limits;

/// What control needs to upload a finished file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishedLog {
    pub load_balancer_arn: String,
    pub bucket: String,
    pub prefix: String,
    /// The end of the period that the entries are of: a part of the object's name.
    pub end: Timestamp,
    pub zone_address: Ipv4Addr,
}

const NAME_ENDING: &str = ".log.gz";
/// Being written; of a process that has died when nobody writes it.
const UNFINISHED_ENDING: &str = ".part";

/// Starts the thread that writes. What an earlier process left unfinished is finished first.
pub fn start(folder: &Path, clock: SharedClock) -> io::Result<Sink> {
    fs::create_dir_all(folder)?;
    let (sink, queue) = Sink::new();
    let mut spool = Spool { folder: folder.to_owned(), clock, files: HashMap::new(), count: 0 };
    spool.recover()?;
    std::thread::Builder::new().name("access-log".to_owned()).spawn(move || spool.run(&queue))?;
    Ok(sink)
}

struct Spool {
    folder: PathBuf,
    clock: SharedClock,
    files: HashMap<(String, Ipv4Addr), Open>,
    count: u64,
}

struct Open {
    path: PathBuf,
    writer: GzEncoder<BufWriter<File>>,
    bytes: u64,
    about: FinishedLog,
}

impl Spool {
    fn run(&mut self, queue: &Receiver<Entry>) {
        loop {
            match queue.recv_timeout(self.until_next_end()) {
                Ok(entry) => {
                    if let Err(failure) = self.write(entry) {
                        tracing::error!(%failure, "an access log can't be written");
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let now = self.clock.now();
            self.finish(|open| open.about.end <= now || open.bytes >= limits::ACCESS_LOG_FILE_BYTES_MAX);
        }
        self.finish(|_| true);
    }

    fn until_next_end(&self) -> Duration {
        let now = self.clock.now();
        let first = self.files.values().map(|open| open.about.end).min();
        first.map_or(Duration::from_secs(60), |end| end.since(now))
    }

    fn write(&mut self, entry: Entry) -> io::Result<()> {
        let key = (entry.load_balancer_arn, entry.zone_address);
        let open = match self.files.entry(key) {
            std::collections::hash_map::Entry::Occupied(occupied) => occupied.into_mut(),
            std::collections::hash_map::Entry::Vacant(vacant) => {
                self.count += 1;
                let now = self.clock.now();
                let (arn, zone_address) = vacant.key().clone();
                let about = FinishedLog {
                    load_balancer_arn: arn,
                    bucket: entry.destination.bucket,
                    prefix: entry.destination.prefix,
                    end: end_of_period(now),
                    zone_address,
                };
                let name = format!("{}-{}-{}", now.as_millis(), std::process::id(), self.count);
                vacant.insert(Open::create(&self.folder.join(name), about)?)
            }
        };
        open.bytes += entry.line.len() as u64 + 1;
        open.writer.write_all(entry.line.as_bytes())?;
        open.writer.write_all(b"\n")
    }

    fn finish(&mut self, is_due: impl Fn(&Open) -> bool) {
        let due: Vec<_> =
            self.files.iter().filter(|(_, open)| is_due(open)).map(|(key, _)| key.clone()).collect();
        for key in due {
            let Some(open) = self.files.remove(&key) else { continue };
            if let Err(failure) = open.finish() {
                tracing::error!(%failure, "an access log can't be finished");
            }
        }
    }

    /// A file that was cut off is readable as far as it goes.
    fn recover(&self) -> io::Result<()> {
        for found in fs::read_dir(&self.folder)? {
            let path = found?.path();
            let Some(name) = path.to_str().and_then(|name| name.strip_suffix(UNFINISHED_ENDING)) else {
                continue;
            };
            // The description beside it is complete: it was written at the start, under another name.
            let about = fs::read(format!("{name}.about"));
            match about.and_then(|bytes| Ok(serde_json::from_slice::<FinishedLog>(&bytes)?)) {
                Ok(about) => publish(Path::new(name), &about)?,
                Err(_) => fs::remove_file(&path)?,
            }
        }
        Ok(())
    }
}

impl Open {
    fn create(path: &Path, about: FinishedLog) -> io::Result<Open> {
        fs::write(with_ending(path, ".about"), serde_json::to_vec(&about)?)?;
        let file = File::create_new(with_ending(path, UNFINISHED_ENDING))?;
        let writer = GzEncoder::new(BufWriter::new(file), Compression::default());
        Ok(Open { path: path.to_owned(), writer, bytes: 0, about })
    }

    fn finish(self) -> io::Result<()> {
        self.writer.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        publish(&self.path, &self.about)
    }
}

/// The description comes last: who sees it finds the whole log.
fn publish(path: &Path, about: &FinishedLog) -> io::Result<()> {
    fs::rename(with_ending(path, UNFINISHED_ENDING), with_ending(path, NAME_ENDING))?;
    let hidden = with_ending(path, ".about");
    fs::write(&hidden, serde_json::to_vec(about)?)?;
    fs::rename(hidden, with_ending(path, ".json"))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn end_of_period(now: Timestamp) -> Timestamp {
    let period = now.as_secs().div_euclid(limits::ACCESS_LOG_PERIOD_SECS) + 1;
    Timestamp::from_secs(period * limits::ACCESS_LOG_PERIOD_SECS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_follow_the_clock() {
        for (now, end) in [(0, 300), (299, 300), (300, 600), (1_767_225_605, 1_767_225_900)] {
            assert_eq!(end_of_period(Timestamp::from_secs(now)), Timestamp::from_secs(end));
        }
    }
}
