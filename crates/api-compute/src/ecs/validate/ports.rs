//! Port mappings.

use std::collections::BTreeSet;

use state_model::ecs::container_definition::{ContainerDefinition, PortMapping, TransportProtocol};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use super::numbers::port;
use crate::ecs::errors::client;
use crate::ecs::limits::PORT_RANGES_MAX;

const PORT_NAME_LENGTH_MAX: usize = 64;

/// In `awsvpc` the host port is the container's, and shown as such.
pub fn port_mapping(
    given: wire::PortMapping,
    network_mode: Option<&str>,
) -> Result<PortMapping, ServiceError> {
    let container_port = port("containerPort", given.container_port)?;
    let host_port = port("hostPort", given.host_port)?;
    if given.container_port_range.is_some() && (container_port.is_some() || host_port.is_some()) {
        return Err(client("cannot specify both single port and port range"));
    }
    if let Some(range) = &given.container_port_range {
        range_bounds(range).ok_or_else(|| client("Invalid 'containerPortRange' setting"))?;
    } else if container_port.unwrap_or_default() == 0 {
        return Err(client("Invalid 'containerPort' setting. The port must be between 1 and 65535."));
    }
    if let Some(name) = &given.name {
        check_name(name)?;
    }
    if given.app_protocol.as_ref().is_some_and(|protocol| !protocol.is_known()) {
        return Err(client("Invalid 'appProtocol' setting. Must be one of [http, http2, grpc]"));
    }
    let awsvpc = network_mode == Some("awsvpc");
    if awsvpc && host_port.is_some() && host_port != container_port {
        return Err(client(
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        ));
    }
    let same_as_container = awsvpc || network_mode == Some("host");
    let host_port = match (host_port, container_port) {
        (None, Some(_)) if same_as_container => container_port,
        // In bridge mode 0 asks for any free port.
        (None, Some(_)) => Some(0),
        _ => host_port,
    };
    Ok(PortMapping {
        container_port,
        host_port,
        protocol: match given.protocol {
            Some(wire::TransportProtocol::Udp) => TransportProtocol::Udp,
            _ => TransportProtocol::Tcp,
        },
        name: given.name,
        app_protocol: given.app_protocol.map(|protocol| protocol.as_str().to_owned()),
        container_port_range: given.container_port_range,
    })
}

/// Containers of a task share one set of ports in `awsvpc` mode.
pub fn check(containers: &[ContainerDefinition], awsvpc: bool) -> Result<(), ServiceError> {
    let mut names = BTreeSet::new();
    let mut task_ports = Taken::default();
    for container in containers {
        let ranges = container.port_mappings.iter().filter(|mapping| mapping.container_port_range.is_some());
        if ranges.count() > PORT_RANGES_MAX {
            return Err(client("Invalid 'containerPortRange' setting"));
        }
        let mut container_ports = Taken::default();
        for mapping in &container.port_mappings {
            if let Some(name) = &mapping.name
                && !names.insert(name.as_str())
            {
                return Err(client("port mapping name is already used"));
            }
            let taken = if awsvpc { &mut task_ports } else { &mut container_ports };
            taken.take(mapping)?;
        }
    }
    Ok(())
}

/// The ports of a mapping, both ends included.
fn bounds(mapping: &PortMapping) -> Option<(u16, u16)> {
    match (&mapping.container_port_range, mapping.container_port) {
        (Some(range), _) => range_bounds(range),
        (None, Some(port)) => Some((port, port)),
        (None, None) => None,
    }
}

#[derive(Default)]
struct Taken {
    ranges: Vec<(TransportProtocol, u16, u16)>,
}

impl Taken {
    fn take(&mut self, mapping: &PortMapping) -> Result<(), ServiceError> {
        let Some((first, last)) = bounds(mapping) else { return Ok(()) };
        let mut others = self.ranges.iter().filter(|(protocol, ..)| *protocol == mapping.protocol);
        if others.any(|(_, other_first, other_last)| first <= *other_last && *other_first <= last) {
            return Err(client("container port is used multiple times in task"));
        }
        self.ranges.push((mapping.protocol, first, last));
        Ok(())
    }
}

fn range_bounds(range: &str) -> Option<(u16, u16)> {
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first > 0 && first <= last).then_some((first, last))
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    let good = (1..=PORT_NAME_LENGTH_MAX).contains(&name.len())
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_');
    if good { Ok(()) } else { Err(client("Invalid 'name' setting for port mapping")) }
}
