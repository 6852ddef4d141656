//! DescribeSSLPolicies.

use wire_schema::ServiceError;
use wire_shapes_network::elbv2 as wire;
use wire_shapes_network::elbv2::{DescribeSSLPoliciesInput, DescribeSSLPoliciesOutput};

use super::errors::{not_among, unavailable};
use super::page::Page;
use super::ssl_policies::{self, POLICIES, Policy};
use super::{Context, describe_load_balancers};

pub async fn describe_ssl_policies(
    context: Context,
    input: DescribeSSLPoliciesInput,
) -> Result<DescribeSSLPoliciesOutput, ServiceError> {
    context.authorise("elasticloadbalancing:DescribeSSLPolicies", "*")?;
    match &input.load_balancer_type {
        // Both kinds know the same policies.
        None | Some(wire::LoadBalancerTypeEnum::Application | wire::LoadBalancerTypeEnum::Network) => {}
        Some(wire::LoadBalancerTypeEnum::Gateway) => {
            return Err(unavailable("Gateway load balancers are"));
        }
        Some(wire::LoadBalancerTypeEnum::Other(other)) => {
            return Err(not_among(other, "loadBalancerType", wire::LoadBalancerTypeEnum::VALUES));
        }
    }
    let names = input.names.unwrap_or_default();
    describe_load_balancers::check_length("names", names.len())?;
    let page = Page::new(input.marker.as_deref(), input.page_size)?;
    let wanted = if names.is_empty() {
        POLICIES.iter().collect()
    } else {
        names.iter().map(|name| ssl_policies::find(name)).collect::<Result<Vec<_>, _>>()?
    };
    // The order is AWS's: where each stands in it is its key.
    let keyed = wanted.into_iter().enumerate().map(|(at, policy)| (format!("{at:04}"), policy));
    let (found, next_marker) = page.take(keyed);
    let found = found.into_iter().map(render).collect();
    Ok(DescribeSSLPoliciesOutput { next_marker, ssl_policies: Some(found) })
}

fn render(policy: &Policy) -> wire::SslPolicy {
    let cipher = |(name, priority): (&str, i32)| wire::Cipher {
        name: Some(name.to_owned()),
        priority: Some(priority),
    };
    let owned = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
    wire::SslPolicy {
        ciphers: Some(policy.ciphers().zip(1..).map(cipher).collect()),
        name: Some(policy.name.to_owned()),
        ssl_protocols: owned(policy.protocols),
        supported_load_balancer_types: owned(&["application", "network"]),
    }
}
