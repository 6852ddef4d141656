//! Statistics by their names.

use std::fmt;

use super::summary::Summary;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stat {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
    /// `p99.9`: from 0 to 100.
    Percentile(f64),
    /// `TM(10%:90%)`, `tm99`, `WM(:500)`, `TC(…)`, `TS(…)`: of the values between two bounds.
    Trimmed {
        trim: Trim,
        low: Bound,
        high: Bound,
    },
    /// `PR(10:300)`: how many percent of the values are above the first and not above the second.
    PercentileRank {
        low: Bound,
        high: Bound,
    },
    /// `IQM`: the mean of the middle half.
    InterquartileMean,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trim {
    Mean,
    /// Values beyond a bound count as the bound.
    WinsorizedMean,
    Count,
    Sum,
}

/// Where values begin or end to count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    Open,
    Percent(f64),
    Value(f64),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no statistic")]
pub struct StatError {
    pub text: String,
}

const TRIMS: [(&str, &str, Trim); 4] = [
    ("tm", "TM", Trim::Mean),
    ("wm", "WM", Trim::WinsorizedMean),
    ("tc", "TC", Trim::Count),
    ("ts", "TS", Trim::Sum),
];

impl Stat {
    pub fn parse(text: &str) -> Result<Self, StatError> {
        Ok(match text {
            "SampleCount" => Stat::SampleCount,
            "Average" => Stat::Average,
            "Sum" => Stat::Sum,
            "Minimum" => Stat::Minimum,
            "Maximum" => Stat::Maximum,
            "IQM" => Stat::InterquartileMean,
            _ => parse_other(text).ok_or_else(|| StatError { text: text.to_owned() })?,
        })
    }

    /// Whether sets of statistics can't tell it.
    pub fn needs_distribution(self) -> bool {
        !matches!(self, Stat::SampleCount | Stat::Average | Stat::Sum | Stat::Minimum | Stat::Maximum)
    }

    /// None when the distribution that it takes isn't known, or no value is left after trimming.
    pub(super) fn of(self, summary: &Summary) -> Option<f64> {
        Some(match self {
            Stat::SampleCount => summary.count,
            Stat::Sum => summary.sum,
            Stat::Average => summary.sum / summary.count,
            Stat::Minimum => summary.minimum,
            Stat::Maximum => summary.maximum,
            Stat::Percentile(part) => percentile(&summary.values()?, summary.count, part),
            Stat::InterquartileMean => {
                trimmed(summary, Trim::Mean, Bound::Percent(25.0), Bound::Percent(75.0))?
            }
            Stat::Trimmed { trim, low, high } => trimmed(summary, trim, low, high)?,
            Stat::PercentileRank { low, high } => {
                trimmed(summary, Trim::Count, low, high)? / summary.count * 100.0
            }
        })
    }
}

impl fmt::Display for Stat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stat::SampleCount => out.write_str("SampleCount"),
            Stat::Average => out.write_str("Average"),
            Stat::Sum => out.write_str("Sum"),
            Stat::Minimum => out.write_str("Minimum"),
            Stat::Maximum => out.write_str("Maximum"),
            Stat::InterquartileMean => out.write_str("IQM"),
            Stat::Percentile(part) => write!(out, "p{part}"),
            Stat::PercentileRank { low, high } => write!(out, "PR({low}:{high})"),
            Stat::Trimmed { trim, low, high } => {
                let names = TRIMS.iter().find(|(.., known)| known == trim);
                let (short, long) = names.map_or(("", ""), |(short, long, _)| (*short, *long));
                match (low, high) {
                    (Bound::Open, Bound::Percent(part)) => write!(out, "{short}{part}"),
                    _ => write!(out, "{long}({low}:{high})"),
                }
            }
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Open => Ok(()),
            Bound::Percent(part) => write!(out, "{part}%"),
            Bound::Value(value) => write!(out, "{value}"),
        }
    }
}

