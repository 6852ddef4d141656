//! DescribeListeners: of a load balancer, or by ARNs.

use state_model::Record;
use state_model::elbv2::Listener;
use state_tables::{Row, elb_usage};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{DescribeListenersInput, DescribeListenersOutput};

use super::describe_load_balancers::check_length;
use super::errors::validation;
use super::page::Page;
use super::{Context, arns, render};

pub async fn describe_listeners(
    context: Context,
    input: DescribeListenersInput,
) -> Result<DescribeListenersOutput, ServiceError> {
    context.authorise("elasticloadbalancing:DescribeListeners", "*")?;
    let arns = input.listener_arns.unwrap_or_default();
    check_length("listenerArns", arns.len())?;
    let load_balancer = input.load_balancer_arn.filter(|arn| !arn.is_empty());
    if arns.is_empty() == load_balancer.is_none() {
        return Err(validation("You must specify either listener ARNs or a load balancer ARN"));
    }
    let page = Page::new(input.marker.as_deref(), input.page_size)?;
    let view = context.view();
    let mut rows: Vec<&Row<Listener>> = match &load_balancer {
        Some(arn) => {
            let row = arns::load_balancer(&view, &context.scope, arn)?;
            elb_usage::listeners_of_load_balancer(&view, &row.key()).collect()
        }
        None => {
            let find = |arn: &String| arns::listener(&view, &context.scope, arn);
            arns.iter().map(find).collect::<Result<_, _>>()?
        }
    };
    rows.sort_by_key(|row| row.key());
    rows.dedup_by_key(|row| row.key());
    let (found, next_marker) = page.take(rows.into_iter().map(|row| (row.key(), row)));
    let found = found.into_iter().map(|row| render::listener::listener(row)).collect();
    Ok(DescribeListenersOutput { listeners: Some(found), next_marker })
}
