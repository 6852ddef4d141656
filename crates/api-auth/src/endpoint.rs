//! What a VPC endpoint lets through: a request that comes by one must be allowed by its policy too.
//!
//! Source: "Control access to VPC endpoints using endpoint policies" in the AWS PrivateLink guide.

use std::net::IpAddr;

use wire_schema::ServiceError;

use crate::context::{access_denied, denial_code};
use crate::policy::condition::{self, Facts};
use crate::policy::document::{Effect, Kind, PolicyDocument, Statement};
use crate::policy::trust::is_caller;
use crate::policy::wildcard;
use crate::principal::Principal;

/// The VPC endpoint that a request came by.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointAccess {
    /// `vpce-…`
    pub id: String,
    pub vpc_id: String,
    /// The endpoint serves this region alone.
    pub region: String,
    /// As in the service's name: `ecs`, `ecr.dkr`, `s3`.
    pub service: String,
    /// None lets everything through.
    pub policy: Option<PolicyDocument>,
}

/// What a policy says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allowed,
    /// No statement allows it.
    NotAllowed,
    /// A statement denies it.
    Denied,
}

impl EndpointAccess {
    /// `policy_document` is the endpoint's own, None for everything. One that can't be read lets nothing through.
    pub fn new(
        (id, vpc_id): (&str, &str),
        region: &str,
        service: &str,
        policy_document: Option<&str>,
    ) -> Self {
        let read = |text: &str| match PolicyDocument::parse(text, Kind::Endpoint) {
            Ok(document) => document,
            Err(failure) => {
                tracing::warn!(endpoint = id, %failure, "an endpoint policy can't be read and lets nothing through");
                PolicyDocument { statements: Vec::new() }
            }
        };
        Self {
            id: id.to_owned(),
            vpc_id: vpc_id.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            policy: policy_document.map(read),
        }
    }

    /// Whether requests with this name in their signature's scope are for the endpoint's service.
    pub fn serves(&self, signing_name: &str) -> bool {
        let own = self.service.as_str();
        own == signing_name || (own == "ecr.api" && signing_name == "ecr")
    }

    /// Whether the endpoint leads to the registry of images.
    pub fn serves_registry(&self) -> bool {
        self.service == "ecr.dkr"
    }

    /// # Errors
    /// The denial as the service of `action` words it.
    pub fn authorise(
        &self,
        principal: &Principal,
        action: &str,
        resource: &str,
        source: Option<IpAddr>,
    ) -> Result<(), ServiceError> {
        let Some(policy) = &self.policy else { return Ok(()) };
        let because = match decide(policy, principal, action, resource, &self.facts(principal, source)) {
            Verdict::Allowed => return Ok(()),
            Verdict::NotAllowed => format!("because no VPC endpoint policy allows the {action} action"),
            Verdict::Denied => "with an explicit deny in a VPC endpoint policy".to_owned(),
        };
        tracing::info!(principal = %principal.arn(), action, resource, endpoint = self.id, "denied by an endpoint's policy");
        let denial = access_denied(principal, action, resource);
        let separator = if denial_code(action) == "UnauthorizedOperation" {
            format!(" User: {} is not authorized to perform: {action} ", principal.arn())
        } else {
            " ".to_owned()
        };
        let message = format!("{}{separator}{because}", denial.message);
        Err(ServiceError { message, ..denial })
    }

    fn facts(&self, principal: &Principal, source: Option<IpAddr>) -> Facts {
        let mut facts = Facts::from([
            ("aws:sourcevpce".to_owned(), self.id.clone()),
            ("aws:sourcevpc".to_owned(), self.vpc_id.clone()),
            ("aws:requestedregion".to_owned(), self.region.clone()),
            ("aws:principalaccount".to_owned(), principal.account().to_owned()),
            ("aws:principalarn".to_owned(), principal_arn(principal)),
        ]);
        if let Some(source) = source {
            facts.insert("aws:vpcsourceip".to_owned(), source.to_string());
        }
        facts
    }
}

/// Of a session it is the role's.
fn principal_arn(principal: &Principal) -> String {
    match principal {
        Principal::AssumedRole(session) => session.role_arn.clone(),
        other => other.arn(),
    }
}

/// A matching denial wins; otherwise one matching permission is enough.
fn decide(
    policy: &PolicyDocument,
    principal: &Principal,
    action: &str,
    resource: &str,
    facts: &Facts,
) -> Verdict {
    let mut verdict = Verdict::NotAllowed;
    for statement in &policy.statements {
        if !applies(statement, principal, action, resource) || !condition::hold(statement, facts) {
            continue;
        }
        match statement.effect {
            Effect::Deny => return Verdict::Denied,
            Effect::Allow => verdict = Verdict::Allowed,
        }
    }
    verdict
}

