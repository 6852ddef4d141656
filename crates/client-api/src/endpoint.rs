//! Reaching one server of ours by the names that it gives out.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use stdx_net::client::{Client, ClientError, Options, Override};

#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    #[error("{0:?} is not an address such as http://127.0.0.1:4566")]
    Address(String),
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// A client for which every registry host (`<account>.dkr.ecr.<region>.…`) is the server at `endpoint`,
/// whether or not the machine's resolver knows these names.
pub fn client(endpoint: &str) -> Result<Client, EndpointError> {
    let address = address_of(endpoint)?;
    let overrides =
        move |host: &str, _port: u16| is_registry(host).then_some(Override { address, tls: false });
    Ok(Client::new(Options {
        overrides: Some(Arc::new(overrides)),
        plain_hosts: vec![authority_of(endpoint).to_owned()],
        user_agent: String::from("neargate-cli"),
        ..Options::default()
    })?)
}

/// Whether `host` is a registry's name in the form that ECR gives them.
pub fn is_registry(host: &str) -> bool {
    host.contains(".dkr.ecr.")
}

/// The region in a registry's name.
pub fn region_of(host: &str) -> Option<&str> {
    host.split_once(".dkr.ecr.")?.1.split('.').next().filter(|region| !region.is_empty())
}

fn authority_of(endpoint: &str) -> &str {
    endpoint.strip_prefix("http://").unwrap_or(endpoint).trim_end_matches('/')
}

fn address_of(endpoint: &str) -> Result<SocketAddr, EndpointError> {
    let resolved = authority_of(endpoint).to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    resolved.ok_or_else(|| EndpointError::Address(endpoint.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{address_of, region_of};

    #[test]
    fn names_and_addresses() {
        assert_eq!(region_of("000000000000.dkr.ecr.eu-west-1.example.internal:4566"), Some("eu-west-1"));
        assert_eq!(region_of("registry.example"), None);
        assert!(address_of("http://127.0.0.1:4566/").is_ok());
        assert!(address_of("nonsense").is_err());
    }
}
