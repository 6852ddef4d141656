//! Entries of network ACLs as requests write them.
//!
//! <https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html>

use state_model::ec2::NetworkAcl;
use state_model::ec2::network_acl::NetworkAclEntry;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{IcmpTypeCode, PortRange, RuleAction};

use super::errors::{invalid_parameter_combination, invalid_parameter_value, missing_parameter};
use super::permissions::{ipv4_block, ipv6_block};

/// The number of the last entry of either direction, which denies what none decided. It can't be changed.
pub const LAST_RULE_NUMBER: i32 = 32767;

/// The members of both requests that write an entry.
#[derive(Debug)]
pub struct Given {
    pub cidr_block: Option<String>,
    pub egress: Option<bool>,
    pub icmp_type_code: Option<IcmpTypeCode>,
    pub ipv6_cidr_block: Option<String>,
    pub port_range: Option<PortRange>,
    pub protocol: Option<String>,
    pub rule_action: Option<RuleAction>,
    pub rule_number: Option<i32>,
}

pub fn parse(given: Given) -> Result<NetworkAclEntry, ServiceError> {
    let rule_number = rule_number(given.rule_number)?;
    let is_egress = given.egress.ok_or_else(|| missing_parameter("egress"))?;
    let is_allow = match given.rule_action.ok_or_else(|| missing_parameter("ruleAction"))? {
        RuleAction::Allow => true,
        RuleAction::Deny => false,
        RuleAction::Other(other) => {
            return Err(invalid_parameter_value(format!(
                "Value ({other}) for parameter ruleAction is invalid. Valid values are allow and deny."
            )));
        }
    };
    let given_block = |block: Option<String>| block.filter(|text| !text.is_empty());
    let cidr_block = match (given_block(given.cidr_block), given_block(given.ipv6_cidr_block)) {
        (Some(block), None) => ipv4_block(&block)?,
        (None, Some(block)) => ipv6_block(&block)?,
        (None, None) => return Err(missing_parameter("cidrBlock")),
        (Some(_), Some(_)) => {
            let message = "An entry has either an IPv4 or an IPv6 CIDR block.";
            return Err(invalid_parameter_combination(message));
        }
    };
    let protocol = protocol(&given.protocol.ok_or_else(|| missing_parameter("protocol"))?)?;
    let ports = match protocol.as_str() {
        TCP | UDP => Some(port_range(given.port_range)?),
        // All ports, whatever is given: as on AWS.
        _ => None,
    };
    let icmp = match protocol.as_str() {
        ICMP => Some(icmp(given.icmp_type_code)?),
        // With an IPv4 block, all types and codes, whatever is given: as on AWS.
        ICMP_V6 if cidr_block.contains(':') => Some(icmp(given.icmp_type_code)?),
        _ => None,
    };
    Ok(NetworkAclEntry { rule_number, is_egress, is_allow, protocol, cidr_block, ports, icmp })
}

const TCP: &str = "6";
const UDP: &str = "17";
const ICMP: &str = "1";
const ICMP_V6: &str = "58";

pub fn rule_number(given: Option<i32>) -> Result<i32, ServiceError> {
    let number = given.ok_or_else(|| missing_parameter("ruleNumber"))?;
    if (1..LAST_RULE_NUMBER).contains(&number) {
        return Ok(number);
    }
    Err(invalid_parameter_value(format!(
        "Value ({number}) for parameter ruleNumber is invalid. Rule number must be between 1 and {}",
        LAST_RULE_NUMBER - 1
    )))
}

fn protocol(text: &str) -> Result<String, ServiceError> {
    let number = match text.to_ascii_lowercase().as_str() {
        "-1" | "all" => return Ok(String::from("-1")),
        "tcp" => TCP.parse::<u8>().ok(),
        "udp" => UDP.parse().ok(),
        "icmp" => ICMP.parse().ok(),
        "icmpv6" => ICMP_V6.parse().ok(),
        number => number.parse().ok(),
    };
    let number = number.map(|number| number.to_string());
    match number.as_deref() {
        None => {
            Err(invalid_parameter_value(format!("Invalid value '{text}' for IP protocol. Unknown protocol.")))
        }
        Some(number) => Ok(number.to_owned()),
    }
}

fn port_range(given: Option<PortRange>) -> Result<(u16, u16), ServiceError> {
    let given = given.ok_or_else(|| missing_parameter("portRange"))?;
    let port = |name: &str, port: Option<i32>| {
        let port = port.ok_or_else(|| missing_parameter(name))?;
        u16::try_from(port)
            .map_err(|_| invalid_parameter_value(format!("TCP/UDP port ({port}) out of range")))
    };
    let (from, to) = (port("portRange.from", given.from)?, port("portRange.to", given.to)?);
    if from > to {
        return Err(invalid_parameter_value(format!("Invalid TCP/UDP port range ({from}:{to})")));
    }
    Ok((from, to))
}

fn icmp(given: Option<IcmpTypeCode>) -> Result<(i16, i16), ServiceError> {
    let given = given.ok_or_else(|| missing_parameter("icmpTypeCode"))?;
    let kind = given.r#type.ok_or_else(|| missing_parameter("icmpTypeCode.type"))?;
    let code = given.code.ok_or_else(|| missing_parameter("icmpTypeCode.code"))?;
    let within = |number: i32| i16::try_from(number).ok().filter(|number| (-1..=255).contains(number));
    match (within(kind), within(code)) {
        (Some(-1), Some(other)) if other != -1 => {
            Err(invalid_parameter_value(format!("ICMP code ({code}) not allowed with ICMP type -1")))
        }
        (Some(kind), Some(code)) => Ok((kind, code)),
        _ => Err(invalid_parameter_value(format!("ICMP code ({code}) or type ({kind}) out of range"))),
    }
}

