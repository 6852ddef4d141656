//! A VPC endpoint: an AWS API of this installation, reachable privately. An interface endpoint has an interface in each of its
//! subnets; a gateway endpoint is the target of routes to its service's prefix list.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stdx::clock::Timestamp;

use crate::Scope;
use crate::ec2::prefix_list::fnv32;
use crate::record::{IndexSink, Record};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcEndpoint {
    pub scope: Scope,
    /// `vpce-` and 17 hexadecimal digits.
    pub id: String,
    pub vpc_id: String,
    /// `com.amazonaws.<region>.<service>`.
    pub service_name: String,
    pub kind: VpcEndpointKind,
    /// The policy of what may be called by it; None for everything.
    pub policy_document: Option<String>,
    pub created_at: Timestamp,
    /// When its deletion was asked for: the record goes when no node has it any more.
    pub deleted_at: Option<Timestamp>,
    #[serde(default)]
    pub client_token: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VpcEndpointKind {
    Interface {
        /// Subnet id to interface id, at most one subnet per zone.
        interfaces: BTreeMap<String, String>,
        security_groups: Vec<String>,
        /// Whether the service's ordinary name leads to the endpoint inside the VPC.
        private_dns_enabled: bool,
    },
    /// Its routes are in the route tables themselves.
    Gateway { route_table_ids: Vec<String> },
}

impl VpcEndpoint {
    /// `s3` of `com.amazonaws.us-east-1.s3`.
    pub fn service(&self) -> &str {
        self.service_name.splitn(4, '.').nth(3).unwrap_or_default()
    }

    /// The name that leads to all its interfaces from anywhere in the VPC:
    /// `vpce-….<service>.<region>.vpce.amazonaws.com`. The part after the id is made from the id.
    pub fn dns_name(&self) -> String {
        self.dns_name_with("")
    }

    /// The name that leads to its interface in one zone.
    pub fn zonal_dns_name(&self, availability_zone: &str) -> String {
        self.dns_name_with(&format!("-{availability_zone}"))
    }

    fn dns_name_with(&self, zone: &str) -> String {
        let suffix = base36(fnv32(&self.id));
        let domain = reversed(self.service());
        // Buckets are named in front of S3's names.
        let any = if self.service() == "s3" { "*." } else { "" };
        format!("{any}{}-{suffix}{zone}.{domain}.{}.vpce.amazonaws.com", self.id, self.scope.region)
    }

    /// The service's ordinary names, which lead to the endpoint where private DNS is enabled.
    pub fn private_dns_names(&self) -> Vec<String> {
        private_dns_names(self.service(), &self.scope.region)
    }
}

/// The public names of a service, the first of which is shown: `ecs.us-east-1.amazonaws.com`, for ECR's registries
/// `*.dkr.ecr.us-east-1.amazonaws.com`.
pub fn private_dns_names(service: &str, region: &str) -> Vec<String> {
    let name = format!("{}.{region}.amazonaws.com", reversed(service));
    match service {
        "ecr.dkr" => vec![format!("*.{name}")],
        "s3" => {
            let buckets = format!("*.{name}");
            vec![name, buckets]
        }
        _ => vec![name],
    }
}

/// `dkr.ecr` of `ecr.dkr`: names go from narrow to wide, services from wide to narrow.
fn reversed(service: &str) -> String {
    service.split('.').rev().collect::<Vec<_>>().join(".")
}

/// Eight characters, as AWS has them there.
fn base36(mut number: u32) -> String {
    let mut digits = [b'0'; 8];
    for digit in digits.iter_mut().rev() {
        let value = u8::try_from(number % 36).unwrap_or(0);
        *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        number /= 36;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

impl Record for VpcEndpoint {
    const TABLE: &'static str = "ec2-vpc-endpoint";

    fn key(&self) -> String {
        self.scope.key(&self.id)
    }

    fn index(&self, sink: IndexSink<'_>) {
        sink("vpc", self.scope.key(&self.vpc_id));
        match &self.kind {
            VpcEndpointKind::Interface { interfaces, security_groups, .. } => {
                interfaces.keys().for_each(|subnet| sink("subnet", self.scope.key(subnet)));
                security_groups.iter().for_each(|group| sink("security-group", self.scope.key(group)));
            }
            VpcEndpointKind::Gateway { route_table_ids } => {
                route_table_ids.iter().for_each(|table| sink("route-table", self.scope.key(table)));
            }
        }
        if let Some(token) = &self.client_token {
            sink("token", self.scope.key(token));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_formed_as_on_aws() {
        let endpoint = |service: &str| VpcEndpoint {
            scope: Scope::new("000000000000", "us-east-1"),
            id: String::from("vpce-1"),
            vpc_id: String::from("vpc-1"),
            service_name: format!("com.amazonaws.us-east-1.{service}"),
            kind: VpcEndpointKind::Gateway { route_table_ids: Vec::new() },
            policy_document: None,
            created_at: Timestamp::from_secs(0),
            deleted_at: None,
            client_token: None,
            tags: BTreeMap::new(),
        };
        let suffix = base36(fnv32("vpce-1"));
        let ecs = endpoint("ecs");
        assert_eq!(ecs.dns_name(), format!("vpce-1-{suffix}.ecs.us-east-1.vpce.amazonaws.com"));
        let zonal = format!("vpce-1-{suffix}-us-east-1a.ecs.us-east-1.vpce.amazonaws.com");
        assert_eq!(ecs.zonal_dns_name("us-east-1a"), zonal);
        assert_eq!(ecs.private_dns_names(), ["ecs.us-east-1.amazonaws.com"]);
        let registry = endpoint("ecr.dkr");
        assert!(registry.dns_name().ends_with(".dkr.ecr.us-east-1.vpce.amazonaws.com"));
        assert_eq!(registry.private_dns_names(), ["*.dkr.ecr.us-east-1.amazonaws.com"]);
        assert!(endpoint("s3").dns_name().starts_with("*.vpce-1-"));
    }
}
