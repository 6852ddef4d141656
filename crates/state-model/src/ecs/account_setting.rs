//! Account settings: what an account, or one principal of it, has chosen.

use serde::{Deserialize, Serialize};

use crate::Scope;
use crate::record::Record;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSetting {
    pub scope: Scope,
    /// The ARN of a user or role; absent for the account's own default.
    pub principal_arn: Option<String>,
    /// For example `containerInsights`.
    pub name: String,
    pub value: String,
}

/// `account/region/name/principal`; the account's default has no principal. The name comes first, since
/// listings are asked for one name.
pub fn account_setting_key(scope: &Scope, name: &str, principal_arn: Option<&str>) -> String {
    scope.key(&format!("{name}/{}", principal_arn.unwrap_or_default()))
}

impl Record for AccountSetting {
    const TABLE: &'static str = "ecs-account-setting";

    fn key(&self) -> String {
        account_setting_key(&self.scope, &self.name, self.principal_arn.as_deref())
    }
}

/// Every setting with the value that holds where nothing was chosen.
pub const ACCOUNT_SETTING_DEFAULTS: &[(&str, &str)] = &[
    ("awsvpcTrunking", "disabled"),
    ("containerInsights", "disabled"),
    ("containerInstanceLongArnFormat", "enabled"),
    ("defaultLogDriverMode", "non-blocking"),
    ("dualStackIPv6", "enabled"),
    ("fargateEventWindows", "disabled"),
    ("fargateFIPSMode", "disabled"),
    ("fargateTaskRetirementWaitPeriod", "7"),
    ("guardDutyActivate", "off"),
    ("serviceLongArnFormat", "enabled"),
    ("tagResourceAuthorization", "on"),
    ("taskLongArnFormat", "enabled"),
];
