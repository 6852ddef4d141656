//! Whose address a target sees: the load balancer's own, or the client's.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use super::Flow;
use crate::runtime::options::TargetGroupOptions;
use crate::runtime::{LoadBalancerState, Zone};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The address of the load balancer's interface, and any port.
    Interface,
    Client(SocketAddrV4),
    /// The client can't be told from somebody inside of the VPC, and gets no connection.
    Refused,
}

/// What a target of a group with these options sees of a flow.
pub fn of(flow: &Flow, zone: &Zone, options: &TargetGroupOptions, state: &LoadBalancerState) -> Source {
    if !options.preserve_client_ip {
        return Source::Interface;
    }
    // Listeners have IPv4 addresses alone.
    let IpAddr::V4(address) = flow.client.ip().to_canonical() else { return Source::Refused };
    let port = flow.client.port();
    let came_from_outside = zone.config.public_address.map(IpAddr::V4) == Some(flow.local.ip());
    // Inside, the VPC has checked whose address it is.
    if !came_from_outside {
        return Source::Client(SocketAddrV4::new(address, port));
    }
    if address.is_link_local() || state.is_in_vpc(address) {
        return Source::Refused;
    }
    Source::Client(SocketAddrV4::new(as_in_vpc(address), port))
}

/// A loopback address by its alias: 127.a.b.c travels inside of a VPC as 240.a.b.c, and rules for the one match the other.
fn as_in_vpc(address: Ipv4Addr) -> Ipv4Addr {
    match address.octets() {
        [127, a, b, c] => Ipv4Addr::new(240, a, b, c),
        _ => address,
    }
}

impl Source {
    /// The address to bind to; none for the interface's own.
    pub fn client(self) -> Option<SocketAddr> {
        match self {
            Source::Client(address) => Some(SocketAddr::V4(address)),
            Source::Interface | Source::Refused => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;
    use std::sync::Arc;

    use link_protocol::edge::ZoneConfig;
    use stdx::clock::Timestamp;

    use super::*;
    use crate::dialer::Dialer;
    use crate::metrics::{Dimensions, Registry};

    fn zone() -> Zone {
        let config = ZoneConfig {
            availability_zone: "us-east-1a".to_owned(),
            subnet_id: "subnet-1".to_owned(),
            eni_id: "eni-1".to_owned(),
            private_address: Ipv4Addr::new(10, 0, 0, 5),
            public_address: Some(Ipv4Addr::new(127, 80, 0, 1)),
            namespace: PathBuf::new(),
        };
        let dimensions =
            Dimensions { load_balancer: "net/one/1".to_owned(), target_group: None, availability_zone: None };
        let metrics = Registry::new(Timestamp::from_secs(0)).set(dimensions);
        Zone::new(config, Arc::new(Dialer::new(&PathBuf::new())), metrics)
    }

    #[test]
    fn the_source_is_the_attributes_and_never_a_stranger_in_the_vpcs_name() {
        let client = |text: &str| Source::Client(text.parse().unwrap());
        let state = LoadBalancerState::in_vpc(&["10.0.0.0/16", "100.64.0.0/24"]);
        for (preserve, client_address, local, expected) in [
            ("false", "10.0.3.4:5000", "10.0.0.5:80", Source::Interface),
            ("true", "10.0.3.4:5000", "10.0.0.5:80", client("10.0.3.4:5000")),
            // The host itself, at the private address.
            ("true", "169.254.3.4:5000", "10.0.0.5:80", client("169.254.3.4:5000")),
            ("true", "203.0.113.9:5000", "127.80.0.1:80", client("203.0.113.9:5000")),
            ("true", "127.0.0.1:5000", "127.80.0.1:80", client("240.0.0.1:5000")),
            ("false", "127.0.0.1:5000", "127.80.0.1:80", Source::Interface),
            ("true", "10.0.3.4:5000", "127.80.0.1:80", Source::Refused),
            ("true", "100.64.0.7:5000", "127.80.0.1:80", Source::Refused),
            ("true", "169.254.3.4:5000", "127.80.0.1:80", Source::Refused),
            ("false", "10.0.3.4:5000", "127.80.0.1:80", Source::Interface),
        ] {
            let attributes = BTreeMap::from([("preserve_client_ip.enabled".to_owned(), preserve.to_owned())]);
            let options = TargetGroupOptions::parse(&attributes);
            let flow = Flow { client: client_address.parse().unwrap(), local: local.parse().unwrap() };
            assert_eq!(of(&flow, &zone(), &options, &state), expected, "{preserve} {flow:?}");
        }
    }
}
