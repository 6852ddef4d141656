//! The App Mesh proxy of a task.

use state_model::ecs::task_definition::{KeyValuePair, ProxyConfiguration, TaskDefinitionBody};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use super::container::key_value_pair;
use crate::ecs::errors::client;

pub fn proxy_configuration(given: wire::ProxyConfiguration) -> ProxyConfiguration {
    ProxyConfiguration {
        kind: given.r#type.map(|kind| kind.as_str().to_owned()),
        container_name: given.container_name.unwrap_or_default(),
        properties: given.properties.map(|pairs| pairs.into_iter().map(key_value_pair).collect()),
    }
}

pub fn check(body: &TaskDefinitionBody) -> Result<(), ServiceError> {
    let Some(proxy) = &body.proxy_configuration else { return Ok(()) };
    if proxy.kind.as_deref().is_some_and(|kind| kind != "APPMESH") {
        return Err(client("Proxy configuration type must be APPMESH"));
    }
    if body.network_mode.as_deref() != Some("awsvpc") {
        return Err(client("APPMESH proxy configuration is only supported in networkMode=awsvpc"));
    }
    if body.container(&proxy.container_name).is_none() {
        return Err(client(format!("Proxy container [{}] does not exist", proxy.container_name)));
    }
    let has = |name: &str| {
        let mut properties = proxy.properties.iter().flatten();
        properties.any(|KeyValuePair { name: key, value }| key == name && !value.is_empty())
    };
    if !has("ProxyIngressPort") {
        return Err(client("Ingress port not found"));
    }
    if !has("ProxyEgressPort") {
        return Err(client("Egress port not found"));
    }
    Ok(())
}
