//! What the tasks run on: the launch type, or a capacity provider for each of them.

use state_model::ecs::cluster::Cluster;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{LaunchType, RunTaskRequest};

use crate::ecs::errors::invalid_parameter;
use crate::ecs::validate::strategy;

/// The capacity provider of each task; none with the launch type FARGATE.
pub fn compute(
    input: &RunTaskRequest,
    cluster: &Cluster,
    count: usize,
) -> Result<Vec<Option<String>>, ServiceError> {
    let given = input.capacity_provider_strategy.clone().filter(|list| !list.is_empty());
    if input.launch_type.is_some() && given.is_some() {
        return Err(invalid_parameter(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and \
             try again.",
        ));
    }
    match (&input.launch_type, given) {
        (Some(LaunchType::Fargate), _) => Ok(vec![None; count]),
        (Some(LaunchType::Other(other)), _) => {
            Err(invalid_parameter(format!("Invalid launch type: {other}")))
        }
        (Some(_), _) => Err(no_instances()),
        (None, Some(given)) => {
            let items = strategy::strategy(given, &cluster.capacity_providers)?;
            Ok(strategy::spread(&items, count).into_iter().map(Some).collect())
        }
        // Without any strategy, AWS means EC2.
        (None, None) if cluster.default_strategy.is_empty() => Err(no_instances()),
        (None, None) => {
            Ok(strategy::spread(&cluster.default_strategy, count).into_iter().map(Some).collect())
        }
    }
}

fn no_instances() -> ServiceError {
    invalid_parameter("No Container Instances were found in your cluster.")
}
