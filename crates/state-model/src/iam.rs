//! Records of IAM. IAM is one per account: its records have no region.
//!
//! Names are unique without regard to case, as on AWS, and keep the case they were created with.

pub mod access_key;
pub mod policy;
pub mod role;
pub mod service_linked_role;
pub mod user;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::scope::PARTITION;

/// When and for what a key or a role was last used. Kept coarsely: not every request writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastUse {
    pub at: Timestamp,
    pub region: String,
    /// The service's name in the signature, for example `ecs`.
    pub service: String,
}

/// `account/name`, folded: the key of everything that has a name.
pub fn named_key(account: &str, name: &str) -> String {
    format!("{account}/{}", name.to_ascii_lowercase())
}

/// `arn:aws:iam::<account>:<kind><path><name>`; a path begins and ends with a slash.
pub fn arn(account: &str, kind: &str, path: &str, name: &str) -> String {
    format!("arn:{PARTITION}:iam::{account}:{kind}{path}{name}")
}

/// The account and the name of a role's ARN, with or without a path.
pub fn parse_role_arn(arn: &str) -> Option<(&str, &str)> {
    let rest = arn.strip_prefix("arn:")?.strip_prefix(PARTITION)?.strip_prefix(":iam::")?;
    let (account, resource) = rest.split_once(':')?;
    let name = resource.strip_prefix("role/")?.rsplit('/').next()?;
    (crate::scope::is_account_id(account) && !name.is_empty()).then_some((account, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_arns_are_taken_apart() {
        for (text, parts) in [
            ("arn:aws:iam::000000000000:role/web", Some(("000000000000", "web"))),
            ("arn:aws:iam::000000000000:role/team/a/web", Some(("000000000000", "web"))),
            ("arn:aws:iam::000000000000:role/", None),
            ("arn:aws:iam::000000000000:user/web", None),
            ("arn:aws:iam::0000:role/web", None),
            ("arn:aws:iam:us-east-1:000000000000:role/web", None),
            ("web", None),
        ] {
            assert_eq!(parse_role_arn(text), parts, "{text}");
        }
    }

    #[test]
    fn names_differ_by_more_than_case() {
        assert_eq!(named_key("000000000000", "Web"), named_key("000000000000", "wEB"));
        assert_eq!(arn("000000000000", "user", "/a/", "Bo"), "arn:aws:iam::000000000000:user/a/Bo");
    }
}