/// The place of the entry in the list.
pub fn position(acl: &NetworkAcl, is_egress: bool, rule_number: i32) -> Option<usize> {
    acl.entries.iter().position(|entry| (entry.is_egress, entry.rule_number) == (is_egress, rule_number))
}

/// In the order in which AWS lists them: egress first, then by number.
pub fn sort(acl: &mut NetworkAcl) {
    acl.entries.sort_by_key(|entry| (!entry.is_egress, entry.rule_number));
}

/// What every network ACL begins with: nothing gets through either way.
pub fn deny_everything() -> Vec<NetworkAclEntry> {
    let last = |is_egress| NetworkAclEntry {
        rule_number: LAST_RULE_NUMBER,
        is_egress,
        is_allow: false,
        protocol: String::from("-1"),
        cidr_block: String::from("0.0.0.0/0"),
        ports: None,
        icmp: None,
    };
    vec![last(true), last(false)]
}

pub fn entry_not_found(rule_number: i32) -> ServiceError {
    ServiceError::caller(
        "InvalidNetworkAclEntry.NotFound",
        format!("The network acl entry identified by {rule_number} does not exist."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(protocol: &str, ports: Option<(i32, i32)>, icmp: Option<(i32, i32)>) -> Given {
        Given {
            cidr_block: Some(String::from("10.1.2.3/16")),
            egress: Some(false),
            icmp_type_code: icmp.map(|(kind, code)| IcmpTypeCode { r#type: Some(kind), code: Some(code) }),
            ipv6_cidr_block: None,
            port_range: ports.map(|(from, to)| PortRange { from: Some(from), to: Some(to) }),
            protocol: Some(protocol.to_owned()),
            rule_action: Some(RuleAction::Allow),
            rule_number: Some(100),
        }
    }

    #[test]
    fn traffic_is_checked() {
        type Expected = Result<(&'static str, Option<(u16, u16)>, Option<(i16, i16)>), &'static str>;
        let check = |protocol: &str, ports, icmp, expected: Expected| {
            let entry = parse(given(protocol, ports, icmp));
            let found = entry.as_ref().map(|entry| (entry.protocol.as_str(), entry.ports, entry.icmp));
            assert_eq!(found.map_err(|error| error.message.as_str()), expected, "{protocol}");
        };
        check("tcp", Some((80, 443)), None, Ok(("6", Some((80, 443)), None)));
        check("17", Some((0, 65535)), None, Ok(("17", Some((0, 65535)), None)));
        check("1", None, Some((8, -1)), Ok(("1", None, Some((8, -1)))));
        check("-1", Some((80, 80)), None, Ok(("-1", None, None)));
        check("50", None, None, Ok(("50", None, None)));
        check("6", None, None, Err("The request must contain the parameter portRange"));
        check("6", Some((443, 80)), None, Err("Invalid TCP/UDP port range (443:80)"));
        check("6", Some((0, 65536)), None, Err("TCP/UDP port (65536) out of range"));
        check("icmp", None, None, Err("The request must contain the parameter icmpTypeCode"));
        check("icmp", None, Some((-1, 3)), Err("ICMP code (3) not allowed with ICMP type -1"));
        check("icmp", None, Some((256, 0)), Err("ICMP code (0) or type (256) out of range"));
        check("sctpx", None, None, Err("Invalid value 'sctpx' for IP protocol. Unknown protocol."));
        check("256", None, None, Err("Invalid value '256' for IP protocol. Unknown protocol."));
    }

    #[test]
    fn blocks_and_numbers_are_checked() {
        assert_eq!(parse(given("-1", None, None)).unwrap().cidr_block, "10.1.0.0/16");
        for number in [-1, 0, 32767, 40000] {
            assert_eq!(rule_number(Some(number)).unwrap_err().code, "InvalidParameterValue");
        }
        assert!(rule_number(Some(1)).is_ok() && rule_number(Some(32766)).is_ok());
        let both = Given { ipv6_cidr_block: Some(String::from("::/0")), ..given("-1", None, None) };
        assert_eq!(parse(both).unwrap_err().code, "InvalidParameterCombination");
        let ipv6 = |block: &str, protocol: &str, icmp| Given {
            cidr_block: None,
            ipv6_cidr_block: Some(block.to_owned()),
            ..given(protocol, None, icmp)
        };
        let entry = parse(ipv6("2001:DB8:0:7::9/64", "icmpv6", Some((128, -1)))).unwrap();
        assert_eq!((entry.cidr_block.as_str(), entry.icmp), ("2001:db8:0:7::/64", Some((128, -1))));
        assert_eq!(parse(ipv6("::/0", "58", None)).unwrap_err().code, "MissingParameter");
        assert_eq!(parse(ipv6("10.0.0.0/8", "-1", None)).unwrap_err().code, "InvalidParameterValue");
        // As on AWS, types and codes count with a block of their family alone.
        assert_eq!(parse(given("58", None, Some((128, 0)))).unwrap().icmp, None);
    }
}
