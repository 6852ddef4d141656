//! Where the marks of axes stand, and what is written beside them.

/// Marks at round values that cover the range, about `count` of them.
pub fn marks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let span = (high - low).max(f64::MIN_POSITIVE);
    let rough = span / count.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 2.5, 5.0, 10.0].iter().map(|factor| factor * power).find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    if !step.is_finite() || last.saturating_sub(first) > 100 {
        return vec![low, high];
    }
    // A sum of steps would drift.
    (first..=last).map(|index| index as f64 * step).collect()
}

/// The range an axis shows: from zero when nothing is below, a little more than the data at the top.
pub fn range(values: impl Iterator<Item = f64>, min: Option<f64>, max: Option<f64>) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values {
        (low, high) = (low.min(value), high.max(value));
    }
    if low > high {
        (low, high) = (0.0, 1.0);
    }
    let mut bottom = min.unwrap_or(if low < 0.0 { low * 1.05 } else { 0.0 });
    let mut top = max.unwrap_or(if high > 0.0 { high * 1.05 } else { 0.0 });
    if top <= bottom {
        match (min, max) {
            (_, Some(top)) => bottom = top - top.abs().max(1.0),
            _ => top = bottom + bottom.abs().max(1.0),
        }
    }
    (bottom, top)
}

/// `1.5k`, `20M`
pub fn short(value: f64) -> String {
    let size = value.abs();
    let (divisor, suffix) = match size {
        _ if size >= 1e15 => return format!("{value:.2e}"),
        _ if size >= 1e12 => (1e12, "T"),
        _ if size >= 1e9 => (1e9, "G"),
        _ if size >= 1e6 => (1e6, "M"),
        _ if size >= 1e4 => (1e3, "k"),
        _ if size != 0.0 && size < 1e-4 => return format!("{value:.1e}"),
        _ => (1.0, ""),
    };
    let text = format!("{:.4}", value / divisor);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}{suffix}")
}

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const STEPS: [i64; 18] = [
    1,
    5,
    10,
    30,
    MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    7 * DAY,
    30 * DAY,
    365 * DAY,
];

/// Round times between two (seconds), at most `count`, with what is written beside them. `zone` is seconds east.
pub fn times(from: i64, until: i64, count: usize, zone: i64) -> Vec<(i64, String)> {
    let span = (until - from).max(1);
    let most = i64::try_from(count.max(1)).unwrap_or(1);
    let step = STEPS.into_iter().find(|step| span / step < most).unwrap_or(span);
    let first =
        (from + zone).div_euclid(step) * step + if (from + zone).rem_euclid(step) == 0 { 0 } else { step };
    let mut found = Vec::new();
    let mut local = first;
    while local - zone <= until {
        found.push((local - zone, clock(local, step)));
        local += step;
    }
    found
}

/// The time of day; the day where days are counted.
fn clock(local: i64, step: i64) -> String {
    let of_day = local.rem_euclid(DAY);
    if step >= DAY {
        return day(local);
    }
    if step < MINUTE {
        return format!("{:02}:{:02}:{:02}", of_day / HOUR, of_day % HOUR / MINUTE, of_day % MINUTE);
    }
    if step >= HOUR && of_day == 0 {
        day(local)
    } else {
        format!("{:02}:{:02}", of_day / HOUR, of_day % HOUR / MINUTE)
    }
}

/// `11/27`
fn day(local: i64) -> String {
    let text = stdx::clock::Timestamp::from_secs(local).to_rfc3339_secs();
    format!("{}/{}", text.get(5..7).unwrap_or_default(), text.get(8..10).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round() {
        for (low, high, count, expect) in [
            (0.0, 10.0, 5, vec![0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
            (0.0, 0.9, 3, vec![0.0, 0.5]),
            (-30.0, 70.0, 5, vec![-20.0, 0.0, 20.0, 40.0, 60.0]),
            (95.0, 105.0, 4, vec![95.0, 97.5, 100.0, 102.5, 105.0]),
        ] {
            assert_eq!(marks(low, high, count), expect, "{low} {high}");
        }
        assert!(marks(0.0, 1e300, 5).len() < 20 && marks(5.0, 5.0, 3).len() < 200);
    }

    #[test]
    fn ranges_hold_the_data() {
        assert_eq!(range([].into_iter(), None, None), (0.0, 1.05));
        assert_eq!(range([0.0].into_iter(), None, None), (0.0, 1.0));
        assert_eq!(range([20.0, 100.0].into_iter(), None, None), (0.0, 105.0));
        assert_eq!(range([20.0, 100.0].into_iter(), Some(10.0), Some(50.0)), (10.0, 50.0));
        let (low, high) = range([-5.0].into_iter(), None, None);
        assert!(low < -5.0 && high == 0.0);
    }

    #[test]
    fn values_are_short() {
        for (value, expect) in [
            (0.0, "0"),
            (12.5, "12.5"),
            (9999.0, "9999"),
            (15_000.0, "15k"),
            (2.5e6, "2.5M"),
            (1e-6, "1.0e-6"),
        ] {
            assert_eq!(short(value), expect);
        }
    }

    #[test]
    fn times_are_round() {
        let found = times(100, 4000, 6, 0);
        assert_eq!(found.first().map(|(at, text)| (*at, text.as_str())), Some((900, "00:15")));
        assert!(found.len() <= 6);
        assert_eq!(times(0, 3600, 2, 1800)[0], (1800, String::from("01:00")));
    }
}
