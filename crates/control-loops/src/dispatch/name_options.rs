//! What a VPC's DHCP options say of names, as its tasks get it when they are placed.

use std::net::Ipv4Addr;

use link_protocol::assignment::NameOptions;
use state_model::ec2::dhcp_options::AMAZON_PROVIDED_DNS;
use state_model::ec2::subnet::Ipv4Block;
use state_model::ec2::{DhcpOptions, Vpc};
use state_tables::View;

/// The resolver's place in the VPC's primary block.
const RESOLVER_OFFSET: u32 = 2;

/// None when the VPC has no options, or those that every region has at first.
pub(super) fn of_vpc(view: &View, vpc: &Vpc) -> Option<NameOptions> {
    let options = view.dhcp_options.get(&vpc.scope.key(&vpc.dhcp_options_id))?;
    if is_plain(options) {
        return None;
    }
    let resolver = Ipv4Block::parse(&vpc.cidr_block).map(|block| block.address(RESOLVER_OFFSET));
    let servers = values(options, "domain-name-servers").filter_map(|server| match server {
        AMAZON_PROVIDED_DNS => resolver,
        // An IPv6 address is of no use to a task, which has none.
        address => address.parse::<Ipv4Addr>().ok(),
    });
    // AWS passes several domains in one value on to those who understand it.
    let domains = values(options, "domain-name").flat_map(str::split_whitespace);
    Some(NameOptions { servers: servers.collect(), domains: domains.map(str::to_owned).collect() })
}

fn values<'a>(options: &'a DhcpOptions, name: &str) -> impl Iterator<Item = &'a str> {
    options.configurations.get(name).into_iter().flatten().map(String::as_str)
}

fn is_plain(options: &DhcpOptions) -> bool {
    let domain = match options.scope.region.as_str() {
        "us-east-1" => String::from("ec2.internal"),
        region => format!("{region}.compute.internal"),
    };
    values(options, "domain-name-servers").eq([AMAZON_PROVIDED_DNS])
        && values(options, "domain-name").eq([domain.as_str()])
}
