//! What AWS offers and this installation doesn't: refused, so that nobody believes to have it.

use wire_schema::ServiceError;

const CODE: &str = "UnsupportedOperation";

pub fn unsupported(what: &str) -> ServiceError {
    ServiceError::caller(CODE, format!("{what} not supported by this installation."))
}

pub fn ipv6() -> ServiceError {
    ServiceError::caller(
        CODE,
        "IPv6 is not supported by this installation yet: VPCs, subnets and routes have IPv4 blocks alone.",
    )
}

/// Refuses whatever a request says of IPv6 addresses, by whether each parameter is given.
pub fn check_no_ipv6(given: &[bool]) -> Result<(), ServiceError> {
    if given.contains(&true) { Err(ipv6()) } else { Ok(()) }
}

/// Refuses blocks from pools of an IP address manager.
pub fn check_no_ipam(pool: Option<&String>, netmask_length: Option<i32>) -> Result<(), ServiceError> {
    if pool.is_some() || netmask_length.is_some() {
        return Err(unsupported("Address blocks from IPAM pools are"));
    }
    Ok(())
}

/// Refuses attributes that are switched on. Off is what everything is.
pub fn check_off(on: Option<bool>, what: &str) -> Result<(), ServiceError> {
    if on == Some(true) { Err(unsupported(what)) } else { Ok(()) }
}
