//! Rules and their priorities.

use api_network::elbv2;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2 as wire;

use super::kit::{Kit, only, rule_input};
use crate::harness::refused;

/// A listener with a group.
async fn prepared() -> (Kit, String, String) {
    let kit = Kit::new().await;
    let load_balancer = kit.application("web").await;
    let group = kit.group("web", "HTTP").await;
    let listener = kit.listener(&load_balancer, "HTTP", 80, &group).await;
    (kit, listener, group)
}

async fn order(kit: &Kit, pairs: &[(&str, i32)]) -> Result<wire::SetRulePrioritiesOutput, ServiceError> {
    let pair = |(arn, priority): &(&str, i32)| wire::RulePriorityPair {
        priority: Some(*priority),
        rule_arn: Some((*arn).to_owned()),
    };
    let input = wire::SetRulePrioritiesInput { rule_priorities: Some(pairs.iter().map(pair).collect()) };
    elbv2::set_rule_priorities::set_rule_priorities(kit.context(), input).await
}

fn priorities(rules: &[wire::Rule]) -> Vec<&str> {
    rules.iter().filter_map(|rule| rule.priority.as_deref()).collect()
}

#[tokio::test]
async fn rules_come_by_priority_and_the_default_one_last() {
    let (kit, listener, group) = prepared().await;
    for priority in [20, 3, 100] {
        kit.create_rule(rule_input(&listener, priority, "/x/*", &group)).await.expect("it is made");
    }
    let rules = kit.describe_rules(&listener).await;
    assert_eq!(priorities(&rules), ["3", "20", "100", "default"]);
    assert_eq!(rules[3].is_default, Some(true));
    let condition = only(rules[0].conditions.clone());
    assert_eq!(condition.values, Some(vec![String::from("/x/*")]));
    assert_eq!(condition.path_pattern_config.and_then(|config| config.values), condition.values);
}

#[tokio::test]
async fn bad_requests_are_refused_in_aws_words() {
    let (kit, listener, group) = prepared().await;
    kit.create_rule(rule_input(&listener, 1, "/", &group)).await.expect("it is made");
    let base = || rule_input(&listener, 2, "/", &group);
    let unknown = listener.replace("listener/app/web", "listener/app/none");
    for (input, code, message) in [
        (rule_input(&listener, 1, "/", &group), "PriorityInUse", "Priority '1' is currently in use"),
        (
            rule_input(&listener, 50_001, "/", &group),
            "ValidationError",
            "1 validation error detected: Value '50001' at 'priority' failed to satisfy constraint: Member must have value \
             less than or equal to 50000",
        ),
        (
            wire::CreateRuleInput { conditions: None, ..base() },
            "ValidationError",
            "A condition must be specified",
        ),
        (rule_input(&unknown, 2, "/", &group), "ListenerNotFound", "One or more listeners not found"),
        (
            wire::CreateRuleInput {
                transforms: Some(vec![wire::RuleTransform {
                    r#type: Some("url-rewrite".into()),
                    url_rewrite_config: Some(wire::UrlRewriteConfig { rewrites: None }),
                    ..Default::default()
                }]),
                ..base()
            },
            "ValidationError",
            "A transform must have exactly one rewrite, in the configuration of its type",
        ),
    ] {
        refused(kit.create_rule(input).await, code, message);
    }
    let network = kit.network("flow").await;
    let flow = kit.group("flow", "TCP").await;
    let listener = kit.listener(&network, "TCP", 80, &flow).await;
    refused(
        kit.create_rule(rule_input(&listener, 1, "/", &flow)).await,
        "ValidationError",
        "Rules are not supported for listeners of network load balancers",
    );
}

#[tokio::test]
async fn priorities_change_together_or_not_at_all() {
    let (kit, listener, group) = prepared().await;
    let mut arns = Vec::new();
    for priority in 1..=3 {
        let made = kit.create_rule(rule_input(&listener, priority, "/", &group)).await;
        arns.push(made.expect("made").rule_arn.expect("an ARN"));
    }
    order(&kit, &[(&arns[0], 2), (&arns[1], 1)]).await.expect("they change places");
    let rules = kit.describe_rules(&listener).await;
    assert_eq!(rules[0].rule_arn.as_ref(), Some(&arns[1]));
    refused(
        order(&kit, &[(&arns[0], 7), (&arns[1], 3)]).await,
        "PriorityInUse",
        "Priority '3' is currently in use",
    );
    assert_eq!(kit.describe_rules(&listener).await, rules);
    let default = rules[3].rule_arn.clone().expect("an ARN");
    refused(
        order(&kit, &[(&default, 7)]).await,
        "OperationNotPermitted",
        &format!("Priority of default rule '{default}' cannot be modified"),
    );
}

