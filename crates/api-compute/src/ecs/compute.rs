//! What tasks run on: the launch type, or capacity providers by a strategy.

use state_model::ecs::cluster::{Cluster, StrategyItem};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{CapacityProviderStrategyItem, LaunchType};

use super::errors::invalid_parameter;
use super::validate::strategy;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compute {
    /// The launch type FARGATE.
    Fargate,
    /// Never empty.
    Strategy(Vec<StrategyItem>),
    /// Container instances or machines of the user's own: there are none.
    Instances,
}

/// What a request means by its launch type and its strategy, and by saying neither.
pub fn compute(
    launch_type: Option<&LaunchType>,
    given: Option<Vec<CapacityProviderStrategyItem>>,
    cluster: &Cluster,
) -> Result<Compute, ServiceError> {
    let given = given.filter(|list| !list.is_empty());
    if launch_type.is_some() && given.is_some() {
        return Err(invalid_parameter(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and \
             try again.",
        ));
    }
    match (launch_type, given) {
        (Some(LaunchType::Fargate), _) => Ok(Compute::Fargate),
        (Some(LaunchType::Other(other)), _) => {
            Err(invalid_parameter(format!("Invalid launch type: {other}")))
        }
        (Some(_), _) => Ok(Compute::Instances),
        (None, Some(given)) => Ok(Compute::Strategy(strategy::strategy(given, &cluster.capacity_providers)?)),
        // Without any strategy, AWS means EC2.
        (None, None) if cluster.default_strategy.is_empty() => Ok(Compute::Instances),
        (None, None) => Ok(Compute::Strategy(cluster.default_strategy.clone())),
    }
}
