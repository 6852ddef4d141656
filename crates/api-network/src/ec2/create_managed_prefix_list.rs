//! CreateManagedPrefixList.

use std::collections::BTreeMap;

use state_model::ec2::PrefixList;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{CreateManagedPrefixListRequest, CreateManagedPrefixListResult, ResourceType};

use super::errors::{check_dry_run, idempotent_mismatch, invalid_parameter_value, missing_parameter};
use super::limits::{PREFIX_LIST_CHANGES_MAX, PREFIX_LISTS_MAX};
use super::prefix_lists::{IPV4, IPV6};
use super::{Context, ids, prefix_lists, render, tags};

pub async fn create_managed_prefix_list(
    context: Context,
    input: CreateManagedPrefixListRequest,
) -> Result<CreateManagedPrefixListResult, ServiceError> {
    let any = context.scope.arn("ec2", "prefix-list/*");
    context.authorise("ec2:CreateManagedPrefixList", &any)?;
    let list = parse(&context, &input)?;
    let made = context
        .transact(|view, transaction| {
            if let Some(token) = &list.client_token {
                let same = view.prefix_lists.by("token", &context.scope.key(token)).next();
                if let Some(same) = same {
                    let asked = (&list.name, list.max_entries, &list.address_family);
                    // Entries may have changed since; the name and the size are what a caller repeats unchanged.
                    return match asked == (&same.name, same.max_entries, &same.address_family) {
                        true => Ok(PrefixList::clone(same.record())),
                        false => Err(idempotent_mismatch()),
                    };
                }
                // Two requests with one token must not both find it unused: whoever brings one changes the region's row.
                if let Some(region) = view.regions.get(&context.scope.to_string()) {
                    transaction.update(region, region.record());
                }
            }
            if view.prefix_lists.prefix(&context.scope.key("")).count() >= PREFIX_LISTS_MAX {
                let message = "You've reached the limit on the number of prefix lists you can create.";
                return Err(ServiceError::caller("PrefixListLimitExceeded", message));
            }
            check_dry_run(input.dry_run)?;
            transaction.insert(&list);
            Ok(list.clone())
        })
        .await?;
    Ok(CreateManagedPrefixListResult { prefix_list: Some(render::prefix_list::prefix_list(&made)) })
}

fn parse(context: &Context, input: &CreateManagedPrefixListRequest) -> Result<PrefixList, ServiceError> {
    let name = input.prefix_list_name.clone().ok_or_else(|| missing_parameter("PrefixListName"))?;
    prefix_lists::check_name(&name)?;
    let max_entries = input.max_entries.ok_or_else(|| missing_parameter("MaxEntries"))?;
    prefix_lists::check_max_entries(max_entries)?;
    let family = match input.address_family.as_deref() {
        None => return Err(missing_parameter("AddressFamily")),
        Some(family @ (IPV4 | IPV6)) => family,
        Some(other) => {
            return Err(invalid_parameter_value(format!(
                "Value ({other}) for parameter AddressFamily is invalid. Valid values: IPv4, IPv6"
            )));
        }
    };
    let given = input.entries.as_deref().unwrap_or_default();
    if given.len() > PREFIX_LIST_CHANGES_MAX {
        return Err(invalid_parameter_value(format!(
            "A request can add at most {PREFIX_LIST_CHANGES_MAX} entries."
        )));
    }
    let mut entries = prefix_lists::parse_entries(given, family)?;
    prefix_lists::sort(&mut entries);
    if entries.len() > usize::try_from(max_entries).unwrap_or(0) {
        return Err(prefix_lists::too_many_entries());
    }
    Ok(PrefixList {
        scope: context.scope.clone(),
        id: ids::new_id("pl", &*context.random),
        name,
        address_family: family.to_owned(),
        max_entries,
        version: 1,
        entries,
        history: BTreeMap::new(),
        last_change: String::from("create"),
        client_token: input.client_token.clone().filter(|token| !token.is_empty()),
        tags: tags::from_specifications(input.tag_specifications.clone(), &ResourceType::PrefixList)?,
    })
}
