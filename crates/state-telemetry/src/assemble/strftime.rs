//! A strftime format as a regular expression.

/// Text between the conversions stays as it is: the driver's users write regular expressions there (`\[%b
/// %d\]`).
pub(super) fn to_regex(format: &str) -> String {
    let mut regex = String::with_capacity(format.len() * 4);
    let mut rest = format.chars();
    while let Some(next) = rest.next() {
        if next != '%' {
            regex.push(next);
            continue;
        }
        match rest.next() {
            Some(conversion) => match conversion_regex(conversion) {
                Some(known) => regex.push_str(known),
                None => regex.extend(['%', conversion]),
            },
            None => regex.push('%'),
        }
    }
    regex
}

fn conversion_regex(conversion: char) -> Option<&'static str> {
    Some(match conversion {
        'a' => "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)",
        'A' => "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)",
        'b' | 'h' => "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)",
        'B' => "(?:January|February|March|April|May|June|July|August|September|October|November|December)",
        'd' | 'm' | 'y' | 'H' | 'I' | 'M' | 'S' => r"\d{2}",
        'e' | 'k' | 'l' => r"[ \d]\d",
        'f' => r"\d{6}",
        'L' => r"\.\d{3}",
        'j' => r"\d{3}",
        'p' => "(?:AM|PM|am|pm)",
        'w' => "[0-6]",
        'Y' => r"\d{4}",
        'Z' => "(?:[A-Z]{1,4}T|UTC)",
        'z' => r"[+-]\d{4}",
        'D' => r"\d{2}/\d{2}/\d{2}",
        'F' => r"\d{4}-\d{2}-\d{2}",
        'R' => r"\d{2}:\d{2}",
        'T' => r"\d{2}:\d{2}:\d{2}",
        '%' => "%",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::to_regex;

    #[test]
    fn conversions_match_their_times() {
        for (format, line, expect) in [
            ("%Y-%m-%d %H:%M:%S", "2026-01-02 03:04:05 hello", true),
            ("%Y-%m-%d %H:%M:%S", "26-01-02 03:04:05 hello", false),
            ("%F %T%L", "at 2026-01-02 03:04:05.678", true),
            ("%d/%b/%Y:%H:%M:%S %z", "10/Oct/2000:13:25:15 -0700", true),
            ("%A, %B %d", "Monday, July 07", true),
            ("%I:%M %p", "07:15 PM", true),
            ("100%%", "100%", true),
            ("%", "50%", true),
        ] {
            let regex = regex::Regex::new(&to_regex(format)).expect("the format gives a regular expression");
            assert_eq!(regex.is_match(line), expect, "{format} on {line}");
        }
    }
}
