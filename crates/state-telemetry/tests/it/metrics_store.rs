use state_telemetry::metrics::{
    Config, Durability, MetricId, PointQuery, PutError, ReadError, Resolution, Sample, Selector, Stat,
    StatisticSet, Unit, Values,
};
use stdx::clock::Timestamp;

use crate::metrics_kit::{Kit, NOW, everything, files, id, minute, sample, second};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

#[tokio::test]
async fn points_come_back_after_reopening_and_sealing() {
    let mut kit = Kit::new();
    let expect = vec![(-120, 3.0), (-60, 4.0), (0, 5.0)];
    kit.put(vec![minute("a", -120, 1.0), minute("a", -61, 2.0), minute("b", 0, 9.0)]).await;
    kit.put(vec![minute("a", -60, 4.0), minute("a", 59, 5.0)]).await;
    for round in 0..5 {
        assert_eq!(kit.points("a", "Sum", -600, 600, 60), expect, "{round}");
        assert_eq!(kit.points("a", "SampleCount", -600, 600, 600), vec![(-600, 3.0), (0, 1.0)]);
        assert_eq!(kit.points("a", "p50", -600, 600, 1200), vec![(-600, 2.0)]);
        assert_eq!(kit.points("a", "Minimum", -600, 600, 1200), vec![(-600, 1.0)]);
        assert_eq!(kit.points("c", "Sum", -600, 600, 60), vec![]);
        if round == 1 {
            kit.seal().await;
            assert_eq!((kit.files("journal-"), kit.files("series-")), (1, 1));
        }
        kit = kit.reopen();
    }
    assert_eq!(kit.names(&everything()), ["a", "b"]);
}

#[tokio::test]
async fn duplicates_add_up_and_order_does_not_matter() {
    let kit = Kit::new();
    for _ in 0..2 {
        kit.put(vec![
            minute("a", 7000, 1.0),
            minute("a", -DAY, 2.0),
            minute("a", 0, 3.0),
            minute("a", -DAY, 2.0),
        ])
        .await;
        kit.seal().await;
    }
    assert_eq!(kit.points("a", "Sum", -DAY, 7200, 60), vec![(-DAY, 8.0), (0, 6.0), (6960, 2.0)]);
}

#[tokio::test]
async fn periods_begin_anywhere() {
    let kit = Kit::new();
    kit.put((0..120).map(|at| second("a", at - 600, 1.0)).collect()).await;
    assert_eq!(kit.points("a", "Sum", -613, -400, 60), vec![(-613, 47.0), (-553, 60.0), (-493, 13.0)]);
    assert_eq!(kit.points("a", "Sum", -600, -400, 1).len(), 120);
    assert_eq!(kit.points("a", "Sum", -590, -585, 10), vec![(-590, 5.0)]);
    assert_eq!(kit.points("a", "Sum", 100, -100, 10), vec![]);
}

#[tokio::test]
async fn data_becomes_coarser_with_its_age_and_ends() {
    let mut kit = Kit::new();
    kit.put((0..3600).map(|at| second("a", at - HOUR, 1.0)).collect()).await;
    kit.put((0..60).map(|at| minute("a", 60 * at - HOUR, 1.0)).collect()).await;
    let widths = [(0, 1), (4 * HOUR, 60), (17 * DAY, 300), (71 * DAY, 3600)];
    for (age, width) in widths {
        kit = kit.reopen();
        kit.advance(age - (kit.clock_secs() - NOW));
        kit.seal().await;
        let points = kit.points("a", "Sum", -HOUR, 0, 1);
        assert_eq!(points.len(), usize::try_from(3600 / width).expect("a length"), "{width}");
        assert!(points.windows(2).all(|pair| pair[1].0 - pair[0].0 == width));
        assert_eq!(points.iter().map(|(_, value)| value).sum::<f64>(), 3660.0);
        assert_eq!(kit.points("a", "SampleCount", -HOUR, 0, 3600), vec![(-HOUR, 3660.0)]);
        assert_eq!(kit.points("a", "p90", -HOUR, 0, 3600), vec![(-HOUR, 1.0)]);
    }
    assert_eq!(kit.names(&everything()), ["a"]);
    kit.advance(455 * DAY);
    kit.put(vec![minute("b", kit.clock_secs() - NOW, 1.0)]).await;
    kit.seal().await;
    assert_eq!(kit.points("a", "Sum", -HOUR, 0, 3600), vec![]);
    assert_eq!((kit.names(&everything()), kit.files("segment-")), (vec!["b".to_owned()], 1));
    let kit = kit.reopen();
    assert_eq!(kit.names(&everything()), ["b"]);
}

