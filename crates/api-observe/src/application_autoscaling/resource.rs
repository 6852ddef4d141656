//! Which service a request means, and what its members may be.

use std::fmt;

use state_model::Scope;
use state_model::autoscaling::{
    SCALABLE_DIMENSION, SERVICE_NAMESPACE, ScalableTarget, resource_id, target_key,
};
use state_model::ecs::service::{Service, service_key};
use state_tables::{Row, View};
use wire_schema::ServiceError;
use wire_shapes_observe::application_autoscaling::{ScalableDimension, ServiceNamespace};

use super::errors::{constraint, invalid, missing, not_in_set, not_registered, unsupported};

/// A service by its names; it needn't exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    pub cluster: String,
    pub service: String,
}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource = self.id();
        write!(
            formatter,
            "service namespace: {SERVICE_NAMESPACE}, resource ID: {resource}, scalable dimension: {SCALABLE_DIMENSION}"
        )
    }
}

impl Resource {
    /// Reads the three members that name a target.
    pub fn read(
        namespace: Option<&ServiceNamespace>,
        id: Option<&str>,
        dimension: Option<&ScalableDimension>,
    ) -> Result<Self, ServiceError> {
        let is_served = serves(namespace)?;
        let id = required(id, "resourceId")?;
        let dimension = dimension.ok_or_else(|| missing("scalableDimension"))?;
        check_dimension(Some(dimension))?;
        if !is_served || *dimension != ScalableDimension::EcsServiceDesiredCount {
            return Err(unsupported());
        }
        Self::of_id(id).ok_or_else(unsupported)
    }

    /// From `service/CLUSTER/SERVICE`.
    pub fn of_id(id: &str) -> Option<Self> {
        let (cluster, service) = id.strip_prefix("service/")?.split_once('/')?;
        let is_good = !cluster.is_empty() && !service.is_empty() && !service.contains('/');
        is_good.then(|| Self { cluster: cluster.to_owned(), service: service.to_owned() })
    }

    pub fn id(&self) -> String {
        resource_id(&self.cluster, &self.service)
    }

    pub fn key(&self, scope: &Scope) -> String {
        target_key(scope, &self.cluster, &self.service)
    }

    pub fn target<'v>(&self, view: &'v View, scope: &Scope) -> Option<&'v Row<ScalableTarget>> {
        view.scalable_targets.get(&self.key(scope))
    }

    /// The target that a policy or a scheduled action needs.
    pub fn registered<'v>(
        &self,
        view: &'v View,
        scope: &Scope,
    ) -> Result<&'v Row<ScalableTarget>, ServiceError> {
        self.target(view, scope).ok_or_else(|| not_registered(self))
    }

    /// The service itself, ACTIVE.
    pub fn active_service<'v>(
        &self,
        view: &'v View,
        scope: &Scope,
    ) -> Result<&'v Row<Service>, ServiceError> {
        let row = view.services.get(&service_key(scope, &self.cluster, &self.service));
        row.filter(|row| !row.is_deleted())
            .ok_or_else(|| invalid(format!("ECS service doesn't exist: {}", self.id())))
    }
}

/// Whether anything of the namespace is scaled here.
pub fn serves(namespace: Option<&ServiceNamespace>) -> Result<bool, ServiceError> {
    let namespace = namespace.ok_or_else(|| missing("serviceNamespace"))?;
    if !namespace.is_known() {
        return Err(not_in_set(namespace.as_str(), "serviceNamespace", ServiceNamespace::VALUES));
    }
    Ok(*namespace == ServiceNamespace::Ecs)
}

pub fn check_dimension(dimension: Option<&ScalableDimension>) -> Result<(), ServiceError> {
    match dimension {
        Some(dimension) if !dimension.is_known() => {
            Err(not_in_set(dimension.as_str(), "scalableDimension", ScalableDimension::VALUES))
        }
        _ => Ok(()),
    }
}

pub fn required<'a>(given: Option<&'a str>, member: &str) -> Result<&'a str, ServiceError> {
    match given {
        None => Err(missing(member)),
        Some("") => Err(constraint("''", member, "Member must have length greater than or equal to 1")),
        Some(text) => Ok(text),
    }
}

/// A name of printable characters.
pub fn printable<'a>(
    given: Option<&'a str>,
    member: &str,
    chars_max: usize,
) -> Result<&'a str, ServiceError> {
    let name = required(given, member)?;
    if name.chars().count() > chars_max {
        let rule = format!("Member must have length less than or equal to {chars_max}");
        return Err(constraint(&format!("'{name}'"), member, &rule));
    }
    if name.contains(char::is_control) {
        let rule = r"Member must satisfy regular expression pattern: \p{Print}+";
        return Err(constraint(&format!("'{name}'"), member, rule));
    }
    Ok(name)
}

/// As [`printable`], without what separates the parts of an ARN or a path.
pub fn plain<'a>(given: Option<&'a str>, member: &str, chars_max: usize) -> Result<&'a str, ServiceError> {
    let name = printable(given, member, chars_max)?;
    if name.contains([':', '/', '|']) || name.starts_with(' ') || name.ends_with(' ') {
        let rule = "Member must be without : / | and without spaces at its ends";
        return Err(constraint(&format!("'{name}'"), member, rule));
    }
    Ok(name)
}

pub fn capacity(given: Option<i32>, member: &str) -> Result<Option<u32>, ServiceError> {
    let at_least_zero = "Member must have value greater than or equal to 0";
    let read = |number: i32| {
        u32::try_from(number).map_err(|_| constraint(&format!("'{number}'"), member, at_least_zero))
    };
    given.map(read).transpose()
}

pub fn check_bounds(min: u32, max: u32) -> Result<(), ServiceError> {
    if min > max {
        return Err(invalid("Minimum capacity cannot be greater than maximum capacity"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_have_one_form() {
        for (id, expect) in [
            ("service/c/s", Some(("c", "s"))),
            ("service/c", None),
            ("service/c/", None),
            ("service//s", None),
            ("service/c/s/t", None),
            ("table/t", None),
        ] {
            let found = Resource::of_id(id);
            let names = found.as_ref().map(|one| (one.cluster.as_str(), one.service.as_str()));
            assert_eq!(names, expect, "{id}");
        }
    }
}
