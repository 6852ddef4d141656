//! Scalars that a protocol sends as text: XML, query parameters, headers and labels.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use wire_schema::{DecodeError, Instant, TimestampFormat};

use crate::time;

pub fn boolean(text: &str) -> Result<bool, DecodeError> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        // EC2 takes any case.
        _ if text.eq_ignore_ascii_case("true") => Ok(true),
        _ if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(wrong(text, "a boolean")),
    }
}

pub fn integer(text: &str) -> Result<i32, DecodeError> {
    let value = long(text)?;
    i32::try_from(value)
        .map_err(|_| DecodeError::range(format!("The value '{text}' is out of range for an integer")))
}

pub fn long(text: &str) -> Result<i64, DecodeError> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong(text, "an integer"));
    }
    text.parse().map_err(|_| DecodeError::range(format!("The value '{text}' is out of range for a long")))
}

pub fn double(text: &str) -> Result<f64, DecodeError> {
    match text {
        "NaN" => Ok(f64::NAN),
        "Infinity" => Ok(f64::INFINITY),
        "-Infinity" => Ok(f64::NEG_INFINITY),
        _ if text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) => {
            text.parse().map_err(|_| wrong(text, "a number"))
        }
        _ => Err(wrong(text, "a number")),
    }
}

pub fn blob(text: &str) -> Result<Bytes, DecodeError> {
    STANDARD
        .decode(text)
        .map(Bytes::from)
        .map_err(|_| DecodeError::wrong_type("The value is not valid base64"))
}

/// Reads a timestamp, in `default` form unless the member names another.
pub fn timestamp(
    text: &str,
    format: Option<TimestampFormat>,
    default: TimestampFormat,
) -> Result<Instant, DecodeError> {
    let at = match format.unwrap_or(default) {
        TimestampFormat::DateTime => time::parse_date_time(text),
        TimestampFormat::HttpDate => time::parse_http_date(text),
        TimestampFormat::EpochSeconds => text.parse().ok().and_then(time::from_epoch_seconds),
    };
    at.ok_or_else(|| wrong(text, "a timestamp"))
}

pub fn write_timestamp(at: Instant, format: TimestampFormat) -> String {
    match format {
        TimestampFormat::DateTime => time::date_time(at),
        TimestampFormat::HttpDate => time::http_date(at),
        TimestampFormat::EpochSeconds => {
            let mut text = Vec::new();
            time::write_epoch_seconds(at, &mut text);
            String::from_utf8_lossy(&text).into_owned()
        }
    }
}

/// A float as Java and the models print it: `1.0`, `Infinity`.
pub fn write_double(value: f64) -> String {
    if value.is_finite() {
        ryu::Buffer::new().format_finite(value).to_owned()
    } else if value.is_nan() {
        "NaN".to_owned()
    } else {
        String::from(if value > 0.0 { "Infinity" } else { "-Infinity" })
    }
}

pub fn write_float(value: f32) -> String {
    if value.is_finite() {
        ryu::Buffer::new().format_finite(value).to_owned()
    } else {
        write_double(f64::from(value))
    }
}

fn wrong(text: &str, wanted: &str) -> DecodeError {
    let shown: String = text.chars().take(100).collect();
    DecodeError::wrong_type(format!("The value '{shown}' is not {wanted}"))
}
