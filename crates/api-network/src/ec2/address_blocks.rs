//! IPv4 blocks of VPCs, subnets and routes, as requests give them.

use std::net::Ipv4Addr;

use state_model::ec2::subnet::Ipv4Block;
use wire_schema::ServiceError;

use super::errors::invalid_parameter_value;

/// The sizes of VPCs' and subnets' blocks, as lengths of their prefixes.
pub const PREFIX_LENGTHS: std::ops::RangeInclusive<u8> = 16..=28;

/// Blocks that no VPC can have: this network, loopback, link-local, multicast, and what follows, which stands for public
/// addresses inside this installation.
const RESERVED: [Ipv4Block; 4] =
    [block([0, 0, 0, 0], 8), block([127, 0, 0, 0], 8), block([169, 254, 0, 0], 16), block([224, 0, 0, 0], 3)];

const TEN: Ipv4Block = block([10, 0, 0, 0], 8);
const ONE_SEVEN_TWO: Ipv4Block = block([172, 16, 0, 0], 12);
const ONE_NINE_TWO: Ipv4Block = block([192, 168, 0, 0], 16);
const BENCHMARK: Ipv4Block = block([198, 19, 0, 0], 16);

const fn block(network: [u8; 4], prefix_length: u8) -> Ipv4Block {
    let [a, b, c, d] = network;
    Ipv4Block { network: Ipv4Addr::new(a, b, c, d), prefix_length }
}

/// Reads a block in its canonical form: AWS takes 10.0.1.5/24 for 10.0.1.0/24.
pub fn parse(text: &str, parameter: &str) -> Result<Ipv4Block, ServiceError> {
    let (address, prefix_length) = text.split_once('/').unwrap_or_default();
    let digits = prefix_length.bytes().all(|byte| byte.is_ascii_digit());
    match (address.parse::<Ipv4Addr>(), prefix_length.parse::<u8>()) {
        (Ok(address), Ok(prefix_length)) if digits && prefix_length <= 32 => {
            let mask = Ipv4Block { network: address, prefix_length }.mask();
            Ok(Ipv4Block { network: Ipv4Addr::from(u32::from(address) & mask), prefix_length })
        }
        _ => Err(invalid_parameter_value(format!(
            "Value ({text}) for parameter {parameter} is invalid. This is not a valid CIDR block."
        ))),
    }
}

/// As records have it.
pub fn text(block: Ipv4Block) -> String {
    format!("{}/{}", block.network, block.prefix_length)
}

/// Whether every address of `inner` is one of `outer`.
pub fn is_within(inner: Ipv4Block, outer: Ipv4Block) -> bool {
    inner.prefix_length >= outer.prefix_length && outer.contains(inner.network)
}

/// Of two blocks, either one lies in the other or they have no address in common.
pub fn overlap(one: Ipv4Block, other: Ipv4Block) -> bool {
    is_within(one, other) || is_within(other, one)
}

/// Whether a VPC can have the block, by its size and place. `public_pool` are the installation's public addresses.
pub fn check_vpc_block(block: Ipv4Block, public_pool: Ipv4Block) -> Result<(), ServiceError> {
    let reserved = RESERVED.into_iter().chain([public_pool]).any(|reserved| overlap(block, reserved));
    if reserved || !PREFIX_LENGTHS.contains(&block.prefix_length) {
        return Err(invalid_vpc_range(format!("The CIDR '{}' is invalid.", text(block))));
    }
    Ok(())
}

/// Whether a VPC whose first block is `primary` can have `added` too.
///
/// <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html#add-cidr-block-restrictions>
pub fn check_secondary_block(primary: Ipv4Block, added: Ipv4Block) -> Result<(), ServiceError> {
    // Blocks of private use come from the range of the first one; all others go with any.
    let special = [TEN, ONE_SEVEN_TWO, ONE_NINE_TWO, BENCHMARK];
    let range = |block: Ipv4Block| special.into_iter().find(|range| overlap(block, *range));
    if range(added).is_none() || range(added) == range(primary) {
        return Ok(());
    }
    Err(invalid_vpc_range(format!(
        "The CIDR '{}' is restricted. Use a CIDR from the same private address range as the current VPC CIDR, or use \
         a publicly-routable CIDR. For additional restrictions, see \
         https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Subnets.html#add-cidr-block-restrictions",
        text(added)
    )))
}

pub fn invalid_vpc_range(message: String) -> ServiceError {
    ServiceError::caller("InvalidVpc.Range", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &str) -> Ipv4Block {
        parse(given, "cidrBlock").expect("a block")
    }

    #[test]
    fn blocks_get_their_canonical_form() {
        for (given, expected) in [
            ("10.0.1.5/24", "10.0.1.0/24"),
            ("10.0.0.0/16", "10.0.0.0/16"),
            ("1.2.3.4/32", "1.2.3.4/32"),
            ("1.2.3.4/0", "0.0.0.0/0"),
        ] {
            assert_eq!(text(read(given)), expected);
        }
        for wrong in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/+8", "10.0.0.0/", "::/0", "x/8"] {
            let message = format!(
                "Value ({wrong}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
            );
            assert_eq!(parse(wrong, "cidrBlock").unwrap_err().message, message);
        }
    }

    #[test]
    fn vpcs_have_blocks_of_some_sizes_and_places() {
        let check = |given: &str, expected: bool| {
            let answer = check_vpc_block(read(given), read("203.0.113.0/24"));
            assert_eq!(answer.is_ok(), expected, "{given}");
        };
        for valid in ["10.0.0.0/16", "10.0.0.0/28", "100.64.0.0/16", "8.8.0.0/16", "192.168.0.0/20"] {
            check(valid, true);
        }
        for wrong in [
            "10.0.0.0/15",
            "10.0.0.0/29",
            "127.1.0.0/16",
            "169.254.8.0/24",
            "0.1.0.0/16",
            "224.0.0.0/16",
            "250.1.0.0/16",
            "203.0.0.0/16",
            "203.0.113.128/28",
        ] {
            check(wrong, false);
        }
    }

    #[test]
    fn secondary_blocks_keep_to_the_range_of_the_first() {
        let check = |primary: &str, added: &str, expected: bool| {
            let answer = check_secondary_block(read(primary), read(added));
            assert_eq!(answer.is_ok(), expected, "{primary} {added}");
        };
        check("10.0.0.0/16", "10.1.0.0/16", true);
        check("10.0.0.0/16", "100.64.0.0/16", true);
        check("10.0.0.0/16", "8.8.0.0/16", true);
        check("10.0.0.0/16", "172.16.0.0/16", false);
        check("10.0.0.0/16", "192.168.0.0/16", false);
        check("172.31.0.0/16", "172.16.0.0/16", true);
        check("172.31.0.0/16", "198.19.0.0/16", false);
        check("198.19.0.0/16", "10.0.0.0/16", false);
        check("100.64.0.0/16", "10.0.0.0/16", false);
        check("100.64.0.0/16", "100.65.0.0/16", true);
    }

    #[test]
    fn blocks_overlap_when_one_lies_in_the_other() {
        assert!(overlap(read("10.0.0.0/16"), read("10.0.5.0/24")));
        assert!(overlap(read("10.0.5.0/24"), read("10.0.0.0/16")));
        assert!(!overlap(read("10.0.0.0/24"), read("10.0.1.0/24")));
        assert!(is_within(read("10.0.5.0/24"), read("0.0.0.0/0")));
        assert!(!is_within(read("10.0.0.0/16"), read("10.0.5.0/24")));
    }
}
