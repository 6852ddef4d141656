//! From ARNs to rows.

use state_model::elbv2::{Listener, LoadBalancer, Rule, TargetGroup};
use state_model::{Record, Scope};
use state_tables::{Row, Table, View};
use wire_schema::ServiceError;

use super::errors::{self, missing, validation};

/// A kind of resource by its ARNs.
#[derive(Debug)]
struct Kind {
    /// Before the path.
    prefix: &'static str,
    /// Parts of the path.
    parts: usize,
    /// `'…' is not a valid … ARN`
    noun: &'static str,
}

const LOAD_BALANCER: Kind = Kind { prefix: "loadbalancer/", parts: 3, noun: "load balancer" };
const LISTENER: Kind = Kind { prefix: "listener/", parts: 4, noun: "listener" };
const RULE: Kind = Kind { prefix: "listener-rule/", parts: 5, noun: "listener rule" };
const TARGET_GROUP: Kind = Kind { prefix: "targetgroup/", parts: 2, noun: "target group" };

impl Kind {
    /// The path of the resource; none when it is another account's or region's.
    fn path<'a>(&self, scope: &Scope, arn: &'a str) -> Result<Option<&'a str>, ServiceError> {
        let malformed = || validation(format!("'{arn}' is not a valid {} ARN", self.noun));
        let rest = arn.strip_prefix("arn:aws:elasticloadbalancing:").ok_or_else(malformed)?;
        let mut parts = rest.splitn(3, ':');
        let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let path = parts.next().and_then(|resource| resource.strip_prefix(self.prefix));
        let path = path.filter(|path| path.split('/').count() == self.parts && !path.contains("//"));
        let path = path.ok_or_else(malformed)?;
        Ok((region == scope.region && account == scope.account).then_some(path))
    }

    fn row<'v, R: Record>(
        &self,
        table: &'v Table<R>,
        scope: &Scope,
        arn: &str,
    ) -> Result<Option<&'v Row<R>>, ServiceError> {
        Ok(self.path(scope, arn)?.and_then(|path| table.get(&scope.key(path))))
    }
}

/// A member that a request must have.
pub fn required(given: Option<String>, member: &str) -> Result<String, ServiceError> {
    given.filter(|text| !text.is_empty()).ok_or_else(|| missing(member))
}

pub fn load_balancer<'v>(
    view: &'v View,
    scope: &Scope,
    arn: &str,
) -> Result<&'v Row<LoadBalancer>, ServiceError> {
    find_load_balancer(view, scope, arn)?.ok_or_else(|| errors::load_balancer_not_found(arn))
}

pub fn find_load_balancer<'v>(
    view: &'v View,
    scope: &Scope,
    arn: &str,
) -> Result<Option<&'v Row<LoadBalancer>>, ServiceError> {
    LOAD_BALANCER.row(&view.elb_load_balancers, scope, arn)
}

pub fn listener<'v>(view: &'v View, scope: &Scope, arn: &str) -> Result<&'v Row<Listener>, ServiceError> {
    LISTENER.row(&view.elb_listeners, scope, arn)?.ok_or_else(errors::listener_not_found)
}

pub fn target_group<'v>(
    view: &'v View,
    scope: &Scope,
    arn: &str,
) -> Result<&'v Row<TargetGroup>, ServiceError> {
    find_target_group(view, scope, arn)?.ok_or_else(|| errors::target_group_not_found(arn))
}

pub fn find_target_group<'v>(
    view: &'v View,
    scope: &Scope,
    arn: &str,
) -> Result<Option<&'v Row<TargetGroup>>, ServiceError> {
    TARGET_GROUP.row(&view.elb_target_groups, scope, arn)
}

/// A rule of its own, or the default action of a listener, which has an ARN like a rule.
#[derive(Debug)]
pub enum FoundRule<'v> {
    Rule(&'v Row<Rule>),
    Default(&'v Row<Listener>),
}

pub fn rule<'v>(view: &'v View, scope: &Scope, arn: &str) -> Result<FoundRule<'v>, ServiceError> {
    let path = RULE.path(scope, arn)?.ok_or_else(errors::rule_not_found)?;
    if let Some(row) = view.elb_rules.get(&scope.key(path)) {
        return Ok(FoundRule::Rule(row));
    }
    let (listener, id) = path.rsplit_once('/').ok_or_else(errors::rule_not_found)?;
    let listener = view.elb_listeners.get(&scope.key(listener)).filter(|row| row.default_rule_id == id);
    listener.map(FoundRule::Default).ok_or_else(errors::rule_not_found)
}

/// What an ARN of any kind leads to.
#[derive(Debug)]
pub enum Resource<'v> {
    LoadBalancer(&'v Row<LoadBalancer>),
    Listener(&'v Row<Listener>),
    Rule(&'v Row<Rule>),
    DefaultRule(&'v Row<Listener>),
    TargetGroup(&'v Row<TargetGroup>),
}

pub fn resource<'v>(view: &'v View, scope: &Scope, arn: &str) -> Result<Resource<'v>, ServiceError> {
    let kind = arn.splitn(6, ':').nth(5).and_then(|resource| resource.split('/').next());
    Ok(match kind {
        Some("loadbalancer") => Resource::LoadBalancer(load_balancer(view, scope, arn)?),
        Some("listener") => Resource::Listener(listener(view, scope, arn)?),
        Some("targetgroup") => Resource::TargetGroup(target_group(view, scope, arn)?),
        Some("listener-rule") => match rule(view, scope, arn)? {
            FoundRule::Rule(row) => Resource::Rule(row),
            FoundRule::Default(row) => Resource::DefaultRule(row),
        },
        _ => return Err(validation(format!("'{arn}' is not a valid ARN"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_out_of_arns() {
        let scope = Scope::new("000000000000", "us-east-1");
        let arn = |rest: &str| format!("arn:aws:elasticloadbalancing:us-east-1:000000000000:{rest}");
        let path = |kind: &Kind, arn: &str| kind.path(&scope, arn).map(|path| path.map(str::to_owned));
        for (kind, good, expected) in [
            (&LOAD_BALANCER, "loadbalancer/app/web/0123", "app/web/0123"),
            (&LISTENER, "listener/net/web/0123/4567", "net/web/0123/4567"),
            (&RULE, "listener-rule/app/web/0/1/2", "app/web/0/1/2"),
            (&TARGET_GROUP, "targetgroup/web/0123", "web/0123"),
        ] {
            assert_eq!(path(kind, &arn(good)).expect("an ARN"), Some(expected.to_owned()));
        }
        let elsewhere = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:targetgroup/web/0123";
        assert_eq!(path(&TARGET_GROUP, elsewhere).expect("an ARN"), None);
        for wrong in ["web", "", &arn("targetgroup/web"), &arn("targetgroup/a/b/c"), "arn:aws:s3:::x"] {
            let error = path(&TARGET_GROUP, wrong).expect_err("it is not an ARN of a target group");
            assert_eq!(error.code, "ValidationError");
            assert_eq!(error.message, format!("'{wrong}' is not a valid target group ARN"));
        }
    }
}
