//! DeleteRepository: marks it, so that nothing more is added, and then removes all that is in it.

use state_model::ecr::key_in;
use state_model::ecr::repository::Repository;
use state_tables::repository_contents::{self as contents, Removal};
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{DeleteRepositoryRequest, DeleteRepositoryResponse};

use super::{Context, errors, lookup, render};

pub async fn delete_repository(
    context: Context,
    input: DeleteRepositoryRequest,
) -> Result<DeleteRepositoryResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let name = lookup::authorise(&context, "ecr:DeleteRepository", registry, input.repository_name)?;
    let force = input.force.unwrap_or(false);
    let prefix = key_in(&context.scope, &name, "");
    let not_empty = || errors::repository_not_empty(&context.scope, &name);
    let marked = context
        .transact(|view, transaction| {
            let row = lookup::repository(&context, view, &name)?;
            if !force && view.ecr_images.prefix(&prefix).next().is_some() {
                return Err(not_empty());
            }
            transaction.update(row, &Repository { is_deleting: true, ..Repository::clone(row) });
            Ok(Repository::clone(row))
        })
        .await?;
    // Now nothing more comes in, and the view has all that came before.
    if !force && context.view().ecr_images.prefix(&prefix).next().is_some() {
        put_back(&context, &marked).await?;
        return Err(not_empty());
    }
    finish(&context, &name).await?;
    Ok(DeleteRepositoryResponse { repository: Some(render::repository(&context, &marked)) })
}

/// Completes a deletion that was begun, by this request or by one that was interrupted.
pub async fn finish(context: &Context, name: &str) -> Result<(), ServiceError> {
    let key = context.scope.key(name);
    loop {
        let removal = context
            .transact(|view, transaction| {
                Ok(match view.ecr_repositories.get(&key) {
                    Some(row) if row.is_deleting => contents::remove_repository(view, transaction, row),
                    _ => Removal::Complete,
                })
            })
            .await?;
        if removal == Removal::Complete {
            return Ok(());
        }
    }
}

async fn put_back(context: &Context, former: &Repository) -> Result<(), ServiceError> {
    let key = context.scope.key(&former.name);
    context
        .transact(|view, transaction| {
            if let Some(row) = view.ecr_repositories.get(&key) {
                transaction.update(row, former);
            }
            Ok(())
        })
        .await
}
