//! SNS: topics, subscriptions and messages.
//!
//! A handler accepts a message by writing it; the messages loop finds out who gets it, and the deliveries loop brings it there.

mod attributes;
mod confirm_subscription;
mod errors;
mod find;
mod limits;
mod message;
mod page;
mod permissions;
mod publish;
mod publish_batch;
mod subscribe;
mod subscription_attributes;
mod subscription_lists;
mod subscription_settings;
mod tags;
mod topic_attributes;
mod topics;
mod unsubscribe;

use std::sync::Arc;

use api_auth::Context;
use state_model::sns::notification::Signer;
use wire_protocols::ServiceTable;
use wire_shapes_messaging::sns;
use wire_shapes_messaging::sns::operations as op;

/// What the handlers need besides the request.
#[derive(Debug)]
pub struct Sns {
    pub signer: Arc<dyn Signer>,
}

pub fn table() -> ServiceTable<Context<Sns>> {
    ServiceTable::new(&sns::SERVICE)
        .operation::<op::CreateTopic, _, _>(topics::create_topic)
        .operation::<op::DeleteTopic, _, _>(topics::delete_topic)
        .operation::<op::ListTopics, _, _>(topics::list_topics)
        .operation::<op::GetTopicAttributes, _, _>(topic_attributes::get_topic_attributes)
        .operation::<op::SetTopicAttributes, _, _>(topic_attributes::set_topic_attributes)
        .operation::<op::Subscribe, _, _>(subscribe::subscribe)
        .operation::<op::ConfirmSubscription, _, _>(confirm_subscription::confirm_subscription)
        .operation::<op::Unsubscribe, _, _>(unsubscribe::unsubscribe)
        .operation::<op::GetSubscriptionAttributes, _, _>(
            subscription_attributes::get_subscription_attributes,
        )
        .operation::<op::SetSubscriptionAttributes, _, _>(
            subscription_attributes::set_subscription_attributes,
        )
        .operation::<op::ListSubscriptions, _, _>(subscription_lists::list_subscriptions)
        .operation::<op::ListSubscriptionsByTopic, _, _>(subscription_lists::list_subscriptions_by_topic)
        .operation::<op::Publish, _, _>(publish::publish)
        .operation::<op::PublishBatch, _, _>(publish_batch::publish_batch)
        .operation::<op::AddPermission, _, _>(permissions::add_permission)
        .operation::<op::RemovePermission, _, _>(permissions::remove_permission)
        .operation::<op::TagResource, _, _>(tags::tag_resource)
        .operation::<op::UntagResource, _, _>(tags::untag_resource)
        .operation::<op::ListTagsForResource, _, _>(tags::list_tags_for_resource)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_a_handler() {
        assert_eq!(super::table().missing(), Vec::<&str>::new());
    }
}
