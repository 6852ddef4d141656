//! Counts cut into windows, which are kept until control has them. What is counted while control is away keeps its minute.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use link_protocol::edge::{CountedWindow, METRICS_PERIOD_SECS, MetricSeries, MetricValue, MetricsReport};
use stdx::clock::Timestamp;

use crate::limits::{COUNTS_KEPT_MAX, WINDOWS_KEPT_MAX};

const MINUTE_SECS: i64 = 60;
const EARLY_MAX: Duration = Duration::from_millis(500);
const PERIOD_SECS: i64 = METRICS_PERIOD_SECS as i64;

/// Name, load balancer, target group, zone.
type Key = (String, String, Option<String>, Option<String>);

#[derive(Debug, Default)]
pub struct Windows {
    /// The totals of the report before.
    former: BTreeMap<Key, MetricValue>,
    /// The oldest first.
    kept: VecDeque<Kept>,
    newest: u64,
}

#[derive(Debug)]
struct Kept {
    window: CountedWindow,
    was_told: bool,
}

impl Windows {
    /// Closes the window that ends at about `now`.
    pub fn close(&mut self, now: Timestamp, report: MetricsReport) {
        // A timer is late rather than early, but the wall clock may be adjusted meanwhile.
        let end = now.plus(EARLY_MAX).as_secs().div_euclid(PERIOD_SECS) * PERIOD_SECS;
        let at = Timestamp::from_secs(end - PERIOD_SECS);
        let series = self.count(report, end % MINUTE_SECS == 0);
        let minute = |at: Timestamp| at.as_secs().div_euclid(MINUTE_SECS);
        match self.kept.back_mut() {
            // Control is away: minutes are as fine as it needs to know then.
            Some(last) if !last.was_told && minute(last.window.at) == minute(at) => {
                last.window.series = merged(std::mem::take(&mut last.window.series), series);
            }
            _ => {
                self.newest += 1;
                let window = CountedWindow { number: self.newest, at, again: false, series };
                self.kept.push_back(Kept { window, was_told: false });
            }
        }
        while self.kept.len() > WINDOWS_KEPT_MAX || self.counts() > COUNTS_KEPT_MAX && self.kept.len() > 1 {
            self.kept.pop_front();
        }
    }

    /// Windows that this session has not been told. With a new session that is all that are kept.
    pub fn tell(&mut self, is_new_session: bool) -> Vec<CountedWindow> {
        let mut windows = Vec::new();
        for kept in &mut self.kept {
            if is_new_session || !kept.was_told {
                windows.push(CountedWindow { again: kept.was_told, ..kept.window.clone() });
                kept.was_told = true;
            }
        }
        windows
    }

    /// Control keeps all up to this one.
    pub fn forget(&mut self, number: u64) {
        self.kept.retain(|kept| kept.window.number > number);
    }

    fn counts(&self) -> usize {
        self.kept.iter().map(|kept| kept.window.series.len()).sum()
    }

    /// What the totals have grown by.
    fn count(&mut self, report: MetricsReport, closes_minute: bool) -> Vec<MetricSeries> {
        let mut totals = BTreeMap::new();
        let mut counted = Vec::new();
        for series in report.series {
            let key = key(&series);
            let value = match &series.value {
                MetricValue::Gauge(value) => {
                    is_told(&series, closes_minute).then_some(MetricValue::Gauge(*value))
                }
                value => grown(self.former.get(&key), value),
            };
            counted.extend(value.map(|value| MetricSeries { value, ..series.clone() }));
            totals.insert(key, series.value);
        }
        self.former = totals;
        counted
    }
}

fn key(series: &MetricSeries) -> Key {
    (
        series.name.clone(),
        series.load_balancer.clone(),
        series.target_group.clone(),
        series.availability_zone.clone(),
    )
}

/// Their sum over a minute means something only when there is one of them.
fn is_told(gauge: &MetricSeries, closes_minute: bool) -> bool {
    closes_minute || !gauge.name.starts_with("Active")
}

/// A total that has shrunk is another one: of a load balancer that was made anew with the same name and id.
fn grown(before: Option<&MetricValue>, now: &MetricValue) -> Option<MetricValue> {
    match (before, now) {
        (Some(MetricValue::Counter(before)), MetricValue::Counter(now)) if now >= before => {
            (now > before).then_some(MetricValue::Counter(now - before))
        }
        (
            Some(MetricValue::Distribution { sum, count, buckets }),
            MetricValue::Distribution { sum: sum_now, count: count_now, buckets: buckets_now },
        ) if count_now >= count => {
            let before =
                |bound: f64| buckets.iter().find(|(own, _)| *own == bound).map_or(0, |(_, count)| *count);
            let added =
                buckets_now.iter().map(|(bound, count)| (*bound, count.saturating_sub(before(*bound))));
            let buckets: Vec<(f64, u64)> = added.filter(|(_, count)| *count > 0).collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            (count > 0).then(|| MetricValue::Distribution { sum: (sum_now - sum).max(0.0), count, buckets })
        }
        (_, now) => Some(now.clone()),
    }
}

