//! Permissions as requests write them, and as rules: exactly one source or destination each.

use std::net::{Ipv4Addr, Ipv6Addr};

use state_model::Scope;
use state_model::ec2::SecurityGroup;
use state_model::ec2::security_group::{RulePeer, RuleProtocol, SecurityGroupRule};
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use super::errors::invalid_parameter_value;
use super::limits::DESCRIPTION_LENGTH_MAX;
use super::{group_lookup, ids, peering, prefix_lists};

/// A rule without its identifier and direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    pub protocol: RuleProtocol,
    pub from_port: i32,
    pub to_port: i32,
    pub peer: RulePeer,
    pub description: Option<String>,
}

impl Permission {
    /// Whether both say the same; descriptions don't count.
    pub fn says_the_same(&self, rule: &SecurityGroupRule) -> bool {
        (self.protocol, self.from_port, self.to_port) == (rule.protocol, rule.from_port, rule.to_port)
            && self.peer == rule.peer
    }

    /// How messages write it: `peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW`.
    pub fn words(&self) -> String {
        let peer = match &self.peer {
            RulePeer::Ipv4(text) | RulePeer::Ipv6(text) | RulePeer::PrefixList(text) => text,
            RulePeer::Group { id, .. } => id,
        };
        let or_all = |number: i32| if number == -1 { String::from("ALL") } else { number.to_string() };
        let ports = format!("from port: {}, to port: {}", self.from_port, self.to_port);
        let traffic = match self.protocol {
            RuleProtocol::All => String::from("ALL"),
            RuleProtocol::Tcp => format!("TCP, {ports}"),
            RuleProtocol::Udp => format!("UDP, {ports}"),
            RuleProtocol::Icmp => {
                format!("ICMP, type: {}, code: {}", or_all(self.from_port), or_all(self.to_port))
            }
            RuleProtocol::Number(number) => format!("{number}"),
        };
        format!("peer: {peer}, {traffic}, ALLOW")
    }
}

/// The shorthand of a request that has one permission, written flat.
pub struct Flat {
    pub ip_protocol: Option<String>,
    pub from_port: Option<i32>,
    pub to_port: Option<i32>,
    pub cidr_ip: Option<String>,
    pub source_group_name: Option<String>,
    pub source_group_owner: Option<String>,
}

/// All permissions of a request, of which one may be written flat.
pub fn of_request(
    listed: Option<Vec<wire::IpPermission>>,
    flat: Flat,
) -> Result<Vec<wire::IpPermission>, ServiceError> {
    let mut permissions = listed.unwrap_or_default();
    let has_flat = flat.ip_protocol.is_some() || flat.cidr_ip.is_some() || flat.source_group_name.is_some();
    if has_flat {
        let group = flat.source_group_name.map(|name| wire::UserIdGroupPair {
            group_name: Some(name),
            user_id: flat.source_group_owner,
            ..Default::default()
        });
        let range = flat.cidr_ip.map(|cidr| wire::IpRange { cidr_ip: Some(cidr), description: None });
        // Named by its group alone, the shorthand means everything that the group's members send.
        let by_group_alone = flat.ip_protocol.is_none() && group.is_some();
        permissions.push(wire::IpPermission {
            ip_protocol: if by_group_alone { Some(String::from("-1")) } else { flat.ip_protocol },
            from_port: flat.from_port,
            to_port: flat.to_port,
            ip_ranges: range.map(|range| vec![range]),
            user_id_group_pairs: group.map(|group| vec![group]),
            ..Default::default()
        });
    }
    if permissions.is_empty() {
        return Err(super::errors::missing_parameter("ipPermissions"));
    }
    Ok(permissions)
}

/// What is asked of the groups and prefix lists that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// For new rules: they must exist, groups in the VPC of the rules' group or in one that is peered with it.
    MustExist,
    /// For rules that are there already: what they name may be gone.
    AsInRules,
}

