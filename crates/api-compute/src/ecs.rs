//! ECS: clusters, task definitions, tasks, services. One file per operation; what a request may say is in `validate`, what an
//! answer looks like in `render`.
//!
//! Every handler keeps one order: authorise, validate, one transaction, answer from what was written.

pub mod create_cluster;
pub mod create_service;
pub mod delete_account_setting;
pub mod delete_attributes;
pub mod delete_cluster;
pub mod delete_service;
pub mod delete_task_definitions;
pub mod deregister_task_definition;
pub mod describe_capacity_providers;
pub mod describe_clusters;
pub mod describe_container_instances;
pub mod describe_service_deployments;
pub mod describe_service_revisions;
pub mod describe_services;
pub mod describe_task_definition;
pub mod describe_tasks;
pub mod get_task_protection;
pub mod list_account_settings;
pub mod list_attributes;
pub mod list_clusters;
pub mod list_container_instances;
pub mod list_service_deployments;
pub mod list_services;
pub mod list_tags_for_resource;
pub mod list_task_definition_families;
pub mod list_task_definitions;
pub mod list_tasks;
pub mod put_account_setting;
pub mod put_account_setting_default;
pub mod put_attributes;
pub mod put_cluster_capacity_providers;
pub mod register_task_definition;
pub mod run_task;
pub mod start_task;
pub mod stop_service_deployment;
pub mod stop_task;
pub mod tag_resource;
pub mod untag_resource;
pub mod update_cluster;
pub mod update_cluster_settings;
pub mod update_service;
pub mod update_task_protection;

mod account_settings;
mod client_token;
mod cluster_settings;
mod compute;
mod errors;
mod limits;
mod lookup;
mod page;
mod render;
mod requirements;
mod revisions;
mod runnable;
mod service;
mod tagged;
mod task_network;
mod task_protection;
mod task_source;
mod validate;

use state_model::Scope;
use state_tables::View;
use wire_protocols::ServiceTable;
use wire_shapes_compute::ecs;
use wire_shapes_compute::ecs::operations as op;

use revisions::Revisions;

/// What the handlers of ECS share besides the state.
#[derive(Debug, Default)]
pub struct Ecs {
    revisions: Revisions,
}

pub type Context = api_auth::Context<Ecs>;

/// The account setting `defaultLogDriverMode`: `blocking` or `non-blocking`.
pub fn default_log_driver_mode<'v>(view: &'v View, scope: &Scope) -> &'v str {
    account_settings::effective(view, scope, None, "defaultLogDriverMode")
}

pub fn service() -> ServiceTable<Context> {
    ServiceTable::new(&ecs::SERVICE)
        .operation::<op::CreateCluster, _, _>(create_cluster::create_cluster)
        .operation::<op::CreateService, _, _>(create_service::create_service)
        .operation::<op::DeleteAccountSetting, _, _>(delete_account_setting::delete_account_setting)
        .operation::<op::DeleteAttributes, _, _>(delete_attributes::delete_attributes)
        .operation::<op::DeleteCluster, _, _>(delete_cluster::delete_cluster)
        .operation::<op::DeleteService, _, _>(delete_service::delete_service)
        .operation::<op::DeleteTaskDefinitions, _, _>(delete_task_definitions::delete_task_definitions)
        .operation::<op::DeregisterTaskDefinition, _, _>(
            deregister_task_definition::deregister_task_definition,
        )
        .operation::<op::DescribeCapacityProviders, _, _>(
            describe_capacity_providers::describe_capacity_providers,
        )
        .operation::<op::DescribeClusters, _, _>(describe_clusters::describe_clusters)
        .operation::<op::DescribeContainerInstances, _, _>(
            describe_container_instances::describe_container_instances,
        )
        .operation::<op::DescribeServiceDeployments, _, _>(
            describe_service_deployments::describe_service_deployments,
        )
        .operation::<op::DescribeServiceRevisions, _, _>(
            describe_service_revisions::describe_service_revisions,
        )
        .operation::<op::DescribeServices, _, _>(describe_services::describe_services)
        .operation::<op::DescribeTaskDefinition, _, _>(describe_task_definition::describe_task_definition)
        .operation::<op::DescribeTasks, _, _>(describe_tasks::describe_tasks)
        .operation::<op::GetTaskProtection, _, _>(get_task_protection::get_task_protection)
        .operation::<op::ListAccountSettings, _, _>(list_account_settings::list_account_settings)
        .operation::<op::ListAttributes, _, _>(list_attributes::list_attributes)
        .operation::<op::ListClusters, _, _>(list_clusters::list_clusters)
        .operation::<op::ListContainerInstances, _, _>(list_container_instances::list_container_instances)
        .operation::<op::ListServiceDeployments, _, _>(list_service_deployments::list_service_deployments)
        .operation::<op::ListServices, _, _>(list_services::list_services)
        .operation::<op::ListTagsForResource, _, _>(list_tags_for_resource::list_tags_for_resource)
        .operation::<op::ListTaskDefinitionFamilies, _, _>(
            list_task_definition_families::list_task_definition_families,
        )
        .operation::<op::ListTaskDefinitions, _, _>(list_task_definitions::list_task_definitions)
        .operation::<op::ListTasks, _, _>(list_tasks::list_tasks)
        .operation::<op::PutAccountSetting, _, _>(put_account_setting::put_account_setting)
        .operation::<op::PutAccountSettingDefault, _, _>(
            put_account_setting_default::put_account_setting_default,
        )
        .operation::<op::PutAttributes, _, _>(put_attributes::put_attributes)
        .operation::<op::PutClusterCapacityProviders, _, _>(
            put_cluster_capacity_providers::put_cluster_capacity_providers,
        )
        .operation::<op::RegisterTaskDefinition, _, _>(register_task_definition::register_task_definition)
        .operation::<op::RunTask, _, _>(run_task::run_task)
        .operation::<op::StartTask, _, _>(start_task::start_task)
        .operation::<op::StopServiceDeployment, _, _>(stop_service_deployment::stop_service_deployment)
        .operation::<op::StopTask, _, _>(stop_task::stop_task)
        .operation::<op::TagResource, _, _>(tag_resource::tag_resource)
        .operation::<op::UntagResource, _, _>(untag_resource::untag_resource)
        .operation::<op::UpdateCluster, _, _>(update_cluster::update_cluster)
        .operation::<op::UpdateClusterSettings, _, _>(update_cluster_settings::update_cluster_settings)
        .operation::<op::UpdateService, _, _>(update_service::update_service)
        .operation::<op::UpdateTaskProtection, _, _>(update_task_protection::update_task_protection)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_a_handler() {
        assert_eq!(super::service().missing(), Vec::<&str>::new());
    }
}
