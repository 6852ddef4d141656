//! Functions that make another series of one.

use super::value::TimeSeries;

/// None for other names.
pub(super) fn transform(name: &str) -> Option<fn(&TimeSeries) -> TimeSeries> {
    Some(match name {
        "ABS" => |series| series.map(f64::abs),
        "CEIL" => |series| series.map(f64::ceil),
        "FLOOR" => |series| series.map(f64::floor),
        "LOG" => |series| series.map(f64::ln),
        "LOG10" => |series| series.map(f64::log10),
        "DIFF" => |series| pairs(series, |(_, before), (_, value)| value - before),
        "DIFF_TIME" => |series| pairs(series, |(before, _), (at, _)| (at - before) as f64),
        "RATE" => {
            |series| pairs(series, |(start, before), (at, value)| (value - before) / (at - start) as f64)
        }
        "RUNNING_SUM" => |series| {
            let mut sum = 0.0;
            series.map(|value| {
                sum += value;
                sum
            })
        },
        "EPOCH" => |series| of_time(series, |at| at),
        "MINUTE" => |series| of_time(series, |at| at.rem_euclid(3600) / 60),
        "HOUR" => |series| of_time(series, |at| at.rem_euclid(DAY) / 3600),
        // The epoch began on a Thursday, and Monday is 1.
        "DAY" => |series| of_time(series, |at| (at.div_euclid(DAY) + 3).rem_euclid(7) + 1),
        "DATE" => |series| of_time(series, |at| date(at).2),
        "MONTH" => |series| of_time(series, |at| date(at).1),
        "YEAR" => |series| of_time(series, |at| date(at).0),
        _ => return None,
    })
}

const DAY: i64 = 86_400;

/// Each value with the one before it; the first has none.
fn pairs(series: &TimeSeries, change: impl Fn((i64, f64), (i64, f64)) -> f64) -> TimeSeries {
    series.with_points(series.points.windows(2).map(|pair| (pair[1].0, change(pair[0], pair[1]))))
}

fn of_time(series: &TimeSeries, of: impl Fn(i64) -> i64) -> TimeSeries {
    series.with_points(series.points.iter().map(|(at, _)| (*at, of(*at) as f64)))
}

/// Year, month and day of a second, in UTC.
fn date(second: i64) -> (i64, i64, i64) {
    // Days since the first of March of the year 0: leap days come last in such years.
    let days = second.div_euclid(DAY) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// How gaps are filled.
#[derive(Clone, Debug)]
pub(super) enum Filler {
    Value(f64),
    Series(TimeSeries),
    /// The value before; gaps at the beginning stay.
    Repeat,
    /// On the line between the values around; gaps at both ends stay.
    Linear,
}

/// Gives a value to each of `grid` that has none.
pub(super) fn fill(series: &TimeSeries, grid: &[i64], filler: &Filler) -> TimeSeries {
    let all = super::value::times([
        series,
        &TimeSeries { points: grid.iter().map(|at| (*at, 0.0)).collect(), ..TimeSeries::default() },
    ]);
    let mut next = 0;
    let points = all.into_iter().map(|at| {
        if let Some((_, value)) = series.points.get(next).filter(|(own, _)| *own == at) {
            next += 1;
            return (at, *value);
        }
        let before = next.checked_sub(1).map(|place| series.points[place]);
        let value = match filler {
            Filler::Value(value) => Some(*value),
            Filler::Series(other) => other.at(at),
            Filler::Repeat => before.map(|(_, value)| value),
            Filler::Linear => before.zip(series.points.get(next)).map(|((start, from), (end, to))| {
                from + (to - from) * (at - start) as f64 / (end - start) as f64
            }),
        };
        (at, value.unwrap_or(f64::NAN))
    });
    series.with_points(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (second, expect, day) in [
            (0, (1970, 1, 1), 4.0),
            (951_782_400, (2000, 2, 29), 2.0),
            (1_767_225_600, (2026, 1, 1), 4.0),
            (1_709_251_199, (2024, 2, 29), 4.0),
            (-1, (1969, 12, 31), 3.0),
        ] {
            assert_eq!(date(second), expect, "{second}");
            let series = TimeSeries { points: vec![(second, 0.0)], ..TimeSeries::default() };
            assert_eq!(transform("DAY").expect("a function")(&series).points, vec![(second, day)]);
        }
    }
}