/// Splits permissions into one per peer.
pub fn parse(
    view: &View,
    scope: &Scope,
    group: &SecurityGroup,
    given: &[wire::IpPermission],
    named: Named,
) -> Result<Vec<Permission>, ServiceError> {
    let mut parsed: Vec<Permission> = Vec::new();
    for permission in given {
        let (protocol, from_port, to_port) =
            traffic(permission.ip_protocol.as_deref(), permission.from_port, permission.to_port)?;
        let peers = peers(view, scope, group, permission, named)?;
        if peers.is_empty() {
            return Err(ServiceError::caller("MissingParameter", "Source group ID missing."));
        }
        for (peer, description) in peers {
            check_description(description.as_deref())?;
            let description = description.filter(|text| !text.is_empty());
            let one = Permission { protocol, from_port, to_port, peer, description };
            let repeated = parsed.iter().any(|other| {
                (other.protocol, other.from_port, other.to_port, &other.peer)
                    == (one.protocol, one.from_port, one.to_port, &one.peer)
            });
            if repeated {
                return Err(invalid_parameter_value("The same permission must not appear multiple times"));
            }
            parsed.push(one);
        }
    }
    Ok(parsed)
}

fn peers(
    view: &View,
    scope: &Scope,
    group: &SecurityGroup,
    permission: &wire::IpPermission,
    named: Named,
) -> Result<Vec<(RulePeer, Option<String>)>, ServiceError> {
    let mut peers = Vec::new();
    for range in permission.ip_ranges.iter().flatten() {
        let text = range.cidr_ip.as_deref().unwrap_or_default();
        peers.push((RulePeer::Ipv4(ipv4_block(text)?), range.description.clone()));
    }
    for range in permission.ipv6_ranges.iter().flatten() {
        let text = range.cidr_ipv6.as_deref().unwrap_or_default();
        peers.push((RulePeer::Ipv6(ipv6_block(text)?), range.description.clone()));
    }
    for list in permission.prefix_list_ids.iter().flatten() {
        let id = list.prefix_list_id.as_deref().unwrap_or_default();
        if named == Named::MustExist {
            prefix_lists::check_exists(view, scope, id)?;
        }
        peers.push((RulePeer::PrefixList(id.to_owned()), list.description.clone()));
    }
    for pair in permission.user_id_group_pairs.iter().flatten() {
        peers.push((group_of_pair(view, scope, group, pair, named)?, pair.description.clone()));
    }
    Ok(peers)
}

fn group_of_pair(
    view: &View,
    scope: &Scope,
    group: &SecurityGroup,
    pair: &wire::UserIdGroupPair,
    named: Named,
) -> Result<RulePeer, ServiceError> {
    let account = pair.user_id.as_deref().filter(|account| !account.is_empty());
    match (&pair.group_id, &pair.group_name) {
        (Some(id), _) if named == Named::AsInRules => {
            ids::SECURITY_GROUP.check(id)?;
            // Whose group it is was found out when the rule was made; a request may leave it out.
            let of_rule = group.rules.iter().find_map(|rule| match &rule.peer {
                RulePeer::Group { id: other, account } if other == id => Some(account.as_str()),
                _ => None,
            });
            let account = account.or(of_rule).unwrap_or(&scope.account).to_owned();
            Ok(RulePeer::Group { id: id.clone(), account })
        }
        (Some(id), _) => peer_group(view, scope, group, account, id),
        (None, Some(name)) => {
            let found = group_lookup::by_name(view, scope, name)?;
            peer_group(view, scope, group, account, &found.id)
        }
        (None, None) => Err(ServiceError::caller("MissingParameter", "Source group ID missing.")),
    }
}

