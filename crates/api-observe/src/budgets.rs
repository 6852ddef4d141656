//! Budgets: limits on cost and usage, and who is told.

use std::sync::Arc;

use api_auth::Context;
use state_model::billing::prices::PriceTable;
use wire_protocols::ServiceTable;
use wire_shapes_observe::budgets::{self, operations};

mod describe;
mod errors;
mod history;
mod limits;
mod lookup;
mod manage;
mod notifications;
mod read;
mod read_filters;
mod read_notification;
mod render;
mod subscribers;
mod tags;

/// What the handlers need besides the request.
#[derive(Debug)]
pub struct Budgets {
    pub prices: Arc<PriceTable>,
}

pub fn table() -> ServiceTable<Context<Budgets>> {
    ServiceTable::new(&budgets::SERVICE)
        .operation::<operations::CreateBudget, _, _>(manage::create_budget)
        .operation::<operations::UpdateBudget, _, _>(manage::update_budget)
        .operation::<operations::DeleteBudget, _, _>(manage::delete_budget)
        .operation::<operations::DescribeBudget, _, _>(describe::describe_budget)
        .operation::<operations::DescribeBudgets, _, _>(describe::describe_budgets)
        .operation::<operations::DescribeBudgetPerformanceHistory, _, _>(
            history::describe_budget_performance_history,
        )
        .operation::<operations::CreateNotification, _, _>(notifications::create_notification)
        .operation::<operations::UpdateNotification, _, _>(notifications::update_notification)
        .operation::<operations::DeleteNotification, _, _>(notifications::delete_notification)
        .operation::<operations::DescribeNotificationsForBudget, _, _>(
            notifications::describe_notifications_for_budget,
        )
        .operation::<operations::DescribeBudgetNotificationsForAccount, _, _>(
            notifications::describe_budget_notifications_for_account,
        )
        .operation::<operations::CreateSubscriber, _, _>(subscribers::create_subscriber)
        .operation::<operations::UpdateSubscriber, _, _>(subscribers::update_subscriber)
        .operation::<operations::DeleteSubscriber, _, _>(subscribers::delete_subscriber)
        .operation::<operations::DescribeSubscribersForNotification, _, _>(
            subscribers::describe_subscribers_for_notification,
        )
        .operation::<operations::TagResource, _, _>(tags::tag_resource)
        .operation::<operations::UntagResource, _, _>(tags::untag_resource)
        .operation::<operations::ListTagsForResource, _, _>(tags::list_tags_for_resource)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_a_handler() {
        assert_eq!(super::table().missing(), Vec::<&str>::new());
    }
}
