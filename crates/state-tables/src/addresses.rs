//! Which address a new network interface gets.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use state_model::Scope;
use state_model::ec2::network_interface::address_index_value;
use state_model::ec2::subnet::{Ipv4Block, RESERVED_FIRST, Subnet};
use stdx::random::{self, Random};

use crate::{Row, Transaction, View};

/// Random tries before the addresses of a subnet are gone through in order.
const ADDRESS_GUESSES_MAX: u32 = 16;

/// Addresses given out by decisions that aren't committed yet.
#[derive(Debug, Default)]
pub struct Reserved {
    in_subnet: HashSet<(String, Ipv4Addr)>,
    anywhere: HashSet<Ipv4Addr>,
}

impl Reserved {
    /// An address that its owner has chosen.
    pub fn add(&mut self, subnet: &Subnet, address: Ipv4Addr) {
        self.in_subnet.insert((subnet.scope.key(&subnet.id), address));
        self.anywhere.insert(address);
    }
}

/// A free address of `subnet`, or none when all are taken.
///
/// VPCs may share a range, as every region's default VPC does. An address that no VPC uses is preferred, so that the host
/// can reach the task by it; only when there is none, an address is given that another VPC has too.
pub fn allocate(
    view: &View,
    subnet: &Subnet,
    reserved: &mut Reserved,
    random: &dyn Random,
) -> Option<Ipv4Addr> {
    let block = Ipv4Block::parse(&subnet.cidr_block)?;
    let usable = block.usable();
    if usable == 0 {
        return None;
    }
    let candidates = Candidates { view, scope: &subnet.scope, subnet: &subnet.id };
    let start = u32::try_from(random::below(random, u64::from(usable))).unwrap_or(0);
    let guesses = (0..ADDRESS_GUESSES_MAX)
        .map(|_| u32::try_from(random::below(random, u64::from(usable))).unwrap_or(0))
        .collect::<Vec<_>>();
    let in_order = (0..usable).map(|step| (start + step) % usable);
    let mut shared = None;
    for offset in guesses.into_iter().chain(in_order) {
        let address = block.address(RESERVED_FIRST + offset);
        if !candidates.is_free(address, reserved) {
            continue;
        }
        if candidates.is_unique(address, reserved) {
            return Some(take(subnet, address, reserved));
        }
        shared.get_or_insert(address);
    }
    shared.map(|address| take(subnet, address, reserved))
}

/// Whether no interface of the subnet has the address.
pub fn is_free(view: &View, subnet: &Subnet, address: Ipv4Addr, reserved: &Reserved) -> bool {
    Candidates { view, scope: &subnet.scope, subnet: &subnet.id }.is_free(address, reserved)
}

/// Makes the commit conflict with every other one that gives out an address of the subnet: two must not get the same one, and
/// the subnet must not go meanwhile.
pub fn claim(transaction: &mut Transaction, subnet: &Row<Subnet>) {
    transaction.update(subnet, subnet.record());
}

fn take(subnet: &Subnet, address: Ipv4Addr, reserved: &mut Reserved) -> Ipv4Addr {
    reserved.add(subnet, address);
    address
}

struct Candidates<'a> {
    view: &'a View,
    scope: &'a Scope,
    subnet: &'a str,
}

impl Candidates<'_> {
    fn is_free(&self, address: Ipv4Addr, reserved: &Reserved) -> bool {
        let value = address_index_value(self.scope, self.subnet, address);
        !self.view.network_interfaces.any_by("address", &value)
            && !reserved.in_subnet.contains(&(self.scope.key(self.subnet), address))
    }

    fn is_unique(&self, address: Ipv4Addr, reserved: &Reserved) -> bool {
        !self.view.network_interfaces.any_by("any-address", &address.to_string())
            && !reserved.anywhere.contains(&address)
    }
}

/// A locally administered MAC address that belongs to no vendor, as AWS gives them: `0a:` and five random bytes.
pub fn mac_address(random: &dyn Random) -> String {
    let mut bytes = [0; 5];
    random.fill(&mut bytes);
    let [a, b, c, d, e] = bytes;
    format!("0a:{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}")
}

/// `ip-172-31-0-5.ec2.internal` in us-east-1, `ip-….<region>.compute.internal` elsewhere.
pub fn private_dns_name(address: Ipv4Addr, region: &str) -> String {
    let [a, b, c, d] = address.octets();
    match region {
        "us-east-1" => format!("ip-{a}-{b}-{c}-{d}.ec2.internal"),
        _ => format!("ip-{a}-{b}-{c}-{d}.{region}.compute.internal"),
    }
}

/// `ec2-203-0-113-5.compute-1.amazonaws.com` in us-east-1, `ec2-….<region>.compute.amazonaws.com` elsewhere.
pub fn public_dns_name(address: Ipv4Addr, region: &str) -> String {
    let [a, b, c, d] = address.octets();
    match region {
        "us-east-1" => format!("ec2-{a}-{b}-{c}-{d}.compute-1.amazonaws.com"),
        _ => format!("ec2-{a}-{b}-{c}-{d}.{region}.compute.amazonaws.com"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::random::SeededRandom;

    fn subnet(cidr: &str) -> Subnet {
        Subnet {
            scope: Scope::new("000000000000", "us-east-1"),
            id: String::from("subnet-1"),
            vpc_id: String::from("vpc-1"),
            cidr_block: cidr.into(),
            availability_zone: String::from("us-east-1a"),
            availability_zone_id: String::from("use1-az1"),
            default_for_az: true,
            map_public_ip_on_launch: true,
            ipv6_block: None,
            assign_ipv6_address_on_creation: false,
            hostname_type: None,
            enable_resource_name_dns_a_record: false,
            enable_resource_name_dns_aaaa_record: false,
            tags: Default::default(),
        }
    }

    #[test]
    fn a_subnet_gives_each_address_once_and_then_none() {
        let random = SeededRandom::shared(3);
        let subnet = subnet("10.0.0.0/28");
        let mut reserved = Reserved::default();
        let mut given: Vec<_> =
            std::iter::from_fn(|| allocate(&View::default(), &subnet, &mut reserved, &*random)).collect();
        given.sort_unstable();
        assert_eq!(given.len(), 11);
        assert_eq!(given.first(), Some(&Ipv4Addr::new(10, 0, 0, 4)));
        assert_eq!(given.last(), Some(&Ipv4Addr::new(10, 0, 0, 14)));
        given.dedup();
        assert_eq!(given.len(), 11);
    }

    #[test]
    fn names_follow_the_region() {
        let address = Ipv4Addr::new(172, 31, 0, 5);
        assert_eq!(private_dns_name(address, "us-east-1"), "ip-172-31-0-5.ec2.internal");
        assert_eq!(private_dns_name(address, "eu-west-1"), "ip-172-31-0-5.eu-west-1.compute.internal");
        let address = Ipv4Addr::new(203, 0, 113, 5);
        assert_eq!(public_dns_name(address, "us-east-1"), "ec2-203-0-113-5.compute-1.amazonaws.com");
        assert_eq!(public_dns_name(address, "eu-west-1"), "ec2-203-0-113-5.eu-west-1.compute.amazonaws.com");
    }
}
