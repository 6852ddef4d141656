use api_auth::Context;
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_messaging::sns;

use super::errors::{invalid, not_served};
use super::message::{self, Given, Message};
use super::{Sns, find};

/// Answers when the message is written: it reaches its subscribers whatever happens to the server then.
pub async fn publish(
    context: Context<Sns>,
    input: sns::PublishInput,
) -> Result<sns::PublishResponse, ServiceError> {
    if input.phone_number.is_some() {
        return Err(not_served("PhoneNumber", "the protocol sms"));
    }
    let (arn, parameter) = match (&input.topic_arn, &input.target_arn) {
        (Some(_), Some(_)) => {
            return Err(invalid("TopicArn or TargetArn Reason: only one of them may be given"));
        }
        (None, Some(target)) => (Some(target.as_str()), "TargetArn"),
        (topic, None) => (topic.as_deref(), "TopicArn"),
    };
    let name = find::authorised(&context, "Publish", arn, parameter)?;
    let message = Message::read(Given {
        message: input.message.unwrap_or_default(),
        subject: input.subject,
        structure: input.message_structure,
        attributes: input.message_attributes.unwrap_or_default(),
        group: input.message_group_id,
        deduplication: input.message_deduplication_id,
    })?;
    let id = random::uuid(&*context.random);
    let accepted = context
        .transact(|view, transaction| {
            let topic = find::topic(view, &name)?;
            message.check(topic)?;
            transaction.expect(topic);
            message::accept(view, transaction, topic, &[(&message, id.clone())], context.now)
        })
        .await?;
    let accepted = accepted.into_iter().next();
    Ok(sns::PublishResponse {
        sequence_number: accepted.as_ref().and_then(|one| one.sequence).map(|number| number.to_string()),
        message_id: accepted.map(|one| one.id),
    })
}
