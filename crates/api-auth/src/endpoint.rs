//! What a VPC endpoint lets through: a request that comes by one must be allowed by its policy too.
//!
//! Source: "Control access to VPC endpoints using endpoint policies" in the AWS PrivateLink guide.

use std::net::IpAddr;

use wire_schema::ServiceError;

use crate::context::{access_denied, denial_code};
use crate::policy::condition::Facts;
use crate::policy::document::{Kind, PolicyDocument};
use crate::policy::resource::{Verdict, decide};
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

    /// What signatures for the endpoint's service name in their scope.
    pub fn signing_name(&self) -> &str {
        if self.service == "ecr.api" { "ecr" } else { &self.service }
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
        for (service, signing_name) in [("ecs", "ecs"), ("ecr.api", "ecr"), ("ecr.dkr", "ecr.dkr")] {
            let access = EndpointAccess::new(("vpce-1", "vpc-1"), "us-east-1", service, None);
            assert_eq!(access.signing_name(), signing_name);
        }
    }
}
