//! ListClusters: those that are ACTIVE.

use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{ListClustersRequest, ListClustersResponse};

use super::Context;
use super::page::Page;

pub async fn list_clusters(
    context: Context,
    input: ListClustersRequest,
) -> Result<ListClustersResponse, ServiceError> {
    context.authorise("ecs:ListClusters", "*")?;
    let page = Page::new(&"ListClusters", input.next_token.as_deref(), input.max_results)?;
    let view = context.view();
    let prefix = context.scope.key("");
    let after = page.after.as_ref().map(|name| context.scope.key(name));
    let active = view
        .clusters
        .after(&prefix, after.as_deref())
        .filter(|(_, row)| row.is_active())
        .map(|(_, row)| (row.name.clone(), row.arn()));
    let (arns, next_token) = page.take(active);
    Ok(ListClustersResponse { cluster_arns: Some(arns), next_token })
}
