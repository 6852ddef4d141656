//! Random operations against a model that keeps every sample in a list.

use proptest::prelude::*;
use state_telemetry::metrics::{Config, Resolution, Values};

use crate::metrics_kit::{Kit, NOW, files, sample};

#[derive(Clone, Debug)]
enum Step {
    /// Seconds before or after the clock.
    Put {
        series: u8,
        samples: Vec<(i64, bool, i16)>,
    },
    Advance {
        secs: u32,
    },
    Seal,
    Upkeep,
    Reopen,
    /// The process dies while it writes: so many bytes of the last put are missing.
    Tear {
        bytes: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let at = prop_oneof![-300..300_i64, -14 * 86_400..7200_i64];
    prop_oneof![
        10 => (0..3_u8, prop::collection::vec((at, any::<bool>(), any::<i16>()), 1..30))
            .prop_map(|(series, samples)| Step::Put { series, samples }),
        2 => (1..40_000_u32).prop_map(|secs| Step::Advance { secs }),
        1 => (1..3_000_000_u32).prop_map(|secs| Step::Advance { secs }),
        2 => Just(Step::Seal),
        2 => Just(Step::Upkeep),
        1 => Just(Step::Reopen),
        1 => (1..40_u64).prop_map(|bytes| Step::Tear { bytes }),
    ]
}

#[derive(Default)]
struct Model {
    /// Series, second, value.
    samples: Vec<(u8, i64, f64)>,
}

impl Model {
    /// Second of the period, count, sum, minimum, maximum.
    fn hours(&self, series: u8, since: i64) -> Vec<(i64, [f64; 4])> {
        let mut hours = std::collections::BTreeMap::new();
        for (_, second, value) in
            self.samples.iter().filter(|(own, second, _)| *own == series && *second >= since)
        {
            let hour = second.div_euclid(3600) * 3600;
            let all = hours.entry(hour).or_insert([0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY]);
            *all = [all[0] + 1.0, all[1] + value, all[2].min(*value), all[3].max(*value)];
        }
        hours.into_iter().collect()
    }
}

fn check(kit: &Kit, model: &Model) {
    let now = kit.clock_secs();
    // What is about to be deleted may be there or not.
    let since = (now - 455 * 86_400).div_euclid(35 * 86_400) * 35 * 86_400 + 35 * 86_400;
    for series in 0..3_u8 {
        let name = series.to_string();
        let read = |stat| kit.points(&name, stat, since - NOW, now + 10_000 - NOW, 3600);
        let (counts, sums, minima, maxima) =
            (read("SampleCount"), read("Sum"), read("Minimum"), read("Maximum"));
        let found: Vec<_> = (0..counts.len())
            .map(|place| {
                let at = counts[place].0;
                assert_eq!([sums[place].0, minima[place].0, maxima[place].0], [at; 3]);
                (NOW + at, [counts[place].1, sums[place].1, minima[place].1, maxima[place].1])
            })
            .collect();
        assert_eq!(found, model.hours(series, since));
        for (at, expect) in model.hours(series, since) {
            let top = kit.points(&name, "p100", at - NOW, at - NOW + 3600, 3600);
            assert!((top[0].1 - expect[3]).abs() <= 0.0101 * expect[3].abs(), "{top:?} {expect:?}");
        }
        // The last 15 days by minutes.
        let recent = now.div_euclid(86_400) * 86_400 - 13 * 86_400;
        let minutes = kit.points(&name, "SampleCount", recent - NOW, now + 10_000 - NOW, 60);
        let mut expect = std::collections::BTreeMap::new();
        for (_, second, _) in
            model.samples.iter().filter(|(own, second, _)| *own == series && *second >= recent)
        {
            *expect.entry(second.div_euclid(60) * 60 - NOW).or_insert(0.0) += 1.0;
        }
        assert_eq!(minutes, expect.into_iter().collect::<Vec<_>>());
    }
}

async fn run(steps: Vec<Step>) {
    let mut kit = Kit::with(Config { journal_bytes_max: 2_000, ..Config::default() });
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Put { series, samples } => {
                let now = kit.clock_secs();
                let all = samples.into_iter().map(|(at, is_fine, value)| {
                    let value = f64::from(value) / 4.0;
                    model.samples.push((series, now + at, value));
                    let resolution = if is_fine { Resolution::Second } else { Resolution::Minute };
                    sample(&series.to_string(), now + at - NOW, resolution, Values::One(value))
                });
                let all = all.collect();
                kit.put(all).await;
            }
            Step::Advance { secs } => kit.advance(secs.into()),
            Step::Seal => kit.seal().await,
            Step::Upkeep => kit.store.upkeep().expect("kept up"),
            Step::Reopen => kit = kit.reopen(),
            Step::Tear { bytes } => {
                // A put that nobody was told of is the one that is torn.
                kit.store.roll().await.expect("rolled");
                kit.put(vec![sample("0", 0, Resolution::Minute, Values::One(1e9))]).await;
                kit = kit.reopen_after(|dir| {
                    let journal = files(dir, "journal-").pop().expect("a journal");
                    let file = std::fs::File::options().write(true).open(journal).expect("a journal");
                    let length = file.metadata().expect("its length").len();
                    // It may have been full, and sealed at once; then a torn one would be older than it can be.
                    if length > 0 {
                        file.set_len(length.saturating_sub(bytes)).expect("cut");
                    } else {
                        model.samples.push((0, NOW, 1e9));
                    }
                });
            }
        }
    }
    check(&kit, &model);
    kit.seal().await;
    let kit = kit.reopen();
    check(&kit, &model);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_store_is_a_list_of_samples(steps in prop::collection::vec(step(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(run(steps));
    }
}
