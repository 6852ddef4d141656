//! Which IPv6 address a new network interface gets.

use std::collections::HashSet;
use std::net::Ipv6Addr;

use state_model::ec2::ipv6_block::{IPV6_RESERVED_FIRST, Ipv6Block};
use state_model::ec2::subnet::Subnet;
use stdx::random::{self, Random};

use crate::View;

/// Random tries. Among the 2^64 addresses of a subnet, a second one is needed about never.
const GUESSES_MAX: u32 = 16;

/// Addresses given out by decisions that aren't committed yet.
#[derive(Debug, Default)]
pub struct Reserved(HashSet<Ipv6Addr>);

impl Reserved {
    /// An address that its owner has chosen.
    pub fn add(&mut self, address: Ipv6Addr) {
        self.0.insert(address);
    }
}

/// A free address of the subnet, drawn at random as AWS does; none when it has no IPv6 block.
pub fn allocate(
    view: &View,
    subnet: &Subnet,
    reserved: &mut Reserved,
    random: &dyn Random,
) -> Option<Ipv6Addr> {
    let block = block(subnet)?;
    let mut guesses = (0..GUESSES_MAX).map(|_| block.address(u128::from(random::u64(random))));
    let address =
        guesses.find(|address| is_for_interfaces(block, *address) && is_free(view, *address, reserved))?;
    reserved.add(address);
    Some(address)
}

pub fn block(subnet: &Subnet) -> Option<Ipv6Block> {
    subnet.ipv6_block.as_ref().and_then(|block| Ipv6Block::parse(&block.cidr_block))
}

/// Whether interfaces can have the address: not the first four of the subnet, nor the last one.
pub fn is_for_interfaces(block: Ipv6Block, address: Ipv6Addr) -> bool {
    block.contains(address)
        && u128::from(address) - u128::from(block.network) >= IPV6_RESERVED_FIRST
        && address != block.last()
}

/// Whether no interface has it.
pub fn is_free(view: &View, address: Ipv6Addr, reserved: &Reserved) -> bool {
    !view.network_interfaces.any_by("ipv6-address", &address.to_string()) && !reserved.0.contains(&address)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use state_model::Scope;
    use state_model::ec2::vpc::BlockAssociation;
    use stdx::random::{SeededRandom, SharedRandom};

    use super::*;

    fn subnet(ipv6: Option<&str>) -> Subnet {
        Subnet {
            scope: Scope::new("000000000000", "us-east-1"),
            id: String::from("subnet-1"),
            vpc_id: String::from("vpc-1"),
            cidr_block: String::from("10.0.0.0/24"),
            availability_zone: String::from("us-east-1a"),
            availability_zone_id: String::from("use1-az1"),
            default_for_az: false,
            map_public_ip_on_launch: false,
            ipv6_block: ipv6.map(|text| BlockAssociation {
                id: String::from("subnet-cidr-assoc-1"),
                cidr_block: text.to_owned(),
            }),
            assign_ipv6_address_on_creation: true,
            hostname_type: None,
            enable_resource_name_dns_a_record: false,
            enable_resource_name_dns_aaaa_record: false,
            tags: Default::default(),
        }
    }

    /// Numbers near the ends of what there is, where addresses are kept, each drawn in turn.
    #[derive(Debug)]
    struct Narrow {
        random: SharedRandom,
    }

    impl Random for Narrow {
        fn fill(&self, bytes: &mut [u8]) {
            let drawn = random::below(&*self.random, 12);
            let number = if drawn < 8 { drawn } else { u64::MAX - (11 - drawn) };
            // The order of the bytes doesn't matter for what is tested: both ends are the same in either.
            bytes.iter_mut().zip(number.to_le_bytes()).for_each(|(byte, value)| *byte = value);
        }
    }

    #[test]
    fn a_subnet_without_a_block_gives_nothing() {
        let random = SeededRandom::shared(1);
        let mut reserved = Reserved::default();
        assert_eq!(allocate(&View::default(), &subnet(None), &mut reserved, &*random), None);
    }

    proptest! {
        #[test]
        fn addresses_are_the_subnets_and_each_is_given_once(seed: u64, wide: bool, count in 1_usize..9) {
            let seeded = SeededRandom::shared(seed);
            let narrow = Narrow { random: SeededRandom::shared(seed) };
            let random: &dyn Random = if wide { &*seeded } else { &narrow };
            let subnet = subnet(Some("2001:db8:0:7::/64"));
            let block = block(&subnet).expect("a block");
            let mut reserved = Reserved::default();
            let mut given = Vec::new();
            for _ in 0..count {
                // Of a narrow choice, all tries may be taken: then there is none, rather than one that is kept or taken.
                given.extend(allocate(&View::default(), &subnet, &mut reserved, random));
            }
            let outside = given.iter().find(|address| !is_for_interfaces(block, **address));
            prop_assert_eq!(outside, None);
            prop_assert!(!wide || given.len() == count);
            let distinct: HashSet<_> = given.iter().collect();
            prop_assert_eq!(distinct.len(), given.len());
        }
    }

    #[test]
    fn the_first_four_and_the_last_are_kept() {
        let block = Ipv6Block::parse("2001:db8::/64").expect("a block");
        for (address, expected) in [
            ("2001:db8::", false),
            ("2001:db8::3", false),
            ("2001:db8::4", true),
            ("2001:db8::ffff:ffff:ffff:fffe", true),
            ("2001:db8::ffff:ffff:ffff:ffff", false),
            ("2001:db8:0:1::4", false),
        ] {
            assert_eq!(is_for_interfaces(block, address.parse().expect("an address")), expected, "{address}");
        }
    }
}
