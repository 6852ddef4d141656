//! What is checked of an endpoint when it is made and when it is changed: its policy, its names, its addresses' kind.

use api_auth::policy::PolicyDocument;
use api_auth::policy::document::Kind;
use state_model::ec2::vpc_endpoint::VpcEndpointKind;
use state_model::ec2::{Vpc, VpcEndpoint};
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use super::errors::invalid_parameter;
use super::limits::ENDPOINT_POLICY_BYTES_MAX;

/// The policy of an endpoint that has none: everybody may do everything.
pub const FULL_ACCESS: &str = "{\"Version\":\"2008-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\
                               \"Action\":\"*\",\"Resource\":\"*\"}]}";

/// The policy as it is kept.
pub fn policy(given: Option<&str>) -> Result<Option<String>, ServiceError> {
    let Some(text) = given.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    let wrong = |message: String| ServiceError::caller("InvalidPolicyDocument", message);
    if text.len() > ENDPOINT_POLICY_BYTES_MAX {
        return Err(wrong(format!("The policy is longer than {ENDPOINT_POLICY_BYTES_MAX} characters.")));
    }
    PolicyDocument::parse(text, Kind::Endpoint)
        .map_err(|error| wrong(format!("The specified policy document is not valid. {error}")))?;
    Ok(Some(text.to_owned()))
}

/// Addresses and names are IPv4's here, and nothing else.
pub fn check_addressing(
    address_type: Option<&wire::IpAddressType>,
    options: Option<&wire::DnsOptionsSpecification>,
) -> Result<(), ServiceError> {
    if let Some(other) = address_type.filter(|kind| **kind != wire::IpAddressType::Ipv4) {
        return Err(invalid_parameter(format!(
            "IpAddressType {other} is not supported: there is no IPv6 in VPCs here."
        )));
    }
    let Some(options) = options else { return Ok(()) };
    if let Some(other) = options
        .dns_record_ip_type
        .as_ref()
        .filter(|kind| !matches!(kind, wire::DnsRecordIpType::Ipv4 | wire::DnsRecordIpType::ServiceDefined))
    {
        return Err(invalid_parameter(format!(
            "DnsRecordIpType {other} is not supported: there is no IPv6 in VPCs here."
        )));
    }
    let unsupported = options.private_dns_only_for_inbound_resolver_endpoint == Some(true)
        || options.private_dns_preference.is_some()
        || options.private_dns_specified_domains.as_ref().is_some_and(|domains| !domains.is_empty());
    if unsupported {
        return Err(invalid_parameter(
            "DnsOptions other than DnsRecordIpType are not supported: there are no Resolver endpoints here.",
        ));
    }
    Ok(())
}

/// Private DNS takes over the service's ordinary name in the whole VPC, so one endpoint can have it.
pub fn check_private_dns(view: &View, vpc: &Vpc, endpoint: &VpcEndpoint) -> Result<(), ServiceError> {
    if !vpc.enable_dns_support || !vpc.enable_dns_hostnames {
        return Err(invalid_parameter(format!(
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {}",
            vpc.id
        )));
    }
    let same_names = |other: &VpcEndpoint| {
        let has_names = matches!(&other.kind, VpcEndpointKind::Interface { private_dns_enabled: true, .. });
        has_names
            && other.id != endpoint.id
            && other.deleted_at.is_none()
            && other.service_name == endpoint.service_name
    };
    let mut others = view.vpc_endpoints.by("vpc", &vpc.scope.key(&vpc.id));
    if others.any(|other| same_names(other)) {
        let name = endpoint.private_dns_names().into_iter().next().unwrap_or_default();
        return Err(invalid_parameter(format!(
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {name} in the VPC {}",
            vpc.id
        )));
    }
    Ok(())
}
