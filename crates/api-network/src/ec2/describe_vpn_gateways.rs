//! DescribeVpnGateways: there are none.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeVpnGatewaysRequest, DescribeVpnGatewaysResult};

use super::Context;
use super::errors::check_dry_run;
use super::filters::Filters;
use super::ids::Kind;

const VPN_GATEWAY: Kind = Kind {
    prefix: "vgw-",
    malformed: "InvalidVpnGatewayID.Malformed",
    not_found: "InvalidVpnGatewayID.NotFound",
    noun: "vpnGateway ID",
};

const FILTERS: &[&str] = &[
    "amazon-side-asn",
    "attachment.state",
    "attachment.vpc-id",
    "availability-zone",
    "state",
    "type",
    "vpn-gateway-id",
];

pub async fn describe_vpn_gateways(
    context: Context,
    input: DescribeVpnGatewaysRequest,
) -> Result<DescribeVpnGatewaysResult, ServiceError> {
    context.authorise("ec2:DescribeVpnGateways", "*")?;
    Filters::new(input.filters, FILTERS)?;
    if let Some(id) = input.vpn_gateway_ids.unwrap_or_default().first() {
        VPN_GATEWAY.check(id)?;
        return Err(VPN_GATEWAY.unknown(id));
    }
    check_dry_run(input.dry_run)?;
    Ok(DescribeVpnGatewaysResult { vpn_gateways: Some(Vec::new()) })
}
