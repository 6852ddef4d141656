//! Finding the security group that a request names.

use state_model::Scope;
use state_model::ec2::{SecurityGroup, Vpc};
use state_tables::{Row, View};
use wire_schema::ServiceError;

use super::errors::{self, invalid_parameter_combination, missing_parameter};
use super::ids;

/// How requests name a group: by its id, or in the default VPC by its name.
#[derive(Clone, Debug)]
pub struct GroupName {
    pub id: Option<String>,
    pub name: Option<String>,
}

impl GroupName {
    pub fn find<'v>(&self, view: &'v View, scope: &Scope) -> Result<&'v Row<SecurityGroup>, ServiceError> {
        match (&self.id, &self.name) {
            (Some(_), Some(_)) => Err(invalid_parameter_combination(
                "The parameter groupName cannot be used with the parameter groupId",
            )),
            (Some(id), None) => ids::SECURITY_GROUP.row(&view.security_groups, scope, id),
            (None, Some(name)) => by_name(view, scope, name),
            (None, None) => Err(missing_parameter("groupName or groupId")),
        }
    }
}

/// The group of this name in the default VPC.
pub fn by_name<'v>(
    view: &'v View,
    scope: &Scope,
    name: &str,
) -> Result<&'v Row<SecurityGroup>, ServiceError> {
    let vpc = default_vpc(view, scope).ok_or_else(errors::no_default_vpc)?;
    in_vpc(view, scope, &vpc.id, name).ok_or_else(|| errors::group_name_not_found(name, &vpc.id))
}

pub fn in_vpc<'v>(view: &'v View, scope: &Scope, vpc_id: &str, name: &str) -> Option<&'v Row<SecurityGroup>> {
    view.security_groups.by("name", &scope.key(&format!("{vpc_id}/{name}"))).next()
}

pub fn default_vpc<'v>(view: &'v View, scope: &Scope) -> Option<&'v Row<Vpc>> {
    view.vpcs.by("default", &scope.to_string()).next()
}
