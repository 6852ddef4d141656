//! Measures the store of metrics: one line of JSON per figure.
//!
//! `bench_metrics run [DIR]` puts two sets of ten million points of a day, in durable puts of 1,000, and reads them: 6,944 series of a
//! value per minute, and 115 series of a value per second. `bench_metrics text FILE` and `bench_metrics remote-write FILE` write
//! the first set for other stores, as bodies of 1,000 points behind their length: in Prometheus' text format, and as its
//! remote-write messages.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use state_telemetry::metrics::{
    Config, Durability, MetricId, MetricStore, PointQuery, Resolution, Sample, Selector, Stat, Unit, Values,
};
use stdx::clock::{Clock, FakeClock, SystemClock, Timestamp};

const POINTS: u64 = 10_000_000;
const DAY: i64 = 86_400;
/// The day before the first of July 2026.
const DAY_BEGIN: i64 = 1_782_777_600;
const PUT_POINTS: usize = 1_000;
/// Puts that wait for the disk at the same time.
const PUTS_AT_ONCE: usize = 8;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["run"] => run(Path::new("/tmp")),
        ["run", dir] => run(Path::new(dir)),
        ["text", file] => dump(Path::new(file), text_body),
        ["remote-write", file] => dump(Path::new(file), remote_write_body),
        _ => eprintln!("bench_metrics [run [DIR] | text FILE | remote-write FILE]"),
    }
}

/// A day of values that move as measurements do: in steps of hundredths, tens, or whole counts.
struct Measured {
    step: i64,
    series: Vec<(MetricId, f64)>,
    seed: u64,
}

impl Measured {
    fn new(step: i64) -> Self {
        let count = POINTS / (DAY / step).unsigned_abs();
        let names = ["CPUUtilization", "MemoryUtilization", "RequestCount", "NetworkRxBytes"];
        let id = |number: u64| {
            let service = format!("service-{}", number / 4);
            let dimensions = [("ClusterName", "production".to_owned()), ("ServiceName", service)];
            MetricId::new("000000000000/us-east-1", "AWS/ECS", names[(number % 4) as usize], dimensions)
        };
        Self { step, series: (0..count).map(|number| (id(number), 50.0)).collect(), seed: 1 }
    }

    fn len(&self) -> u64 {
        self.series.len() as u64 * (DAY / self.step).unsigned_abs()
    }

    fn random(&mut self) -> i64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 33).cast_signed()
    }

    fn next(&mut self, series: usize) -> f64 {
        let random = self.random();
        let value = &mut self.series[series].1;
        *value = match series % 4 {
            0 => (*value * 100.0 + (random % 201 - 100) as f64).round().clamp(0.0, 10_000.0) / 100.0,
            1 if random % 4 == 0 => {
                (*value * 10.0 + (random % 7 - 3) as f64).round().clamp(0.0, 1_000.0) / 10.0
            }
            1 => *value,
            2 => (random % 500) as f64,
            _ => (*value + (random % 100_000) as f64).round(),
        };
        *value
    }

    /// Everything in the order of time, in parts of [`PUT_POINTS`].
    fn each_put(&mut self, mut tell: impl FnMut(Vec<(usize, i64, f64)>)) {
        let mut put = Vec::with_capacity(PUT_POINTS);
        for at in (DAY_BEGIN..DAY_BEGIN + DAY).step_by(self.step.unsigned_abs() as usize) {
            for series in 0..self.series.len() {
                let value = self.next(series);
                put.push((series, at, value));
                if put.len() == PUT_POINTS {
                    tell(std::mem::replace(&mut put, Vec::with_capacity(PUT_POINTS)));
                }
            }
        }
        tell(put);
    }
}

fn say(name: &str, value: f64, unit: &str) {
    println!("{}", serde_json::json!({ "name": name, "value": value, "unit": unit }));
}

fn run(parent: &Path) {
    for (set, step, resolution) in [("minutes", 60, Resolution::Minute), ("seconds", 1, Resolution::Second)] {
        let dir = parent.join(format!("bench-metrics-{}-{set}", std::process::id()));
        measure(&dir, set, step, resolution);
        std::fs::remove_dir_all(dir).expect("the folder goes");
    }
    many_series(&parent.join(format!("bench-metrics-{}-list", std::process::id())));
}

