//! DescribeCapacityProviders: the two of Fargate, which every account has.

use state_model::Scope;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{
    CapacityProvider, CapacityProviderStatus, DescribeCapacityProvidersRequest,
    DescribeCapacityProvidersResponse,
};

use super::page::Page;
use super::validate::strategy::CAPACITY_PROVIDERS;
use super::{Context, lookup, render};

pub async fn describe_capacity_providers(
    context: Context,
    input: DescribeCapacityProvidersRequest,
) -> Result<DescribeCapacityProvidersResponse, ServiceError> {
    context.authorise("ecs:DescribeCapacityProviders", "*")?;
    let view = context.view();
    // Only providers of a user's own belong to a cluster.
    let of_cluster = input.cluster.filter(|name| !name.is_empty());
    if let Some(cluster) = &of_cluster {
        lookup::active_cluster(&view, &context.scope, Some(cluster))?;
    }
    let given = input.capacity_providers.unwrap_or_default();
    let filter = ("DescribeCapacityProviders", &given, &of_cluster);
    let page = Page::new(&filter, input.next_token.as_deref(), input.max_results)?;
    let arn = |name: &str| context.scope.arn("ecs", &format!("capacity-provider/{name}"));
    let mut failures = Vec::new();
    let mut wanted: Vec<&str> = Vec::new();
    for text in &given {
        let known = CAPACITY_PROVIDERS.iter().find(|name| text == *name || *text == arn(name));
        match known {
            Some(name) => wanted.push(name),
            None if text.starts_with("arn:") => failures.push(render::missing(text.clone())),
            None => failures.push(render::missing(arn(text))),
        }
    }
    if given.is_empty() && of_cluster.is_none() {
        wanted.extend(CAPACITY_PROVIDERS);
    }
    wanted.sort_unstable();
    wanted.dedup();
    let after = page.after.as_deref().unwrap_or_default();
    let providers = wanted
        .into_iter()
        .filter(|name| *name > after)
        .map(|name| (name.to_owned(), provider(&context.scope, name)));
    let (capacity_providers, next_token) = page.take(providers);
    Ok(DescribeCapacityProvidersResponse {
        capacity_providers: Some(capacity_providers),
        failures: Some(failures),
        next_token,
    })
}

fn provider(scope: &Scope, name: &str) -> CapacityProvider {
    CapacityProvider {
        capacity_provider_arn: Some(scope.arn("ecs", &format!("capacity-provider/{name}"))),
        name: Some(name.to_owned()),
        status: Some(CapacityProviderStatus::Active),
        tags: Some(Vec::new()),
        r#type: Some(name.into()),
        ..Default::default()
    }
}
