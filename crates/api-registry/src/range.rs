//! Parts of a blob: what a client asks to read, and what it says it sends.

/// What a `Range` header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Whole,
    /// From the first byte, that many.
    Part {
        first: u64,
        length: u64,
    },
    Unsatisfiable,
}

/// Several ranges at once, and units that we don't know, get the whole: a server may do so.
pub fn wanted(header: Option<&str>, length: u64) -> Wanted {
    let Some(spec) = header.and_then(|text| text.strip_prefix("bytes=")).map(str::trim) else {
        return Wanted::Whole;
    };
    let Some((first, last)) = spec.split_once('-').filter(|_| !spec.contains(',')) else {
        return Wanted::Whole;
    };
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first > last => Wanted::Whole,
        (Ok(first), _) if first >= length => Wanted::Unsatisfiable,
        (Ok(first), Ok(last)) => Wanted::Part { first, length: last.min(length - 1) - first + 1 },
        (Ok(first), Err(_)) if last.is_empty() => Wanted::Part { first, length: length - first },
        (Err(_), Ok(0)) if first.is_empty() => Wanted::Unsatisfiable,
        (Err(_), Ok(count)) if first.is_empty() && length > 0 => {
            let count = count.min(length);
            Wanted::Part { first: length - count, length: count }
        }
        (Err(_), Ok(_)) if first.is_empty() => Wanted::Unsatisfiable,
        _ => Wanted::Whole,
    }
}

/// First and last byte of a chunk that is sent: `0-1023`, or as HTTP writes it `bytes 0-1023/*`.
pub fn sent(header: &str) -> Option<(u64, u64)> {
    let text = header.trim().trim_start_matches("bytes").trim_start_matches(['=', ' ']);
    let (first, last) = text.split('/').next()?.split_once('-')?;
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        let part = |first, length| Wanted::Part { first, length };
        for (header, expected) in [
            (None, Wanted::Whole),
            (Some("bytes=0-3"), part(0, 4)),
            (Some("bytes=8-99"), part(8, 2)),
            (Some("bytes=4-"), part(4, 6)),
            (Some("bytes=-3"), part(7, 3)),
            (Some("bytes=-30"), part(0, 10)),
            (Some("bytes=10-"), Wanted::Unsatisfiable),
            (Some("bytes=-0"), Wanted::Unsatisfiable),
            (Some("bytes=5-3"), Wanted::Whole),
            (Some("bytes=0-1,4-5"), Wanted::Whole),
            (Some("lines=1-2"), Wanted::Whole),
            (Some("bytes=x-y"), Wanted::Whole),
        ] {
            assert_eq!(wanted(header, 10), expected, "{header:?}");
        }
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Unsatisfiable);
        assert_eq!(sent("0-1023"), Some((0, 1023)));
        assert_eq!(sent("bytes 10-11/12"), Some((10, 11)));
        for bad in ["", "5", "5-4", "a-b", "-5"] {
            assert_eq!(sent(bad), None, "{bad}");
        }
    }
}
