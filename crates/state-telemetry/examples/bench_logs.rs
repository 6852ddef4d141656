//! Measures ingestion and search. `cargo run --release -p state-telemetry --example bench_logs [lines]
//! [dir]`.

use std::time::Duration;

use state_telemetry::logs::{Append, Batch, Config, Filter, GetEvents, LogStore, Selector, SourcePosition};
use state_telemetry::pattern::Pattern;
use stdx::clock::{Clock, SystemClock};

const STREAMS: u64 = 20;
const LINES_PER_BATCH: u64 = 1_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let lines: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(10_000_000);
    let parent = arguments.next().unwrap_or_else(|| "/tmp".into());
    let dir = std::path::Path::new(&parent).join(format!("bench-logs-{}", std::process::id()));
    let clock = SystemClock::shared();
    let store = LogStore::open(&dir, Config::default(), SystemClock::shared()).expect("the store opens");
    println!("idle: {} MiB resident", resident_mib());
    ingest(&store, lines, &*clock);
    let started = clock.monotonic();
    while journals(&dir) > 1 {
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("sealing afterwards: {:?}", clock.monotonic() - started);
    search(&store, lines, &*clock);
    println!("after searching: {} MiB resident", resident_mib());
    drop(store);
    let started = clock.monotonic();
    let store = LogStore::open(&dir, Config::default(), SystemClock::shared()).expect("the store opens");
    println!("reopening: {:?}, {} MiB resident", clock.monotonic() - started, resident_mib());
    drop(store);
    single_lines(&dir.join("small"), &*clock);
    std::fs::remove_dir_all(dir).expect("the folder goes");
}

/// 20 streams, each with its own spool; every line is about 100 bytes.
fn ingest(store: &LogStore, lines: u64, clock: &dyn Clock) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (started, cpu) = (clock.monotonic(), cpu_seconds());
    let per_stream = lines / STREAMS;
    let bytes = runtime.block_on(async {
        let mut bytes = 0;
        let mut written = 0;
        while written < per_stream {
            let appends: Vec<_> = (0..STREAMS).map(|stream| prepare(stream, written, clock)).collect();
            for append in &appends {
                bytes += append.batches.iter().map(|(_, batch)| batch.bytes()).sum::<usize>();
            }
            let mut waiting: Vec<_> =
                appends.into_iter().map(|append| Box::pin(store.append(append))).collect();
            // All at once: they share one flush.
            std::future::poll_fn(|context| {
                waiting.retain_mut(|append| match append.as_mut().poll(context) {
                    std::task::Poll::Ready(done) => {
                        done.expect("the append is stored");
                        false
                    }
                    std::task::Poll::Pending => true,
                });
                if waiting.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
            written += LINES_PER_BATCH;
        }
        bytes
    });
    let (wall, cpu) = ((clock.monotonic() - started).as_secs_f64(), cpu_seconds() - cpu);
    let megabytes = bytes as f64 / 1e6;
    println!(
        "ingest: {lines} lines, {megabytes:.0} MB in {wall:.2} s = {:.0} MB/s; {cpu:.2} s of cpu = {:.0} % of a core at \
         100 MB/s; {} MiB resident",
        megabytes / wall,
        cpu / megabytes * 10_000.0,
        resident_mib(),
    );
}

fn prepare(stream: u64, written: u64, clock: &dyn Clock) -> Append {
    let mut batch = Batch::with_capacity(LINES_PER_BATCH as usize, LINES_PER_BATCH as usize * 104);
    let now = clock.now().as_millis();
    let mut line = Vec::with_capacity(128);
    for index in written..written + LINES_PER_BATCH {
        line.clear();
        line.extend_from_slice(
            b"2026-01-01T00:00:00.000Z INFO request handled path=/api/v1/items status=200 id=",
        );
        push_number(&mut line, index * STREAMS + stream);
        let rare = if index % 200_000 == 77 { b" FATAL disk gone".as_slice() } else { b" took=12ms ok" };
        line.extend_from_slice(rare);
        assert!(batch.push(now, &line));
    }
    let position = SourcePosition { segment: 0, offset: written + LINES_PER_BATCH };
    let key = format!("000000000000/us-east-1/app:app/web/{stream}");
    Append { sources: vec![(key.clone(), position)], batches: vec![(key, batch)] }
}

fn push_number(line: &mut Vec<u8>, number: u64) {
    let mut digits = [b'0'; 9];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    line.extend_from_slice(&digits);
}

fn search(store: &LogStore, lines: u64, clock: &dyn Clock) {
    for (pattern, why) in [
        ("FATAL", "a rare term"),
        ("\"no such phrase\"", "no match"),
        ("INFO -request", "a common term, all excluded"),
        ("?FATAL ?nothing", "either term"),
        ("%FATAL.disk%", "a regular expression"),
        ("[..., last = gone]", "space-delimited"),
        ("{ $.level = \"error\" }", "json"),
        ("", "the first page of everything"),
    ] {
        let parsed = Pattern::parse(pattern).expect("a pattern");
        let (started, cpu) = (clock.monotonic(), cpu_seconds());
        let mut request = Filter {
            selector: Selector::Prefix("000000000000/us-east-1/app:".into()),
            start_ms: None,
            end_ms: None,
            pattern: parsed,
            from_head: true,
            limit: 10_000,
            cursor: None,
        };
        let (mut found, mut pages) = (0, 0);
        loop {
            let page = store.filter(&request).expect("a page");
            found += page.events.len();
            pages += 1;
            request.cursor = page.next;
            if page.next.is_none() || pattern.is_empty() {
                break;
            }
        }
        println!(
            "search {lines} lines, {why} {pattern}: {found} events, {pages} page(s) in {:.3} s, {:.3} s of cpu",
            (clock.monotonic() - started).as_secs_f64(),
            cpu_seconds() - cpu
        );
    }
    let started = clock.monotonic();
    let latest = GetEvents {
        stream: "000000000000/us-east-1/app:app/web/3".into(),
        start_ms: None,
        end_ms: None,
        from_head: false,
        limit: 100,
        cursor: None,
    };
    let page = store.get_events(&latest).expect("a page");
    println!("the latest {} events of a stream: {:?}", page.events.len(), clock.monotonic() - started);
}

/// Appends of one line each, one after the other: the latency of a durable line.
fn single_lines(dir: &std::path::Path, clock: &dyn Clock) {
    const COUNT: u32 = 5_000;
    let store = LogStore::open(dir, Config::default(), SystemClock::shared()).expect("the store opens");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let started = clock.monotonic();
    for _ in 0..COUNT {
        let mut batch = Batch::new();
        assert!(batch.push(clock.now().as_millis(), b"one line of a quiet task"));
        let append = Append { sources: Vec::new(), batches: vec![("quiet".into(), batch)] };
        runtime.block_on(store.append(append)).expect("the append is stored");
    }
    println!("one durable line: {:?}", (clock.monotonic() - started) / COUNT);
}

fn journals(dir: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(dir).expect("the folder is there").flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("journal-")).count()
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: f64 = after_name.split(' ').skip(11).take(2).filter_map(|text| text.parse::<f64>().ok()).sum();
    ticks / TICKS_PER_SECOND
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
}
