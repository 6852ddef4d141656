//! CreateSecurityGroup: in a VPC, by default in the default one. A new group lets its members begin
//! everything.

use state_model::ec2::SecurityGroup;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{CreateSecurityGroupRequest, CreateSecurityGroupResult, ResourceType};

use super::errors::{self, check_dry_run, invalid_parameter_value, missing_parameter};
use super::limits::{GROUP_NAME_LENGTH_MAX, SECURITY_GROUPS_MAX};
use super::permissions::{DESCRIPTION_SET, is_description};
use super::{Context, group_lookup, ids, render, tags};
use crate::defaults::{DEFAULT_GROUP, new_egress};

pub async fn create_security_group(
    context: Context,
    input: CreateSecurityGroupRequest,
) -> Result<CreateSecurityGroupResult, ServiceError> {
    let any = context.scope.arn("ec2", "security-group/*");
    context.authorise("ec2:CreateSecurityGroup", &any)?;
    let name = input.group_name.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| missing_parameter("GroupName"))?;
    let description = input.description.filter(|text| !text.is_empty());
    let description = description.ok_or_else(|| missing_parameter("GroupDescription"))?;
    check_name(&name)?;
    check_description(&description)?;
    let tags = tags::from_specifications(input.tag_specifications, &ResourceType::SecurityGroup)?;
    let mut group = SecurityGroup {
        scope: context.scope.clone(),
        id: ids::new_id("sg", &*context.random),
        vpc_id: String::new(),
        name,
        description,
        rules: Vec::new(),
        tags,
    };
    let wanted_vpc = input.vpc_id.filter(|id| !id.is_empty());
    context
        .transact(|view, transaction| {
            let vpc = match &wanted_vpc {
                Some(id) => ids::VPC.row(&view.vpcs, &context.scope, id)?,
                None => group_lookup::default_vpc(view, &context.scope).ok_or_else(errors::no_default_vpc)?,
            };
            group.vpc_id.clone_from(&vpc.id);
            group.rules = new_egress(vpc, &*context.random);
            if group_lookup::in_vpc(view, &context.scope, &vpc.id, &group.name).is_some() {
                let message =
                    format!("The security group '{}' already exists for VPC '{}'", group.name, vpc.id);
                return Err(ServiceError::caller("InvalidGroup.Duplicate", message));
            }
            let present = view.security_groups.prefix(&context.scope.key("")).count();
            if present >= SECURITY_GROUPS_MAX {
                let message = "The maximum number of security groups has been reached.";
                return Err(ServiceError::caller("SecurityGroupLimitExceeded", message));
            }
            check_dry_run(input.dry_run)?;
            // Two groups of one name must not come at once: whoever makes one in a VPC changes the VPC's row.
            transaction.update(vpc, vpc.record());
            transaction.insert(&group);
            Ok(())
        })
        .await?;
    Ok(CreateSecurityGroupResult {
        group_id: Some(group.id.clone()),
        security_group_arn: Some(render::security_group::arn(&group)),
        tags: Some(tags::render(&group.tags)),
    })
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    let wrong = |why: &str| {
        invalid_parameter_value(format!("Value ({name}) for parameter GroupName is invalid. {why}"))
    };
    if name == DEFAULT_GROUP {
        return Err(invalid_parameter_value("Cannot use reserved security group name: default"));
    }
    if name.starts_with("sg-") {
        return Err(wrong("Group names may not be in the format sg-*."));
    }
    if !name.is_ascii() {
        return Err(wrong("Character sets beyond ASCII are not supported."));
    }
    if name.len() > GROUP_NAME_LENGTH_MAX || !is_description(name) {
        return Err(wrong(&format!(
            "Valid names are strings less than 256 characters from the following set:  {DESCRIPTION_SET}"
        )));
    }
    Ok(())
}

fn check_description(text: &str) -> Result<(), ServiceError> {
    if is_description(text) {
        return Ok(());
    }
    let why = if text.is_ascii() {
        format!(
            "Invalid security group description. Valid descriptions are strings less than 256 characters from the \
             following set:  {DESCRIPTION_SET}"
        )
    } else {
        String::from("Character sets beyond ASCII are not supported.")
    };
    Err(invalid_parameter_value(format!("Value ({text}) for parameter GroupDescription is invalid. {why}")))
}
