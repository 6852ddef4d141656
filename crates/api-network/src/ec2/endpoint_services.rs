//! The services that VPC endpoints can lead to: the APIs that this installation serves.

use state_model::ec2::vpc_endpoint::private_dns_names;
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use super::zones;

/// Names as they end service names: `com.amazonaws.<region>.<name>`. One line for each that has handlers.
const SERVICES: &[&str] =
    &["ec2", "ecr.api", "ecr.dkr", "ecs", "elasticloadbalancing", "logs", GATEWAY_SERVICE, "sts"];

/// The service that gateway endpoints lead to; AWS has another one, which is not served here.
const GATEWAY_SERVICE: &str = "s3";

/// A service and a type of endpoints for it. S3 has two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointService {
    pub name: &'static str,
    pub is_gateway: bool,
}

impl EndpointService {
    pub fn full_name(self, region: &str) -> String {
        format!("com.amazonaws.{region}.{}", self.name)
    }
}

/// All of them, in order of their names.
pub fn all() -> impl Iterator<Item = EndpointService> {
    SERVICES.iter().flat_map(|name| {
        let gateway = (*name == GATEWAY_SERVICE).then_some(EndpointService { name, is_gateway: true });
        gateway.into_iter().chain([EndpointService { name, is_gateway: false }])
    })
}

/// The service of this name, for endpoints of the type that is asked for.
pub fn find(
    full_name: &str,
    region: &str,
    kind: &wire::VpcEndpointType,
) -> Result<EndpointService, ServiceError> {
    let named = || all().filter(|service| service.full_name(region) == full_name);
    if named().next().is_none() {
        return Err(unknown(full_name));
    }
    let found = named().find(|service| endpoint_type(*service) == *kind);
    found.ok_or_else(|| {
        let types: Vec<String> = named().map(|service| endpoint_type(service).to_string()).collect();
        let message = format!(
            "Endpoint type ({kind}) does not match available service types ([{}]).",
            types.join(", ")
        );
        ServiceError::caller("InvalidParameter", message)
    })
}

pub fn unknown(full_name: &str) -> ServiceError {
    let message = format!("The Vpc Endpoint Service '{full_name}' does not exist");
    ServiceError::caller("InvalidServiceName", message)
}

fn endpoint_type(service: EndpointService) -> wire::VpcEndpointType {
    if service.is_gateway { wire::VpcEndpointType::Gateway } else { wire::VpcEndpointType::Interface }
}

pub fn render(service: EndpointService, region: &str) -> wire::ServiceDetail {
    let zones = zones::of_region(region);
    let service_type =
        if service.is_gateway { wire::ServiceType::Gateway } else { wire::ServiceType::Interface };
    let names = if service.is_gateway { Vec::new() } else { private_dns_names(service.name, region) };
    let domain = service.name.split('.').rev().collect::<Vec<_>>().join(".");
    let base_name = match service.is_gateway {
        true => format!("{domain}.{region}.amazonaws.com"),
        false => format!("{domain}.{region}.vpce.amazonaws.com"),
    };
    let details = names.iter().map(|name| wire::PrivateDnsDetails { private_dns_name: Some(name.clone()) });
    wire::ServiceDetail {
        acceptance_required: Some(false),
        availability_zone_ids: Some(zones.iter().map(|zone| zone.id.clone()).collect()),
        availability_zones: Some(zones.iter().map(|zone| zone.name.clone()).collect()),
        base_endpoint_dns_names: Some(vec![base_name]),
        manages_vpc_endpoints: Some(false),
        owner: Some(String::from("amazon")),
        private_dns_name_verification_state: (!names.is_empty()).then_some(wire::DnsNameState::Verified),
        private_dns_name: names.first().cloned(),
        private_dns_names: Some(details.collect()),
        service_id: Some(service_id(service, region)),
        service_name: Some(service.full_name(region)),
        service_region: Some(region.to_owned()),
        service_type: Some(vec![wire::ServiceTypeDetail { service_type: Some(service_type) }]),
        supported_ip_address_types: Some(vec![wire::ServiceConnectivityType::Ipv4]),
        tags: Some(Vec::new()),
        vpc_endpoint_policy_supported: Some(true),
        ..Default::default()
    }
}

/// Stays the same for a service and region: `vpce-svc-0` and sixteen hexadecimal digits.
fn service_id(service: EndpointService, region: &str) -> String {
    let text = format!("{} {}", service.full_name(region), service.is_gateway);
    // FNV-1a: the same in every build, unlike the standard library's.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("vpce-svc-0{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_found_by_name_and_type() {
        let check = |name: &str, kind: wire::VpcEndpointType, expect: Result<&str, &str>| {
            let found = find(name, "us-east-1", &kind);
            let found = found.map(|service| service.name).map_err(|error| error.code.to_string());
            assert_eq!(found, expect.map_err(str::to_owned), "{name}");
        };
        use wire::VpcEndpointType::{Gateway, Interface};
        check("com.amazonaws.us-east-1.s3", Gateway, Ok("s3"));
        check("com.amazonaws.us-east-1.s3", Interface, Ok("s3"));
        check("com.amazonaws.us-east-1.ecr.dkr", Interface, Ok("ecr.dkr"));
        check("com.amazonaws.us-east-1.ecs", Gateway, Err("InvalidParameter"));
        check("com.amazonaws.eu-west-1.ecs", Interface, Err("InvalidServiceName"));
        check("com.amazonaws.us-east-1.dynamodb", Gateway, Err("InvalidServiceName"));
    }
}