/// The group `id` as the source or destination of a rule of `group`: in the same VPC, or in one that is peered with it,
/// which may be another account's.
pub fn peer_group(
    view: &View,
    scope: &Scope,
    group: &SecurityGroup,
    account: Option<&str>,
    id: &str,
) -> Result<RulePeer, ServiceError> {
    ids::SECURITY_GROUP.check(id)?;
    let named = account.map(|account| Scope::new(account, &scope.region));
    let mut candidates: Vec<Scope> = vec![named.clone().unwrap_or_else(|| scope.clone())];
    if named.is_none() {
        // Named without its account, a group may still be the other side's of a peering connection.
        candidates.extend(peering::active_peers(view, scope, &group.vpc_id).map(|side| side.scope.clone()));
    }
    let found = candidates.iter().find_map(|scope| view.security_groups.get(&scope.key(id)));
    let found = found.ok_or_else(|| ids::SECURITY_GROUP.unknown(id))?;
    let same_vpc = found.scope == group.scope && found.vpc_id == group.vpc_id;
    let is_peered = || {
        peering::active_peers(view, scope, &group.vpc_id)
            .any(|side| side.scope == found.scope && side.vpc_id == found.vpc_id)
    };
    if !same_vpc && !is_peered() {
        let message = "You have specified two resources that belong to different networks.";
        return Err(ServiceError::caller("InvalidGroup.NotFound", message));
    }
    Ok(RulePeer::Group { id: found.id.clone(), account: found.scope.account.clone() })
}

/// Checks protocol and ports, and brings what has no ports to `-1`.
pub fn traffic(
    protocol: Option<&str>,
    from_port: Option<i32>,
    to_port: Option<i32>,
) -> Result<(RuleProtocol, i32, i32), ServiceError> {
    let protocol = parse_protocol(protocol)?;
    match protocol {
        RuleProtocol::Tcp | RuleProtocol::Udp => {
            let (Some(from), Some(to)) = (from_port, to_port) else {
                return Err(invalid_parameter_value(
                    "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.",
                ));
            };
            for (end, port) in [("from", from), ("to", to)] {
                if !(0..=65535).contains(&port) {
                    let message = format!("TCP/UDP ({end}) port ({port}) out of range");
                    return Err(invalid_parameter_value(message));
                }
            }
            if from > to {
                return Err(invalid_parameter_value(format!("Invalid TCP/UDP port range ({from}:{to})")));
            }
            Ok((protocol, from, to))
        }
        RuleProtocol::Icmp | RuleProtocol::Number(ICMP_V6) => {
            let (kind, code) = (from_port.unwrap_or(-1), to_port.unwrap_or(-1));
            if !(-1..=255).contains(&kind) || !(-1..=255).contains(&code) {
                let message = format!("ICMP code ({code}) or type ({kind}) out of range");
                return Err(invalid_parameter_value(message));
            }
            if kind == -1 && code != -1 {
                let message = format!("ICMP code ({code}) not allowed with ICMP type -1");
                return Err(invalid_parameter_value(message));
            }
            Ok((protocol, kind, code))
        }
        // Every other protocol has no ports; whatever is given is ignored, as on AWS.
        RuleProtocol::All | RuleProtocol::Number(_) => Ok((protocol, -1, -1)),
    }
}

const ICMP_V6: u8 = 58;

fn parse_protocol(text: Option<&str>) -> Result<RuleProtocol, ServiceError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Err(invalid_parameter_value(
            "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.",
        ));
    };
    let unknown =
        || invalid_parameter_value(format!("Invalid value '{text}' for IP protocol. Unknown protocol."));
    Ok(match text.to_ascii_lowercase().as_str() {
        "-1" | "all" => RuleProtocol::All,
        "tcp" | "6" => RuleProtocol::Tcp,
        "udp" | "17" => RuleProtocol::Udp,
        "icmp" | "1" => RuleProtocol::Icmp,
        "icmpv6" => RuleProtocol::Number(ICMP_V6),
        number => RuleProtocol::Number(number.parse().map_err(|_| unknown())?),
    })
}

/// The block with the bits behind its prefix cleared, as AWS stores it.
pub fn ipv4_block(text: &str) -> Result<String, ServiceError> {
    let parsed = text.split_once('/').and_then(|(address, prefix)| {
        let address: Ipv4Addr = address.parse().ok()?;
        let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
        let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
        Some(format!("{}/{prefix}", Ipv4Addr::from(u32::from(address) & mask)))
    });
    parsed.ok_or_else(|| malformed_block(text))
}

