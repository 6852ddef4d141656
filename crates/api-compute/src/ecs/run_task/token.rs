//! Client tokens: the same request again yields the tasks of the first.

use state_model::ecs::run_task_token::{RunTaskToken, run_task_token_key};
use state_model::ecs::task::{TaskIntent, task_key};
use state_tables::{Transaction, View};
use wire_schema::ServiceError;

use super::request::Request;
use crate::ecs::Context;

/// The keys of the tasks that an earlier request with this token made.
pub fn repeated(
    context: &Context,
    view: &View,
    request: &Request,
) -> Result<Option<Vec<String>>, ServiceError> {
    let Some(token) = &request.client_token else { return Ok(None) };
    let found = view.run_task_tokens.get(&run_task_token_key(&context.scope, token));
    let Some(former) = found.filter(|former| !former.is_expired(context.now)) else { return Ok(None) };
    let keys = || former.task_ids.iter().map(|id| task_key(&context.scope, &former.cluster, id));
    if former.request_hash == request.hash {
        return Ok(Some(keys().collect()));
    }
    let arn = |id: &String| context.scope.arn("ecs", &format!("task/{}/{id}", former.cluster));
    Err(ServiceError::caller(
        "ConflictException",
        "The clientToken was used before with other parameters. Use another token, or the same parameters.",
    )
    .field("resourceIds", former.task_ids.iter().map(arn).collect::<Vec<_>>()))
}

pub fn remember(
    context: &Context,
    view: &View,
    transaction: &mut Transaction,
    request: &Request,
    intents: &[TaskIntent],
) {
    let (Some(token), Some(first)) = (&request.client_token, intents.first()) else { return };
    let record = RunTaskToken {
        scope: context.scope.clone(),
        token: token.clone(),
        request_hash: request.hash.clone(),
        cluster: first.cluster.clone(),
        task_ids: intents.iter().map(|intent| intent.id.clone()).collect(),
        created_at: context.now,
    };
    match view.run_task_tokens.get(&run_task_token_key(&context.scope, token)) {
        Some(expired) => transaction.update(expired, &record),
        None => transaction.insert(&record),
    }
}
