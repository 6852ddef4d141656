//! DeleteManagedPrefixList: of a list that neither rules nor routes name.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    DeleteManagedPrefixListRequest, DeleteManagedPrefixListResult, PrefixListState,
};

use super::errors::{check_dry_run, dependency_violation, missing_parameter};
use super::{Context, prefix_lists, render};

pub async fn delete_managed_prefix_list(
    context: Context,
    input: DeleteManagedPrefixListRequest,
) -> Result<DeleteManagedPrefixListResult, ServiceError> {
    let id = input.prefix_list_id.as_deref().ok_or_else(|| missing_parameter("PrefixListId"))?;
    let arn = render::prefix_list::arn(&context.scope, &context.scope.account, id);
    context.authorise("ec2:DeleteManagedPrefixList", &arn)?;
    let deleted = context
        .transact(|view, transaction| {
            let row = prefix_lists::owned(view, &context.scope, id)?;
            if !prefix_lists::users(view, &context.scope, id).is_empty() {
                return Err(dependency_violation(id));
            }
            check_dry_run(input.dry_run)?;
            // Whoever names the list expects its row, so nobody can begin to between this and the commit.
            transaction.delete(row);
            Ok(render::prefix_list::prefix_list(row))
        })
        .await?;
    let shown = wire_shapes_network::ec2::ManagedPrefixList {
        state: Some(PrefixListState::DeleteComplete),
        ..deleted
    };
    Ok(DeleteManagedPrefixListResult { prefix_list: Some(shown) })
}
