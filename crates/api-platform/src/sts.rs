//! STS: temporary credentials, and who the caller is.

use std::sync::Arc;

use api_auth::{Context, SessionCredentials, SessionKeys};
use wire_protocols::ServiceTable;
use wire_schema::Instant;
use wire_shapes_platform::sts::{self, operations};

pub mod assume_role;
pub mod get_access_key_info;
pub mod get_caller_identity;
pub mod get_session_token;
pub mod limits;

/// What STS's handlers need besides the request.
#[derive(Debug)]
pub struct Sts {
    pub keys: Arc<SessionKeys>,
}

pub fn table() -> ServiceTable<Context<Sts>> {
    ServiceTable::new(&sts::SERVICE)
        .operation::<operations::AssumeRole, _, _>(assume_role::assume_role)
        .operation::<operations::GetCallerIdentity, _, _>(get_caller_identity::get_caller_identity)
        .operation::<operations::GetSessionToken, _, _>(get_session_token::get_session_token)
        .operation::<operations::GetAccessKeyInfo, _, _>(get_access_key_info::get_access_key_info)
}

fn credentials(session: SessionCredentials) -> sts::Credentials {
    sts::Credentials {
        access_key_id: Some(session.access_key_id),
        secret_access_key: Some(session.secret_access_key),
        session_token: Some(session.session_token),
        expiration: Some(Instant::from_secs(session.expiration.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_a_handler() {
        assert_eq!(super::table().missing(), Vec::<&str>::new());
    }
}
