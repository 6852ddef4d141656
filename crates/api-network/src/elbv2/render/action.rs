//! What a listener or a rule does.

use state_model::elbv2::action::{Action, FixedResponse, Forward, Redirect};
use wire_shapes_network::elbv2 as wire;
use wire_shapes_network::elbv2::ActionTypeEnum;

/// A rule has one action: it is the first.
pub fn actions(action: &Action) -> Vec<wire::Action> {
    let shown = match action {
        Action::Forward(forward) => self::forward(forward),
        Action::Redirect(redirect) => self::redirect(redirect),
        Action::FixedResponse(response) => fixed_response(response),
    };
    vec![wire::Action { order: Some(1), ..shown }]
}

/// A single target group is told in both forms, as older clients look for the first.
fn forward(forward: &Forward) -> wire::Action {
    let number = |value: u32| i32::try_from(value).ok();
    let tuples = forward.target_groups.iter().map(|group| wire::TargetGroupTuple {
        target_group_arn: Some(group.arn.clone()),
        weight: number(group.weight),
    });
    let single = match forward.target_groups.as_slice() {
        [group] => Some(group.arn.clone()),
        _ => None,
    };
    let stickiness = wire::TargetGroupStickinessConfig {
        duration_seconds: forward.stickiness_secs.or(forward.stickiness_secs_when_off).and_then(number),
        enabled: Some(forward.stickiness_secs.is_some()),
    };
    wire::Action {
        forward_config: Some(wire::ForwardActionConfig {
            target_group_stickiness_config: Some(stickiness),
            target_groups: Some(tuples.collect()),
        }),
        target_group_arn: single,
        r#type: Some(ActionTypeEnum::Forward),
        ..Default::default()
    }
}

fn redirect(redirect: &Redirect) -> wire::Action {
    wire::Action {
        redirect_config: Some(wire::RedirectActionConfig {
            host: Some(redirect.host.clone()),
            path: Some(redirect.path.clone()),
            port: Some(redirect.port.clone()),
            protocol: Some(redirect.protocol.clone()),
            query: Some(redirect.query.clone()),
            status_code: Some(format!("HTTP_{}", redirect.status).into()),
        }),
        r#type: Some(ActionTypeEnum::Redirect),
        ..Default::default()
    }
}

fn fixed_response(response: &FixedResponse) -> wire::Action {
    wire::Action {
        fixed_response_config: Some(wire::FixedResponseActionConfig {
            content_type: response.content_type.clone(),
            message_body: response.body.clone(),
            status_code: Some(response.status.to_string()),
        }),
        r#type: Some(ActionTypeEnum::FixedResponse),
        ..Default::default()
    }
}
