//! Timestamps in the three forms of the wire.

use wire_schema::Instant;

/// `2026-01-01T00:00:05Z`, with milliseconds when there are any.
pub fn date_time(at: Instant) -> String {
    if at.millis.rem_euclid(1000) == 0 { formatted(at, "%Y-%m-%dT%H:%M:%SZ") } else { date_time_millis(at) }
}

/// `2026-01-01T00:00:05.000Z`, as EC2 prints every time.
pub fn date_time_millis(at: Instant) -> String {
    formatted(at, "%Y-%m-%dT%H:%M:%S.%3fZ")
}

/// `Thu, 01 Jan 2026 00:00:05 GMT`
pub fn http_date(at: Instant) -> String {
    formatted(at, "%a, %d %b %Y %H:%M:%S GMT")
}

/// Appends seconds since the epoch with up to three decimals.
pub fn write_epoch_seconds(at: Instant, into: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    let fraction = at.millis.rem_euclid(1000);
    if at.millis < 0 && fraction != 0 {
        let mut text = ryu::Buffer::new();
        into.extend_from_slice(text.format_finite(at.millis as f64 / 1000.0).as_bytes());
        return;
    }
    into.extend_from_slice(digits.format(at.as_secs()).as_bytes());
    if fraction != 0 {
        let thousandths =
            [b'0' + (fraction / 100) as u8, b'0' + (fraction / 10 % 10) as u8, b'0' + (fraction % 10) as u8];
        into.push(b'.');
        let length = 3 - thousandths.iter().rev().take_while(|digit| **digit == b'0').count();
        into.extend_from_slice(&thousandths[..length]);
    }
}

/// Seconds since the epoch; none when out of the calendar's range.
pub fn from_epoch_seconds(seconds: f64) -> Option<Instant> {
    let millis = (seconds * 1000.0).round();
    (millis.is_finite() && millis.abs() < 1e15).then_some(Instant { millis: millis as i64 })
}

/// RFC 3339 with any offset.
pub fn parse_date_time(text: &str) -> Option<Instant> {
    text.parse::<jiff::Timestamp>().ok().map(|at| Instant { millis: at.as_millisecond() })
}

pub fn parse_http_date(text: &str) -> Option<Instant> {
    let plain = text.strip_suffix(" GMT")?;
    let at = jiff::civil::DateTime::strptime("%a, %d %b %Y %H:%M:%S%.f", plain).ok()?;
    let zoned = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Instant { millis: zoned.timestamp().as_millisecond() })
}

fn formatted(at: Instant, format: &str) -> String {
    let at = jiff::Timestamp::from_millisecond(at.millis).unwrap_or_default();
    at.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_printed_and_read_back() {
        let at = Instant { millis: 1_767_225_605_120 };
        assert_eq!(date_time(at), "2026-01-01T00:00:05.120Z");
        assert_eq!(date_time(Instant::from_secs(1_767_225_605)), "2026-01-01T00:00:05Z");
        assert_eq!(http_date(at), "Thu, 01 Jan 2026 00:00:05 GMT");
        assert_eq!(parse_date_time("2026-01-01T01:00:05.12+01:00"), Some(at));
        assert_eq!(parse_http_date("Thu, 01 Jan 2026 00:00:05 GMT"), Some(Instant::from_secs(1_767_225_605)));
        for (millis, text) in
            [(1500, "1.5"), (2000, "2"), (1_767_225_605_123, "1767225605.123"), (-1500, "-1.5")]
        {
            let mut printed = Vec::new();
            write_epoch_seconds(Instant { millis }, &mut printed);
            assert_eq!(String::from_utf8_lossy(&printed), text);
            assert_eq!(from_epoch_seconds(text.parse().unwrap_or(f64::NAN)), Some(Instant { millis }));
        }
        assert_eq!(from_epoch_seconds(1e300), None);
    }
}
