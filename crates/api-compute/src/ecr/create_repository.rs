//! CreateRepository.

use state_model::ecr::repository::Repository;
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{
    CreateRepositoryRequest, CreateRepositoryResponse, EncryptionConfiguration, EncryptionType,
};

use super::limits::REPOSITORIES_MAX;
use super::{Context, delete_repository, errors, lookup, render, validate};

pub async fn create_repository(
    context: Context,
    input: CreateRepositoryRequest,
) -> Result<CreateRepositoryResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:CreateRepository", registry, input.repository_name)?;
    check_encryption(input.encryption_configuration)?;
    let scanning = input.image_scanning_configuration.and_then(|scanning| scanning.scan_on_push);
    let record = Repository {
        scope: context.scope.clone(),
        name,
        created_at: context.now,
        tag_mutability: validate::mutability(
            input.image_tag_mutability,
            input.image_tag_mutability_exclusion_filters,
        )?,
        scan_on_push: scanning.unwrap_or(false),
        policy: None,
        lifecycle: None,
        preview: None,
        tags: validate::tags(input.tags)?,
        is_deleting: false,
    };
    // The name of a repository whose deletion was interrupted is free once that is finished.
    delete_repository::finish(&context, &record.name).await?;
    let key = context.scope.key(&record.name);
    context
        .transact(|view, transaction| {
            if view.ecr_repositories.contains(&key) {
                return Err(errors::repository_exists(&context.scope, &record.name));
            }
            if view.ecr_repositories.prefix(&context.scope.key("")).count() >= REPOSITORIES_MAX {
                let message = format!("There can be at most {REPOSITORIES_MAX} repositories");
                return Err(ServiceError::caller("LimitExceededException", message));
            }
            transaction.insert(&record);
            Ok(())
        })
        .await?;
    Ok(CreateRepositoryResponse { repository: Some(render::repository(&context, &record)) })
}

fn check_encryption(given: Option<EncryptionConfiguration>) -> Result<(), ServiceError> {
    let Some(given) = given else { return Ok(()) };
    let refuse = |rule: &str| Err(errors::constraint("encryptionConfiguration", rule));
    match given.encryption_type {
        None | Some(EncryptionType::Aes256) if given.kms_key.is_none() => Ok(()),
        None | Some(EncryptionType::Aes256) => refuse("kmsKey is only allowed with encryptionType KMS"),
        Some(EncryptionType::Kms | EncryptionType::KmsDsse) => {
            refuse("encryption with keys of KMS is not available in this registry; use AES256")
        }
        Some(EncryptionType::Other(_)) => {
            refuse("Member must satisfy enum value set: [AES256, KMS, KMS_DSSE]")
        }
    }
}