pub fn ipv6_block(text: &str) -> Result<String, ServiceError> {
    let parsed = text.split_once('/').and_then(|(address, prefix)| {
        let address: Ipv6Addr = address.parse().ok()?;
        let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= 128)?;
        let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
        Some(format!("{}/{prefix}", Ipv6Addr::from(u128::from(address) & mask)))
    });
    parsed.ok_or_else(|| malformed_block(text))
}

fn malformed_block(text: &str) -> ServiceError {
    invalid_parameter_value(format!("CIDR block {text} is malformed"))
}

pub fn check_description(text: Option<&str>) -> Result<(), ServiceError> {
    if text.is_none_or(is_description) {
        return Ok(());
    }
    Err(invalid_parameter_value(format!(
        "Invalid rule description. Valid descriptions are strings less than 256 characters from the following \
         set:  {DESCRIPTION_SET}"
    )))
}

/// What messages say of the characters that [`is_description`] takes.
pub const DESCRIPTION_SET: &str = "a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*";

pub fn is_description(text: &str) -> bool {
    let allowed =
        |character: char| character.is_ascii_alphanumeric() || ". _-:/()#,@[]+=&;{}!$*".contains(character);
    text.len() <= DESCRIPTION_LENGTH_MAX && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_is_checked() {
        let check = |protocol: &str, from: i32, to: i32, expect: Result<(RuleProtocol, i32, i32), &str>| {
            let result = traffic(Some(protocol), Some(from), Some(to));
            assert_eq!(result.map_err(|error| error.message), expect.map_err(str::to_owned), "{protocol}");
        };
        check("tcp", 80, 443, Ok((RuleProtocol::Tcp, 80, 443)));
        check("17", 53, 53, Ok((RuleProtocol::Udp, 53, 53)));
        check("-1", 80, 80, Ok((RuleProtocol::All, -1, -1)));
        check("50", 1, 2, Ok((RuleProtocol::Number(50), -1, -1)));
        check("icmp", 8, -1, Ok((RuleProtocol::Icmp, 8, -1)));
        check("icmpv6", -1, -1, Ok((RuleProtocol::Number(58), -1, -1)));
        check("tcp", 80, 22, Err("Invalid TCP/UDP port range (80:22)"));
        check("tcp", 0, 65536, Err("TCP/UDP (to) port (65536) out of range"));
        check("tcp", -1, -1, Err("TCP/UDP (from) port (-1) out of range"));
        check("sctpx", 0, 0, Err("Invalid value 'sctpx' for IP protocol. Unknown protocol."));
        check("256", 0, 0, Err("Invalid value '256' for IP protocol. Unknown protocol."));
        check("icmp", 300, 0, Err("ICMP code (0) or type (300) out of range"));
        assert!(traffic(Some("tcp"), Some(1), None).is_err());
        assert!(traffic(None, None, None).is_err());
    }

    #[test]
    fn blocks_are_brought_to_their_form() {
        assert_eq!(ipv4_block("100.68.0.18/18").unwrap(), "100.68.0.0/18");
        assert_eq!(ipv4_block("0.0.0.0/0").unwrap(), "0.0.0.0/0");
        assert_eq!(ipv6_block("2001:DB8:0::1/32").unwrap(), "2001:db8::/32");
        assert_eq!(ipv6_block("::/0").unwrap(), "::/0");
        for wrong in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "x/8", "10.0.0.0/x"] {
            let message = ipv4_block(wrong).unwrap_err().message;
            assert_eq!(message, format!("CIDR block {wrong} is malformed"));
        }
    }

    #[test]
    fn permissions_have_words() {
        let permission = |protocol, from_port, to_port| Permission {
            protocol,
            from_port,
            to_port,
            peer: RulePeer::Ipv4("0.0.0.0/0".into()),
            description: None,
        };
        let words = |protocol, from, to| permission(protocol, from, to).words();
        assert_eq!(words(RuleProtocol::All, -1, -1), "peer: 0.0.0.0/0, ALL, ALLOW");
        assert_eq!(
            words(RuleProtocol::Tcp, 22, 22),
            "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW"
        );
        assert_eq!(words(RuleProtocol::Icmp, -1, -1), "peer: 0.0.0.0/0, ICMP, type: ALL, code: ALL, ALLOW");
    }
}
