//! What can fail here, named by what failed.

use std::fmt;
use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    #[error("{what} over netlink")]
    Netlink {
        what: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("{what}: {path}")]
    File {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{what}")]
    System {
        what: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("libnftables.so.1 can't be loaded; on Debian and Ubuntu it is in the package libnftables1")]
    LibraryMissing(#[source] libloading::Error),
    #[error("nftables refused a change: {message}")]
    Firewall { message: String },
    #[error("the {kind} {value:?} is not a valid identifier")]
    Identifier { kind: &'static str, value: String },
    #[error("the VPC {0} is not set up on this node")]
    UnknownVpc(String),
    #[error("the interface {0} is not attached on this node")]
    UnknownInterface(String),
    #[error("the subnet {0} is not part of its VPC")]
    ForeignSubnet(String),
    #[error("no free link-local transfer network is left on this host")]
    NoTransferNetwork,
    #[error("the network thread of {0} has ended")]
    ThreadGone(String),
}

impl NetworkError {
    pub(crate) fn netlink(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Netlink { what, source }
    }

    pub(crate) fn system<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System { what, source: source.into() }
    }

    pub(crate) fn file<E: Into<io::Error>>(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source: source.into() }
    }
}

/// Everything that failed while removing an instance; what could be removed is gone.
#[derive(Debug, Default)]
pub struct TeardownErrors(pub Vec<NetworkError>);

impl fmt::Display for TeardownErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("; ")?;
            }
            write!(formatter, "{error}")?;
            if let Some(source) = std::error::Error::source(error) {
                write!(formatter, ": {source}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for TeardownErrors {}