#[tokio::test]
async fn rolled_percentiles_stay_within_their_error() {
    let kit = Kit::new();
    kit.put((0..1800).map(|at| second("a", at - HOUR, (at + 1) as f64)).collect()).await;
    for _ in 0..2 {
        let (at, value) = kit.points("a", "p99", -HOUR, 0, 3600)[0];
        assert!(at == -HOUR && (value - 1782.0).abs() < 17.9, "{value}");
        kit.advance(80 * DAY);
        kit.seal().await;
    }
}

#[tokio::test]
async fn units_are_apart_and_sets_hide_percentiles() {
    let kit = Kit::new();
    let set = StatisticSet { count: 4.0, sum: 20.0, minimum: 1.0, maximum: 9.0 };
    let of = |unit, values| Sample { unit, ..sample("a", 0, Resolution::Minute, values) };
    kit.put(vec![
        of(Unit::Bytes, Values::Set(set)),
        of(Unit::Seconds, Values::Counted(vec![(2.0, 3.0), (4.0, 1.0)])),
    ])
    .await;
    for _ in 0..2 {
        let points = |stat, unit| {
            let (from, until) = (Timestamp::from_secs(NOW), Timestamp::from_secs(NOW + 60));
            let stat = Stat::parse(stat).expect("a statistic");
            let query = PointQuery { id: id("a"), from, until, period_secs: 60, stat, unit };
            kit.store.points(&query).expect("points").first().map(|point| point.value)
        };
        assert_eq!(points("Average", Some(Unit::Bytes)), Some(5.0));
        assert_eq!(points("p50", Some(Unit::Bytes)), None);
        assert_eq!(points("p50", Some(Unit::Seconds)), Some(2.0));
        assert_eq!(points("Sum", None), Some(30.0));
        assert_eq!(points("Maximum", None), Some(9.0));
        assert_eq!(points("Sum", Some(Unit::Count)), None);
        kit.seal().await;
    }
    assert_eq!(kit.store.list(&everything()).len(), 1);
}

#[tokio::test]
async fn too_many_series_are_refused_whole() {
    let mut kit = Kit::with(Config { series_max: 3, ..Config::default() });
    kit.put(vec![minute("a", 0, 1.0), minute("b", 0, 1.0)]).await;
    let refused = kit.try_put(vec![minute("a", 0, 1.0), minute("c", 0, 1.0), minute("d", 0, 1.0)]).await;
    assert!(matches!(refused, Err(PutError::TooManySeries { series_max: 3 })));
    for _ in 0..2 {
        assert_eq!(kit.points("a", "Sum", 0, 60, 60), vec![(0, 1.0)]);
        assert_eq!(kit.names(&everything()), ["a", "b"]);
        kit = kit.reopen();
    }
    kit.put(vec![minute("d", 0, 1.0)]).await;
    assert_eq!(kit.names(&everything()), ["a", "b", "d"]);
}

