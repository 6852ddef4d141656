//! ModifyLoadBalancerAttributes.

use state_model::elbv2::LoadBalancer;
use state_model::elbv2::attributes::load_balancer_defaults;
use state_model::elbv2::load_balancer::LoadBalancerKind;
use state_tables::{View, elb_usage};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{ModifyLoadBalancerAttributesInput, ModifyLoadBalancerAttributesOutput};

use super::attributes::{self, Change};
use super::describe_load_balancer_attributes::render;
use super::errors::{invalid_configuration, validation};
use super::{Context, arns};

pub async fn modify_load_balancer_attributes(
    context: Context,
    input: ModifyLoadBalancerAttributesInput,
) -> Result<ModifyLoadBalancerAttributesOutput, ServiceError> {
    let arn = arns::required(input.load_balancer_arn, "loadBalancerArn")?;
    context.authorise("elasticloadbalancing:ModifyLoadBalancerAttributes", &arn)?;
    let given = input.attributes;
    let given = given.map(|given| given.into_iter().map(|one| (one.key, one.value)).collect());
    let changes = attributes::parse(given)?;
    let record = context
        .transact(|view, transaction| {
            let row = arns::load_balancer(view, &context.scope, &arn)?;
            check_cross_zone(row.kind, &changes)?;
            attributes::check("Load balancer", &changes, load_balancer_defaults(row.kind))?;
            let mut record = LoadBalancer::clone(row.record());
            record.attributes = attributes::merged(&record.attributes, &changes);
            check_access_logs(view, &record)?;
            transaction.update(row, &record);
            Ok(record)
        })
        .await?;
    let all = elb_usage::load_balancer_attributes(&record);
    Ok(ModifyLoadBalancerAttributesOutput { attributes: Some(render(all)) })
}

fn check_cross_zone(kind: LoadBalancerKind, changes: &[Change]) -> Result<(), ServiceError> {
    const KEY: &str = "load_balancing.cross_zone.enabled";
    let turned_off = changes.iter().any(|(key, value)| key == KEY && value != "true");
    if kind == LoadBalancerKind::Application && turned_off {
        return Err(validation(format!(
            "The value for '{KEY}' must always be 'true' for an Application Load Balancer"
        )));
    }
    let wrong = changes.iter().find(|(key, value)| key == KEY && !matches!(value.as_str(), "true" | "false"));
    if let Some((_, value)) = wrong {
        return Err(validation(format!(
            "Load balancer attribute value '{value}' for key '{KEY}' is not valid: it must be 'true' or 'false'"
        )));
    }
    Ok(())
}

/// Access logs go into a bucket that is there.
fn check_access_logs(view: &View, record: &LoadBalancer) -> Result<(), ServiceError> {
    let all = elb_usage::load_balancer_attributes(record);
    let value = |key: &str| all.get(key).map_or("", String::as_str);
    if value("access_logs.s3.enabled") != "true" {
        return Ok(());
    }
    let bucket = value("access_logs.s3.bucket");
    if bucket.is_empty() {
        return Err(validation("The key 'access_logs.s3.bucket' must set in order to enable access logs"));
    }
    let found = view.s3_buckets.get(bucket);
    if found.is_none_or(|row| row.scope.account != record.scope.account) {
        return Err(invalid_configuration(format!(
            "Access Denied for bucket: {bucket}. Please check S3bucket permission"
        )));
    }
    Ok(())
}
