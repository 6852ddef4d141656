//! What runs when an alarm changes its state: topics, and scaling policies.

use state_model::Scope;
use wire_schema::ServiceError;

use super::errors::{invalid, unserved};
use super::limits::{ACTION_CHARS_MAX, ACTIONS_MAX};
use super::violations::Violations;

/// The three lists of a request.
#[derive(Clone, Debug, Default)]
pub struct Actions {
    pub ok: Vec<String>,
    pub alarm: Vec<String>,
    pub insufficient_data: Vec<String>,
}

impl Actions {
    pub fn of(
        ok: Option<Vec<String>>,
        alarm: Option<Vec<String>>,
        insufficient_data: Option<Vec<String>>,
    ) -> Self {
        Self {
            ok: ok.unwrap_or_default(),
            alarm: alarm.unwrap_or_default(),
            insufficient_data: insufficient_data.unwrap_or_default(),
        }
    }

    pub fn constrain(&self, violations: &mut Violations) {
        for (list, member) in [
            (&self.ok, "oKActions"),
            (&self.alarm, "alarmActions"),
            (&self.insufficient_data, "insufficientDataActions"),
        ] {
            violations.count(list.len(), member, 0, ACTIONS_MAX);
            list.iter().for_each(|arn| violations.length(Some(arn), member, 1, ACTION_CHARS_MAX));
        }
    }

    /// Refuses what isn't an action that is served here.
    pub fn check(&self, scope: &Scope, is_composite: bool) -> Result<(), ServiceError> {
        let all = self.ok.iter().chain(&self.alarm).chain(&self.insufficient_data);
        all.into_iter().try_for_each(|arn| check(arn, scope, is_composite))
    }
}

fn check(arn: &str, scope: &Scope, is_composite: bool) -> Result<(), ServiceError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, service, region, account, resource] = parts.as_slice() else {
        return Err(invalid(format!("Invalid arn syntax: {arn}")));
    };
    if ["automate", "swf", "ssm", "ssm-incidents", "lambda", "aiops", "ec2"].contains(service) {
        return Err(unserved(&format!("The action {arn}: actions of {service} are")));
    }
    if *region != scope.region {
        return Err(invalid(format!(
            "Invalid region {region} specified. Only {} is supported.",
            scope.region
        )));
    }
    let is_policy = *service == "autoscaling" && resource.starts_with("scalingPolicy:");
    let is_topic = *service == "sns" && !resource.is_empty() && !resource.contains(':');
    if !is_topic && !is_policy {
        return Err(invalid(format!("Invalid arn syntax: {arn}")));
    }
    if is_policy && is_composite {
        return Err(invalid(format!("The action {arn} is not supported for composite alarms.")));
    }
    if is_policy && *account != scope.account {
        return Err(invalid(format!("The action {arn} belongs to another account.")));
    }
    if is_topic && resource.ends_with(".fifo") {
        return Err(invalid(format!("The action {arn} is not supported: it is a FIFO topic.")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_topics_and_scaling_policies() {
        let scope = Scope::new("000000000000", "us-east-1");
        for (arn, metric, composite) in [
            ("arn:aws:sns:us-east-1:000000000000:pager", true, true),
            ("arn:aws:sns:us-east-1:111111111111:theirs", true, true),
            ("arn:aws:sns:eu-west-1:000000000000:pager", false, false),
            ("arn:aws:sns:us-east-1:000000000000:pager.fifo", false, false),
            ("arn:aws:sns:us-east-1:000000000000:pager:subscription", false, false),
            (
                "arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:1:resource/x:policyName/p",
                true,
                false,
            ),
            ("arn:aws:automate:us-east-1:ec2:stop", false, false),
            ("arn:aws:ssm:us-east-1:000000000000:opsitem:1", false, false),
            ("arn:aws:lambda:us-east-1:000000000000:function:f", false, false),
            ("arn:aws:s3:::bucket", false, false),
            ("pager", false, false),
        ] {
            assert_eq!(check(arn, &scope, false).is_ok(), metric, "{arn}");
            assert_eq!(check(arn, &scope, true).is_ok(), composite, "{arn}");
        }
    }
}
