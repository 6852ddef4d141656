//! ModifyListenerAttributes.

use state_model::elbv2::Listener;
use state_model::elbv2::attributes::listener_defaults;
use state_tables::elb_usage;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{ModifyListenerAttributesInput, ModifyListenerAttributesOutput};

use super::describe_listener_attributes::render;
use super::{Context, arns, attributes};

pub async fn modify_listener_attributes(
    context: Context,
    input: ModifyListenerAttributesInput,
) -> Result<ModifyListenerAttributesOutput, ServiceError> {
    let arn = arns::required(input.listener_arn, "listenerArn")?;
    context.authorise("elasticloadbalancing:ModifyListenerAttributes", &arn)?;
    let given = input.attributes;
    let given = given.map(|given| given.into_iter().map(|one| (one.key, one.value)).collect());
    let changes = attributes::parse(given)?;
    let record = context
        .transact(|view, transaction| {
            let row = arns::listener(view, &context.scope, &arn)?;
            attributes::check("Listener", &changes, listener_defaults(&row.protocol))?;
            let mut record = Listener::clone(row.record());
            record.attributes = attributes::merged(&record.attributes, &changes);
            transaction.update(row, &record);
            Ok(record)
        })
        .await?;
    let all = elb_usage::listener_attributes(&record);
    Ok(ModifyListenerAttributesOutput { attributes: Some(render(all)) })
}
