//! Availability zones: every region has three.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// `us-east-1a`
    pub name: String,
    /// `use1-az1`
    pub id: String,
}

pub fn of_region(region: &str) -> [Zone; 3] {
    let short = short_name(region);
    [("a", 1), ("b", 2), ("c", 3)]
        .map(|(letter, number)| Zone { name: format!("{region}{letter}"), id: format!("{short}-az{number}") })
}

/// `use1` of `us-east-1`: the country, the first letters of each word between, the number.
fn short_name(region: &str) -> String {
    let mut parts = region.split('-');
    let mut short = String::from(parts.next().unwrap_or_default());
    for part in parts {
        let initials = match part {
            "northeast" => "ne",
            "northwest" => "nw",
            "southeast" => "se",
            "southwest" => "sw",
            _ if part.bytes().all(|byte| byte.is_ascii_digit()) => part,
            _ => &part[..part.chars().next().map_or(0, char::len_utf8)],
        };
        short.push_str(initials);
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_ids_are_aws_own() {
        for (region, short) in [
            ("us-east-1", "use1"),
            ("eu-central-1", "euc1"),
            ("ap-southeast-2", "apse2"),
            ("us-gov-west-1", "usgw1"),
        ] {
            assert_eq!(short_name(region), short);
        }
        assert_eq!(of_region("eu-west-1")[2], Zone { name: "eu-west-1c".into(), id: "euw1-az3".into() });
    }
}
