use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use state_telemetry::logs::Config;

use crate::kit::{self, Kit, NOW, append};

const DIR: &str = "LOG_STORE_CRASH_DIR";
const CONFIG: Config = Config {
    journal_bytes_max: 20_000,
    journal_blocks_max: 1_000,
    page_scan_bytes_max: u64::MAX,
    scan_threads: 1,
};

/// Not a test by itself: the process that gets killed. It prints every position that was acknowledged.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the test that kills it"]
async fn child() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let clock = stdx::clock::FakeClock::at(stdx::clock::Timestamp(NOW));
    let store = kit::open(Path::new(&dir), CONFIG, &clock);
    let position = |source: &str| store.last_position(source).map_or(0, |position| position.offset);
    let write = async |stream: &str| {
        let mut index = position(stream);
        loop {
            index += 1;
            let message = format!("{index} {}", "c".repeat(usize::try_from(index % 300).unwrap_or(0)));
            let events = [(NOW, message.as_str())];
            append(&store, Some((stream, index)), &[(stream, &events), ("shared", &events)])
                .await
                .expect("stored");
            let mut output = std::io::stdout().lock();
            writeln!(output, "acknowledged {stream} {index}")
                .and_then(|()| output.flush())
                .expect("the parent reads");
        }
    };
    tokio::join!(write("a"), write("b"), write("c"));
}

#[test]
fn a_killed_process_loses_nothing_it_acknowledged() {
    let dir = tempfile::tempdir().expect("a folder");
    let clock = stdx::clock::FakeClock::at(stdx::clock::Timestamp(NOW));
    for round in 1..=6_usize {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "crash::child", "--ignored", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let mut acknowledged = std::collections::HashMap::new();
        let mut seen = 0;
        for line in output.lines().map_while(Result::ok) {
            let mut words = line.split(' ');
            if let (Some("acknowledged"), Some(stream), Some(Ok(index))) =
                (words.next(), words.next(), words.next().map(str::parse::<u64>))
            {
                acknowledged.insert(stream.to_owned(), index);
                seen += 1;
                if seen == 150 * round {
                    child.kill().expect("the child is killed");
                }
            }
        }
        child.wait().expect("the child is gone");
        let store = kit::open(dir.path(), CONFIG, &clock);
        let mut shared = 0;
        for (stream, last) in acknowledged {
            let position = store.last_position(&stream).map_or(0, |position| position.offset);
            assert!(position >= last, "{stream}: {position} < {last}");
            // Every line once, up to the position: no gap, no double.
            assert_eq!(store.stats(&stream).map(|stats| stats.event_count), Some(position));
            let found = numbers(&store, &stream);
            assert_eq!(found, (1..=position).collect::<Vec<_>>());
            shared += position;
        }
        assert_eq!(store.stats("shared").map(|stats| stats.event_count), Some(shared));
    }
}

fn numbers(store: &state_telemetry::logs::LogStore, stream: &str) -> Vec<u64> {
    let mut request = state_telemetry::logs::GetEvents {
        stream: stream.to_owned(),
        start_ms: None,
        end_ms: None,
        from_head: true,
        limit: 100,
        cursor: None,
    };
    let mut numbers = Vec::new();
    loop {
        let page = store.get_events(&request).expect("a page");
        if page.events.is_empty() {
            return numbers;
        }
        let number = |event| kit::text(event).split(' ').next().and_then(|number| number.parse::<u64>().ok());
        numbers.extend(page.events.iter().filter_map(number));
        request.cursor = Some(state_telemetry::logs::PageCursor::Forward(page.forward));
    }
}

#[tokio::test]
async fn a_torn_end_is_cut_off() {
    let kit = Kit::new();
    for index in 1..=20 {
        append(&kit.store, Some(("spool", index)), &[("a", &[(NOW, "first")]), ("b", &[(NOW, "second")])])
            .await
            .expect("stored");
    }
    let journal = std::fs::read_dir(kit.dir.path())
        .expect("the folder is there")
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with("journal-"))
        .expect("a journal")
        .path();
    let Kit { clock, store, dir, .. } = kit;
    drop(store);
    let whole = std::fs::read(&journal).expect("the journal is read");
    for cut in (0..whole.len()).step_by(37).chain([whole.len() - 1, whole.len()]) {
        for is_damaged in [false, true] {
            let mut bytes = whole[..cut].to_vec();
            if is_damaged {
                // What a disk may hold behind the last flush.
                bytes.extend([0xa5; 300]);
            }
            std::fs::write(&journal, bytes).expect("the journal is written");
            let store = kit::open(dir.path(), Config::default(), &clock);
            let position = store.last_position("spool").map_or(0, |position| position.offset);
            let count = |stream| store.stats(stream).map_or(0, |stats| stats.event_count);
            // An append counts whole or not at all.
            assert_eq!((count("a"), count("b")), (position, position), "cut at {cut}");
            assert!(cut < whole.len() || position == 20);
            append(&store, Some(("spool", 100)), &[("a", &[(NOW, "later")])]).await.expect("stored");
            drop(store);
            let store = kit::open(dir.path(), Config::default(), &clock);
            assert_eq!(store.stats("a").map_or(0, |stats| stats.event_count), position + 1);
        }
    }
}