#[tokio::test]
async fn a_rule_changes_and_keeps_the_rest() {
    let (kit, listener, group) = prepared().await;
    let input = wire::CreateRuleInput {
        transforms: Some(vec![wire::RuleTransform {
            r#type: Some("url-rewrite".into()),
            url_rewrite_config: Some(wire::UrlRewriteConfig {
                rewrites: Some(vec![wire::RewriteConfig {
                    regex: Some("^/old/(.*)$".into()),
                    replace: Some("/new/$1".into()),
                }]),
            }),
            ..Default::default()
        }]),
        ..rule_input(&listener, 5, "/old/*", &group)
    };
    let made = kit.create_rule(input).await.expect("it is made");
    let modify = |input: wire::ModifyRuleInput| {
        let input = wire::ModifyRuleInput { rule_arn: made.rule_arn.clone(), ..input };
        elbv2::modify_rule::modify_rule(kit.context(), input)
    };
    let conditions = rule_input(&listener, 5, "/older/*", &group).conditions;
    let changed = modify(wire::ModifyRuleInput { conditions, ..Default::default() }).await;
    let changed = only(changed.expect("changed").rules);
    assert_eq!(only(changed.conditions).values, Some(vec![String::from("/older/*")]));
    assert_eq!((&changed.transforms, &changed.actions), (&made.transforms, &made.actions));
    let reset = modify(wire::ModifyRuleInput { reset_transforms: Some(true), ..Default::default() }).await;
    assert_eq!(only(reset.expect("changed").rules).transforms, Some(Vec::new()));
}

#[tokio::test]
async fn the_default_rule_stays() {
    let (kit, listener, group) = prepared().await;
    let made = kit.create_rule(rule_input(&listener, 1, "/", &group)).await.expect("it is made");
    let default = kit.describe_rules(&listener).await[1].rule_arn.clone().expect("an ARN");
    let delete = |arn: &str| {
        let input = wire::DeleteRuleInput { rule_arn: Some(arn.to_owned()) };
        elbv2::delete_rule::delete_rule(kit.context(), input)
    };
    refused(
        delete(&default).await,
        "OperationNotPermitted",
        &format!("Default rule '{default}' cannot be deleted"),
    );
    let arn = made.rule_arn.expect("an ARN");
    delete(&arn).await.expect("it is deleted");
    refused(delete(&arn).await, "RuleNotFound", "One or more rules not found");
}

#[tokio::test]
async fn weights_are_told_back_and_checked() {
    let (kit, listener, group) = prepared().await;
    let other = kit.group("other", "HTTP").await;
    let weighted = |weights: [Option<i32>; 2]| {
        let tuple = |(arn, weight): (&String, Option<i32>)| wire::TargetGroupTuple {
            target_group_arn: Some(arn.clone()),
            weight,
        };
        wire::CreateRuleInput {
            actions: Some(vec![wire::Action {
                r#type: Some("forward".into()),
                forward_config: Some(wire::ForwardActionConfig {
                    target_group_stickiness_config: Some(wire::TargetGroupStickinessConfig {
                        duration_seconds: Some(60),
                        enabled: Some(true),
                    }),
                    target_groups: Some([&group, &other].into_iter().zip(weights).map(tuple).collect()),
                }),
                ..Default::default()
            }]),
            ..rule_input(&listener, 1, "/", &group)
        }
    };
    for (weights, message) in [
        (
            [Some(1), None],
            String::from("You must specify a weight for each target group when an action has more than one"),
        ),
        (
            [Some(1), Some(1000)],
            format!("The weight '1000' of target group '{other}' must be between 0 and 999"),
        ),
    ] {
        refused(kit.create_rule(weighted(weights)).await, "ValidationError", &message);
    }
    let made = kit.create_rule(weighted([Some(9), Some(1)])).await.expect("it is made");
    let action = only(made.actions);
    assert_eq!(action.target_group_arn, None);
    let config = action.forward_config.expect("a configuration");
    let weights: Vec<_> = config.target_groups.expect("groups").iter().map(|group| group.weight).collect();
    assert_eq!(weights, [Some(9), Some(1)]);
    let stickiness = config.target_group_stickiness_config.expect("stickiness");
    assert_eq!((stickiness.enabled, stickiness.duration_seconds), (Some(true), Some(60)));
}
