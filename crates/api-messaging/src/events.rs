//! EventBridge: buses, rules and their targets, archives, API destinations.

mod api_destinations;
mod archives;
mod buses;
mod connections;
mod errors;
pub mod limits;
mod names;
mod page;
mod permissions;
mod put_events;
mod put_rule;
mod put_targets;
mod replays;
mod rules;
mod tags;
mod target;
mod targets;
mod test_event_pattern;
mod validation;

pub(crate) use errors::invalid;
pub(crate) use page::page;
pub(crate) use validation::{NameConstraints, Violations};

use std::sync::Arc;

use api_auth::{Context, SessionKeys};
use state_telemetry::logs::LogStore;
use wire_protocols::ServiceTable;
use wire_shapes_messaging::events::{self, operations};

/// What the handlers need besides the request.
#[derive(Debug)]
pub struct Events {
    /// Seals the secrets of connections.
    pub keys: Arc<SessionKeys>,
    /// Holds the events of archives.
    pub archives: LogStore,
}

pub fn table() -> ServiceTable<Context<Events>> {
    let table = ServiceTable::new(&events::SERVICE)
        .operation::<operations::CreateEventBus, _, _>(buses::create_event_bus)
        .operation::<operations::DeleteEventBus, _, _>(buses::delete_event_bus)
        .operation::<operations::DescribeEventBus, _, _>(buses::describe_event_bus)
        .operation::<operations::UpdateEventBus, _, _>(buses::update_event_bus)
        .operation::<operations::ListEventBuses, _, _>(buses::list_event_buses)
        .operation::<operations::PutPermission, _, _>(permissions::put_permission)
        .operation::<operations::RemovePermission, _, _>(permissions::remove_permission)
        .operation::<operations::PutRule, _, _>(put_rule::put_rule)
        .operation::<operations::DeleteRule, _, _>(rules::delete_rule)
        .operation::<operations::DescribeRule, _, _>(rules::describe_rule)
        .operation::<operations::ListRules, _, _>(rules::list_rules)
        .operation::<operations::EnableRule, _, _>(rules::enable_rule)
        .operation::<operations::DisableRule, _, _>(rules::disable_rule)
        .operation::<operations::PutTargets, _, _>(put_targets::put_targets)
        .operation::<operations::RemoveTargets, _, _>(targets::remove_targets)
        .operation::<operations::ListTargetsByRule, _, _>(targets::list_targets_by_rule)
        .operation::<operations::ListRuleNamesByTarget, _, _>(targets::list_rule_names_by_target)
        .operation::<operations::PutEvents, _, _>(put_events::put_events)
        .operation::<operations::TestEventPattern, _, _>(test_event_pattern::test_event_pattern)
        .operation::<operations::TagResource, _, _>(tags::tag_resource)
        .operation::<operations::UntagResource, _, _>(tags::untag_resource)
        .operation::<operations::ListTagsForResource, _, _>(tags::list_tags_for_resource);
    table_of_stores(table)
}

/// Archives and their replays, connections and API destinations.
fn table_of_stores(table: ServiceTable<Context<Events>>) -> ServiceTable<Context<Events>> {
    table
        .operation::<operations::CreateArchive, _, _>(archives::create_archive)
        .operation::<operations::DeleteArchive, _, _>(archives::delete_archive)
        .operation::<operations::DescribeArchive, _, _>(archives::describe_archive)
        .operation::<operations::ListArchives, _, _>(archives::list_archives)
        .operation::<operations::UpdateArchive, _, _>(archives::update_archive)
        .operation::<operations::StartReplay, _, _>(replays::start_replay)
        .operation::<operations::CancelReplay, _, _>(replays::cancel_replay)
        .operation::<operations::DescribeReplay, _, _>(replays::describe_replay)
        .operation::<operations::ListReplays, _, _>(replays::list_replays)
        .operation::<operations::CreateConnection, _, _>(connections::create_connection)
        .operation::<operations::UpdateConnection, _, _>(connections::update_connection)
        .operation::<operations::DeleteConnection, _, _>(connections::delete_connection)
        .operation::<operations::DescribeConnection, _, _>(connections::describe_connection)
        .operation::<operations::ListConnections, _, _>(connections::list_connections)
        .operation::<operations::DeauthorizeConnection, _, _>(connections::deauthorize_connection)
        .operation::<operations::CreateApiDestination, _, _>(api_destinations::create_api_destination)
        .operation::<operations::UpdateApiDestination, _, _>(api_destinations::update_api_destination)
        .operation::<operations::DeleteApiDestination, _, _>(api_destinations::delete_api_destination)
        .operation::<operations::DescribeApiDestination, _, _>(api_destinations::describe_api_destination)
        .operation::<operations::ListApiDestinations, _, _>(api_destinations::list_api_destinations)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_a_handler() {
        assert_eq!(super::table().missing(), Vec::<&str>::new());
    }
}
