//! The security policies: "SSL negotiation configurations" of the user guides.
//!
//! What is older than TLS 1.2, and suites without forward secrecy, are in no build of the TLS library: policies that allow
//! them too are served with what is left of them.

use rustls::crypto::ring::cipher_suite;
use rustls::version::{TLS12, TLS13};
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

pub const DEFAULT: &str = "ELBSecurityPolicy-2016-08";

#[derive(Clone, Copy, Debug)]
pub struct Policy {
    pub versions: &'static [&'static SupportedProtocolVersion],
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// All suites with authenticated encryption.
    All,
    /// ECDHE with AES-GCM alone: `Res`.
    Restricted,
}

/// By their names in OpenSSL.
pub const SUITES: &[(&str, SupportedCipherSuite)] = &[
    ("TLS_AES_128_GCM_SHA256", cipher_suite::TLS13_AES_128_GCM_SHA256),
    ("TLS_AES_256_GCM_SHA384", cipher_suite::TLS13_AES_256_GCM_SHA384),
    ("TLS_CHACHA20_POLY1305_SHA256", cipher_suite::TLS13_CHACHA20_POLY1305_SHA256),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("ECDHE-RSA-AES128-GCM-SHA256", cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ("ECDHE-RSA-AES256-GCM-SHA384", cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ("ECDHE-RSA-CHACHA20-POLY1305", cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];

const ONLY_12: &[&SupportedProtocolVersion] = &[&TLS12];
const ONLY_13: &[&SupportedProtocolVersion] = &[&TLS13];
const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// None: there is no such policy.
pub fn find(name: &str) -> Option<Policy> {
    let rest = name.strip_prefix("ELBSecurityPolicy-")?;
    let rest = rest.split("-FIPS-").next().unwrap_or(rest);
    let (versions, kind) = match rest {
        "TLS13-1-3-2021-06" | "TLS13-1-3" => (ONLY_13, Kind::All),
        "TLS13-1-2-Res-2021-06" | "TLS13-1-2-Res" => (BOTH, Kind::Restricted),
        "TLS13-1-2-2021-06"
        | "TLS13-1-2-Ext1-2021-06"
        | "TLS13-1-2-Ext2-2021-06"
        | "TLS13-1-1-2021-06"
        | "TLS13-1-0-2021-06"
        | "TLS13-1-2"
        | "TLS13-1-2-Ext0"
        | "TLS13-1-2-Ext1"
        | "TLS13-1-2-Ext2"
        | "TLS13-1-1"
        | "TLS13-1-0" => (BOTH, Kind::All),
        "FS-1-2-Res-2019-08" | "FS-1-2-Res-2020-10" => (ONLY_12, Kind::Restricted),
        "2016-08"
        | "2015-05"
        | "FS-2018-06"
        | "FS-1-1-2019-08"
        | "FS-1-2-2019-08"
        | "TLS-1-0-2015-04"
        | "TLS-1-1-2017-01"
        | "TLS-1-2-2017-01"
        | "TLS-1-2-Ext-2018-06" => (ONLY_12, Kind::All),
        _ if rest.contains("-PQ-") => find_post_quantum(rest)?,
        _ => return None,
    };
    Some(Policy { versions, kind })
}

/// Their classic part: the key exchange of a hybrid is up to the client.
fn find_post_quantum(rest: &str) -> Option<(&'static [&'static SupportedProtocolVersion], Kind)> {
    match rest.split("-PQ-").next()? {
        "TLS13-1-3" => Some((ONLY_13, Kind::All)),
        "TLS13-1-2-Res" => Some((BOTH, Kind::Restricted)),
        version if version.starts_with("TLS13-1-") => Some((BOTH, Kind::All)),
        _ => None,
    }
}

impl Policy {
    pub fn suites(&self) -> Vec<SupportedCipherSuite> {
        let allowed = |name: &str| {
            let is_13 = name.starts_with("TLS_");
            self.versions.iter().any(|version| (version.version == TLS13.version) == is_13)
                && (self.kind == Kind::All || is_13 || name.contains("GCM"))
        };
        SUITES.iter().filter(|(name, _)| allowed(name)).map(|(_, suite)| *suite).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_differ_in_versions_and_suites() {
        for (name, versions, suites) in [
            ("ELBSecurityPolicy-2016-08", 1, 6),
            ("ELBSecurityPolicy-TLS13-1-2-2021-06", 2, 9),
            ("ELBSecurityPolicy-TLS13-1-2-Res-2021-06", 2, 7),
            ("ELBSecurityPolicy-TLS13-1-3-2021-06", 1, 3),
            ("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", 2, 7),
            ("ELBSecurityPolicy-FS-1-2-Res-2020-10", 1, 4),
        ] {
            let policy = find(name).unwrap();
            assert_eq!((policy.versions.len(), policy.suites().len()), (versions, suites), "{name}");
        }
        assert!(find("ELBSecurityPolicy-2099-01").is_none());
        assert!(find("TLS13-1-3-2021-06").is_none());
    }
}
