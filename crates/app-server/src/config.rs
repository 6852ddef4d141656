//! What `neargate up` was told, checked before anything is opened.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use client_automation::email::Mailer;
pub use control_plan::capacity::Capacity;
use state_model::billing::prices::{PRICE_TABLE_BYTES_MAX, PriceTable};
use state_model::ec2::Ipv6Block;
use state_model::ec2::subnet::Ipv4Block;
use state_model::scope;
use state_tables::ipv6_blocks::Ipv6Source;
use state_tables::public_addresses::PublicPool;

pub const DATA_DIR_DEFAULT: &str = "/var/lib/neargate";
pub const LISTEN_DEFAULT: &str = "127.0.0.1:4566";
pub const REGION_DEFAULT: &str = "us-east-1";
pub const ACCOUNT_DEFAULT: &str = "000000000000";
/// Whom mails come from, where nothing else is said.
pub const MAIL_FROM_DEFAULT: &str = "no-reply@neargate.internal";
/// Addresses of load balancers and public IPs.
pub const PUBLIC_POOL_DEFAULT: &str = "127.80.0.0/16";
/// What a pool of IPv6 blocks may be: from a registry's usual largest to a single VPC's.
const IPV6_POOL_LENGTHS: std::ops::RangeInclusive<u8> = 24..=56;

#[derive(Clone, Debug)]
pub struct Config {
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    pub region: String,
    pub account: String,
    /// Accept unknown access keys as the root of an account, without checking their signature.
    pub any_credentials: bool,
    pub isolation: Isolation,
    /// Addresses of load balancers that face the internet.
    pub public_pool: PublicPool,
    /// What the operator routes to this host for the IPv6 blocks of VPCs.
    pub ipv6_source: Ipv6Source,
    /// What the tasks of this machine may take together.
    pub capacity: Capacity,
    /// What an hour of use costs.
    pub prices: Arc<PriceTable>,
    /// What takes mails: `smtp://…`. Without it they are kept in the data directory.
    pub smtp_relay: Option<String>,
    /// Whom mails come from.
    pub smtp_from: Option<String>,
}

