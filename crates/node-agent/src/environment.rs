//! The environment of a container: the image's, then what ECS injects, then that of the environment files, then the
//! definition's, then the override's. Later ones win.

use std::collections::HashMap;

use link_protocol::Assignment;
use state_model::ecs::container_definition::ContainerDefinition;
use state_model::ecs::task::TaskContainer;

use crate::facts;
use crate::sandbox_spec::{ContainerImage, NodeSide};

/// Where the endpoints of a task answer.
pub const METADATA_ADDRESS: std::net::Ipv4Addr = std::net::Ipv4Addr::new(169, 254, 170, 2);

const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub fn compose(
    assignment: &Assignment,
    definition: &ContainerDefinition,
    identity: &TaskContainer,
    image: &ContainerImage,
    node: &NodeSide,
) -> Vec<String> {
    let mut merged = Merged::default();
    merged.set("PATH", PATH_DEFAULT);
    for pair in &image.config.env {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        merged.set(name, value);
    }
    for (name, value) in injected(assignment, identity, node) {
        merged.set(name, &value);
    }
    for (name, value) in &image.file_variables {
        merged.set(name, value);
    }
    let overridden = facts::container_override(assignment, &definition.name);
    let given = definition.environment.iter().chain(overridden.iter().flat_map(|item| &item.environment));
    for pair in given {
        merged.set(&pair.name, &pair.value);
    }
    merged.pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn injected(
    assignment: &Assignment,
    identity: &TaskContainer,
    node: &NodeSide,
) -> Vec<(&'static str, String)> {
    let id = &identity.runtime_id;
    let region = &assignment.intent.scope.region;
    let mut pairs = vec![
        ("HOSTNAME", assignment.interface.private_dns_name.clone()),
        ("ECS_CONTAINER_METADATA_URI", format!("http://{METADATA_ADDRESS}/v3/{id}")),
        ("ECS_CONTAINER_METADATA_URI_V4", format!("http://{METADATA_ADDRESS}/v4/{id}")),
        ("ECS_AGENT_URI", format!("http://{METADATA_ADDRESS}/api/{id}")),
        ("AWS_EXECUTION_ENV", String::from("AWS_ECS_FARGATE")),
        ("AWS_DEFAULT_REGION", region.clone()),
        ("AWS_REGION", region.clone()),
        // Not on AWS: there the services' own names resolve. With it, SDKs inside tasks work unchanged.
        ("AWS_ENDPOINT_URL", node.endpoint_url.clone()),
    ];
    if let Some(credentials) = &node.credentials_id {
        pairs.push(("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", format!("/v2/credentials/{credentials}")));
    }
    pairs
}

/// Keeps the order of first appearance.
#[derive(Default)]
struct Merged {
    pairs: Vec<(String, String)>,
    places: HashMap<String, usize>,
}

impl Merged {
    fn set(&mut self, name: &str, value: &str) {
        match self.places.get(name) {
            Some(place) => value.clone_into(&mut self.pairs[*place].1),
            None => {
                self.places.insert(name.to_owned(), self.pairs.len());
                self.pairs.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}
