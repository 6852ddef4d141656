//! PutImageTagMutability, PutImageScanningConfiguration.

use state_model::ecr::repository::Repository;
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{
    PutImageScanningConfigurationRequest, PutImageScanningConfigurationResponse,
    PutImageTagMutabilityRequest, PutImageTagMutabilityResponse,
};

use super::{Context, lookup, render, validate};

/// Changes a repository's record; yields it as it is now.
pub async fn change(
    context: &Context,
    name: &str,
    mut edit: impl FnMut(&mut Repository) -> Result<(), ServiceError>,
) -> Result<Repository, ServiceError> {
    context
        .transact(|view, transaction| {
            let row = lookup::repository(context, view, name)?;
            let mut changed = Repository::clone(row);
            edit(&mut changed)?;
            transaction.update(row, &changed);
            Ok(changed)
        })
        .await
}

pub async fn put_image_tag_mutability(
    context: Context,
    input: PutImageTagMutabilityRequest,
) -> Result<PutImageTagMutabilityResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:PutImageTagMutability", registry, input.repository_name)?;
    let setting = validate::required("imageTagMutability", input.image_tag_mutability)?;
    let mutability = validate::mutability(Some(setting), input.image_tag_mutability_exclusion_filters)?;
    change(&context, &name, |repository| {
        repository.tag_mutability = mutability.clone();
        Ok(())
    })
    .await?;
    Ok(PutImageTagMutabilityResponse {
        registry_id: Some(context.scope.account.clone()),
        repository_name: Some(name),
        image_tag_mutability: Some(mutability.as_str().into()),
        image_tag_mutability_exclusion_filters: render::exclusions(&mutability),
    })
}

/// Keeps the setting; what it means for images is told by their scan status.
pub async fn put_image_scanning_configuration(
    context: Context,
    input: PutImageScanningConfigurationRequest,
) -> Result<PutImageScanningConfigurationResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let action = "ecr:PutImageScanningConfiguration";
    let name = lookup::authorise(&context, action, registry, input.repository_name)?;
    let given = validate::required("imageScanningConfiguration", input.image_scanning_configuration)?;
    let scan_on_push = given.scan_on_push.unwrap_or(false);
    change(&context, &name, |repository| {
        repository.scan_on_push = scan_on_push;
        Ok(())
    })
    .await?;
    Ok(PutImageScanningConfigurationResponse {
        registry_id: Some(context.scope.account.clone()),
        repository_name: Some(name),
        image_scanning_configuration: Some(render::scanning(scan_on_push)),
    })
}
