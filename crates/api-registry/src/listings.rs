//! Tags of a repository, and repositories.

use http::Response;
use serde_json::json;
use state_model::ecr::key_in;
use state_tables::repository_contents as contents;
use stdx_net::body::Body;

use crate::error::RegistryError;
use crate::page::Page;
use crate::{Call, answer};

pub fn tags(call: &Call, name: &str) -> Result<Response<Body>, RegistryError> {
    let scope = &call.context.scope;
    let page = Page::of(&call.query)?;
    let view = call.context.view();
    contents::repository(&view, scope, name).ok_or_else(|| RegistryError::name_unknown(scope, name))?;
    let prefix = key_in(scope, name, "");
    let after = page.last.as_ref().map(|tag| key_in(scope, name, tag));
    let rows =
        view.ecr_tags.after(&prefix, after.as_deref()).map(|(_, row)| (row.tag.clone(), row.tag.clone()));
    let (tags, next) = page.take(&format!("/v2/{name}/tags/list"), rows);
    Ok(with_link(json!({ "name": name, "tags": tags }), next))
}

pub fn catalog(call: &Call) -> Result<Response<Body>, RegistryError> {
    let scope = &call.context.scope;
    let page = Page::of(&call.query)?;
    let view = call.context.view();
    let prefix = scope.key("");
    let after = page.last.as_ref().map(|name| scope.key(name));
    let rows = view.ecr_repositories.after(&prefix, after.as_deref()).map(|(_, row)| row);
    let shown = rows.filter(|row| !row.is_deleting).map(|row| (row.name.clone(), row.name.clone()));
    let (names, next) = page.take("/v2/_catalog", shown);
    Ok(with_link(json!({ "repositories": names }), next))
}

fn with_link(body: serde_json::Value, next: Option<String>) -> Response<Body> {
    let mut response = answer::json(200, body.to_string().into_bytes());
    if let Some(link) = next {
        answer::set(&mut response, "link", &link);
    }
    response
}