#[tokio::test]
async fn lists_are_narrowed() {
    let kit = Kit::new();
    let put = |partition: &str, namespace: &str, name: &str, dimensions: &[(&str, &str)], at| Sample {
        id: MetricId::new(partition, namespace, name, dimensions.iter().copied()),
        ..minute("", at, 1.0)
    };
    kit.put(vec![
        put("p", "A", "one", &[("X", "1"), ("Y", "2")], 0),
        put("p", "A", "two", &[("X", "2")], -DAY),
        put("p", "B", "one", &[], 0),
        put("q", "A", "one", &[], 0),
    ])
    .await;
    let select = |namespace: &str, name: &str, dimensions: &[(&str, &str)], since: Option<i64>| {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let selector = Selector {
            partition: "p".into(),
            namespace: some(namespace),
            name: some(name),
            dimensions: dimensions.iter().map(|(name, value)| ((*name).to_owned(), some(value))).collect(),
            since: since.map(|at| Timestamp::from_secs(NOW + at)),
        };
        let found = kit.store.list(&selector);
        found
            .iter()
            .map(|info| format!("{}/{}", info.id.namespace, info.id.name))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(select("", "", &[], None), "A/one A/two B/one");
    assert_eq!(select("A", "", &[], None), "A/one A/two");
    assert_eq!(select("A", "two", &[], None), "A/two");
    assert_eq!(select("", "one", &[], None), "A/one B/one");
    assert_eq!(select("", "", &[("X", "")], None), "A/one A/two");
    assert_eq!(select("", "", &[("X", "2")], None), "A/two");
    assert_eq!(select("", "", &[("X", "1"), ("Y", "")], None), "A/one");
    assert_eq!(select("", "", &[], Some(-HOUR)), "A/one B/one");
}

#[tokio::test]
async fn clearing_drops_everything_for_good() {
    let mut kit = Kit::new();
    kit.put(vec![minute("a", 0, 1.0)]).await;
    kit.seal().await;
    kit.put(vec![minute("a", 0, 1.0)]).await;
    kit.store.roll().await.expect("rolled");
    kit.put(vec![minute("a", 0, 1.0)]).await;
    kit.store.clear().await.expect("cleared");
    for _ in 0..2 {
        // A sealing that was under way takes back what it wrote; upkeep comes after it.
        kit.store.upkeep().expect("kept up");
        assert_eq!((kit.names(&everything()), kit.files("segment-"), kit.files("series-")), (vec![], 0, 0));
        kit = kit.reopen();
    }
    kit.put(vec![minute("a", 0, 1.0)]).await;
    kit.seal().await;
    assert_eq!(kit.reopen().points("a", "Sum", 0, 60, 60), vec![(0, 1.0)]);
}

#[tokio::test]
async fn a_clock_that_jumps_loses_nothing_that_is_kept() {
    let kit = Kit::new();
    kit.put(vec![second("a", 0, 1.0)]).await;
    kit.seal().await;
    // A day ahead, and back: what was rolled up is coarser, what comes is stored as it should be.
    kit.advance(DAY);
    kit.put(vec![second("a", DAY, 2.0)]).await;
    kit.seal().await;
    let kit = kit.reopen_at(NOW);
    kit.put(vec![second("a", 1, 4.0)]).await;
    for _ in 0..2 {
        assert_eq!(kit.points("a", "Sum", 0, 60, 60), vec![(0, 5.0)]);
        assert_eq!(kit.points("a", "Sum", 0, 60, 1), vec![(0, 1.0), (1, 4.0)]);
        assert_eq!(kit.points("a", "Sum", DAY, DAY + 60, 60), vec![(DAY, 2.0)]);
        kit.seal().await;
    }
}

#[tokio::test]
async fn soon_is_seen_at_once_and_on_disk_after_closing() {
    let kit = Kit::new();
    kit.store.put(vec![minute("a", 0, 1.0)], Durability::Soon).await.expect("stored");
    assert_eq!(kit.points("a", "Sum", 0, 60, 60), vec![(0, 1.0)]);
    assert_eq!(kit.reopen().points("a", "Sum", 0, 60, 60), vec![(0, 1.0)]);
}

#[tokio::test]
async fn damaged_segments_are_errors() {
    let kit = Kit::new();
    kit.put((0..300).map(|step| minute("a", 60 * step - DAY, step as f64)).collect()).await;
    kit.seal().await;
    let segment = files(kit.dir.path(), "segment-").remove(0);
    let mut bytes = std::fs::read(&segment).expect("a segment");
    bytes[40] ^= 1;
    std::fs::write(&segment, bytes).expect("written");
    let query = PointQuery {
        id: id("a"),
        from: Timestamp::from_secs(NOW - DAY),
        until: Timestamp::from_secs(NOW),
        period_secs: 60,
        stat: Stat::Sum,
        unit: None,
    };
    assert!(matches!(kit.store.points(&query), Err(ReadError::Read { path, .. }) if path == segment));
}

#[tokio::test]
async fn many_small_segments_become_few() {
    let kit = Kit::with(Config { journal_bytes_max: 1, ..Config::default() });
    for step in 0..40 {
        kit.put(vec![
            minute("a", step, 1.0),
            minute("b", -step * 60, 1.0),
            minute(&format!("c{step}"), 0, 1.0),
        ])
        .await;
        kit.store.upkeep().expect("kept up");
    }
    kit.seal().await;
    assert!(kit.files("segment-") <= 20, "{}", kit.files("segment-"));
    let kit = kit.reopen();
    assert_eq!(kit.points("a", "Sum", 0, 60, 60), vec![(0, 40.0)]);
    assert_eq!(kit.points("b", "Sum", -3000, 60, 3060), vec![(-3000, 40.0)]);
    assert_eq!(kit.store.list(&everything()).len(), 42);
}
