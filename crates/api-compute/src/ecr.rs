//! ECR: repositories, images, layers, lifecycle policies. The registry protocol, which clients push and pull
//! by, is `api-registry`; both write through `state_tables::repository_contents`.

mod batch_check_layer_availability;
mod batch_delete_image;
mod batch_get_image;
mod create_repository;
mod delete_repository;
mod describe_images;
mod describe_repositories;
mod errors;
mod get_download_url_for_layer;
mod layer_upload;
mod lifecycle_policy;
mod lifecycle_policy_preview;
mod limits;
mod list_images;
mod lookup;
mod page;
mod put_image;
mod registry;
mod render;
mod repository_policy;
mod repository_settings;
mod tags;
mod validate;

use api_auth::SessionKeys;
use state_blobs::BlobStore;
use state_model::Scope;
use wire_protocols::ServiceTable;
use wire_shapes_compute::ecr;
use wire_shapes_compute::ecr::operations as op;

/// What the handlers of ECR share besides the state.
#[derive(Clone)]
pub struct Ecr {
    pub blobs: BlobStore,
    pub keys: SessionKeys,
    pub address: RegistryAddress,
}

/// Where clients find the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryAddress {
    /// What follows `<account>.dkr.ecr.<region>.`, with the port where it isn't 443:
    /// `neargate.internal:4566`.
    pub suffix: String,
    /// `https`, or `http` where no certificate can be had.
    pub scheme: &'static str,
}

impl RegistryAddress {
    pub fn host(&self, scope: &Scope) -> String {
        format!("{}.dkr.ecr.{}.{}", scope.account, scope.region, self.suffix)
    }
}

pub type Context = api_auth::Context<Ecr>;

pub fn service() -> ServiceTable<Context> {
    ServiceTable::new(&ecr::SERVICE)
        .operation::<op::BatchCheckLayerAvailability, _, _>(
            batch_check_layer_availability::batch_check_layer_availability,
        )
        .operation::<op::BatchDeleteImage, _, _>(batch_delete_image::batch_delete_image)
        .operation::<op::BatchGetImage, _, _>(batch_get_image::batch_get_image)
        .operation::<op::CompleteLayerUpload, _, _>(layer_upload::complete_layer_upload)
        .operation::<op::CreateRepository, _, _>(create_repository::create_repository)
        .operation::<op::DeleteLifecyclePolicy, _, _>(lifecycle_policy::delete_lifecycle_policy)
        .operation::<op::DeleteRepository, _, _>(delete_repository::delete_repository)
        .operation::<op::DeleteRepositoryPolicy, _, _>(repository_policy::delete_repository_policy)
        .operation::<op::DescribeImages, _, _>(describe_images::describe_images)
        .operation::<op::DescribeRegistry, _, _>(registry::describe_registry)
        .operation::<op::DescribeRepositories, _, _>(describe_repositories::describe_repositories)
        .operation::<op::GetAuthorizationToken, _, _>(registry::get_authorization_token)
        .operation::<op::GetDownloadUrlForLayer, _, _>(get_download_url_for_layer::get_download_url_for_layer)
        .operation::<op::GetLifecyclePolicy, _, _>(lifecycle_policy::get_lifecycle_policy)
        .operation::<op::GetLifecyclePolicyPreview, _, _>(
            lifecycle_policy_preview::get_lifecycle_policy_preview,
        )
        .operation::<op::GetRepositoryPolicy, _, _>(repository_policy::get_repository_policy)
        .operation::<op::InitiateLayerUpload, _, _>(layer_upload::initiate_layer_upload)
        .operation::<op::ListImages, _, _>(list_images::list_images)
        .operation::<op::ListTagsForResource, _, _>(tags::list_tags_for_resource)
        .operation::<op::PutImage, _, _>(put_image::put_image)
        .operation::<op::PutImageScanningConfiguration, _, _>(
            repository_settings::put_image_scanning_configuration,
        )
        .operation::<op::PutImageTagMutability, _, _>(repository_settings::put_image_tag_mutability)
        .operation::<op::PutLifecyclePolicy, _, _>(lifecycle_policy::put_lifecycle_policy)
        .operation::<op::SetRepositoryPolicy, _, _>(repository_policy::set_repository_policy)
        .operation::<op::StartLifecyclePolicyPreview, _, _>(
            lifecycle_policy_preview::start_lifecycle_policy_preview,
        )
        .operation::<op::TagResource, _, _>(tags::tag_resource)
        .operation::<op::UntagResource, _, _>(tags::untag_resource)
        .operation::<op::UploadLayerPart, _, _>(layer_upload::upload_layer_part)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_a_handler() {
        assert_eq!(super::service().missing(), Vec::<&str>::new());
    }
}
