use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use state_telemetry::metrics::{Config, Durability, MetricStore, OpenError, PointQuery, PutError, Stat};
use stdx::clock::{FakeClock, Timestamp};

use crate::metrics_kit::{self, Kit, NOW, files, minute};

const DIR: &str = "METRIC_STORE_CRASH_DIR";

fn config() -> Config {
    Config { journal_bytes_max: 3_000, ..Config::default() }
}

fn truncate(path: &Path, by: u64) {
    let file = std::fs::File::options().write(true).open(path).expect("a file");
    let length = file.metadata().expect("its length").len();
    file.set_len(length.saturating_sub(by)).expect("cut");
}

/// Not a test by itself: the process that gets killed. It prints every put that was acknowledged.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the test that kills it"]
async fn metrics_child() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let clock = FakeClock::at(Timestamp::from_secs(NOW));
    let store = metrics_kit::open(Path::new(&dir), &config(), &clock);
    let write = async |name: &str| {
        loop {
            store
                .put(vec![minute(name, 0, 1.0), minute("shared", -600, 1.0)], Durability::Synced)
                .await
                .expect("stored");
            let mut output = std::io::stdout().lock();
            writeln!(output, "acknowledged {name}").and_then(|()| output.flush()).expect("the parent reads");
        }
    };
    tokio::join!(write("a"), write("b"), write("c"));
}

#[test]
fn a_killed_process_loses_nothing_it_acknowledged_and_repeats_nothing() {
    let kit = Kit::with(config());
    let dir = kit.dir.path().to_owned();
    let mut kit = Some(kit);
    let mut acknowledged = std::collections::BTreeMap::from([("a", 0_u32), ("b", 0), ("c", 0)]);
    for round in 1..=6_usize {
        let closed = kit.take().map(|kit| (kit.clock, kit.dir));
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "metrics_crash::metrics_child", "--ignored", "--nocapture"])
            .env(DIR, &dir)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let mut seen = 0;
        for line in output.lines().map_while(Result::ok) {
            let Some((_, name)) = line.split_once("acknowledged ") else { continue };
            *acknowledged.get_mut(name).expect("a name") += 1;
            seen += 1;
            if seen == 60 * round {
                child.kill().expect("killed");
            }
        }
        child.wait().expect("ended");
        let (_, folder) = closed.expect("the folder");
        kit = Some(Kit::open(folder, config()));
        let kit = kit.as_ref().expect("open");
        let mut total = 0.0;
        for (name, count) in &mut acknowledged {
            let stored = kit.points(name, "Sum", 0, 60, 60).first().map_or(0.0, |(_, value)| *value);
            // One that was not acknowledged yet may be there, once.
            assert!(
                stored == f64::from(*count) || stored == f64::from(*count + 1),
                "{name}: {stored} of {count}"
            );
            *count = stored as u32;
            total += stored;
        }
        assert_eq!(kit.points("shared", "Sum", -600, 0, 600), vec![(-600, total)]);
    }
}

#[tokio::test]
async fn a_torn_end_is_cut_off() {
    for cut in [1, 7, 19, 20, 21, 30, 60] {
        let kit = Kit::new();
        kit.put(vec![minute("a", 0, 1.0)]).await;
        kit.put(vec![minute("a", 0, 2.0), minute("b", 0, 2.0)]).await;
        let kit = kit.reopen_after(|dir| truncate(&files(dir, "journal-")[0], cut));
        assert_eq!(kit.points("a", "Sum", 0, 60, 60), vec![(0, 1.0)], "{cut}");
        assert_eq!(kit.points("b", "Sum", 0, 60, 60), vec![]);
        kit.put(vec![minute("b", 0, 4.0)]).await;
        let kit = kit.reopen();
        assert_eq!(kit.points("a", "Sum", 0, 60, 60), vec![(0, 1.0)]);
        assert_eq!(kit.points("b", "Sum", 0, 60, 60), vec![(0, 4.0)]);
    }
}

#[tokio::test]
async fn garbage_behind_the_last_block_is_cut_off() {
    let kit = Kit::new();
    kit.put(vec![minute("a", 0, 1.0)]).await;
    let kit = kit.reopen_after(|dir| {
        let mut file =
            std::fs::File::options().append(true).open(&files(dir, "journal-")[0]).expect("a journal");
        file.write_all(&[0xa5; 100]).expect("written");
    });
    assert_eq!(kit.points("a", "Sum", 0, 60, 60), vec![(0, 1.0)]);
}