/// Both of one minute.
fn merged(first: Vec<MetricSeries>, second: Vec<MetricSeries>) -> Vec<MetricSeries> {
    let mut all: BTreeMap<Key, MetricSeries> =
        first.into_iter().map(|series| (key(&series), series)).collect();
    for series in second {
        match all.get_mut(&key(&series)) {
            // Of what goes up and down the newest counts.
            Some(known) if matches!(series.value, MetricValue::Gauge(_)) => known.value = series.value,
            Some(known) => known.value.add(&series.value),
            None => drop(all.insert(key(&series), series)),
        }
    }
    all.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(values: &[(&str, MetricValue)]) -> MetricsReport {
        let series = values.iter().map(|(name, value)| MetricSeries {
            name: (*name).to_owned(),
            load_balancer: "app/web/1".to_owned(),
            target_group: None,
            availability_zone: None,
            value: value.clone(),
        });
        MetricsReport { started_at: Timestamp::default(), series: series.collect() }
    }

    fn requests(count: u64) -> MetricsReport {
        report(&[("RequestCount", MetricValue::Counter(count))])
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000 + 20)
    }

    /// Number, beginning, whether again, and the values.
    fn told(windows: Vec<CountedWindow>) -> Vec<(u64, i64, bool, Vec<MetricValue>)> {
        let values =
            |window: &CountedWindow| window.series.iter().map(|series| series.value.clone()).collect();
        windows.iter().map(|one| (one.number, one.at.as_secs(), one.again, values(one))).collect()
    }

    #[test]
    fn windows_hold_what_was_added_until_they_are_kept_elsewhere() {
        let mut windows = Windows::default();
        windows.close(at(60), requests(10));
        let first = (1, 55, false, vec![MetricValue::Counter(10)]);
        assert_eq!(told(windows.tell(true)), std::slice::from_ref(&first));
        assert_eq!(windows.tell(false), []);
        windows.close(at(65), requests(13));
        let second = (2, 60, false, vec![MetricValue::Counter(3)]);
        assert_eq!(told(windows.tell(false)), std::slice::from_ref(&second));
        // The session has ended before either was acknowledged.
        assert_eq!(told(windows.tell(true)), [(1, 55, true, first.3), (2, 60, true, second.3)]);
        windows.forget(1);
        windows.close(at(70), requests(13));
        assert_eq!(told(windows.tell(false)), [(3, 65, false, vec![])]);
        windows.forget(3);
        assert_eq!(windows.tell(true), []);
    }

    #[test]
    fn minutes_are_kept_while_control_is_away() {
        let mut windows = Windows::default();
        for (second, count) in [(60, 1), (65, 3), (70, 6), (120, 10), (125, 15)] {
            windows.close(at(second), requests(count));
        }
        assert_eq!(
            told(windows.tell(true)),
            [
                (1, 55, false, vec![MetricValue::Counter(1)]),
                (2, 60, false, vec![MetricValue::Counter(9)]),
                (3, 120, false, vec![MetricValue::Counter(5)]),
            ]
        );
        for minute in 0..2 * WINDOWS_KEPT_MAX as i64 {
            windows.close(at(600 + 60 * minute), requests(100));
        }
        assert_eq!(windows.tell(true).len(), WINDOWS_KEPT_MAX);
    }

    #[test]
    fn distributions_are_cut_too_and_gauges_are_of_the_minute() {
        let times = |sum: f64, buckets: &[(f64, u64)]| MetricValue::Distribution {
            sum,
            count: buckets.iter().map(|(_, count)| count).sum(),
            buckets: buckets.to_vec(),
        };
        let with = |time: MetricValue| {
            report(&[
                ("ActiveConnectionCount", MetricValue::Gauge(2.0)),
                ("HealthyHostCount", MetricValue::Gauge(1.0)),
                ("TargetResponseTime", time),
            ])
        };
        let mut windows = Windows::default();
        windows.close(at(55), with(times(1.0, &[(0.5, 2)])));
        windows.tell(true);
        windows.close(at(60), with(times(4.0, &[(0.5, 3), (2.5, 1)])));
        windows.close(at(65), with(times(4.0, &[(0.5, 3), (2.5, 1)])));
        assert_eq!(
            told(windows.tell(false)),
            [
                (
                    2,
                    55,
                    false,
                    vec![MetricValue::Gauge(2.0), MetricValue::Gauge(1.0), times(3.0, &[(0.5, 1), (2.5, 1)])]
                ),
                (3, 60, false, vec![MetricValue::Gauge(1.0)]),
            ]
        );
    }
}
