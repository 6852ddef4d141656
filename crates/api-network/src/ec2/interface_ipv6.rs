//! The IPv6 addresses of interfaces that requests make: chosen by the caller or out of what is free.

use std::net::Ipv6Addr;

use state_model::ec2::subnet::Subnet;
use state_tables::View;
use state_tables::ipv6_addresses::{self, Reserved};
use stdx::random::Random;
use wire_schema::ServiceError;

use super::errors::{invalid_parameter_combination, invalid_parameter_value};
use super::interface_addresses::{in_use, insufficient_addresses};
use super::limits::IPV6_ADDRESSES_PER_INTERFACE_MAX;

/// The addresses that a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing is said: the subnet decides.
    Unsaid,
    /// So many, which are chosen.
    Count(usize),
    /// In the order given, each once.
    These(Vec<Ipv6Addr>),
}

impl Wanted {
    pub fn read<'a>(
        count: Option<i32>,
        given: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ServiceError> {
        let mut addresses: Vec<Ipv6Addr> = Vec::new();
        for text in given {
            let address = parse(text)?;
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let wanted = match (count, addresses.is_empty()) {
            (None, true) => Self::Unsaid,
            (Some(count), true) => Self::Count(usize::try_from(count).map_err(|_| {
                let message = format!("Value ({count}) for parameter ipv6AddressCount is invalid.");
                invalid_parameter_value(message)
            })?),
            (None, false) => Self::These(addresses),
            (Some(_), false) => {
                return Err(invalid_parameter_combination(
                    "The IPv6 address count cannot be specified together with IPv6 addresses.",
                ));
            }
        };
        check_count(wanted.count())?;
        Ok(wanted)
    }

    fn count(&self) -> usize {
        match self {
            Self::Unsaid => 0,
            Self::Count(count) => *count,
            Self::These(addresses) => addresses.len(),
        }
    }

    /// The addresses of the subnet that answer it. Whoever writes them claims the subnet, as for addresses of IPv4.
    pub fn choose(
        &self,
        view: &View,
        subnet: &Subnet,
        random: &dyn Random,
    ) -> Result<Vec<Ipv6Addr>, ServiceError> {
        let count = match self {
            Self::Unsaid => usize::from(subnet.assign_ipv6_address_on_creation),
            other => other.count(),
        };
        if count == 0 {
            return Ok(Vec::new());
        }
        let block = ipv6_addresses::block(subnet).ok_or_else(|| {
            invalid_parameter_value(format!(
                "The subnet '{}' has no IPv6 CIDR block associated with it.",
                subnet.id
            ))
        })?;
        let mut reserved = Reserved::default();
        let Self::These(addresses) = self else {
            let chosen = (0..count).map(|_| {
                ipv6_addresses::allocate(view, subnet, &mut reserved, random)
                    .ok_or_else(|| insufficient_addresses(&subnet.id))
            });
            return chosen.collect();
        };
        for address in addresses {
            if !block.contains(*address) {
                let message = "Address does not fall within the subnet's address range";
                return Err(invalid_parameter_value(message));
            }
            if !ipv6_addresses::is_for_interfaces(block, *address) {
                return Err(invalid_parameter_value("Address is in subnet's reserved address range"));
            }
            if !ipv6_addresses::is_free(view, *address, &reserved) {
                return Err(in_use());
            }
        }
        Ok(addresses.clone())
    }
}

pub fn parse(text: &str) -> Result<Ipv6Addr, ServiceError> {
    text.parse().map_err(|_| invalid_parameter_value(format!("Invalid IPv6 address: '{text}'")))
}

pub fn check_count(count: usize) -> Result<(), ServiceError> {
    if count > IPV6_ADDRESSES_PER_INTERFACE_MAX {
        return Err(ServiceError::caller(
            "Ipv6AddressLimitExceeded",
            format!("An interface can have at most {IPV6_ADDRESSES_PER_INTERFACE_MAX} IPv6 addresses."),
        ));
    }
    Ok(())
}