/// The sandbox of tasks whose definition doesn't choose one by its tag `neargate:isolation`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Namespaces of the host's kernel: crun, or runc when crun isn't there.
    #[default]
    Namespace,
    /// A kernel of its own: gVisor's runsc.
    Kernel,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    #[error("--account {0}: an account id has twelve digits")]
    Account(String),
    #[error("--region {0}: a region is named like us-east-1")]
    Region(String),
    #[error(
        "--any-credentials lets everyone in who can reach the port, so it needs a loopback address; {0} is none. Leave \
         the option out, or listen on 127.0.0.1"
    )]
    AnyCredentialsBeyondLoopback(SocketAddr),
    #[error("--public-pool {pool}: {reason}")]
    PublicPool { pool: String, reason: &'static str },
    #[error("--ipv6-pool {pool}: {reason}")]
    Ipv6Pool { pool: String, reason: &'static str },
    #[error("--price-table {path}: {reason}")]
    PriceTable { path: String, reason: String },
    #[error("--smtp-relay, --smtp-from: {0}")]
    Mail(String),
}

/// Reads `--public-pool`.
pub fn public_pool(text: &str) -> Result<PublicPool, ConfigError> {
    let refuse = |reason| ConfigError::PublicPool { pool: text.to_owned(), reason };
    let block = Ipv4Block::parse(text).ok_or_else(|| {
        refuse("a pool is a block of IPv4 addresses like 192.0.2.0/24, without bits beside its prefix")
    })?;
    let [first, ..] = block.network.octets();
    if block.prefix_length < 8 {
        return Err(refuse("a pool has at most 16,777,216 addresses: /8 or longer"));
    }
    if first == 0 || first >= 224 || block.network.is_link_local() {
        return Err(refuse("nobody can be reached at these addresses"));
    }
    if block.contains(Ipv4Addr::LOCALHOST) {
        return Err(refuse(
            "the host's own 127.0.0.1 must stay outside; 127.80.0.0/16 is a pool of loopback addresses",
        ));
    }
    Ok(PublicPool(block))
}

/// Reads `--ipv6-pool`. Without it, VPCs have blocks of a unique local prefix.
pub fn ipv6_source(text: Option<&str>) -> Result<Ipv6Source, ConfigError> {
    let Some(text) = text else { return Ok(Ipv6Source(None)) };
    let refuse = |reason| ConfigError::Ipv6Pool { pool: text.to_owned(), reason };
    let block = Ipv6Block::parse(text).ok_or_else(|| {
        refuse("a pool is a block of IPv6 addresses like 2001:db8:1234::/48, without bits beside its prefix")
    })?;
    if !IPV6_POOL_LENGTHS.contains(&block.prefix_length) {
        return Err(refuse("a pool is a /24 to a /56: every VPC gets a /56 of it"));
    }
    // 2000::/3 is what is given out to networks of the world, fc00::/7 what networks have among themselves.
    let [first, ..] = block.network.octets();
    if first & 0xe0 != 0x20 && first & 0xfe != 0xfc {
        return Err(refuse("nobody can be reached at these addresses"));
    }
    Ok(Ipv6Source(Some(block)))
}

/// Reads `--price-table`; AWS's prices without it.
pub fn price_table(path: Option<&Path>) -> Result<PriceTable, ConfigError> {
    let Some(path) = path else { return Ok(PriceTable::default()) };
    let refuse = |reason: String| ConfigError::PriceTable { path: path.display().to_string(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    if text.len() > PRICE_TABLE_BYTES_MAX {
        return Err(refuse(format!("a price table has at most {PRICE_TABLE_BYTES_MAX} bytes")));
    }
    PriceTable::parse(&text).map_err(|error| refuse(error.to_string()))
}

impl Config {
    pub fn check(&self) -> Result<(), ConfigError> {
        if !scope::is_account_id(&self.account) {
            return Err(ConfigError::Account(self.account.clone()));
        }
        if !scope::is_region_name(&self.region) {
            return Err(ConfigError::Region(self.region.clone()));
        }
        if self.any_credentials && !self.listen.ip().is_loopback() {
            return Err(ConfigError::AnyCredentialsBeyondLoopback(self.listen));
        }
        let from = self.smtp_from.as_deref().unwrap_or(MAIL_FROM_DEFAULT);
        Mailer::new(self.smtp_relay.as_deref(), from, PathBuf::new())
            .map_err(|error| ConfigError::Mail(error.to_string()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(listen: &str, any_credentials: bool) -> Config {
        Config {
            data_dir: PathBuf::from(DATA_DIR_DEFAULT),
            listen: listen.parse().expect("an address"),
            region: REGION_DEFAULT.into(),
            account: ACCOUNT_DEFAULT.into(),
            any_credentials,
            isolation: Isolation::Namespace,
            public_pool: public_pool(PUBLIC_POOL_DEFAULT).expect("the default is a pool"),
            ipv6_source: Ipv6Source(None),
            capacity: Capacity::default(),
            prices: Arc::default(),
            smtp_relay: None,
            smtp_from: None,
        }
    }

    #[test]
    fn any_credentials_stays_on_loopback() {
        assert_eq!(config("127.0.0.1:4566", true).check(), Ok(()));
        assert_eq!(config("[::1]:4566", true).check(), Ok(()));
        assert_eq!(config("0.0.0.0:4566", false).check(), Ok(()));
        assert!(config("0.0.0.0:4566", true).check().is_err());
    }

    #[test]
    fn pools_are_blocks_that_can_be_reached() {
        for (pool, accepted) in [
            ("127.80.0.0/16", true),
            ("192.0.2.0/24", true),
            ("192.0.2.7/32", true),
            ("192.0.2.7/24", false),
            ("127.0.0.0/8", false),
            ("0.0.0.0/8", false),
            ("169.254.0.0/16", false),
            ("224.0.0.0/8", false),
            ("192.0.2.0", false),
        ] {
            assert_eq!(public_pool(pool).is_ok(), accepted, "{pool}");
        }
    }

    #[test]
    fn ipv6_pools_are_blocks_that_can_be_reached() {
        assert_eq!(ipv6_source(None), Ok(Ipv6Source(None)));
        for (pool, accepted) in [
            ("2001:db8:1234::/48", true),
            ("2001:d00::/24", true),
            ("2001:db8::/56", true),
            ("fd12:3456:789a::/48", true),
            ("2001:db8::1/48", false),
            ("2001:db8::/57", false),
            ("2000::/16", false),
            ("fe80::/48", false),
            ("ff00::/32", false),
            ("::/48", false),
            ("10.0.0.0/8", false),
        ] {
            assert_eq!(ipv6_source(Some(pool)).is_ok(), accepted, "{pool}");
        }
    }

    #[test]
    fn names_are_checked_before_they_become_keys() {
        let bad_region = Config { region: String::from("a/b-c"), ..config("127.0.0.1:1", false) };
        assert_eq!(bad_region.check(), Err(ConfigError::Region(String::from("a/b-c"))));
        let bad_account = Config { account: String::from("12"), ..config("127.0.0.1:1", false) };
        assert_eq!(bad_account.check(), Err(ConfigError::Account(String::from("12"))));
    }
}
