//! DescribeRepositories.

use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{DescribeRepositoriesRequest, DescribeRepositoriesResponse};

use super::page::Page;
use super::{Context, errors, lookup, render, validate};

pub async fn describe_repositories(
    context: Context,
    input: DescribeRepositoriesRequest,
) -> Result<DescribeRepositoriesResponse, ServiceError> {
    let action = "ecr:DescribeRepositories";
    let registry = input.registry_id.as_deref();
    let view = context.view();
    if let Some(names) = input.repository_names.filter(|names| !names.is_empty()) {
        if input.next_token.is_some() || input.max_results.is_some() {
            return Err(errors::invalid_parameter(
                "Invalid parameter at 'maxResults' failed to satisfy constraint: 'must not be given with \
                 repositoryNames'",
            ));
        }
        let mut found = Vec::new();
        for name in validate::batch("repositoryNames", Some(names))? {
            let name = lookup::authorise(&context, action, registry, Some(name))?;
            found.push(render::repository(&context, lookup::repository(&context, &view, &name)?));
        }
        return Ok(DescribeRepositoriesResponse { repositories: Some(found), next_token: None });
    }
    context.authorise(action, &context.scope.arn("ecr", "repository/*"))?;
    if let Some(account) = registry.filter(|account| *account != context.scope.account) {
        let resource = format!("arn:aws:ecr:{}:{account}:repository/*", context.scope.region);
        return Err(api_auth::context::access_denied(&context.principal, action, &resource));
    }
    let page = Page::new(input.next_token, input.max_results)?;
    let prefix = context.scope.key("");
    let after = page.after.as_ref().map(|name| context.scope.key(name));
    let rows = view.ecr_repositories.after(&prefix, after.as_deref()).map(|(_, row)| row);
    let shown = rows.filter(|row| !row.is_deleting);
    let (repositories, next_token) =
        page.take(shown.map(|row| (row.name.clone(), render::repository(&context, row))));
    Ok(DescribeRepositoriesResponse { repositories: Some(repositories), next_token })
}
