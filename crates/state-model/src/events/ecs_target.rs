//! An ECS cluster as a target: which tasks are run there.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The members of RunTask's `overrides`; an event that isn't meant for it has none of them.
const OVERRIDES: [&str; 7] = [
    "containerOverrides",
    "cpu",
    "inferenceAcceleratorOverrides",
    "executionRoleArn",
    "memory",
    "taskRoleArn",
    "ephemeralStorage",
];

/// ECS keeps this many characters of `startedBy`.
pub const STARTED_BY_CHARS_MAX: usize = 36;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcsTarget {
    pub task_definition_arn: String,
    /// Left out means one.
    #[serde(default)]
    pub task_count: Option<i32>,
    #[serde(default)]
    pub launch_type: Option<String>,
    #[serde(default)]
    pub network: Option<AwsVpc>,
    #[serde(default)]
    pub platform_version: Option<String>,
    #[serde(default)]
    pub group: Option<String>,
    #[serde(default)]
    pub capacity_provider_strategy: Vec<CapacityProvider>,
    #[serde(default)]
    pub enable_ecs_managed_tags: Option<bool>,
    #[serde(default)]
    pub enable_execute_command: Option<bool>,
    /// Pairs of type and expression.
    #[serde(default)]
    pub placement_constraints: Vec<(Option<String>, Option<String>)>,
    /// Pairs of type and field.
    #[serde(default)]
    pub placement_strategy: Vec<(Option<String>, Option<String>)>,
    #[serde(default)]
    pub propagate_tags: Option<String>,
    #[serde(default)]
    pub reference_id: Option<String>,
    #[serde(default)]
    pub tags: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsVpc {
    pub subnets: Vec<String>,
    #[serde(default)]
    pub security_groups: Vec<String>,
    #[serde(default)]
    pub assign_public_ip: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapacityProvider {
    pub name: String,
    #[serde(default)]
    pub weight: Option<i32>,
    #[serde(default)]
    pub base: Option<i32>,
}

impl EcsTarget {
    /// RunTask's input. `payload` is what the target is given; `client_token` makes a repeated delivery run nothing twice.
    pub fn run_task(&self, cluster: &str, payload: &str, started_by: &str, client_token: &str) -> Value {
        let mut input = Map::new();
        let mut put = |name: &str, value: Value| {
            let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            if !is_empty {
                input.insert(name.to_owned(), value);
            }
        };
        put("cluster", json!(cluster));
        put("taskDefinition", json!(self.task_definition_arn));
        put("count", json!(self.task_count.unwrap_or(1)));
        put("launchType", json!(self.launch_type));
        put("networkConfiguration", self.network.as_ref().map_or(Value::Null, network));
        put("platformVersion", json!(self.platform_version));
        put("group", json!(self.group));
        let providers = self.capacity_provider_strategy.iter().map(CapacityProvider::value);
        put("capacityProviderStrategy", providers.collect());
        put("enableECSManagedTags", json!(self.enable_ecs_managed_tags));
        put("enableExecuteCommand", json!(self.enable_execute_command));
        put("placementConstraints", pairs(&self.placement_constraints, "expression"));
        put("placementStrategy", pairs(&self.placement_strategy, "field"));
        put("propagateTags", json!(self.propagate_tags));
        put("referenceId", json!(self.reference_id));
        put("tags", self.tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect());
        put("overrides", overrides(payload));
        put("startedBy", started_by.chars().take(STARTED_BY_CHARS_MAX).collect::<String>().into());
        put("clientToken", json!(client_token));
        Value::Object(input)
    }
}

impl CapacityProvider {
    fn value(&self) -> Value {
        let mut item = json!({"capacityProvider": self.name});
        if let Some(weight) = self.weight {
            item["weight"] = json!(weight);
        }
        if let Some(base) = self.base {
            item["base"] = json!(base);
        }
        item
    }
}

fn network(network: &AwsVpc) -> Value {
    let mut vpc = json!({"subnets": network.subnets});
    if !network.security_groups.is_empty() {
        vpc["securityGroups"] = json!(network.security_groups);
    }
    if let Some(assign) = &network.assign_public_ip {
        vpc["assignPublicIp"] = json!(assign);
    }
    json!({ "awsvpcConfiguration": vpc })
}

fn pairs(pairs: &[(Option<String>, Option<String>)], second: &str) -> Value {
    let object = |(kind, value): &(Option<String>, Option<String>)| {
        let mut object = Map::new();
        if let Some(kind) = kind {
            object.insert("type".into(), json!(kind));
        }
        if let Some(value) = value {
            object.insert(second.into(), json!(value));
        }
        Value::Object(object)
    };
    pairs.iter().map(object).collect()
}

/// What of the payload RunTask understands; null when nothing.
fn overrides(payload: &str) -> Value {
    let Ok(Value::Object(mut object)) = serde_json::from_str(payload) else { return Value::Null };
    object.retain(|name, _| OVERRIDES.contains(&name.as_str()));
    if object.is_empty() { Value::Null } else { Value::Object(object) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_reaches_run_task() {
        let target = EcsTarget {
            task_definition_arn: "arn:td".into(),
            task_count: Some(2),
            network: Some(AwsVpc {
                subnets: vec!["subnet-1".into()],
                assign_public_ip: Some("ENABLED".into()),
                ..Default::default()
            }),
            capacity_provider_strategy: vec![CapacityProvider {
                name: "FARGATE".into(),
                weight: Some(1),
                base: None,
            }],
            tags: vec![("k".into(), "v".into())],
            ..Default::default()
        };
        let payload = r#"{"containerOverrides":[{"name":"a"}],"source":"x"}"#;
        let started_by = format!("events-rule/{}", "n".repeat(40));
        assert_eq!(
            target.run_task("arn:cluster", payload, &started_by, "token"),
            json!({
                "cluster": "arn:cluster", "taskDefinition": "arn:td", "count": 2,
                "networkConfiguration": {"awsvpcConfiguration": {
                    "subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}},
                "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}],
                "tags": [{"key": "k", "value": "v"}],
                "overrides": {"containerOverrides": [{"name": "a"}]},
                "startedBy": &started_by[..36], "clientToken": "token",
            })
        );
        assert!(target.run_task("c", "\"text\"", "s", "t").get("overrides").is_none());
    }
}
