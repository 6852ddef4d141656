//! DescribeLoadBalancerAttributes: all of them, defaults included.

use state_tables::elb_usage;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{
    DescribeLoadBalancerAttributesInput, DescribeLoadBalancerAttributesOutput, LoadBalancerAttribute,
};

use super::{Context, arns};

pub async fn describe_load_balancer_attributes(
    context: Context,
    input: DescribeLoadBalancerAttributesInput,
) -> Result<DescribeLoadBalancerAttributesOutput, ServiceError> {
    let arn = arns::required(input.load_balancer_arn, "loadBalancerArn")?;
    context.authorise("elasticloadbalancing:DescribeLoadBalancerAttributes", "*")?;
    let view = context.view();
    let row = arns::load_balancer(&view, &context.scope, &arn)?;
    Ok(DescribeLoadBalancerAttributesOutput {
        attributes: Some(render(elb_usage::load_balancer_attributes(row))),
    })
}

pub fn render(attributes: std::collections::BTreeMap<String, String>) -> Vec<LoadBalancerAttribute> {
    attributes
        .into_iter()
        .map(|(key, value)| LoadBalancerAttribute { key: Some(key), value: Some(value) })
        .collect()
}
