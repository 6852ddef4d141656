//! ACM: certificates that were imported, or that the installation's own authority issued.
//!
//! A certificate of the own authority is issued within the request, since nobody has to validate a name that only exists
//! here. Public names are refused: no public authority could reach this installation.

use std::sync::Arc;

use api_auth::{Context, SessionKeys};
use stdx_net::tls::authority::Authority;
use wire_protocols::ServiceTable;
use wire_shapes_platform::acm::{self, operations};

pub mod add_tags_to_certificate;
mod certificate_usage;
pub mod delete_certificate;
pub mod describe_certificate;
mod domain_names;
mod errors;
mod find;
pub mod get_certificate;
pub mod import_certificate;
mod imported;
mod issuing;
pub mod limits;
pub mod list_certificates;
pub mod list_tags_for_certificate;
pub mod remove_tags_from_certificate;
pub mod renewal;
pub mod request_certificate;
mod shapes;
mod tags;
mod validation;

/// What ACM's handlers need besides the request.
#[derive(Debug)]
pub struct Acm {
    /// Seal the private keys.
    pub keys: Arc<SessionKeys>,
    pub authority: Arc<Authority>,
}

pub fn table() -> ServiceTable<Context<Acm>> {
    ServiceTable::new(&acm::SERVICE)
        .operation::<operations::RequestCertificate, _, _>(request_certificate::request_certificate)
        .operation::<operations::ImportCertificate, _, _>(import_certificate::import_certificate)
        .operation::<operations::DescribeCertificate, _, _>(describe_certificate::describe_certificate)
        .operation::<operations::GetCertificate, _, _>(get_certificate::get_certificate)
        .operation::<operations::ListCertificates, _, _>(list_certificates::list_certificates)
        .operation::<operations::DeleteCertificate, _, _>(delete_certificate::delete_certificate)
        .operation::<operations::AddTagsToCertificate, _, _>(add_tags_to_certificate::add_tags_to_certificate)
        .operation::<operations::RemoveTagsFromCertificate, _, _>(
            remove_tags_from_certificate::remove_tags_from_certificate,
        )
        .operation::<operations::ListTagsForCertificate, _, _>(
            list_tags_for_certificate::list_tags_for_certificate,
        )
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_a_handler() {
        assert_eq!(super::table().missing(), Vec::<&str>::new());
    }
}
