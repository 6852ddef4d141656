//! GetManagedPrefixListAssociations: the security groups and route tables that name a list.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    GetManagedPrefixListAssociationsRequest, GetManagedPrefixListAssociationsResult, PrefixListAssociation,
};

use super::errors::{check_dry_run, missing_parameter};
use super::page::Page;
use super::{Context, prefix_lists};

pub async fn get_managed_prefix_list_associations(
    context: Context,
    input: GetManagedPrefixListAssociationsRequest,
) -> Result<GetManagedPrefixListAssociationsResult, ServiceError> {
    let id = input.prefix_list_id.ok_or_else(|| missing_parameter("PrefixListId"))?;
    context.authorise("ec2:GetManagedPrefixListAssociations", "*")?;
    let page = Page::new(&id, &[], input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    // As on AWS, who names the lists of AWS's services is told to nobody.
    prefix_lists::owned(&view, &context.scope, &id)?;
    check_dry_run(input.dry_run)?;
    let users = prefix_lists::users(&view, &context.scope, &id).into_iter();
    let matching = users.filter(|user| page.after.as_ref().is_none_or(|after| user > after));
    let (found, next_token) = page.take(matching.map(|user| {
        let association = PrefixListAssociation {
            resource_id: Some(user.clone()),
            resource_owner: Some(context.scope.account.clone()),
        };
        (user, association)
    }));
    Ok(GetManagedPrefixListAssociationsResult { next_token, prefix_list_associations: Some(found) })
}
