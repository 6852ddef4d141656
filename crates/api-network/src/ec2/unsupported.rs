//! What AWS offers and this installation doesn't: refused, so that nobody believes to have it.

use wire_schema::ServiceError;

const CODE: &str = "UnsupportedOperation";

pub fn unsupported(what: &str) -> ServiceError {
    ServiceError::caller(CODE, format!("{what} not supported by this installation."))
}

/// The members by which a request asks for an IPv6 block that isn't one of the installation's own, by whether each is given.
#[derive(Clone, Copy, Debug)]
pub struct ForeignIpv6 {
    pub ipam_pool: bool,
    pub netmask_length: bool,
    pub pool: bool,
}

/// Refuses IPv6 blocks from IPAM pools, and those that a customer brings along.
pub fn check_own_ipv6(given: ForeignIpv6) -> Result<(), ServiceError> {
    if given.ipam_pool || given.netmask_length {
        return Err(unsupported("Address blocks from IPAM pools are"));
    }
    if given.pool { Err(unsupported("IPv6 addresses of the customer's own are")) } else { Ok(()) }
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
