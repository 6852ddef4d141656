//! DescribeClusters.

use state_model::ecs::cluster::{DEFAULT_CLUSTER, cluster_arn};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{ClusterField, DescribeClustersRequest, DescribeClustersResponse};

use super::errors::invalid_parameter;
use super::limits::DESCRIBE_MAX;
use super::render::cluster::Include;
use super::{Context, lookup, render};

pub async fn describe_clusters(
    context: Context,
    input: DescribeClustersRequest,
) -> Result<DescribeClustersResponse, ServiceError> {
    let given = input.clusters.filter(|names| !names.is_empty());
    let given = given.unwrap_or_else(|| vec![String::from(DEFAULT_CLUSTER)]);
    if given.len() > DESCRIBE_MAX {
        return Err(invalid_parameter(format!("Clusters cannot have more than {DESCRIBE_MAX} elements.")));
    }
    for name in &given {
        context.authorise("ecs:DescribeClusters", &lookup::cluster_arn_of(&context.scope, Some(name)))?;
    }
    let include = include(&input.include.unwrap_or_default())?;
    let view = context.view();
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for text in &given {
        match lookup::cluster(&view, &context.scope, Some(text)) {
            Ok(row) => clusters.push(render::cluster::cluster(&view, row, include)),
            Err(_) if text.starts_with("arn:") => failures.push(render::missing(text.clone())),
            Err(_) => failures.push(render::missing(cluster_arn(&context.scope, text))),
        }
    }
    Ok(DescribeClustersResponse { clusters: Some(clusters), failures: Some(failures) })
}

fn include(given: &[ClusterField]) -> Result<Include, ServiceError> {
    if let Some(unknown) = given.iter().find(|field| !field.is_known()) {
        return Err(invalid_parameter(format!("Invalid include: {unknown}")));
    }
    let has = |field: ClusterField| given.contains(&field);
    Ok(Include {
        attachments: has(ClusterField::Attachments),
        configurations: has(ClusterField::Configurations),
        settings: has(ClusterField::Settings),
        statistics: has(ClusterField::Statistics),
        tags: has(ClusterField::Tags),
    })
}
