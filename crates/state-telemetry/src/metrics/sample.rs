//! What is put into the store.

use stdx::clock::Timestamp;

use super::id::MetricId;

#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub id: MetricId,
    pub at: Timestamp,
    pub unit: Unit,
    pub resolution: Resolution,
    pub values: Values,
}

/// How finely a sample is kept: CloudWatch's StorageResolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resolution {
    Second,
    Minute,
}

/// Finite numbers only: whoever puts has checked.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    One(f64),
    /// Counted already: percentiles of it aren't known, unless all its values are the same.
    Set(StatisticSet),
    /// Each value with how often it occurred.
    Counted(Vec<(f64, f64)>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StatisticSet {
    pub count: f64,
    pub sum: f64,
    pub minimum: f64,
    pub maximum: f64,
}

/// CloudWatch's units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    Seconds,
    Microseconds,
    Milliseconds,
    Bytes,
    Kilobytes,
    Megabytes,
    Gigabytes,
    Terabytes,
    Bits,
    Kilobits,
    Megabits,
    Gigabits,
    Terabits,
    Percent,
    Count,
    BytesPerSecond,
    KilobytesPerSecond,
    MegabytesPerSecond,
    GigabytesPerSecond,
    TerabytesPerSecond,
    BitsPerSecond,
    KilobitsPerSecond,
    MegabitsPerSecond,
    GigabitsPerSecond,
    TerabitsPerSecond,
    CountPerSecond,
    #[default]
    None,
}

const UNITS: [(Unit, &str); 27] = [
    (Unit::Seconds, "Seconds"),
    (Unit::Microseconds, "Microseconds"),
    (Unit::Milliseconds, "Milliseconds"),
    (Unit::Bytes, "Bytes"),
    (Unit::Kilobytes, "Kilobytes"),
    (Unit::Megabytes, "Megabytes"),
    (Unit::Gigabytes, "Gigabytes"),
    (Unit::Terabytes, "Terabytes"),
    (Unit::Bits, "Bits"),
    (Unit::Kilobits, "Kilobits"),
    (Unit::Megabits, "Megabits"),
    (Unit::Gigabits, "Gigabits"),
    (Unit::Terabits, "Terabits"),
    (Unit::Percent, "Percent"),
    (Unit::Count, "Count"),
    (Unit::BytesPerSecond, "Bytes/Second"),
    (Unit::KilobytesPerSecond, "Kilobytes/Second"),
    (Unit::MegabytesPerSecond, "Megabytes/Second"),
    (Unit::GigabytesPerSecond, "Gigabytes/Second"),
    (Unit::TerabytesPerSecond, "Terabytes/Second"),
    (Unit::BitsPerSecond, "Bits/Second"),
    (Unit::KilobitsPerSecond, "Kilobits/Second"),
    (Unit::MegabitsPerSecond, "Megabits/Second"),
    (Unit::GigabitsPerSecond, "Gigabits/Second"),
    (Unit::TerabitsPerSecond, "Terabits/Second"),
    (Unit::CountPerSecond, "Count/Second"),
    (Unit::None, "None"),
];

impl Unit {
    pub fn parse(text: &str) -> Option<Self> {
        UNITS.iter().find(|(_, name)| *name == text).map(|(unit, _)| *unit)
    }

    pub fn as_str(self) -> &'static str {
        UNITS[self as usize].1
    }

    /// The unit that `as u8` turns into this number.
    pub(super) fn of_place(place: u8) -> Option<Self> {
        UNITS.get(usize::from(place)).map(|(unit, _)| *unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_the_names_of_their_places() {
        for (place, (unit, name)) in UNITS.iter().enumerate() {
            assert_eq!((*unit as usize, unit.as_str(), Unit::parse(name)), (place, *name, Some(*unit)));
        }
    }
}
