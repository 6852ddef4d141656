//! EventBridge Scheduler: schedules and their groups.

mod groups;
pub mod limits;
mod schedules;
mod tags;
mod target;

use api_auth::Context;
use state_model::Scope;
use state_model::scheduler::{DEFAULT_GROUP, ScheduleGroup};
use state_tables::View;
use wire_protocols::ServiceTable;
use wire_schema::{Instant, ServiceError};
use wire_shapes_messaging::scheduler::{self, operations};

/// What the handlers need besides the request.
#[derive(Debug)]
pub struct Scheduler;

pub fn table() -> ServiceTable<Context<Scheduler>> {
    ServiceTable::new(&scheduler::SERVICE)
        .operation::<operations::CreateSchedule, _, _>(schedules::create_schedule)
        .operation::<operations::GetSchedule, _, _>(schedules::get_schedule)
        .operation::<operations::UpdateSchedule, _, _>(schedules::update_schedule)
        .operation::<operations::DeleteSchedule, _, _>(schedules::delete_schedule)
        .operation::<operations::ListSchedules, _, _>(schedules::list_schedules)
        .operation::<operations::CreateScheduleGroup, _, _>(groups::create_schedule_group)
        .operation::<operations::GetScheduleGroup, _, _>(groups::get_schedule_group)
        .operation::<operations::DeleteScheduleGroup, _, _>(groups::delete_schedule_group)
        .operation::<operations::ListScheduleGroups, _, _>(groups::list_schedule_groups)
        .operation::<operations::TagResource, _, _>(tags::tag_resource)
        .operation::<operations::UntagResource, _, _>(tags::untag_resource)
        .operation::<operations::ListTagsForResource, _, _>(tags::list_tags_for_resource)
}

fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ValidationException", message)
}

fn not_found(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ResourceNotFoundException", message)
}

fn conflict(message: impl Into<String>) -> ServiceError {
    ServiceError::caller("ConflictException", message)
}

fn quota_exceeded(what: &str) -> ServiceError {
    ServiceError::caller("ServiceQuotaExceededException", format!("The number of {what} exceeds the limit."))
}

/// The group, also the default one of which nothing was written yet.
fn find_group(view: &View, scope: &Scope, name: &str) -> Result<ScheduleGroup, ServiceError> {
    match view.schedule_groups.get(&ScheduleGroup::key_of(scope, name)) {
        Some(row) => Ok(ScheduleGroup::clone(row)),
        None if name == DEFAULT_GROUP => {
            let region = view.regions.get(&scope.to_string());
            let created_at = region.map_or(Default::default(), |region| region.created_at);
            Ok(ScheduleGroup::new(scope, name, created_at))
        }
        None => Err(not_found(format!("Schedule group {name} does not exist."))),
    }
}

fn instant(at: stdx::clock::Timestamp) -> Option<Instant> {
    Some(Instant::from_millis(at.as_millis()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_a_handler() {
        assert_eq!(super::table().missing(), Vec::<&str>::new());
    }
}