fn measure(dir: &Path, set: &str, step: i64, resolution: Resolution) {
    let watch = SystemClock::new();
    // The day passes while it is put, so that it takes the way that real data takes.
    let clock = FakeClock::at(Timestamp::from_secs(DAY_BEGIN));
    let store = MetricStore::open(dir, Config::default(), Arc::clone(&clock) as _).expect("the store opens");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut values = Measured::new(step);
    let ids: Vec<MetricId> = values.series.iter().map(|(id, _)| id.clone()).collect();
    let points = values.len();
    let (started, cpu) = (watch.monotonic(), cpu_seconds());
    let mut waiting = std::collections::VecDeque::new();
    let mut now = DAY_BEGIN;
    values.each_put(|put| {
        if let Some((_, at, _)) = put.last() {
            clock.advance(Duration::from_secs((at - now).unsigned_abs()));
            now = *at;
        }
        let sample = |(series, at, value): (usize, i64, f64)| Sample {
            id: ids[series].clone(),
            at: Timestamp::from_secs(at),
            unit: Unit::None,
            resolution,
            values: Values::One(value),
        };
        let mut put = Box::pin(store.put(put.into_iter().map(sample).collect(), Durability::Synced));
        runtime.block_on(async {
            // Polled once, it is on its way.
            let is_done = std::future::poll_fn(|context| {
                std::task::Poll::Ready(match put.as_mut().poll(context) {
                    std::task::Poll::Ready(done) => {
                        done.expect("the put is stored");
                        true
                    }
                    std::task::Poll::Pending => false,
                })
            });
            if is_done.await {
                return;
            }
            waiting.push_back(put);
            if waiting.len() == PUTS_AT_ONCE
                && let Some(oldest) = waiting.pop_front()
            {
                oldest.await.expect("the put is stored");
            }
        });
    });
    runtime.block_on(async {
        for put in waiting {
            put.await.expect("the put is stored");
        }
    });
    let wall = (watch.monotonic() - started).as_secs_f64();
    say(&format!("{set}: durable ingest in puts of 1,000"), points as f64 / wall, "points/s");
    say(&format!("{set}: processor time of it"), (cpu_seconds() - cpu) / points as f64 * 1e6, "us/point");
    runtime.block_on(store.roll()).expect("rolled");
    sealed(dir, set, &store, &clock, points, &ids);
    let started = watch.monotonic();
    drop(store);
    let store = MetricStore::open(dir, Config::default(), clock as _).expect("the store opens");
    say(&format!("{set}: closing and opening"), (watch.monotonic() - started).as_secs_f64() * 1e3, "ms");
    drop(store);
}

/// What the day weighs and costs to read once all of it is in segments.
fn sealed(dir: &Path, set: &str, store: &MetricStore, clock: &FakeClock, points: u64, ids: &[MetricId]) {
    let watch = SystemClock::new();
    let started = watch.monotonic();
    // The windows of the day close, and its seconds become minutes.
    clock.advance(Duration::from_secs(DAY.unsigned_abs()));
    store.upkeep().expect("kept up");
    store.upkeep().expect("kept up");
    say(&format!("{set}: sealing the rest"), (watch.monotonic() - started).as_secs_f64(), "s");
    say(&format!("{set}: on disk, all sealed"), size(dir) as f64 / points as f64, "bytes/point");
    say(&format!("{set}: resident"), resident_mib(), "MiB");
    for (period, name) in [(60, "one-minute"), (300, "five-minute")] {
        read(store, &ids[..1], period, &watch, &format!("{set}: {name} averages of one series"));
        read(store, ids, period, &watch, &format!("{set}: {name} averages of all {} series", ids.len()));
        if ids.len() > 70 {
            read(store, &ids[..70], period, &watch, &format!("{set}: {name} averages of 70 series"));
        }
    }
}

/// Best of three.
fn read(store: &MetricStore, ids: &[MetricId], period_secs: u32, watch: &SystemClock, name: &str) {
    let took = (0..3).map(|_| {
        let started = watch.monotonic();
        let found: usize = ids
            .iter()
            .map(|id| {
                let query = PointQuery {
                    id: id.clone(),
                    from: Timestamp::from_secs(DAY_BEGIN),
                    until: Timestamp::from_secs(DAY_BEGIN + DAY),
                    period_secs,
                    stat: Stat::Average,
                    unit: None,
                };
                store.points(&query).expect("points").len()
            })
            .sum();
        assert_eq!(found, ids.len() * DAY as usize / period_secs as usize);
        (watch.monotonic() - started).as_secs_f64()
    });
    say(name, took.fold(f64::INFINITY, f64::min) * 1e3, "ms");
}

