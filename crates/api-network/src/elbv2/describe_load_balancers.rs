//! DescribeLoadBalancers.

use state_model::Record;
use state_model::elbv2::LoadBalancer;
use state_tables::{Row, View, elb_usage};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{DescribeLoadBalancersInput, DescribeLoadBalancersOutput};

use super::errors::{load_balancer_names_not_found, load_balancers_not_found, validation};
use super::page::Page;
use super::{Context, arns, limits, render};

pub async fn describe_load_balancers(
    context: Context,
    input: DescribeLoadBalancersInput,
) -> Result<DescribeLoadBalancersOutput, ServiceError> {
    context.authorise("elasticloadbalancing:DescribeLoadBalancers", "*")?;
    let arns = input.load_balancer_arns.unwrap_or_default();
    let names = input.names.unwrap_or_default();
    if !arns.is_empty() && !names.is_empty() {
        return Err(validation("Load balancer names and load balancer ARNs cannot be specified together"));
    }
    check_length("loadBalancerArns", arns.len())?;
    check_length("names", names.len())?;
    let page = Page::new(input.marker.as_deref(), input.page_size)?;
    let view = context.view();
    let mut rows = if arns.is_empty() && names.is_empty() {
        let prefix = context.scope.key("");
        let rows = view.elb_load_balancers.after(&prefix, page.after.as_deref());
        rows.map(|(_, row)| row).collect()
    } else if names.is_empty() {
        by_arns(&context, &view, &arns)?
    } else {
        by_names(&context, &view, &names)?
    };
    rows.sort_by_key(|row| row.key());
    rows.dedup_by_key(|row| row.key());
    let shown = rows.into_iter().map(|row| (row.key(), row));
    let (found, next_marker) = page.take(shown);
    let found = found.into_iter().map(|row| render::load_balancer::load_balancer(&view, row)).collect();
    Ok(DescribeLoadBalancersOutput { load_balancers: Some(found), next_marker })
}

fn by_arns<'v>(
    context: &Context,
    view: &'v View,
    arns: &[String],
) -> Result<Vec<&'v Row<LoadBalancer>>, ServiceError> {
    let find = |arn: &String| {
        arns::find_load_balancer(view, &context.scope, arn)?.ok_or_else(load_balancers_not_found)
    };
    arns.iter().map(find).collect()
}

fn by_names<'v>(
    context: &Context,
    view: &'v View,
    names: &[String],
) -> Result<Vec<&'v Row<LoadBalancer>>, ServiceError> {
    let find = |name: &String| elb_usage::load_balancer_by_name(view, &context.scope, name);
    let unknown: Vec<String> = names.iter().filter(|name| find(name).is_none()).cloned().collect();
    if !unknown.is_empty() {
        return Err(load_balancer_names_not_found(&unknown));
    }
    Ok(names.iter().filter_map(find).collect())
}

/// A list in a request is bounded, whatever it lists.
pub fn check_length(member: &str, length: usize) -> Result<(), ServiceError> {
    if length > limits::NAMES_PER_REQUEST_MAX {
        return Err(validation(format!(
            "'{member}' can have at most {} members in a request",
            limits::NAMES_PER_REQUEST_MAX
        )));
    }
    Ok(())
}
