//! The services that measure, and what their handlers need.

use std::sync::Arc;

use api_observe::{application_autoscaling, budgets, ce, cloudwatch};

use super::stores::Stores;
use crate::config::Config;
use crate::edge::Services;

pub(super) fn services(services: Services, stores: &Stores, config: &Config) -> Services {
    services
        .with(
            application_autoscaling::table(),
            application_autoscaling::ApplicationAutoscaling { metrics: stores.metrics.clone() },
        )
        .with(budgets::table(), budgets::Budgets { prices: Arc::clone(&config.prices) })
        .with(ce::table(), ce::CostExplorer { prices: Arc::clone(&config.prices) })
        .with(cloudwatch::table(), cloudwatch::CloudWatch { metrics: stores.metrics.clone() })
}