fn applies(statement: &Statement, principal: &Principal, action: &str, resource: &str) -> bool {
    let by = statement
        .principals
        .as_ref()
        .is_some_and(|all| all.selects(|(kind, value)| is_caller(principal, kind, value)));
    let acts = statement
        .actions
        .selects(|pattern| wildcard::matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()));
    let on = statement.resources.selects(|pattern| wildcard::matches(pattern, resource));
    by && acts && on
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> Principal {
        Principal::User {
            account: "000000000000".into(),
            name: name.into(),
            arn: format!("arn:aws:iam::000000000000:user/{name}"),
            user_id: format!("AIDA{name}"),
        }
    }

    /// `statements` without their brackets; `-` is no policy at all. `expect` is the denial's code and message.
    #[track_caller]
    fn check(statements: &str, action: &str, resource: &str, expect: Option<(&str, &str)>) {
        let document = format!(r#"{{"Statement":[{statements}]}}"#);
        let policy = (statements != "-").then_some(document.as_str());
        let access = EndpointAccess::new(("vpce-1", "vpc-1"), "us-east-1", "ecs", policy);
        let answer = access.authorise(&user("bo"), action, resource, None);
        let answer = answer.map_err(|error| (error.code.to_string(), error.message));
        let expect = expect.map(|(code, message)| (code.to_owned(), message.to_owned()));
        assert_eq!(answer.err(), expect, "{statements} {action}");
    }

    #[test]
    fn policies_decide() {
        let cluster = "arn:aws:ecs:us-east-1:000000000000:cluster/web";
        let everything = r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#;
        check("-", "ecs:ListClusters", "*", None);
        check(everything, "ecs:ListClusters", "*", None);
        let listing = r#"{"Effect":"Allow","Principal":"*","Action":"ecs:list*","Resource":"*"}"#;
        check(listing, "ecs:ListClusters", "*", None);
        let message = "User: arn:aws:iam::000000000000:user/bo is not authorized to perform: ecs:DeleteCluster on \
                       resource: arn:aws:ecs:us-east-1:000000000000:cluster/web because no VPC endpoint policy allows \
                       the ecs:DeleteCluster action";
        let refused = Some(("AccessDeniedException", message));
        check(listing, "ecs:DeleteCluster", cluster, refused);
        let other = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:user/al"},"Action":"*","Resource":"*"}"#;
        check(other, "ecs:DeleteCluster", cluster, refused);
        let elsewhere =
            r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"arn:aws:ecs:*:*:cluster/other"}"#;
        check(elsewhere, "ecs:DeleteCluster", cluster, refused);
        let by = |endpoint: &str| {
            let condition = format!(r#""Condition":{{"StringEquals":{{"aws:SourceVpce":"{endpoint}"}}}}"#);
            format!(r#"{{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*",{condition}}}"#)
        };
        check(&by("vpce-1"), "ecs:DeleteCluster", cluster, None);
        check(&by("vpce-2"), "ecs:DeleteCluster", cluster, refused);
        let deny = r#"{"Effect":"Deny","Principal":"*","Action":"ecs:DeleteCluster","Resource":"*"}"#;
        let message = "User: arn:aws:iam::000000000000:user/bo is not authorized to perform: ecs:DeleteCluster on \
                       resource: arn:aws:ecs:us-east-1:000000000000:cluster/web with an explicit deny in a VPC endpoint \
                       policy";
        check(
            &format!("{everything},{deny}"),
            "ecs:DeleteCluster",
            cluster,
            Some(("AccessDeniedException", message)),
        );
        let message = "You are not authorized to perform this operation. User: arn:aws:iam::000000000000:user/bo is not \
                       authorized to perform: ec2:DescribeVpcs because no VPC endpoint policy allows the \
                       ec2:DescribeVpcs action";
        check(listing, "ec2:DescribeVpcs", "*", Some(("UnauthorizedOperation", message)));
        let message = "User: arn:aws:iam::000000000000:user/bo is not authorized to perform: s3:ListBuckets because no VPC \
                       endpoint policy allows the s3:ListBuckets action";
        check("broken", "s3:ListBuckets", "*", Some(("AccessDenied", message)));
    }

    #[test]
    fn an_endpoint_leads_to_its_service_alone() {
        let serves = |service: &str, signing_name: &str| {
            EndpointAccess::new(("vpce-1", "vpc-1"), "us-east-1", service, None).serves(signing_name)
        };
        assert!(serves("ecs", "ecs") && serves("ecr.api", "ecr"));
        assert!(!serves("ecs", "logs") && !serves("ecr.dkr", "ecr") && !serves("ecr.api", "ecs"));
    }
}
