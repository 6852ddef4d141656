//! RunTask: up to ten tasks of one definition, as intent. Where they run is decided later, by the placement
//! loop.

mod new_task;
mod request;
mod token;

use state_model::ecs::task::TaskIntent;
use state_model::ecs::task_definition::{TaskDefinition, TaskDefinitionStatus};
use state_tables::{Row, Transaction, View, task_columns};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{RunTaskRequest, RunTaskResponse, Task};

use super::compute::{Compute, compute};
use super::render::task::{Tags, task};
use super::validate::overrides::{Overridden, overrides};
use super::validate::strategy;
use super::{Context, errors, lookup, task_network, task_source};
use new_task::Plan;
use request::Request;

pub async fn run_task(context: Context, input: RunTaskRequest) -> Result<RunTaskResponse, ServiceError> {
    let reference = input.task_definition.as_deref().unwrap_or_default();
    context.authorise("ecs:RunTask", &lookup::task_definition_arn_of(&context.scope, reference))?;
    let request = Request::new(&input)?;
    let keys =
        context.transact(|view, transaction| run(&context, &input, &request, view, transaction)).await?;
    let view = context.view();
    Ok(RunTaskResponse { tasks: Some(shown(&view, &keys)), failures: Some(Vec::new()) })
}

/// The tasks as they are now: those of a repeated request may have come a long way.
fn shown(view: &View, keys: &[String]) -> Vec<Task> {
    keys.iter().filter_map(|key| view.task(key)).map(|columns| task(view, columns, Tags::Shown)).collect()
}

/// Yields the keys of the tasks.
fn run(
    context: &Context,
    input: &RunTaskRequest,
    request: &Request,
    view: &View,
    transaction: &mut Transaction,
) -> Result<Vec<String>, ServiceError> {
    let scope = &context.scope;
    let cluster = lookup::active_cluster(view, scope, input.cluster.as_deref())?;
    if let Some(repeated) = token::repeated(context, view, request)? {
        return Ok(repeated);
    }
    let definition = usable_definition(context, view, input.task_definition.as_deref().unwrap_or_default())?;
    let compute = compute(input.launch_type.as_ref(), input.capacity_provider_strategy.clone(), cluster)?;
    let providers = providers(&compute, request.count)?;
    task_source::check_runnable(definition)?;
    let overridden = overrides(scope, &definition.body, input.overrides.clone())?;
    check_roles(context, view, definition, &overridden)?;
    let network = task_network::network(view, scope, input.network_configuration.as_ref())?;
    let tags = request.tags(cluster, definition)?;
    let plan = Plan { context, request, input, cluster, definition, overridden, network, tags };
    let intents: Vec<TaskIntent> = plan.intents(&providers);
    for intent in &intents {
        task_columns::create_intent(transaction, intent);
    }
    // The cluster may be deleted, and the definition deregistered, while this decides.
    transaction.expect(cluster);
    transaction.expect(definition);
    token::remember(context, view, transaction, request, &intents);
    Ok(intents.iter().map(state_model::Record::key).collect())
}

fn usable_definition<'v>(
    context: &Context,
    view: &'v View,
    given: &str,
) -> Result<&'v Row<TaskDefinition>, ServiceError> {
    let definition = task_source::definition(context, view, given)?;
    if definition.status != TaskDefinitionStatus::Active {
        return Err(errors::invalid_parameter("TaskDefinition is inactive"));
    }
    Ok(definition)
}

/// The capacity provider of each task; none with the launch type FARGATE.
fn providers(compute: &Compute, count: usize) -> Result<Vec<Option<String>>, ServiceError> {
    match compute {
        Compute::Fargate => Ok(vec![None; count]),
        Compute::Strategy(items) => Ok(strategy::spread(items, count).into_iter().map(Some).collect()),
        Compute::Instances => {
            Err(errors::invalid_parameter("No Container Instances were found in your cluster."))
        }
    }
}

fn check_roles(
    context: &Context,
    view: &View,
    definition: &TaskDefinition,
    overridden: &Overridden,
) -> Result<(), ServiceError> {
    let (over, body) = (&overridden.overrides, &definition.body);
    let task_role = over.task_role_arn.as_ref().or(body.task_role_arn.as_ref());
    let execution_role = over.execution_role_arn.as_ref().or(body.execution_role_arn.as_ref());
    task_source::check_roles(context, view, task_role.into_iter().chain(execution_role))
}
