//! What may come in from the world to an IPv6 address: an internet gateway lets in what the way back would lead out to.

use crate::config::{IpCidr, RouteConfig, RouteTarget, SubnetConfig, VpcConfig};

/// The chain of what comes by the uplink and isn't the host's own.
pub const CHAIN: &str = "from_world";

/// The rules of [`CHAIN`]: of each subnet the routes of its table, the longest first. What matches none is dropped.
pub fn rules(config: &VpcConfig) -> Vec<String> {
    let mut rules: Vec<String> = config.subnets.iter().flat_map(|subnet| of_subnet(config, subnet)).collect();
    rules.push(String::from("drop"));
    rules
}

fn of_subnet(config: &VpcConfig, subnet: &SubnetConfig) -> Vec<String> {
    let table = config.route_tables.iter().find(|table| Some(&table.id) == subnet.route_table.as_ref());
    let (Some(block), Some(table)) = (subnet.ipv6_cidr, table) else { return Vec::new() };
    let mut routes: Vec<&RouteConfig> =
        table.routes.iter().filter(|route| matches!(route.destination, IpCidr::V6(_))).collect();
    routes.sort_by_key(|route| std::cmp::Reverse(route.destination.prefix()));
    // Behind the last that lets something in, nothing is left to be refused.
    let lets_in = |route: &&RouteConfig| route.target == RouteTarget::InternetGateway;
    let count = routes.iter().rposition(lets_in).map_or(0, |last| last + 1);
    let rule = |route: &&RouteConfig| {
        let verdict = if lets_in(route) { "goto receive" } else { "drop" };
        match route.destination.prefix() {
            0 => format!("ip6 daddr {block} {verdict}"),
            _ => format!("ip6 daddr {block} ip6 saddr {} {verdict}", route.destination),
        }
    };
    routes[..count].iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RouteTableConfig;

    #[test]
    fn the_way_back_decides() {
        let check = |routes: &[(&str, RouteTarget)], expect: &[&str]| {
            let block = "2001:db8:0:100::/64".parse().unwrap();
            let subnet = SubnetConfig {
                id: "subnet-1".into(),
                cidr: "10.0.0.0/24".parse().unwrap(),
                ipv6_cidr: Some(block),
                route_table: Some("rtb-1".into()),
                acl: None,
            };
            let mut config = VpcConfig::isolated("vpc-1".into(), vec![], vec![subnet]);
            let route = |(destination, target): &(&str, RouteTarget)| RouteConfig {
                destination: destination.parse().unwrap(),
                target: target.clone(),
            };
            config.route_tables =
                vec![RouteTableConfig { id: "rtb-1".into(), routes: routes.iter().map(route).collect() }];
            let rules: Vec<String> = rules(&config)
                .iter()
                .map(|rule| rule.replace("ip6 daddr 2001:db8:0:100::/64 ", ""))
                .collect();
            assert_eq!(rules, expect);
        };
        let (out, egress) = (RouteTarget::InternetGateway, RouteTarget::EgressOnlyInternetGateway);
        check(&[], &["drop"]);
        check(&[("0.0.0.0/0", out.clone())], &["drop"]);
        check(&[("::/0", egress.clone())], &["drop"]);
        check(&[("::/0", out.clone())], &["goto receive", "drop"]);
        check(
            &[("::/0", out.clone()), ("2001:db8::/32", RouteTarget::Blackhole)],
            &["ip6 saddr 2001:db8::/32 drop", "goto receive", "drop"],
        );
        check(&[("::/0", egress), ("64::/32", out)], &["ip6 saddr 64::/32 goto receive", "drop"]);
    }
}
