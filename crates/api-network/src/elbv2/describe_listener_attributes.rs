//! DescribeListenerAttributes: defaults included, but for headers that nobody set.

use state_tables::elb_usage;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{
    DescribeListenerAttributesInput, DescribeListenerAttributesOutput, ListenerAttribute,
};

use super::{Context, arns};

pub async fn describe_listener_attributes(
    context: Context,
    input: DescribeListenerAttributesInput,
) -> Result<DescribeListenerAttributesOutput, ServiceError> {
    let arn = arns::required(input.listener_arn, "listenerArn")?;
    context.authorise("elasticloadbalancing:DescribeListenerAttributes", "*")?;
    let view = context.view();
    let row = arns::listener(&view, &context.scope, &arn)?;
    Ok(DescribeListenerAttributesOutput { attributes: Some(render(elb_usage::listener_attributes(row))) })
}

pub fn render(attributes: std::collections::BTreeMap<String, String>) -> Vec<ListenerAttribute> {
    let told = attributes.into_iter().filter(|(_, value)| !value.is_empty());
    told.map(|(key, value)| ListenerAttribute { key: Some(key), value: Some(value) }).collect()
}