#[tokio::test]
async fn what_a_crash_leaves_half_done_is_done_again() {
    let kit = Kit::new();
    kit.put(vec![minute("a", 0, 1.0)]).await;
    let journal = files(kit.dir.path(), "journal-").remove(0);
    let before = std::fs::read(&journal).expect("a journal");
    kit.seal().await;
    // The journal is still there though it is sealed, and a segment that was not finished.
    let kit = kit.reopen_after(|dir| {
        std::fs::write(&journal, before).expect("written");
        std::fs::write(dir.join("segment-00000000000000ff"), b"half").expect("written");
        std::fs::write(dir.join("series-00000000000000fe"), b"half").expect("written");
        std::fs::write(dir.join("manifest.new"), b"half").expect("written");
    });
    assert_eq!(kit.points("a", "Sum", 0, 60, 60), vec![(0, 1.0)]);
    assert_eq!((kit.files("segment-"), kit.files("series-"), kit.files("journal-")), (1, 1, 1));
}

#[tokio::test]
async fn damage_that_no_crash_makes_stops_the_start() {
    let damage = |pattern: &'static str| async move {
        let kit = Kit::new();
        kit.put(vec![minute("a", 0, 1.0)]).await;
        kit.seal().await;
        let Kit { store, dir, clock, .. } = kit;
        drop(store);
        truncate(&files(dir.path(), pattern)[0], 3);
        let refused = MetricStore::open(dir.path(), Config::default(), clock);
        assert!(
            matches!(refused, Err(OpenError { path, .. }) if path.to_string_lossy().contains(pattern)),
            "{pattern}"
        );
    };
    damage("segment-").await;
    damage("series-").await;
    damage("manifest").await;
}

#[tokio::test]
async fn a_folder_has_one_store() {
    let kit = Kit::new();
    assert!(MetricStore::open(kit.dir.path(), Config::default(), kit.clock.clone()).is_err());
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let mount = tempfile::tempdir().expect("a folder");
    let path = mount.path().to_str().expect("a plain path").to_owned();
    let run = |command: &str, arguments: &[&str]| {
        Command::new(command).args(arguments).status().is_ok_and(|status| status.success())
    };
    if !run("mount", &["-t", "tmpfs", "-o", "size=256k", "tmpfs", &path]) {
        println!("skipped: mounting a small disk needs root");
        return;
    }
    let outcome = {
        let clock = FakeClock::at(Timestamp::from_secs(NOW));
        let store = metrics_kit::open(mount.path(), &Config::default(), &clock);
        let many = |count: u32| (0..count).map(|_| minute("a", 0, 1.0)).collect::<Vec<_>>();
        let mut stored = 0;
        let refusal = loop {
            match store.put(many(1000), Durability::Synced).await {
                Ok(()) if stored < 1_000_000 => stored += 1000,
                done => break done,
            }
        };
        // A small one still fits, after the refused one was taken back.
        let small = store.put(many(1), Durability::Synced).await;
        // There is no room to seal: that is an error, and nothing is lost by it.
        let filler = std::fs::write(mount.path().join("filler"), vec![0; 256 << 10]);
        let rolled = store.roll().await;
        let sealed = store.upkeep();
        drop(store);
        std::fs::remove_file(mount.path().join("filler")).expect("deleted");
        let store = metrics_kit::open(mount.path(), &Config::default(), &clock);
        let query = PointQuery {
            id: metrics_kit::id("a"),
            from: Timestamp::from_secs(NOW),
            until: Timestamp::from_secs(NOW + 60),
            period_secs: 60,
            stat: Stat::Sum,
            unit: None,
        };
        let sum = store.points(&query).map(|points| points.iter().map(|point| point.value).sum::<f64>());
        (refusal, small, filler, rolled, sealed, sum, stored + 1)
    };
    assert!(run("umount", &[&path]));
    let (refusal, small, filler, rolled, sealed, sum, stored) = outcome;
    let is_full = matches!(&refusal, Err(PutError::Write(failure)) if failure.kind() == std::io::ErrorKind::StorageFull);
    assert!(is_full, "{refusal:?}");
    assert!(small.is_ok() && filler.is_err());
    assert!(rolled.is_err() || sealed.is_err());
    assert_eq!(sum.expect("points"), f64::from(stored));
}
