//! Amounts without rounding: what is added up is whole numbers, and only what is shown is a decimal.

use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// Parts of a vCPU-hour or a GB-hour: a CPU unit, or a MiB, for a second.
pub const PARTS_PER_HOUR: u128 = 1024 * 3600;

/// Digits after the point that Cost Explorer shows.
const DIGITS_SHOWN: u32 = 10;
const SHOWN: u128 = 10_u128.pow(DIGITS_SHOWN);

/// Digits after the point that a price can have.
pub const PRICE_DIGITS: u32 = 12;

/// vCPU-hours or GB-hours, in parts of [`PARTS_PER_HOUR`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantity(pub u128);

/// Money, in parts of a millionth of a millionth of the currency's unit, [`PARTS_PER_HOUR`] of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost(pub u128);

/// The price of an hour's vCPU or GB, in millionths of a millionth of the currency's unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Price(pub u64);

impl Quantity {
    pub fn at(self, price: Price) -> Cost {
        Cost(self.0 * u128::from(price.0))
    }

    /// As Cost Explorer shows it: up to ten digits after the point.
    pub fn shown(self) -> String {
        shown(self.0 * SHOWN, PARTS_PER_HOUR)
    }

    pub fn as_f64(self) -> f64 {
        self.0 as f64 / PARTS_PER_HOUR as f64
    }
}

impl Cost {
    pub fn shown(self) -> String {
        shown(self.0, PARTS_PER_HOUR * 10_u128.pow(PRICE_DIGITS - DIGITS_SHOWN))
    }

    pub fn as_f64(self) -> f64 {
        self.0 as f64 / (PARTS_PER_HOUR as f64 * 10_f64.powi(PRICE_DIGITS as i32))
    }
}

/// `parts / per`, which is a number of the digits shown, rounded half up.
fn shown(parts: u128, per: u128) -> String {
    decimal((parts + per / 2) / per)
}

/// A number of the last digit shown, without zeros at its end.
pub fn decimal(number: u128) -> String {
    let (whole, fraction) = (number / SHOWN, number % SHOWN);
    if fraction == 0 {
        return whole.to_string();
    }
    let digits = format!("{fraction:0width$}", width = DIGITS_SHOWN as usize);
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// Reads a decimal number without a sign as a whole number of `digits` digits after the point; none when it isn't one or
/// has more digits.
pub fn parse_decimal(text: &str, digits: u32) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let fraction = fraction.trim_end_matches('0');
    let fits = whole.len() <= 15 && fraction.len() <= digits as usize;
    if !fits || whole.is_empty() || !are_digits(whole) || !are_digits(fraction) || text.ends_with('.') {
        return None;
    }
    let scale = 10_u128.pow(digits);
    let padded = format!("{fraction:0<width$}", width = digits as usize);
    let fraction: u128 = if digits == 0 { 0 } else { padded.parse().ok()? };
    Some(whole.parse::<u128>().ok()? * scale + fraction)
}

impl Price {
    /// Reads `0.04048`.
    pub fn parse(text: &str) -> Option<Self> {
        parse_decimal(text, PRICE_DIGITS).and_then(|number| u64::try_from(number).ok()).map(Self)
    }
}

impl Add for Quantity {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Add for Cost {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_exact_decimals() {
        // (CPU units or MiB, seconds, price of an hour, cost, quantity)
        for (size, seconds, price, cost, quantity) in [
            (256, 60, "0.04048", "0.0001686667", "0.0041666667"),
            (1024, 3600, "0.04048", "0.04048", "1"),
            (512, 60, "0.004445", "0.0000370417", "0.0083333333"),
            (2048, 3600, "0.004445", "0.00889", "2"),
            (1024, 1, "0.000111", "0.0000000308", "0.0002777778"),
            (16384, 86_400, "0.04048", "15.54432", "384"),
            (0, 60, "0.04048", "0", "0"),
            (1024, 36_000_000, "0.1", "1000", "10000"),
        ] {
            let used = Quantity(size * seconds);
            let price = Price::parse(price).expect("a price");
            assert_eq!(used.at(price).shown(), cost, "{size} for {seconds} s");
            assert_eq!(used.shown(), quantity, "{size} for {seconds} s");
        }
    }

    #[test]
    fn no_noise_comes_from_adding() {
        let mut sum = Cost::default();
        let price = Price::parse("0.1").expect("a price");
        for _ in 0..10 {
            sum += Quantity(PARTS_PER_HOUR).at(price);
        }
        assert_eq!(sum.shown(), "1");
    }

    #[test]
    fn prices_are_plain_decimals() {
        for (text, price) in [
            ("0.04048", Some(40_480_000_000)),
            ("1", Some(1_000_000_000_000)),
            ("0", Some(0)),
            ("0.000000000001", Some(1)),
            ("0.0000000000010", Some(1)),
            ("0.0000000000001", None),
            ("-1", None),
            ("1.", None),
            (".1", None),
            ("1e-3", None),
            ("", None),
            ("99999999999999", None),
        ] {
            assert_eq!(Price::parse(text).map(|price| price.0), price, "{text}");
        }
    }
}