fn many_series(dir: &Path) {
    const SERIES: u64 = 100_000;
    let watch = SystemClock::new();
    let store = MetricStore::open(dir, Config::default(), SystemClock::shared()).expect("the store opens");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let now = watch.now();
    let sample = |number: u64| Sample {
        id: MetricId::new(
            "p",
            format!("App/{}", number % 50),
            format!("metric{}", number % 1000),
            [("Id", number.to_string())],
        ),
        at: now,
        unit: Unit::None,
        resolution: Resolution::Minute,
        values: Values::One(number as f64),
    };
    let numbers: Vec<u64> = (0..SERIES).collect();
    let started = watch.monotonic();
    for numbers in numbers.chunks(PUT_POINTS) {
        let samples = numbers.iter().map(|number| sample(*number)).collect();
        runtime.block_on(store.put(samples, Durability::Synced)).expect("the put is stored");
    }
    say("100,000 new series", SERIES as f64 / (watch.monotonic() - started).as_secs_f64(), "series/s");
    for (what, namespace, name) in [
        ("all", None, None),
        ("a namespace of 2,000", Some("App/7".to_owned()), None),
        ("a name of 100", Some("App/7".to_owned()), Some("metric57".to_owned())),
    ] {
        let selector =
            Selector { partition: "p".into(), namespace, name, since: Some(now), ..Selector::default() };
        let started = watch.monotonic();
        let found = store.list(&selector).len();
        let took = (watch.monotonic() - started).as_secs_f64() * 1e3;
        say(&format!("list of 100,000 series: {what} ({found})"), took, "ms");
    }
    drop(store);
    std::fs::remove_dir_all(dir).expect("the folder goes");
}

/// A put's points, each of a series by its place, as the body of a request.
type Body = fn(&[MetricId], &[(usize, i64, f64)]) -> Vec<u8>;

/// Bodies of one put each, behind their length.
fn dump(file: &Path, body: Body) {
    let mut out = BufWriter::new(std::fs::File::create(file).expect("a file"));
    let mut values = Measured::new(60);
    let ids: Vec<MetricId> = values.series.iter().map(|(id, _)| id.clone()).collect();
    values.each_put(|put| {
        if !put.is_empty() {
            let body = body(&ids, &put);
            let length = u32::try_from(body.len()).expect("a short body").to_le_bytes();
            out.write_all(&length).and_then(|()| out.write_all(&body)).expect("written");
        }
    });
    out.flush().expect("written");
}

fn labels(id: &MetricId) -> Vec<(&str, &str)> {
    // Sorted, as remote write wants them.
    let dimensions = id.dimensions.iter().map(|(name, value)| (&**name, &**value));
    dimensions.chain([("__name__", &*id.name)]).collect()
}

fn text_body(ids: &[MetricId], put: &[(usize, i64, f64)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (series, at, value) in put {
        let id = &ids[*series];
        let dimensions: Vec<_> =
            id.dimensions.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let line = format!("{}{{{}}} {value} {at}000\n", id.name, dimensions.join(","));
        out.extend_from_slice(line.as_bytes());
    }
    out
}

/// A WriteRequest, in Snappy's format without compression.
fn remote_write_body(ids: &[MetricId], put: &[(usize, i64, f64)]) -> Vec<u8> {
    let mut message = Vec::new();
    for (series, at, value) in put {
        let mut one = Vec::new();
        for (name, value) in labels(&ids[*series]) {
            let mut label = Vec::new();
            put_bytes(&mut label, 1, name.as_bytes());
            put_bytes(&mut label, 2, value.as_bytes());
            put_bytes(&mut one, 1, &label);
        }
        let mut sample = vec![1 << 3 | 1];
        sample.extend_from_slice(&value.to_le_bytes());
        sample.push(2 << 3);
        put_varint(&mut sample, (at * 1000).unsigned_abs());
        put_bytes(&mut one, 2, &sample);
        put_bytes(&mut message, 1, &one);
    }
    let mut out = Vec::new();
    put_varint(&mut out, message.len() as u64);
    for part in message.chunks(65_536) {
        // A literal with two bytes of length.
        out.push(61 << 2);
        out.extend_from_slice(&u16::try_from(part.len() - 1).expect("a short part").to_le_bytes());
        out.extend_from_slice(part);
    }
    out
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn size(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).expect("the folder is there").flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: f64 = after_name.split(' ').skip(11).take(2).filter_map(|text| text.parse::<f64>().ok()).sum();
    ticks / TICKS_PER_SECOND
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1024.0
}
