//! Where a resource lives: an account and a region. All state is kept per scope.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The partition of every ARN made here.
pub const PARTITION: &str = "aws";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// Twelve digits.
    pub account: String,
    /// For example `us-east-1`. Any name that a client signs with is a region.
    pub region: String,
}

impl Scope {
    pub fn new(account: impl Into<String>, region: impl Into<String>) -> Self {
        Self { account: account.into(), region: region.into() }
    }

    /// `account/region/rest`: how keys of scoped records begin.
    pub fn key(&self, rest: &str) -> String {
        format!("{}/{}/{rest}", self.account, self.region)
    }

    /// `arn:aws:<service>:<region>:<account>:<resource>`.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{PARTITION}:{service}:{}:{}:{resource}", self.region, self.account)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.account, self.region)
    }
}

/// Why a text isn't a region's name: it becomes part of keys, host names and ARNs, so it is kept to the form AWS uses.
pub fn is_region_name(text: &str) -> bool {
    const LENGTH_MAX: usize = 32;
    let mut parts = text.split('-');
    text.len() <= LENGTH_MAX
        && parts.clone().count() >= 2
        && parts.all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_form() {
        for (text, good) in [
            ("us-east-1", true),
            ("eu-isoe-west-1", true),
            ("local", false),
            ("us-east-1/x", false),
            ("", false),
            ("-", false),
            ("US-east-1", false),
        ] {
            assert_eq!(is_region_name(text), good, "{text:?}");
        }
        assert!(is_account_id("000000000000"));
        assert!(!is_account_id("12345678901a"));
    }

    #[test]
    fn keys_and_arns_carry_the_scope() {
        let scope = Scope::new("000000000000", "us-east-1");
        assert_eq!(scope.key("default"), "000000000000/us-east-1/default");
        assert_eq!(scope.arn("ecs", "cluster/default"), "arn:aws:ecs:us-east-1:000000000000:cluster/default");
    }
}
