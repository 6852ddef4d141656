//! Days of the calendar, in UTC: what bills are made by.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

const SECS_PER_DAY: i64 = 86_400;

/// Days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(pub i32);

impl Day {
    pub fn of(at: Timestamp) -> Self {
        Self(i32::try_from(at.as_secs().div_euclid(SECS_PER_DAY)).unwrap_or(i32::MAX))
    }

    /// Its first moment.
    pub fn start(self) -> Timestamp {
        Timestamp::from_secs(i64::from(self.0) * SECS_PER_DAY)
    }

    /// `count` days later, or earlier.
    #[must_use]
    pub fn plus(self, count: i32) -> Self {
        Self(self.0.saturating_add(count))
    }

    pub fn from_civil(year: i32, month: u32, day: u32) -> Self {
        // Years that begin in March: the leap day is their last.
        let shifted = i64::from(year) - i64::from(month <= 2);
        let era = shifted.div_euclid(400);
        let year_of_era = shifted.rem_euclid(400);
        let month_from_march = i64::from((month + 9) % 12);
        let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self(i32::try_from(era * 146_097 + day_of_era - 719_468).unwrap_or(i32::MAX))
    }

    /// Year, month from 1, day from 1.
    pub fn civil(self) -> (i32, u32, u32) {
        let shifted = i64::from(self.0) + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (
            i32::try_from(year).unwrap_or(i32::MAX),
            u32::try_from(month).unwrap_or(1),
            u32::try_from(day).unwrap_or(1),
        )
    }

    /// The first day of its month.
    #[must_use]
    pub fn month(self) -> Self {
        let (year, month, _) = self.civil();
        Self::from_civil(year, month, 1)
    }

    /// The first day of the month that lies so many months after its own, or before.
    #[must_use]
    pub fn month_plus(self, count: i32) -> Self {
        let (year, month, _) = self.civil();
        let months = year * 12 + i32::try_from(month).unwrap_or(1) - 1 + count;
        Self::from_civil(months.div_euclid(12), u32::try_from(months.rem_euclid(12)).unwrap_or(0) + 1, 1)
    }

    /// Reads `2026-11-27`; none for days that there aren't.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let has_form = bytes.len() == 10
            && bytes.iter().enumerate().all(|(index, byte)| match index {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !has_form {
            return None;
        }
        let (year, month, day) = (text[..4].parse().ok()?, text[5..7].parse().ok()?, text[8..].parse().ok()?);
        if !(1..=12).contains(&month) || day == 0 {
            return None;
        }
        let parsed = Self::from_civil(year, month, day);
        (parsed.civil() == (year, month, day)).then_some(parsed)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(formatter, "{year:04}-{month:02}-{day:02}")
    }
}

/// A span of time with an end that doesn't belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Span {
    pub fn of_days(from: Day, until: Day) -> Self {
        Self { from: from.start(), until: until.start() }
    }

    pub fn duration(self) -> Duration {
        self.until.since(self.from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_names() {
        for (number, name) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_784, "2026-11-27"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(Day(number).to_string(), name);
            assert_eq!(Day::parse(name), Some(Day(number)));
        }
        for wrong in ["2026-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026-1-01", "20260101", ""] {
            assert_eq!(Day::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn months_follow_each_other() {
        let day = |text| Day::parse(text).expect("a day");
        for (from, count, expected) in [
            ("2026-11-27", 0, "2026-11-01"),
            ("2026-11-27", 1, "2026-12-01"),
            ("2026-11-27", 2, "2027-01-01"),
            ("2026-01-31", -1, "2025-12-01"),
            ("2026-03-31", -14, "2025-01-01"),
        ] {
            assert_eq!(day(from).month_plus(count), day(expected), "{from} {count}");
        }
    }
}
