//! DescribeTargetGroups: all, those of a load balancer, or by names or ARNs.

use state_model::Record;
use state_model::elbv2::TargetGroup;
use state_model::elbv2::target_group::target_group_key;
use state_tables::{Row, View, elb_usage};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{DescribeTargetGroupsInput, DescribeTargetGroupsOutput};

use super::describe_load_balancers::check_length;
use super::errors::{target_groups_not_found, validation};
use super::page::Page;
use super::{Context, arns, render};

pub async fn describe_target_groups(
    context: Context,
    input: DescribeTargetGroupsInput,
) -> Result<DescribeTargetGroupsOutput, ServiceError> {
    context.authorise("elasticloadbalancing:DescribeTargetGroups", "*")?;
    let arns = input.target_group_arns.unwrap_or_default();
    let names = input.names.unwrap_or_default();
    let load_balancer = input.load_balancer_arn.filter(|arn| !arn.is_empty());
    let ways = [!arns.is_empty(), !names.is_empty(), load_balancer.is_some()];
    if ways.into_iter().filter(|given| *given).count() > 1 {
        return Err(validation(
            "Target group ARNs, target group names and a load balancer ARN cannot be specified together",
        ));
    }
    check_length("targetGroupArns", arns.len())?;
    check_length("names", names.len())?;
    let page = Page::new(input.marker.as_deref(), input.page_size)?;
    let view = context.view();
    let mut rows: Vec<&Row<TargetGroup>> = if let Some(arn) = &load_balancer {
        of_load_balancer(&context, &view, arn)?
    } else if !arns.is_empty() {
        let find = |arn: &String| {
            arns::find_target_group(&view, &context.scope, arn)?.ok_or_else(target_groups_not_found)
        };
        arns.iter().map(find).collect::<Result<_, ServiceError>>()?
    } else if !names.is_empty() {
        let find = |name: &String| {
            elb_usage::target_group_by_name(&view, &context.scope, name).ok_or_else(target_groups_not_found)
        };
        names.iter().map(find).collect::<Result<_, ServiceError>>()?
    } else {
        let prefix = context.scope.key("");
        let rows = view.elb_target_groups.after(&prefix, page.after.as_deref());
        rows.map(|(_, row)| row).collect()
    };
    rows.sort_by_key(|row| row.key());
    rows.dedup_by_key(|row| row.key());
    let (found, next_marker) = page.take(rows.into_iter().map(|row| (row.key(), row)));
    let found = found.into_iter().map(|row| render::target_group::target_group(&view, row)).collect();
    Ok(DescribeTargetGroupsOutput { next_marker, target_groups: Some(found) })
}

fn of_load_balancer<'v>(
    context: &Context,
    view: &'v View,
    arn: &str,
) -> Result<Vec<&'v Row<TargetGroup>>, ServiceError> {
    let row = arns::load_balancer(view, &context.scope, arn)?;
    let groups = elb_usage::target_groups_of_load_balancer(view, &row.key());
    let keys = groups.iter().filter_map(|arn| target_group_key(arn));
    Ok(keys.filter_map(|key| view.elb_target_groups.get(&key)).collect())
}
