//! `Range: bytes=…` of one part.

use std::ops::Range;

use wire_schema::ServiceError;

use super::errors::caller;

/// The part of an object of `length` bytes that is asked for; none for the whole object, also when the header is of a
/// form that S3 doesn't know, as on AWS.
pub fn parse(header: Option<&str>, length: u64) -> Result<Option<Range<u64>>, ServiceError> {
    let Some(text) = header else { return Ok(None) };
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|pair| pair.split_once('-')) else {
        return Ok(None);
    };
    let (first, last) = (first.trim(), last.trim());
    let part = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Ok(first), Err(_)) if last.is_empty() => first..length,
        (Err(_), Ok(count)) if first.is_empty() => match count {
            0 => length..length,
            count => length.saturating_sub(count)..length,
        },
        _ => return Ok(None),
    };
    if part.start >= length {
        let error = caller("InvalidRange", 416, "The requested range is not satisfiable");
        return Err(error.field("RangeRequested", text).field("ActualObjectSize", length.to_string()));
    }
    Ok(Some(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_ten_bytes() {
        let check = |header: &str, expected: Result<Option<Range<u64>>, u16>| {
            let found = parse(Some(header), 10).map_err(|error| error.status.unwrap_or(0));
            assert_eq!(found, expected, "{header}");
        };
        check("bytes=0-3", Ok(Some(0..4)));
        check("bytes=4-", Ok(Some(4..10)));
        check("bytes=8-99", Ok(Some(8..10)));
        check("bytes=-3", Ok(Some(7..10)));
        check("bytes=-99", Ok(Some(0..10)));
        check("bytes=10-", Err(416));
        check("bytes=-0", Err(416));
        check("bytes=5-2", Ok(None));
        check("bytes=0-1,3-4", Ok(None));
        check("lines=0-1", Ok(None));
    }
}
