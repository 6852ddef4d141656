//! The security policies of TLS listeners, as AWS defines them.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html>

use wire_schema::ServiceError;

/// What a listener gets that names none.
pub const DEFAULT: &str = "ELBSecurityPolicy-2016-08";

#[derive(Debug)]
pub struct Policy {
    pub name: &'static str,
    pub protocols: &'static [&'static str],
    /// In the order in which they are preferred.
    pub ciphers: &'static [&'static [&'static str]],
}

impl Policy {
    pub fn ciphers(&self) -> impl Iterator<Item = &'static str> {
        self.ciphers.iter().flat_map(|group| group.iter().copied())
    }
}

const TLS13: &[&str] = &["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

const ECDHE_GCM_128: &[&str] = &["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"];
const ECDHE_SHA256: &[&str] = &["ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256"];
const ECDHE_SHA_128: &[&str] = &["ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA"];
const ECDHE_GCM_256: &[&str] = &["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"];
const ECDHE_SHA384: &[&str] = &["ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384"];
const ECDHE_SHA_256: &[&str] = &["ECDHE-RSA-AES256-SHA", "ECDHE-ECDSA-AES256-SHA"];
const RSA_128: &[&str] = &["AES128-GCM-SHA256", "AES128-SHA256"];
const RSA_SHA_128: &[&str] = &["AES128-SHA"];
const RSA_256: &[&str] = &["AES256-GCM-SHA384", "AES256-SHA256"];
const RSA_SHA_256: &[&str] = &["AES256-SHA"];
const TRIPLE_DES: &[&str] = &["DES-CBC3-SHA"];

const ALL: &[&[&str]] = &[
    ECDHE_GCM_128,
    ECDHE_SHA256,
    ECDHE_SHA_128,
    ECDHE_GCM_256,
    ECDHE_SHA384,
    ECDHE_SHA_256,
    RSA_128,
    RSA_SHA_128,
    RSA_256,
    RSA_SHA_256,
];
const ALL_AND_TRIPLE_DES: &[&[&str]] = &[
    ECDHE_GCM_128,
    ECDHE_SHA256,
    ECDHE_SHA_128,
    ECDHE_GCM_256,
    ECDHE_SHA384,
    ECDHE_SHA_256,
    RSA_128,
    RSA_SHA_128,
    RSA_256,
    RSA_SHA_256,
    TRIPLE_DES,
];
const TLS13_AND_ALL: &[&[&str]] = &[
    TLS13,
    ECDHE_GCM_128,
    ECDHE_SHA256,
    ECDHE_SHA_128,
    ECDHE_GCM_256,
    ECDHE_SHA384,
    ECDHE_SHA_256,
    RSA_128,
    RSA_SHA_128,
    RSA_256,
    RSA_SHA_256,
];
const FORWARD_SECRET: &[&[&str]] =
    &[ECDHE_GCM_128, ECDHE_SHA256, ECDHE_SHA_128, ECDHE_GCM_256, ECDHE_SHA384, ECDHE_SHA_256];

const TLS_1_0_UP: &[&str] = &["TLSv1", "TLSv1.1", "TLSv1.2"];
const TLS_1_1_UP: &[&str] = &["TLSv1.1", "TLSv1.2"];
const TLS_1_2: &[&str] = &["TLSv1.2"];

pub const POLICIES: &[Policy] = &[
    Policy { name: "ELBSecurityPolicy-2016-08", protocols: TLS_1_0_UP, ciphers: ALL },
    Policy {
        name: "ELBSecurityPolicy-TLS13-1-2-2021-06",
        protocols: &["TLSv1.2", "TLSv1.3"],
        ciphers: &[TLS13, ECDHE_GCM_128, ECDHE_SHA256, ECDHE_GCM_256, ECDHE_SHA384],
    },
    Policy {
        name: "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
        protocols: &["TLSv1.2", "TLSv1.3"],
        ciphers: &[TLS13, ECDHE_GCM_128, ECDHE_GCM_256],
    },
    Policy {
        name: "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06",
        protocols: &["TLSv1.2", "TLSv1.3"],
        ciphers: &[TLS13, ECDHE_GCM_128, ECDHE_SHA256, ECDHE_GCM_256, ECDHE_SHA384, RSA_128, RSA_256],
    },
    Policy {
        name: "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06",
        protocols: &["TLSv1.2", "TLSv1.3"],
        ciphers: TLS13_AND_ALL,
    },
    Policy {
        name: "ELBSecurityPolicy-TLS13-1-1-2021-06",
        protocols: &["TLSv1.1", "TLSv1.2", "TLSv1.3"],
        ciphers: TLS13_AND_ALL,
    },
    Policy {
        name: "ELBSecurityPolicy-TLS13-1-0-2021-06",
        protocols: &["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"],
        ciphers: TLS13_AND_ALL,
    },
    Policy { name: "ELBSecurityPolicy-TLS13-1-3-2021-06", protocols: &["TLSv1.3"], ciphers: &[TLS13] },
    Policy {
        name: "ELBSecurityPolicy-TLS-1-2-2017-01",
        protocols: TLS_1_2,
        ciphers: &[ECDHE_GCM_128, ECDHE_SHA256, ECDHE_GCM_256, ECDHE_SHA384, RSA_128, RSA_256],
    },
    Policy { name: "ELBSecurityPolicy-TLS-1-1-2017-01", protocols: TLS_1_1_UP, ciphers: ALL },
    Policy { name: "ELBSecurityPolicy-TLS-1-2-Ext-2018-06", protocols: TLS_1_2, ciphers: ALL },
    Policy { name: "ELBSecurityPolicy-FS-2018-06", protocols: TLS_1_0_UP, ciphers: FORWARD_SECRET },
    Policy { name: "ELBSecurityPolicy-FS-1-1-2019-08", protocols: TLS_1_1_UP, ciphers: FORWARD_SECRET },
    Policy { name: "ELBSecurityPolicy-FS-1-2-2019-08", protocols: TLS_1_2, ciphers: FORWARD_SECRET },
    Policy {
        name: "ELBSecurityPolicy-FS-1-2-Res-2019-08",
        protocols: TLS_1_2,
        ciphers: &[ECDHE_GCM_128, ECDHE_SHA256, ECDHE_GCM_256, ECDHE_SHA384],
    },
    Policy {
        name: "ELBSecurityPolicy-FS-1-2-Res-2020-10",
        protocols: TLS_1_2,
        ciphers: &[ECDHE_GCM_128, ECDHE_GCM_256],
    },
    Policy { name: "ELBSecurityPolicy-2015-05", protocols: TLS_1_0_UP, ciphers: ALL },
    Policy { name: "ELBSecurityPolicy-TLS-1-0-2015-04", protocols: TLS_1_0_UP, ciphers: ALL_AND_TRIPLE_DES },
];

pub fn find(name: &str) -> Result<&'static Policy, ServiceError> {
    POLICIES
        .iter()
        .find(|policy| policy.name == name)
        .ok_or_else(|| ServiceError::caller("SSLPolicyNotFound", format!("SSL policy '{name}' not found")))
}
