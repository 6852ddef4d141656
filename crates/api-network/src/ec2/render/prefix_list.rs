//! A prefix list: a customer's, or AWS's own.

use state_model::Scope;
use state_model::ec2::PrefixList;
use state_model::ec2::prefix_list::{s3_prefix_list_id, s3_service_name};
use wire_shapes_network::ec2 as wire;

use crate::ec2::tags;

/// Who owns the lists of AWS's services.
pub const AWS: &str = "AWS";

pub fn prefix_list(list: &PrefixList) -> wire::ManagedPrefixList {
    wire::ManagedPrefixList {
        address_family: Some(list.address_family.clone()),
        max_entries: Some(list.max_entries),
        owner_id: Some(list.scope.account.clone()),
        prefix_list_arn: Some(arn(&list.scope, &list.scope.account, &list.id)),
        prefix_list_id: Some(list.id.clone()),
        prefix_list_name: Some(list.name.clone()),
        state: Some(state(list)),
        tags: Some(tags::render(&list.tags)),
        version: Some(list.version),
        ..Default::default()
    }
}

/// S3's list, which every region has.
pub fn of_s3(scope: &Scope) -> wire::ManagedPrefixList {
    let id = s3_prefix_list_id(&scope.region);
    wire::ManagedPrefixList {
        address_family: Some(String::from("IPv4")),
        owner_id: Some(String::from(AWS)),
        prefix_list_arn: Some(arn(scope, "aws", &id)),
        prefix_list_id: Some(id),
        prefix_list_name: Some(s3_service_name(&scope.region)),
        state: Some(wire::PrefixListState::CreateComplete),
        tags: Some(Vec::new()),
        ..Default::default()
    }
}

pub fn arn(scope: &Scope, owner: &str, id: &str) -> String {
    Scope::new(owner, &scope.region).arn("ec2", &format!("prefix-list/{id}"))
}

/// A change is in the commit that answers it, so it is complete.
fn state(list: &PrefixList) -> wire::PrefixListState {
    match list.last_change.as_str() {
        "modify" => wire::PrefixListState::ModifyComplete,
        "restore" => wire::PrefixListState::RestoreComplete,
        _ => wire::PrefixListState::CreateComplete,
    }
}
