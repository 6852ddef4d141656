//! Capacity providers and strategies over them.

use state_model::ecs::cluster::StrategyItem;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use crate::ecs::errors::invalid_parameter;
use crate::ecs::limits::{CAPACITY_PROVIDERS_MAX, STRATEGY_BASE_MAX, STRATEGY_WEIGHT_MAX};

/// The capacity providers there are: every account has them.
pub const CAPACITY_PROVIDERS: &[&str] = &["FARGATE", "FARGATE_SPOT"];

pub fn providers(given: Vec<String>) -> Result<Vec<String>, ServiceError> {
    if given.len() > CAPACITY_PROVIDERS_MAX {
        return Err(invalid_parameter(format!(
            "A cluster can have at most {CAPACITY_PROVIDERS_MAX} capacity providers."
        )));
    }
    let mut providers: Vec<String> = Vec::with_capacity(given.len());
    for name in given {
        if !CAPACITY_PROVIDERS.contains(&name.as_str()) {
            return Err(not_found());
        }
        // Naming one twice changes nothing.
        if !providers.contains(&name) {
            providers.push(name);
        }
    }
    Ok(providers)
}

/// A strategy over providers that the cluster has.
pub fn strategy(
    given: Vec<wire::CapacityProviderStrategyItem>,
    of_cluster: &[String],
) -> Result<Vec<StrategyItem>, ServiceError> {
    let mut items: Vec<StrategyItem> = Vec::with_capacity(given.len());
    for item in given {
        let name = item.capacity_provider.unwrap_or_default();
        let (weight, base) = (item.weight.unwrap_or(0), item.base.unwrap_or(0));
        if !(0..=STRATEGY_WEIGHT_MAX).contains(&weight) {
            return Err(invalid_parameter(
                "The capacity provider strategy weight must be between 0 and 1000.",
            ));
        }
        if !(0..=STRATEGY_BASE_MAX).contains(&base) {
            return Err(invalid_parameter(
                "The capacity provider strategy base must be between 0 and 100000.",
            ));
        }
        if !of_cluster.contains(&name) {
            return Err(not_associated(&name));
        }
        if items.iter().any(|other| other.capacity_provider == name) {
            return Err(invalid_parameter(
                "A capacity provider can be specified only once in a capacity provider strategy.",
            ));
        }
        items.push(StrategyItem {
            capacity_provider: name,
            weight: weight.unsigned_abs(),
            base: base.unsigned_abs(),
        });
    }
    if items.iter().filter(|item| item.base > 0).count() > 1 {
        return Err(invalid_parameter(
            "There are multiple capacity providers in the specified capacity provider strategy with a base \
             value defined. Specify a base value for only one of them and try again.",
        ));
    }
    if !items.is_empty() && items.iter().all(|item| item.weight == 0) {
        return Err(invalid_parameter(
            "There are no capacity providers in the capacity provider strategy with a weight value greater \
             than zero. Specify a weight greater than zero for at least one of them and try again.",
        ));
    }
    Ok(items)
}

fn not_found() -> ServiceError {
    invalid_parameter(
        "The specified capacity provider was not found. Specify a valid name or ARN of a capacity provider \
         and try again.",
    )
}

fn not_associated(name: &str) -> ServiceError {
    if !CAPACITY_PROVIDERS.contains(&name) {
        return not_found();
    }
    invalid_parameter(format!(
        "The specified capacity provider strategy cannot contain a capacity provider that is not \
         associated with the cluster. Associate the capacity provider {name} with the cluster and try again."
    ))
}

/// Which provider each of `count` new tasks goes to: the base first, then by weight. `running` of the same
/// group don't count: a standalone run starts anew.
pub fn spread(items: &[StrategyItem], count: usize) -> Vec<String> {
    let mut chosen = Vec::with_capacity(count);
    if let Some(first) = items.iter().find(|item| item.base > 0) {
        let base = usize::try_from(first.base).unwrap_or(usize::MAX).min(count);
        chosen.extend(std::iter::repeat_n(first.capacity_provider.clone(), base));
    }
    let mut given = vec![0_u64; items.len()];
    while chosen.len() < count {
        // The provider that is furthest behind its share; the earlier one on a tie.
        let behind = |index: &usize| (given[*index] + 1) * 1_000_000 / u64::from(items[*index].weight);
        let next = (0..items.len()).filter(|index| items[*index].weight > 0).min_by_key(behind);
        let Some(next) = next else { break };
        given[next] += 1;
        chosen.push(items[next].capacity_provider.clone());
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_spread_by_base_and_weight() {
        let item = |name: &str, weight, base| StrategyItem { capacity_provider: name.into(), weight, base };
        let names = |items: &[StrategyItem], count| spread(items, count).join(" ");
        assert_eq!(names(&[item("FARGATE", 1, 0)], 2), "FARGATE FARGATE");
        assert_eq!(
            names(&[item("FARGATE", 1, 2), item("FARGATE_SPOT", 3, 0)], 6),
            "FARGATE FARGATE FARGATE_SPOT FARGATE_SPOT FARGATE FARGATE_SPOT"
        );
        assert_eq!(
            names(&[item("FARGATE", 0, 1), item("FARGATE_SPOT", 1, 0)], 3),
            "FARGATE FARGATE_SPOT FARGATE_SPOT"
        );
    }
}
