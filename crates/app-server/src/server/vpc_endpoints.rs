//! The API behind VPC endpoints: the same front door as the main port, for one service at a time.

use std::fmt;
use std::sync::Arc;

use api_auth::EndpointAccess;
use link_protocol::network::{EndpointSnapshot, VpcSnapshot};
use node_agent::vpc_endpoints::{EndpointService, VpcEndpoints};
use state_model::scope::is_region_name;
use stdx_net::server::{Config, Handler};
use stdx_net::tls::LocalTls;

use crate::edge::Edge;

/// Ports 80 and 443 of every endpoint, with certificates of the installation's own authority.
pub fn endpoints(edge: Arc<Edge>, tls: &LocalTls) -> VpcEndpoints {
    let plain = Config::default();
    let with_tls = plain.clone().with_tls(Arc::clone(&tls.server_config));
    VpcEndpoints::new(Arc::new(ApiBehindEndpoints(edge)), plain, with_tls)
}

struct ApiBehindEndpoints(Arc<Edge>);

impl fmt::Debug for ApiBehindEndpoints {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ApiBehindEndpoints").finish_non_exhaustive()
    }
}

impl EndpointService for ApiBehindEndpoints {
    fn handler(&self, vpc: &VpcSnapshot, endpoint: &EndpointSnapshot) -> Handler {
        let access = EndpointAccess::new(
            (&endpoint.id, &vpc.id),
            &vpc.scope.region,
            &endpoint.service,
            endpoint.policy_document.as_deref(),
        );
        Arc::clone(&self.0).handler_of_endpoint(access)
    }
}

/// Whether a VPC endpoint may have this name, so that its certificate may: `ecs.us-east-1.amazonaws.com`,
/// `bucket.s3.us-east-1.amazonaws.com`, `vpce-….ecs.us-east-1.vpce.amazonaws.com`.
pub fn is_endpoint_name(name: &str) -> bool {
    let Some(rest) = name.strip_suffix(".amazonaws.com") else { return false };
    // Of its first region S3 has names without the region, too.
    if rest == "s3" || rest.ends_with(".s3") {
        return true;
    }
    let regional = rest.strip_suffix(".vpce").unwrap_or(rest);
    regional.rsplit_once('.').is_some_and(|(service, region)| !service.is_empty() && is_region_name(region))
}

#[cfg(test)]
mod tests {
    use super::is_endpoint_name;

    #[test]
    fn certificates_are_for_names_of_endpoints() {
        for (name, expect) in [
            ("ecs.us-east-1.amazonaws.com", true),
            ("api.ecr.us-east-1.amazonaws.com", true),
            ("000000000000.dkr.ecr.eu-west-1.amazonaws.com", true),
            ("b.s3.us-east-1.amazonaws.com", true),
            ("vpce-1-a.ecs.us-east-1.vpce.amazonaws.com", true),
            ("b.s3.amazonaws.com", true),
            ("us-east-1.amazonaws.com", false),
            ("www.amazonaws.com", false),
            ("ecs.us-east-1.example.com", false),
            ("amazonaws.com", false),
        ] {
            assert_eq!(is_endpoint_name(name), expect, "{name}");
        }
    }
}
