//! SetIpAddressType: addresses are IPv4, so that it can only say so again.

use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{IpAddressType, SetIpAddressTypeInput, SetIpAddressTypeOutput};

use super::create_load_balancer::check_ip_address_type;
use super::errors::missing;
use super::{Context, arns};

pub async fn set_ip_address_type(
    context: Context,
    input: SetIpAddressTypeInput,
) -> Result<SetIpAddressTypeOutput, ServiceError> {
    let arn = arns::required(input.load_balancer_arn, "loadBalancerArn")?;
    context.authorise("elasticloadbalancing:SetIpAddressType", &arn)?;
    let wanted = input.ip_address_type.ok_or_else(|| missing("ipAddressType"))?;
    arns::load_balancer(&context.view(), &context.scope, &arn)?;
    check_ip_address_type(Some(&wanted))?;
    Ok(SetIpAddressTypeOutput { ip_address_type: Some(IpAddressType::Ipv4) })
}
