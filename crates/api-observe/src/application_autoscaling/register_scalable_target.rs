//! RegisterScalableTarget: makes a target, or changes what is given of one.

use api_auth::identifiers;
use state_model::autoscaling::{ScalableTarget, Suspended};
use state_model::iam::named_key;
use state_model::iam::service_linked_role::{ECS_AUTOSCALING, new_role, template_of};
use state_model::record::Record;
use state_tables::{Transaction, View};
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_observe::application_autoscaling::{
    RegisterScalableTargetRequest, RegisterScalableTargetResponse, SuspendedState,
};

use super::Context;
use super::errors::{invalid, limit_exceeded};
use super::limits::TARGETS_MAX;
use super::resource::{Resource, capacity, check_bounds};
use super::tags;

const ARN_ID_CHARS: usize = 36;

struct Given {
    min: Option<u32>,
    max: Option<u32>,
    suspended: Option<SuspendedState>,
    tags: tags::Tags,
}

/// The role is the service-linked one, whatever `RoleARN` says: as on AWS for services.
pub async fn register_scalable_target(
    context: Context,
    input: RegisterScalableTargetRequest,
) -> Result<RegisterScalableTargetResponse, ServiceError> {
    context.authorise("application-autoscaling:RegisterScalableTarget", "*")?;
    let resource = Resource::read(
        input.service_namespace.as_ref(),
        input.resource_id.as_deref(),
        input.scalable_dimension.as_ref(),
    )?;
    let given = Given {
        min: capacity(input.min_capacity, "minCapacity")?,
        max: capacity(input.max_capacity, "maxCapacity")?,
        suspended: input.suspended_state,
        tags: tags::checked(input.tags.unwrap_or_default())?,
    };
    let arn = context
        .transact(|view, transaction| register(&context, &resource, &given, view, transaction))
        .await?;
    Ok(RegisterScalableTargetResponse { scalable_target_arn: Some(arn) })
}

fn register(
    context: &Context,
    resource: &Resource,
    given: &Given,
    view: &View,
    transaction: &mut Transaction,
) -> Result<String, ServiceError> {
    let scope = &context.scope;
    let service = resource.active_service(view, scope)?;
    transaction.expect_present::<state_model::ecs::service::Service>(&service.key());
    let row = resource.target(view, scope);
    let Some(row) = row else {
        let target = new_target(context, resource, &service.uid, given, view)?;
        make_role(context, view, transaction);
        transaction.insert(&target);
        return Ok(target.arn());
    };
    if row.service_uid != service.uid {
        // The loop takes it away with the service that it was for.
        let message = "A service of this name that was deleted is being deregistered. Try again.";
        return Err(ServiceError::caller("ConcurrentUpdateException", message));
    }
    if !given.tags.is_empty() && given.tags != row.tags {
        let message =
            "Tags can only be given when a scalable target is registered first. Use TagResource instead.";
        return Err(invalid(message));
    }
    let mut target = ScalableTarget::clone(row);
    target.min_capacity = given.min.unwrap_or(row.min_capacity);
    target.max_capacity = given.max.unwrap_or(row.max_capacity);
    check_bounds(target.min_capacity, target.max_capacity)?;
    if given.min.is_some() || given.max.is_some() {
        target.bounds_generation += 1;
    }
    target.suspended = suspended(given.suspended.as_ref(), row.suspended);
    if target != **row.record() {
        transaction.update(row, &target);
    }
    Ok(target.arn())
}

fn new_target(
    context: &Context,
    resource: &Resource,
    service_uid: &str,
    given: &Given,
    view: &View,
) -> Result<ScalableTarget, ServiceError> {
    let (Some(min_capacity), Some(max_capacity)) = (given.min, given.max) else {
        return Err(invalid(
            "MinCapacity and MaxCapacity must be specified when a scalable target is registered first",
        ));
    };
    check_bounds(min_capacity, max_capacity)?;
    if view.scalable_targets.prefix(&context.scope.key("")).count() >= TARGETS_MAX {
        return Err(limit_exceeded(format!("An account has at most {TARGETS_MAX} scalable targets.")));
    }
    Ok(ScalableTarget {
        scope: context.scope.clone(),
        cluster: resource.cluster.clone(),
        service: resource.service.clone(),
        service_uid: service_uid.to_owned(),
        id: random::hex(&*context.random, ARN_ID_CHARS),
        min_capacity,
        max_capacity,
        suspended: suspended(given.suspended.as_ref(), Suspended::default()),
        tags: given.tags.clone(),
        created_at: context.now,
        bounds_generation: 1,
    })
}

fn suspended(given: Option<&SuspendedState>, former: Suspended) -> Suspended {
    let Some(given) = given else { return former };
    Suspended {
        scale_in: given.dynamic_scaling_in_suspended.unwrap_or(former.scale_in),
        scale_out: given.dynamic_scaling_out_suspended.unwrap_or(former.scale_out),
        scheduled: given.scheduled_scaling_suspended.unwrap_or(former.scheduled),
    }
}

/// The account has the role from the start; who has deleted it gets it again.
fn make_role(context: &Context, view: &View, transaction: &mut Transaction) {
    let account = &context.scope.account;
    let Some(template) = template_of(ECS_AUTOSCALING) else { return };
    if !view.iam_roles.contains(&named_key(account, template.role_name)) {
        let id = identifiers::role_id(&*context.random);
        transaction.insert(&new_role(template, account, id, context.now));
    }
}
