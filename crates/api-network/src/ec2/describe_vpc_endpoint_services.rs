//! DescribeVpcEndpointServices: the APIs that endpoints can lead to.

use std::collections::BTreeMap;

use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use super::endpoint_services::{self, EndpointService};
use super::errors::check_dry_run;
use super::filters::Filters;
use super::page::Page;
use super::{Context, ids};

const FILTERS: &[&str] =
    &["owner", "service-name", "service-region", "service-type", "supported-ip-address-types"];

pub async fn describe_vpc_endpoint_services(
    context: Context,
    input: wire::DescribeVpcEndpointServicesRequest,
) -> Result<wire::DescribeVpcEndpointServicesResult, ServiceError> {
    context.authorise("ec2:DescribeVpcEndpointServices", "*")?;
    let region = &context.scope.region;
    let given = input.service_names.unwrap_or_default();
    let filters = Filters::new(input.filters, FILTERS)?;
    // Unlike others, this operation takes names and a length together.
    let page = Page::new(&(&filters, &given), &[], input.next_token.as_deref(), input.max_results)?;
    let wanted = ids::unique(&given)?;
    for name in &wanted {
        if !endpoint_services::all().any(|service| service.full_name(region) == *name) {
            return Err(endpoint_services::unknown(name));
        }
    }
    check_dry_run(input.dry_run)?;
    let regions = input.service_regions.unwrap_or_default();
    let here = regions.is_empty() || regions.contains(region);
    let no_tags = BTreeMap::new();
    let matching: Vec<EndpointService> = endpoint_services::all()
        .filter(|service| here && (wanted.is_empty() || wanted.contains(service.full_name(region).as_str())))
        .filter(|service| filters.match_resource(&no_tags, |name| values(*service, region, name)))
        .collect();
    let mut names: Vec<String> = matching.iter().map(|service| service.full_name(region)).collect();
    names.dedup();
    let keyed = matching.into_iter().map(|service| {
        let key = format!("{} {}", service.name, u8::from(!service.is_gateway));
        (key, endpoint_services::render(service, region))
    });
    let rest = keyed.filter(|(key, _)| page.after.as_ref().is_none_or(|after| key > after));
    let (found, next_token) = page.take(rest);
    Ok(wire::DescribeVpcEndpointServicesResult {
        next_token,
        service_details: Some(found),
        service_names: Some(names),
    })
}

fn values(service: EndpointService, region: &str, filter: &str) -> Vec<String> {
    let value = match filter {
        "owner" => "amazon",
        "service-name" => return vec![service.full_name(region)],
        "service-region" => region,
        "service-type" if service.is_gateway => "Gateway",
        "service-type" => "Interface",
        "supported-ip-address-types" => "ipv4",
        _ => return Vec::new(),
    };
    vec![value.to_owned()]
}
