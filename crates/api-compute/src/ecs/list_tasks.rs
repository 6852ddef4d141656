//! ListTasks, by every filter.

use state_model::ecs::service::Service;
use state_model::ecs::task::{TaskColumns, task_key};
use state_model::record::Record;
use state_tables::View;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs::{DesiredStatus, LaunchType, ListTasksRequest, ListTasksResponse};

use super::errors::{invalid_parameter, unsupported};
use super::page::Page;
use super::service::find;
use super::{Context, lookup};

pub async fn list_tasks(
    context: Context,
    input: ListTasksRequest,
) -> Result<ListTasksResponse, ServiceError> {
    let given = input.cluster.as_deref();
    context.authorise("ecs:ListTasks", &lookup::cluster_arn_of(&context.scope, given))?;
    let view = context.view();
    let cluster = lookup::active_cluster(&view, &context.scope, given)?.name.clone();
    check_filters(&input)?;
    let filter = ListTasksRequest { next_token: None, max_results: None, ..input.clone() };
    let page = Page::new(&filter, input.next_token.as_deref(), input.max_results)?;
    let after = page.after.as_ref().map(|id| task_key(&context.scope, &cluster, id));
    let service = input.service_name.as_deref().filter(|text| !text.is_empty());
    let service = service.map(|given| find::service(&view, &context.scope, &cluster, given)).transpose()?;
    let service = service.map(|row| &**row);
    let search = Search { view: &view, context: &context, cluster: &cluster, after: after.as_deref() };
    let (arns, next_token) = page.take(search.tasks(&input, service));
    Ok(ListTasksResponse { task_arns: Some(arns), next_token })
}

fn check_filters(input: &ListTasksRequest) -> Result<(), ServiceError> {
    let given = |filter: &Option<String>| filter.as_ref().is_some_and(|text| !text.is_empty());
    let others = given(&input.family)
        || given(&input.service_name)
        || given(&input.container_instance)
        || given(&input.daemon_name)
        || input.launch_type.is_some();
    if given(&input.started_by) && others {
        return Err(invalid_parameter("startedBy must be the only filter."));
    }
    if given(&input.daemon_name) {
        return Err(unsupported("Daemons are not available here."));
    }
    if given(&input.container_instance) {
        return Err(invalid_parameter("The referenced container instance was not found."));
    }
    if let Some(DesiredStatus::Other(other)) = &input.desired_status {
        return Err(invalid_parameter(format!("Invalid desiredStatus: {other}")));
    }
    if let Some(LaunchType::Other(other)) = &input.launch_type {
        return Err(invalid_parameter(format!("Invalid launch type: {other}")));
    }
    Ok(())
}

struct Search<'a> {
    view: &'a View,
    context: &'a Context,
    cluster: &'a str,
    /// A task's key.
    after: Option<&'a str>,
}

impl<'a> Search<'a> {
    /// Ids and ARNs in order of ids. Each branch reads the smallest set that holds every match.
    fn tasks(
        &self,
        input: &ListTasksRequest,
        service: Option<&'a Service>,
    ) -> Box<dyn Iterator<Item = (String, String)> + 'a> {
        let desired = match input.desired_status {
            Some(DesiredStatus::Stopped) => "STOPPED",
            // A task's desired status is never PENDING.
            Some(DesiredStatus::Pending) => return Box::new(std::iter::empty()),
            _ => "RUNNING",
        };
        let launch_type = input.launch_type.clone();
        let family = input.family.clone().filter(|text| !text.is_empty());
        let started_by = input.started_by.clone().filter(|text| !text.is_empty());
        let candidates: Box<dyn Iterator<Item = TaskColumns<'a>> + 'a> = match (service, &family, &started_by)
        {
            (Some(service), _, _) => self.by("group", &service.task_group()),
            (_, Some(family), _) => self.by("family", family),
            (_, _, Some(started_by)) => self.by("started-by", started_by),
            _ if desired == "STOPPED" => self.all(),
            _ => Box::new(lookup::live_tasks(self.view, &self.context.scope, self.cluster, self.after)),
        };
        let matches = move |task: &TaskColumns<'_>| {
            task.desired_status() == desired
                && family.as_ref().is_none_or(|family| task.intent.family == *family)
                && service.is_none_or(|service| {
                    task.intent.service.as_ref().is_some_and(|of| of.uid == service.uid)
                })
                && launch_type.as_ref().is_none_or(|wanted| wanted.as_str() == task.intent.launch_type)
        };
        Box::new(candidates.filter(matches).map(|task| (task.intent.id.clone(), task.intent.arn())))
    }

    fn all(&self) -> Box<dyn Iterator<Item = TaskColumns<'a>> + 'a> {
        let (view, prefix) = (self.view, task_key(&self.context.scope, self.cluster, ""));
        let keys: Vec<String> =
            view.task_intents.after(&prefix, self.after).map(|(key, _)| key.to_owned()).collect();
        Box::new(keys.into_iter().filter_map(move |key| view.task(&key)))
    }

    fn by(&self, index: &'static str, value: &str) -> Box<dyn Iterator<Item = TaskColumns<'a>> + 'a> {
        let value = self.context.scope.key(&format!("{}/{value}", self.cluster));
        let (view, after) = (self.view, self.after.map(str::to_owned));
        let keys = view.task_intents.by(index, &value).map(|row| row.key());
        let keys: Vec<String> = keys.filter(|key| after.as_ref().is_none_or(|after| key > after)).collect();
        Box::new(keys.into_iter().filter_map(move |key| view.task(&key)))
    }
}
