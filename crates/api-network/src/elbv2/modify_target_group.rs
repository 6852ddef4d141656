//! ModifyTargetGroup: the health check alone can change.

use state_model::elbv2::TargetGroup;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{ModifyTargetGroupInput, ModifyTargetGroupOutput};

use super::{Context, arns, health_check, render};

pub async fn modify_target_group(
    context: Context,
    input: ModifyTargetGroupInput,
) -> Result<ModifyTargetGroupOutput, ServiceError> {
    let arn = arns::required(input.target_group_arn, "targetGroupArn")?;
    context.authorise("elasticloadbalancing:ModifyTargetGroup", &arn)?;
    let wanted = health_check::Wanted {
        enabled: input.health_check_enabled,
        protocol: input.health_check_protocol,
        port: input.health_check_port,
        path: input.health_check_path,
        interval: input.health_check_interval_seconds,
        timeout: input.health_check_timeout_seconds,
        healthy_threshold: input.healthy_threshold_count,
        unhealthy_threshold: input.unhealthy_threshold_count,
        matcher: input.matcher,
    };
    let record = context
        .transact(|view, transaction| {
            let row = arns::target_group(view, &context.scope, &arn)?;
            let mut record = TargetGroup::clone(row.record());
            let group = health_check::Group {
                protocol: &row.protocol,
                version: row.protocol_version,
                target_type: row.target_type,
            };
            record.health_check = health_check::settings(group, wanted.clone(), Some(&row.health_check))?;
            transaction.update(row, &record);
            Ok(record)
        })
        .await?;
    let view = context.view();
    Ok(ModifyTargetGroupOutput {
        target_groups: Some(vec![render::target_group::target_group(&view, &record)]),
    })
}
