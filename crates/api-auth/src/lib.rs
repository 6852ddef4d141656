//! Who calls, and whether they may: principals, credentials, policy documents, and the context every handler gets.
//!
//! It never speaks a protocol and never computes a signature: the edge does that with the secret found here. It never
//! answers for a service.
//!
//! **Invariant:** a secret leaves this crate only to verify a signature or to be handed to its owner once; at rest and
//! in tokens it is sealed under the installation's master key.
#![forbid(unsafe_code)]

pub mod access_keys;
pub mod authenticator;
pub mod certificate_keys;
pub mod connection_secrets;
pub mod context;
pub mod endpoint;
pub mod identifiers;
pub mod last_use;
pub mod limits;
pub mod policy;
pub mod principal;
pub mod registry_token;
pub mod roles;
pub mod sealing;
pub mod session;

pub use authenticator::{Authentication, AuthenticationError, Authenticator};
pub use context::{Context, RequestContext, transact_error};
pub use endpoint::EndpointAccess;
pub use principal::Principal;
pub use sealing::SessionKeys;
pub use session::SessionCredentials;
