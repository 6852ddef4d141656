//! What an hour costs: a table that the operator can set.
//!
//! The file is a JSON object. Each of the keys below is a decimal number, as a text or a number, in `currency` per hour;
//! `regions` holds objects with the same keys, which go before those of the whole table:
//!
//! ```json
//! { "currency": "EUR", "vcpuHour": "0.03", "gbHour": "0.004", "regions": { "eu-west-1": { "vcpuHour": "0.028" } } }
//! ```

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::amount::Price;
use crate::scope::is_region_name;

/// What has a price of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rate {
    VcpuHour,
    GbHour,
    ArmVcpuHour,
    ArmGbHour,
    SpotVcpuHour,
    SpotGbHour,
    SpotArmVcpuHour,
    SpotArmGbHour,
    EphemeralStorageGbHour,
}

/// The keys of the file, and AWS's prices in us-east-1: those of Spot, which AWS sets anew all the time, are 70 % off.
const RATES: [(Rate, &str, &str); 9] = [
    (Rate::VcpuHour, "vcpuHour", "0.04048"),
    (Rate::GbHour, "gbHour", "0.004445"),
    (Rate::ArmVcpuHour, "armVcpuHour", "0.03238"),
    (Rate::ArmGbHour, "armGbHour", "0.00356"),
    (Rate::SpotVcpuHour, "spotVcpuHour", "0.012144"),
    (Rate::SpotGbHour, "spotGbHour", "0.0013335"),
    (Rate::SpotArmVcpuHour, "spotArmVcpuHour", "0.009714"),
    (Rate::SpotArmGbHour, "spotArmGbHour", "0.001068"),
    (Rate::EphemeralStorageGbHour, "ephemeralStorageGbHour", "0.000111"),
];

/// A file of more is no price table.
pub const PRICE_TABLE_BYTES_MAX: usize = 1024 * 1024;

type Rates = BTreeMap<Rate, Price>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceTable {
    /// Three capital letters: the unit of every amount.
    pub currency: String,
    /// Every rate has one.
    everywhere: Rates,
    regions: BTreeMap<String, Rates>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PriceTableError {
    #[error("it isn't JSON: {0}")]
    Json(String),
    #[error("{0} must be a JSON object")]
    NotAnObject(String),
    #[error("the key {key} is unknown; the keys are currency, regions, {}", rate_keys())]
    UnknownKey { key: String },
    #[error(
        "{key} must be a decimal number of up to 12 digits after the point, such as \"0.04048\", not {value}"
    )]
    NotAPrice { key: String, value: String },
    #[error("currency must be three capital letters such as USD, not {0}")]
    Currency(String),
    #[error("regions.{0}: a region is named like us-east-1")]
    Region(String),
}

fn rate_keys() -> String {
    RATES.map(|(_, key, _)| key).join(", ")
}

impl Default for PriceTable {
    fn default() -> Self {
        let prices = RATES.iter().filter_map(|(rate, _, price)| Some((*rate, Price::parse(price)?)));
        Self { currency: String::from("USD"), everywhere: prices.collect(), regions: BTreeMap::new() }
    }
}

impl PriceTable {
    pub fn of(&self, region: &str, rate: Rate) -> Price {
        let own = self.regions.get(region).and_then(|rates| rates.get(&rate));
        own.or_else(|| self.everywhere.get(&rate)).copied().unwrap_or_default()
    }

    /// Reads the file's text. What it doesn't name keeps AWS's price.
    pub fn parse(text: &str) -> Result<Self, PriceTableError> {
        let document: Value =
            serde_json::from_str(text).map_err(|error| PriceTableError::Json(error.to_string()))?;
        let mut table = Self::default();
        for (key, value) in object("the price table", &document)? {
            match key.as_str() {
                "currency" => table.currency = currency(value)?,
                "regions" => {
                    for (region, rates) in object("regions", value)? {
                        if !is_region_name(region) {
                            return Err(PriceTableError::Region(region.clone()));
                        }
                        let path = format!("regions.{region}");
                        table.regions.insert(region.clone(), self::rates(&path, object(&path, rates)?)?);
                    }
                }
                _ => {
                    let (rate, price) = price("", key, value)?;
                    table.everywhere.insert(rate, price);
                }
            }
        }
        Ok(table)
    }
}

fn object<'a>(name: &str, value: &'a Value) -> Result<&'a Map<String, Value>, PriceTableError> {
    value.as_object().ok_or_else(|| PriceTableError::NotAnObject(name.to_owned()))
}

fn currency(value: &Value) -> Result<String, PriceTableError> {
    let name =
        value.as_str().filter(|name| name.len() == 3 && name.bytes().all(|byte| byte.is_ascii_uppercase()));
    name.map(str::to_owned).ok_or_else(|| PriceTableError::Currency(value.to_string()))
}

fn rates(path: &str, given: &Map<String, Value>) -> Result<Rates, PriceTableError> {
    given.iter().map(|(key, value)| price(&format!("{path}."), key, value)).collect()
}

fn price(path: &str, key: &str, value: &Value) -> Result<(Rate, Price), PriceTableError> {
    let known = RATES.iter().find(|(_, name, _)| *name == key);
    let (rate, _, _) = known.ok_or_else(|| PriceTableError::UnknownKey { key: format!("{path}{key}") })?;
    let text = match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let price = text.and_then(|text| Price::parse(&text));
    let refuse = || PriceTableError::NotAPrice { key: format!("{path}{key}"), value: value.to_string() };
    Ok((*rate, price.ok_or_else(refuse)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_names_goes_before_the_defaults() {
        let table = PriceTable::parse(
            r#"{"currency": "EUR", "vcpuHour": 0.03, "regions": {"eu-west-1": {"vcpuHour": "0.02"}}}"#,
        );
        let table = table.expect("a table");
        assert_eq!(table.currency, "EUR");
        for (region, rate, expected) in [
            ("us-east-1", Rate::VcpuHour, "0.03"),
            ("eu-west-1", Rate::VcpuHour, "0.02"),
            ("eu-west-1", Rate::GbHour, "0.004445"),
            ("us-east-1", Rate::EphemeralStorageGbHour, "0.000111"),
        ] {
            assert_eq!(Some(table.of(region, rate)), Price::parse(expected), "{region} {rate:?}");
        }
        assert_eq!(PriceTable::parse("{}"), Ok(PriceTable::default()));
        assert!(RATES.iter().all(|(_, _, price)| Price::parse(price).is_some()));
    }

    #[test]
    fn a_bad_file_is_refused_by_the_name_of_its_key() {
        for (text, named) in [
            ("", "JSON"),
            ("[]", "the price table must be"),
            (r#"{"vcpuhour": "1"}"#, "vcpuhour is unknown"),
            (r#"{"vcpuHour": "cheap"}"#, "vcpuHour must be"),
            (r#"{"gbHour": -1}"#, "gbHour must be"),
            (r#"{"gbHour": null}"#, "gbHour must be"),
            (r#"{"currency": "Euro"}"#, "currency must be"),
            (r#"{"regions": {"here": {}}}"#, "regions.here"),
            (r#"{"regions": {"us-east-1": {"x": 1}}}"#, "regions.us-east-1.x is unknown"),
            (r#"{"regions": {"us-east-1": {"gbHour": "x"}}}"#, "regions.us-east-1.gbHour must be"),
        ] {
            let error = PriceTable::parse(text).expect_err(text).to_string();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
