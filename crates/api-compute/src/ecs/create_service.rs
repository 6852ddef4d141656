//! CreateService: the wish for a number of tasks, and its first deployment. The tasks come from the services loop.

use state_model::ecs::cluster::Cluster;
use state_model::ecs::service::{
    DeploymentConfiguration, PropagateTags, SchedulingStrategy, Service, service_key,
};
use state_model::ecs::service_revision::ServiceRevision;
use state_tables::service_counts::{ServiceStatus, service_status};
use state_tables::{Row, Transaction, View, service_history};
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;
use wire_shapes_compute::ecs::{CreateServiceRequest, CreateServiceResponse};

use super::client_token::client_token;
use super::errors::{invalid_parameter, service_not_found};
use super::limits::{FORGOTTEN_ROWS_PER_COMMIT, SERVICE_TOKEN_LENGTH_MAX};
use super::page::digest;
use super::render::task::Tags;
use super::service::deploy::{deploy, revision_id};
use super::service::members::Members;
use super::service::{find, monitoring, options, refusals, revision};
use super::{Context, lookup, render, validate};

const UID_DIGITS: usize = 32;

pub async fn create_service(
    context: Context,
    input: CreateServiceRequest,
) -> Result<CreateServiceResponse, ServiceError> {
    let name = input.service_name.as_deref().unwrap_or_default();
    context.authorise("ecs:CreateService", &find::arn_of(&context.scope, input.cluster.as_deref(), name))?;
    validate::names::service(name)?;
    let request = Request::new(&input)?;
    let key = loop {
        let step = context
            .transact(|view, transaction| create(&context, &input, &request, view, transaction))
            .await?;
        match step {
            Step::Is(key) => break key,
            Step::Forgot => {}
        }
    };
    let view = context.view();
    let row = view.services.get(&key).ok_or_else(service_not_found)?;
    Ok(CreateServiceResponse { service: Some(render::service::service(&view, row, Tags::Shown)) })
}

/// What the request says by itself, before anything is looked up.
#[derive(Debug)]
struct Request {
    client_token: Option<String>,
    /// Of everything but the token.
    hash: String,
    scheduling_strategy: SchedulingStrategy,
    tags: super::tagged::TagMap,
}

impl Request {
    fn new(input: &CreateServiceRequest) -> Result<Self, ServiceError> {
        let scheduling_strategy = scheduling_strategy(input)?;
        refusals::check(&Members::from(input))?;
        check_role(input)?;
        if input.desired_count.is_none() {
            return Err(invalid_parameter(
                "desiredCount should not be null or empty for services with the scheduling strategy REPLICA.",
            ));
        }
        let anonymous = CreateServiceRequest { client_token: None, ..input.clone() };
        Ok(Self {
            client_token: client_token(input.client_token.clone(), SERVICE_TOKEN_LENGTH_MAX)?,
            hash: format!("{:016x}", digest(&format!("{anonymous:?}"))),
            scheduling_strategy,
            tags: validate::tags::tags(input.tags.clone())?,
        })
    }
}

/// DAEMON means a task on each container instance; Fargate has none.
fn scheduling_strategy(input: &CreateServiceRequest) -> Result<SchedulingStrategy, ServiceError> {
    match &input.scheduling_strategy {
        None | Some(wire::SchedulingStrategy::Replica) => Ok(SchedulingStrategy::Replica),
        Some(wire::SchedulingStrategy::Daemon) if input.desired_count.is_some() => Err(invalid_parameter(
            "The daemon scheduling strategy does not support a desired count for services. Remove the desired \
             count value and try again.",
        )),
        Some(wire::SchedulingStrategy::Daemon)
            if input.availability_zone_rebalancing == Some(wire::AvailabilityZoneRebalancing::Enabled) =>
        {
            Err(invalid_parameter("Availability Zone Rebalancing does not support DAEMON services"))
        }
        Some(wire::SchedulingStrategy::Daemon) => Err(invalid_parameter(
            "The DAEMON scheduling strategy is not supported for Fargate tasks, and there are no container \
             instances here.",
        )),
        Some(wire::SchedulingStrategy::Other(other)) => {
            Err(invalid_parameter(format!("Invalid scheduling strategy: {other}")))
        }
    }
}

/// Tasks with interfaces of their own are registered by the role that is linked to ECS, never by another.
fn check_role(input: &CreateServiceRequest) -> Result<(), ServiceError> {
    if input.role.as_deref().is_none_or(str::is_empty) {
        return Ok(());
    }
    if input.load_balancers.as_ref().is_none_or(Vec::is_empty) {
        return Err(invalid_parameter(
            "IAM roles are only valid for services configured to use load balancers.",
        ));
    }
    Err(invalid_parameter("You cannot specify an IAM role for services that require a service linked role."))
}

/// What one transaction came to.
enum Step {
    /// The service with this key is there.
    Is(String),
    /// A part of the INACTIVE service that had its name is gone; the rest follows.
    Forgot,
}