fn parse_other(text: &str) -> Option<Stat> {
    if let Some(rest) = text.strip_prefix("PR(") {
        let (low, high) = bounds(rest)?;
        let is_percent = matches!(low, Bound::Percent(_)) || matches!(high, Bound::Percent(_));
        return (!is_percent).then_some(Stat::PercentileRank { low, high });
    }
    if let Some(rest) = text.strip_prefix('p') {
        return Some(Stat::Percentile(part(rest)?));
    }
    TRIMS.iter().find_map(|(short, long, trim)| {
        let trim = *trim;
        if let Some(rest) = text.strip_prefix(short) {
            return Some(Stat::Trimmed { trim, low: Bound::Open, high: Bound::Percent(part(rest)?) });
        }
        let (low, high) = bounds(text.strip_prefix(long)?.strip_prefix('(')?)?;
        Some(Stat::Trimmed { trim, low, high })
    })
}

/// `10%:90%)`: both percentages or both values, and one of them may be left out.
fn bounds(text: &str) -> Option<(Bound, Bound)> {
    let (low, high) = text.strip_suffix(')')?.split_once(':')?;
    let (low, high) = (bound(low)?, bound(high)?);
    let fits = match (low, high) {
        (Bound::Open, Bound::Open) => false,
        (Bound::Open, _) | (_, Bound::Open) => true,
        (Bound::Percent(low), Bound::Percent(high)) | (Bound::Value(low), Bound::Value(high)) => low < high,
        _ => false,
    };
    fits.then_some((low, high))
}

fn bound(text: &str) -> Option<Bound> {
    match text.strip_suffix('%') {
        Some(text) => part(text).map(Bound::Percent),
        None if text.is_empty() => Some(Bound::Open),
        None => decimal(text.strip_prefix('-').unwrap_or(text))
            .map(|size| Bound::Value(if text.starts_with('-') { -size } else { size })),
    }
}

fn part(text: &str) -> Option<f64> {
    decimal(text).filter(|part| *part <= 100.0)
}

/// Digits with at most one point: no exponents, signs or words as Rust's own parser takes them.
fn decimal(text: &str) -> Option<f64> {
    let is_plain = text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
    is_plain.then(|| text.parse().ok())?
}

/// The least value that is not below `part` percent of all.
fn percentile(values: &[(f64, f64)], count: f64, part: f64) -> f64 {
    let rank = count * part / 100.0;
    let mut seen = 0.0;
    let found = values.iter().find(|(_, count)| {
        seen += count;
        // Sums of shares may miss a whole number by their rounding.
        seen >= rank - 1e-9 * count.max(1.0)
    });
    found.or(values.last()).map_or(0.0, |(value, _)| *value)
}

fn trimmed(summary: &Summary, trim: Trim, low: Bound, high: Bound) -> Option<f64> {
    let values = summary.values()?;
    let total = summary.count;
    // In ranks: how many values lie at or below the bound.
    let rank = |bound: Bound, open: f64| match bound {
        Bound::Open => open,
        Bound::Percent(part) => total * part / 100.0,
        Bound::Value(limit) => {
            values.iter().filter(|(value, _)| *value <= limit).map(|(_, count)| count).sum()
        }
    };
    let (from, until) = (rank(low, 0.0), rank(high, total));
    let (mut seen, mut count, mut sum) = (0.0, 0.0, 0.0);
    for (value, times) in &values {
        let inside = (until.min(seen + times) - from.max(seen)).max(0.0);
        count += inside;
        sum += inside * value;
        seen += times;
    }
    match trim {
        Trim::Count => Some(count),
        Trim::Sum => (count > 0.0).then_some(sum),
        Trim::Mean => (count > 0.0).then(|| sum / count),
        Trim::WinsorizedMean => {
            let edge = |bound: Bound| match bound {
                Bound::Open => 0.0,
                Bound::Percent(part) => percentile(&values, total, part),
                Bound::Value(value) => value,
            };
            Some((sum + from * edge(low) + (total - until) * edge(high)) / total)
        }
    }
}

#[cfg(test)]
mod tests;
