//! ModifyTargetGroupAttributes.

use std::collections::BTreeMap;

use state_model::elbv2::TargetGroup;
use state_model::elbv2::attributes::{is_http, target_group_defaults};
use state_tables::{View, elb_usage};
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{ModifyTargetGroupAttributesInput, ModifyTargetGroupAttributesOutput};

use super::attributes::{self, Change};
use super::describe_target_group_attributes::render;
use super::errors::validation;
use super::{Context, arns, client_addresses, forward};

pub async fn modify_target_group_attributes(
    context: Context,
    input: ModifyTargetGroupAttributesInput,
) -> Result<ModifyTargetGroupAttributesOutput, ServiceError> {
    let arn = arns::required(input.target_group_arn, "targetGroupArn")?;
    context.authorise("elasticloadbalancing:ModifyTargetGroupAttributes", &arn)?;
    let given = input.attributes;
    let given = given.map(|given| given.into_iter().map(|one| (one.key, one.value)).collect());
    let changes = attributes::parse(given)?;
    let all = context
        .transact(|view, transaction| {
            let row = arns::target_group(view, &context.scope, &arn)?;
            let mut record = TargetGroup::clone(row.record());
            check_stickiness_type(&record, &changes)?;
            check_cross_zone(&changes)?;
            attributes::check(
                "Target group",
                &changes,
                target_group_defaults(&row.protocol, row.target_type),
            )?;
            client_addresses::check_change(view, row, &changes)?;
            record.attributes = attributes::merged(&record.attributes, &changes);
            let all = elb_usage::target_group_attributes(&record);
            check_together(view, &arn, &all)?;
            transaction.update(row, &record);
            Ok(all)
        })
        .await?;
    Ok(ModifyTargetGroupAttributesOutput { attributes: Some(render(all)) })
}

fn check_stickiness_type(group: &TargetGroup, changes: &[Change]) -> Result<(), ServiceError> {
    let types: &[&str] = match group.protocol.as_str() {
        protocol if is_http(protocol) => &["lb_cookie", "app_cookie"],
        "TLS" => &[],
        _ => &["source_ip"],
    };
    let given = changes.iter().find(|(key, _)| key == "stickiness.type");
    let turned_on = changes.iter().any(|(key, value)| key == "stickiness.enabled" && value == "true");
    let wrong = match given {
        Some((_, wanted)) => Some(wanted.as_str()).filter(|wanted| !types.contains(wanted)),
        None => Some("source_ip").filter(|_| types.is_empty() && turned_on),
    };
    match wrong {
        None => Ok(()),
        Some(wanted) => Err(validation(format!(
            "Stickiness type '{wanted}' is not supported for target groups with the {} protocol",
            group.protocol
        ))),
    }
}

/// The one attribute that has another form here than with load balancers.
fn check_cross_zone(changes: &[Change]) -> Result<(), ServiceError> {
    const KEY: &str = "load_balancing.cross_zone.enabled";
    const VALUES: [&str; 3] = ["true", "false", "use_load_balancer_configuration"];
    match changes.iter().find(|(key, value)| key == KEY && !VALUES.contains(&value.as_str())) {
        None => Ok(()),
        Some((_, value)) => Err(validation(format!(
            "Target group attribute value '{value}' for key '{KEY}' is not valid: it must be one of '{}'",
            VALUES.join(", ")
        ))),
    }
}

/// What several attributes say together.
fn check_together(view: &View, arn: &str, all: &BTreeMap<String, String>) -> Result<(), ServiceError> {
    let value = |key: &str| all.get(key).map_or("", String::as_str);
    if value("stickiness.enabled") == "true" && value("stickiness.type") == "app_cookie" {
        check_app_cookie(value("stickiness.app_cookie.cookie_name"))?;
        if forward::is_weighted(view, arn) {
            return Err(validation(
                "Stickiness of type 'app_cookie' is not supported for target groups of a weighted forward action",
            ));
        }
    }
    let algorithm = value("load_balancing.algorithm.type");
    let slow_start = value("slow_start.duration_seconds");
    if !matches!(algorithm, "" | "round_robin") && slow_start != "0" {
        return Err(validation(format!(
            "Slow start mode is not supported with the load balancing algorithm '{algorithm}'"
        )));
    }
    Ok(())
}

fn check_app_cookie(name: &str) -> Result<(), ServiceError> {
    if name.is_empty() {
        return Err(validation(
            "You must set an application cookie name to enable stickiness of type 'app_cookie'",
        ));
    }
    if name.starts_with("AWSALB") {
        return Err(validation(format!(
            "The application cookie name '{name}' is reserved: AWSALB, AWSALBAPP and AWSALBTG are the load balancer's own"
        )));
    }
    let token = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte);
    if !name.bytes().all(token) {
        return Err(validation(format!("The application cookie name '{name}' contains invalid characters")));
    }
    Ok(())
}
