//! Who calls.

use serde::{Deserialize, Serialize};
use state_model::iam::named_key;
use state_model::scope::PARTITION;
use state_tables::View;

/// The identity behind a verified signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t")]
pub enum Principal {
    #[serde(rename = "r")]
    Root {
        #[serde(rename = "a")]
        account: String,
    },
    #[serde(rename = "u")]
    User {
        #[serde(rename = "a")]
        account: String,
        #[serde(rename = "n")]
        name: String,
        /// With the user's path.
        #[serde(rename = "r")]
        arn: String,
        /// `AIDA…`
        #[serde(rename = "i")]
        user_id: String,
    },
    #[serde(rename = "s")]
    AssumedRole(AssumedRole),
    /// Neargate itself acting for a service, for example `ecs.amazonaws.com`. Signs with a session that is made for one call.
    #[serde(rename = "v")]
    Service {
        #[serde(rename = "a")]
        account: String,
        #[serde(rename = "n")]
        name: String,
    },
    /// Nobody known: a request without a signature, where a service takes such.
    #[serde(rename = "n")]
    Anonymous,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssumedRole {
    #[serde(rename = "a")]
    pub account: String,
    #[serde(rename = "n")]
    pub role_name: String,
    #[serde(rename = "r")]
    pub role_arn: String,
    /// `AROA…`: a role made again under the same name is another role.
    #[serde(rename = "i")]
    pub role_id: String,
    #[serde(rename = "s")]
    pub session_name: String,
    /// Who assumed the role: an ARN or a service's name.
    #[serde(rename = "f", default)]
    pub source: String,
    /// Session policies and tags, as AssumeRole received them.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub session_policy: Option<String>,
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    pub session_policy_arns: Vec<String>,
    #[serde(rename = "g", default, skip_serializing_if = "Vec::is_empty")]
    pub session_tags: Vec<(String, String)>,
    /// Keys of the tags that a session made from this one inherits.
    #[serde(rename = "k", default, skip_serializing_if = "Vec::is_empty")]
    pub transitive_tag_keys: Vec<String>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
}

impl Principal {
    pub fn root(account: impl Into<String>) -> Self {
        Principal::Root { account: account.into() }
    }

    pub fn account(&self) -> &str {
        match self {
            Principal::Root { account }
            | Principal::User { account, .. }
            | Principal::Service { account, .. } => account,
            Principal::AssumedRole(session) => &session.account,
            Principal::Anonymous => "",
        }
    }

    /// The ARN as `GetCallerIdentity` and denials print it; a service is named by its own name.
    pub fn arn(&self) -> String {
        match self {
            Principal::Root { account } => format!("arn:{PARTITION}:iam::{account}:root"),
            Principal::User { arn, .. } => arn.clone(),
            Principal::AssumedRole(session) => session.arn(),
            Principal::Service { name, .. } => name.clone(),
            Principal::Anonymous => "anonymous".to_owned(),
        }
    }

    /// `UserId` as `GetCallerIdentity` prints it.
    pub fn user_id(&self) -> String {
        match self {
            Principal::Root { account } => account.clone(),
            Principal::User { user_id, .. } => user_id.clone(),
            Principal::AssumedRole(session) => session.user_id(),
            Principal::Service { name, .. } => name.clone(),
            Principal::Anonymous => "anonymous".to_owned(),
        }
    }

    /// Whether it still is who it was when its credentials were made: users and roles may be gone, or made again.
    pub fn exists(&self, view: &View) -> bool {
        match self {
            Principal::Root { .. } | Principal::Service { .. } => true,
            Principal::Anonymous => false,
            Principal::User { account, name, user_id, .. } => {
                view.iam_users.get(&named_key(account, name)).is_some_and(|user| user.id == *user_id)
            }
            Principal::AssumedRole(session) => view
                .iam_roles
                .get(&named_key(&session.account, &session.role_name))
                .is_some_and(|role| role.id == session.role_id),
        }
    }
}

impl AssumedRole {
    /// `arn:aws:sts::A:assumed-role/ROLE/SESSION`: without the role's path.
    pub fn arn(&self) -> String {
        format!("arn:{PARTITION}:sts::{}:assumed-role/{}/{}", self.account, self.role_name, self.session_name)
    }

    /// `AROA…:SESSION`
    pub fn user_id(&self) -> String {
        format!("{}:{}", self.role_id, self.session_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_print_as_on_aws() {
        let root = Principal::root("000000000000");
        assert_eq!(root.arn(), "arn:aws:iam::000000000000:root");
        assert_eq!(root.user_id(), "000000000000");
        let session = Principal::AssumedRole(AssumedRole {
            account: "000000000000".into(),
            role_name: "web".into(),
            role_arn: "arn:aws:iam::000000000000:role/team/web".into(),
            role_id: "AROAEXAMPLE".into(),
            session_name: "s1".into(),
            source: String::new(),
            session_policy: None,
            session_policy_arns: Vec::new(),
            session_tags: Vec::new(),
            transitive_tag_keys: Vec::new(),
            source_identity: None,
        });
        assert_eq!(session.arn(), "arn:aws:sts::000000000000:assumed-role/web/s1");
        assert_eq!(session.user_id(), "AROAEXAMPLE:s1");
        let text = serde_json::to_string(&session).unwrap();
        assert_eq!(serde_json::from_str::<Principal>(&text).unwrap(), session);
    }
}
