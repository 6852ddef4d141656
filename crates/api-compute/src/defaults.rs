//! What a new account and region begin with.

use state_model::Scope;
use state_model::ecs::cluster::{Cluster, ClusterSetting, ClusterStatus, DEFAULT_CLUSTER};
use state_tables::Transaction;
use stdx::clock::Timestamp;

/// The cluster `default`.
pub fn write(scope: &Scope, now: Timestamp, transaction: &mut Transaction) {
    transaction.insert(&Cluster {
        scope: scope.clone(),
        name: String::from(DEFAULT_CLUSTER),
        status: ClusterStatus::Active,
        settings: vec![ClusterSetting { name: "containerInsights".into(), value: "disabled".into() }],
        configuration: None,
        // On AWS the console makes this cluster, with Fargate's providers.
        capacity_providers: vec![String::from("FARGATE"), String::from("FARGATE_SPOT")],
        default_strategy: Vec::new(),
        service_connect_namespace: None,
        tags: Default::default(),
        created_at: now,
        deleted_at: None,
    });
}
