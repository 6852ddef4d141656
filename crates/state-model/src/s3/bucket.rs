//! A bucket: its name is unique in the whole installation, whatever the account and the region.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::record::{IndexSink, Record};
use crate::scope::{PARTITION, Scope};

/// How long the deletion of a bucket may take between its announcement and its commit. One that is older broke off with
/// its process, and the bucket takes objects again.
pub const DELETION_MAX: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// The owner, and the region it was made for.
    pub scope: Scope,
    pub name: String,
    pub created_at: Timestamp,
    /// Announced by whoever is about to delete the bucket: from then on nothing is put into it, so that what is found
    /// empty stays empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleting_since: Option<Timestamp>,
}

impl Bucket {
    /// Buckets by the account that owns them.
    pub const BY_ACCOUNT: &'static str = "account";

    pub fn arn(&self) -> String {
        Self::arn_of(&self.name)
    }

    pub fn arn_of(name: &str) -> String {
        format!("arn:{PARTITION}:s3:::{name}")
    }

    pub fn is_being_deleted(&self, now: Timestamp) -> bool {
        self.deleting_since.is_some_and(|since| now.since(since) <= DELETION_MAX)
    }

    /// Names that AWS allows: 3 to 63 small letters, digits, dots and hyphens, not like an address.
    pub fn is_name(text: &str) -> bool {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        (3..=63).contains(&bytes.len())
            && bytes.iter().copied().all(allowed)
            && edge(bytes.first())
            && edge(bytes.last())
            && !text.contains("..")
            && text.parse::<std::net::Ipv4Addr>().is_err()
            && !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|prefix| text.starts_with(prefix))
            && !["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"]
                .iter()
                .any(|suffix| text.ends_with(suffix))
    }
}

impl Record for Bucket {
    const TABLE: &'static str = "s3-bucket";

    fn key(&self) -> String {
        self.name.clone()
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink(Self::BY_ACCOUNT, self.scope.account.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_aws_form() {
        for (name, good) in [
            ("abc", true),
            ("my.bucket-1", true),
            ("ab", false),
            ("Abc", false),
            ("a_b", false),
            ("-abc", false),
            ("abc-", false),
            ("a..b", false),
            ("192.168.5.4", false),
            ("xn--abc", false),
            ("abc-s3alias", false),
            ("abc/def", false),
        ] {
            assert_eq!(Bucket::is_name(name), good, "{name}");
        }
        assert!(Bucket::is_name(&"a".repeat(63)) && !Bucket::is_name(&"a".repeat(64)));
    }
}