fn create(
    context: &Context,
    input: &CreateServiceRequest,
    request: &Request,
    view: &View,
    transaction: &mut Transaction,
) -> Result<Step, ServiceError> {
    let cluster = lookup::active_cluster(view, &context.scope, input.cluster.as_deref())?;
    let name = input.service_name.as_deref().unwrap_or_default();
    let key = service_key(&context.scope, &cluster.name, name);
    let former = view.services.get(&key);
    if let Some(former) = former {
        match service_status(view, former) {
            ServiceStatus::Active if is_repeated(former, request) => return Ok(Step::Is(key)),
            ServiceStatus::Active => {
                return Err(invalid_parameter("Creation of service was not idempotent."));
            }
            ServiceStatus::Draining => {
                return Err(invalid_parameter("Unable to Start a service that is still Draining."));
            }
            ServiceStatus::Inactive => {}
        }
    }
    let mut service = new_service(context, input, request, cluster);
    let members = Members::from(input);
    options::apply(&members, &mut service)?;
    let mut checks = Transaction::new();
    let revision = first_revision(context, input, view, &mut checks, cluster, &service)?;
    if let Some(former) = former {
        service_history::forget_service(view, former, transaction, FORGOTTEN_ROWS_PER_COMMIT);
        return Ok(Step::Forgot);
    }
    *transaction = checks;
    keep_cluster(context, view, transaction, cluster);
    deploy(context, view, transaction, &mut service, &revision);
    transaction.insert(&service);
    Ok(Step::Is(key))
}

/// A cluster is deleted only while it has no ACTIVE service, which a deletion that crosses this can't see yet. As long as
/// another service is ACTIVE nobody deletes the cluster, so it is enough that this one stays. The first service writes
/// the cluster itself, so that one of both decides anew; were it every service, a crowd of creations would conflict.
fn keep_cluster(context: &Context, view: &View, transaction: &mut Transaction, cluster: &Row<Cluster>) {
    let of_cluster = service_key(&context.scope, &cluster.name, "");
    let mut of_cluster = view.services.prefix(&of_cluster);
    match of_cluster.find(|(_, row)| !row.is_deleted()) {
        Some((_, other)) => {
            transaction.expect(cluster);
            transaction.expect(other);
        }
        None => transaction.update(cluster, &Cluster::clone(cluster)),
    }
}

fn is_repeated(former: &Row<Service>, request: &Request) -> bool {
    let same_token = match (&former.client_token, &request.client_token) {
        (Some(former), Some(given)) => former == given,
        _ => true,
    };
    same_token && former.request_hash == request.hash
}

/// With the defaults of everything that is not given.
fn new_service(
    context: &Context,
    input: &CreateServiceRequest,
    request: &Request,
    cluster: &Cluster,
) -> Service {
    Service {
        scope: context.scope.clone(),
        cluster: cluster.name.clone(),
        name: input.service_name.clone().unwrap_or_default(),
        uid: random::hex(&*context.random, UID_DIGITS),
        desired_count: 0,
        scheduling_strategy: request.scheduling_strategy,
        deployment_controller: String::from("ECS"),
        deployment_configuration: DeploymentConfiguration::default(),
        health_check_grace_period_secs: None,
        enable_ecs_managed_tags: false,
        propagate_tags: PropagateTags::None,
        enable_execute_command: false,
        availability_zone_rebalancing: true,
        deployment: String::new(),
        role_arn: None,
        tags: request.tags.clone(),
        created_at: context.now,
        created_by: context.principal.arn(),
        changed_at: context.now,
        deleted_at: None,
        client_token: request.client_token.clone(),
        request_hash: request.hash.clone(),
    }
}

fn first_revision(
    context: &Context,
    input: &CreateServiceRequest,
    view: &View,
    transaction: &mut Transaction,
    cluster: &Cluster,
    service: &Service,
) -> Result<ServiceRevision, ServiceError> {
    let given = input.task_definition.as_deref().unwrap_or_default();
    if given.is_empty() {
        return Err(invalid_parameter("TaskDefinition should not be null or empty."));
    }
    let definition = revision::definition(context, view, transaction, given)?;
    let (launch_type, capacity_provider_strategy) =
        revision::provided(input.launch_type.as_ref(), input.capacity_provider_strategy.as_ref(), cluster)?;
    let mut wanted = ServiceRevision {
        scope: context.scope.clone(),
        cluster: cluster.name.clone(),
        service: service.name.clone(),
        service_uid: service.uid.clone(),
        id: revision_id(context),
        task_definition_arn: definition.arn(),
        family: definition.family.clone(),
        task_revision: definition.revision,
        launch_type,
        capacity_provider_strategy,
        platform_version: revision::platform_version(input.platform_version.as_deref())?,
        network: revision::service_network(context, view, input.network_configuration.as_ref())?,
        load_balancers: Vec::new(),
        metric_configurations: monitoring::metric_configurations(input.monitoring.as_ref())?,
        forced: false,
        created_at: context.now,
    };
    let balancers = input.load_balancers.as_deref().unwrap_or_default();
    revision::balance(context, view, transaction, balancers, definition, &mut wanted)?;
    Ok(wanted)
}
