//! Account and region from the name that a client reached us by.

use http::Request;
use state_model::Scope;
use state_model::scope::{is_account_id, is_region_name};

/// The request's host with its port, as the client wrote it.
pub fn of<B>(request: &Request<B>) -> String {
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    let header = || request.headers().get(http::header::HOST).and_then(|value| value.to_str().ok());
    authority.or_else(header).unwrap_or("localhost").to_owned()
}

/// `<account>.dkr.ecr.<region>.<anything>`; other names say nothing.
pub fn scope(host: &str) -> Option<Scope> {
    let name = host.split(':').next().unwrap_or_default();
    let (account, rest) = name.split_once('.')?;
    let (region, _) = rest.strip_prefix("dkr.ecr.")?.split_once('.')?;
    (is_account_id(account) && is_region_name(region)).then(|| Scope::new(account, region))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registry_names_say_where() {
        let west = Some(Scope::new("000000000000", "eu-west-1"));
        for (host, expected) in [
            ("000000000000.dkr.ecr.eu-west-1.neargate.internal:4566", west.clone()),
            ("000000000000.dkr.ecr.eu-west-1.amazonaws.com", west),
            ("0.dkr.ecr.eu-west-1.amazonaws.com", None),
            ("000000000000.dkr.ecr.eu-west-1", None),
            ("localhost:4566", None),
            ("127.0.0.1:4566", None),
            ("[::1]:4566", None),
        ] {
            assert_eq!(scope(host), expected, "{host}");
        }
    }
}
