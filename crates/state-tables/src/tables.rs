//! Every table there is. A new record gets one line here.

use std::sync::Arc;

use imbl::OrdSet;
use state_model::Scope;
use state_model::ec2::SecurityGroup;
use state_model::ecs::task::TaskColumns;
use state_model::elbv2::Target;
use state_model::record::{DecodeError, Record};
use state_store::{Revision, WatchBatch};

use crate::table::{Row, Table};
use crate::transaction::FreelyWritten;

macro_rules! tables {
    (
        columns { $($column:ident: $column_record:ty,)* }
        free { $($free:ident: $free_record:ty,)* }
    ) => {
        /// An immutable snapshot of all state at one revision. Cloning shares everything.
        #[derive(Clone, Debug, Default)]
        pub struct View {
            pub revision: Revision,
            /// Keys of the tasks that haven't stopped: what loops work on, however long the history is.
            pub live_tasks: OrdSet<Arc<str>>,
            $(pub $column: Table<$column_record>,)*
            $(pub $free: Table<$free_record>,)*
        }

        impl View {
            /// Applies one stored key (without its table prefix) to the table named `table`.
            fn apply_key(
                &mut self,
                table: &str,
                key: &str,
                value: Option<&[u8]>,
                revision: Revision,
            ) -> Result<(), DecodeError> {
                match table {
                    $(<$column_record as Record>::TABLE => {
                        self.$column.apply(key, value, revision)?;
                        self.note_task(key);
                        Ok(())
                    })*
                    $(<$free_record as Record>::TABLE => self.$free.apply(key, value, revision),)*
                    // A table of a newer version of the program: kept as it is, not shown.
                    _ => Ok(()),
                }
            }

            #[cfg(test)]
            pub(crate) fn table_names() -> Vec<&'static str> {
                vec![$(<$column_record as Record>::TABLE,)* $(<$free_record as Record>::TABLE,)*]
            }
        }

        $(impl InView for $column_record {
            fn table(view: &View) -> &Table<Self> {
                &view.$column
            }
        })*
        $(impl InView for $free_record {
            fn table(view: &View) -> &Table<Self> {
                &view.$free
            }
        }
        impl FreelyWritten for $free_record {})*
    };
}

/// A record that has its table in the [`View`].
pub trait InView: Record {
    fn table(view: &View) -> &Table<Self>
    where
        Self: Sized;
}

tables! {
    // The column groups of a task: each has one writer, see `task_columns`.
    columns {
        task_intents: state_model::ecs::task::TaskIntent,
        task_placements: state_model::ecs::task::TaskPlacement,
        task_observations: state_model::ecs::task::TaskObservation,
    }
    free {
        regions: state_model::region::Region,
        accounts: state_model::region::Account,
        // ECS
        clusters: state_model::ecs::cluster::Cluster,
        task_definitions: state_model::ecs::task_definition::TaskDefinition,
        task_definition_families: state_model::ecs::task_definition::TaskDefinitionFamily,
        ecs_account_settings: state_model::ecs::account_setting::AccountSetting,
        run_task_tokens: state_model::ecs::run_task_token::RunTaskToken,
        services: state_model::ecs::service::Service,
        service_revisions: state_model::ecs::service_revision::ServiceRevision,
        service_deployments: state_model::ecs::service_deployment::ServiceDeployment,
        service_deployment_progress: state_model::ecs::service_deployment::ServiceDeploymentProgress,
        service_events: state_model::ecs::service_event::ServiceEvent,
        task_told: state_model::ecs::task_told::TaskTold,
        // ECR
        ecr_repositories: state_model::ecr::repository::Repository,
        ecr_images: state_model::ecr::image::Image,
        ecr_tags: state_model::ecr::image::ImageTag,
        ecr_layers: state_model::ecr::image::Layer,
        // EC2
        vpcs: state_model::ec2::Vpc,
        subnets: state_model::ec2::Subnet,
        security_groups: state_model::ec2::SecurityGroup,
        network_interfaces: state_model::ec2::NetworkInterface,
        internet_gateways: state_model::ec2::InternetGateway,
        route_tables: state_model::ec2::RouteTable,
        network_acls: state_model::ec2::NetworkAcl,
        egress_only_internet_gateways: state_model::ec2::EgressOnlyInternetGateway,
        nat_gateways: state_model::ec2::NatGateway,
        elastic_ips: state_model::ec2::ElasticIp,
        public_addresses: state_model::ec2::PublicAddress,
        ipv6_pool: state_model::ec2::Ipv6Pool,
        dhcp_options: state_model::ec2::DhcpOptions,
        prefix_lists: state_model::ec2::PrefixList,
        vpc_endpoints: state_model::ec2::VpcEndpoint,
        vpc_peering_connections: state_model::ec2::VpcPeeringConnection,
        flow_logs: state_model::ec2::FlowLog,
        network_in_place: state_model::ec2::InPlace,
        ec2_client_tokens: state_model::ec2::ClientToken,
        // ELBv2
        elb_load_balancers: state_model::elbv2::LoadBalancer,
        elb_load_balancer_placements: state_model::elbv2::LoadBalancerPlacement,
        elb_load_balancer_status: state_model::elbv2::LoadBalancerStatus,
        elb_listeners: state_model::elbv2::Listener,
        elb_rules: state_model::elbv2::Rule,
        elb_target_groups: state_model::elbv2::TargetGroup,
        elb_targets: state_model::elbv2::Target,
        elb_target_health: state_model::elbv2::TargetHealth,
        // ACM
        acm_certificates: state_model::acm::Certificate,
        // Logs
        log_groups: state_model::logs::LogGroup,
        log_streams: state_model::logs::LogStream,
        log_metric_filters: state_model::logs::MetricFilter,
        log_query_definitions: state_model::logs::QueryDefinition,
        // S3
        s3_buckets: state_model::s3::Bucket,
        s3_objects: state_model::s3::Object,
        // IAM
        iam_users: state_model::iam::user::User,
        iam_roles: state_model::iam::role::Role,
        iam_policies: state_model::iam::policy::Policy,
        iam_access_keys: state_model::iam::access_key::AccessKey,
        // CloudWatch
        alarms: state_model::cloudwatch::Alarm,
        alarm_states: state_model::cloudwatch::AlarmState,
        alarm_history: state_model::cloudwatch::AlarmHistory,
        alarm_suppressions: state_model::cloudwatch::AlarmSuppression,

        dashboards: state_model::cloudwatch_dashboard::Dashboard,
        // Application Auto Scaling
        scalable_targets: state_model::autoscaling::ScalableTarget,
        scaling_policies: state_model::autoscaling::ScalingPolicy,
        scheduled_actions: state_model::autoscaling::ScheduledAction,
        scaling_progress: state_model::autoscaling::ScalingProgress,
        scaling_activities: state_model::autoscaling::ScalingActivity,
        // Billing
        billing_usage: state_model::billing::usage::Usage,
        task_meters: state_model::billing::usage::TaskMeter,
        budgets: state_model::billing::budget::Budget,
        budget_states: state_model::billing::budget::BudgetState,
        cost_allocation_tags: state_model::billing::cost_tag::CostAllocationTag,
        // EventBridge
        pending_events: state_model::events::PendingEvent,
        event_buses: state_model::events::bus::Bus,
        event_rules: state_model::events::rule::Rule,
        event_archives: state_model::events::archive::Archive,
        event_replays: state_model::events::archive::Replay,
        event_connections: state_model::events::connection::Connection,
        event_api_destinations: state_model::events::connection::ApiDestination,
        schedules: state_model::scheduler::Schedule,
        schedule_groups: state_model::scheduler::ScheduleGroup,
        schedules_fired: state_model::scheduler::Fired,
        // Deliveries of events, schedules and messages
        deliveries: state_model::delivery::Delivery,
        // SNS
        pending_messages: state_model::sns::PendingMessage,
        topics: state_model::sns::Topic,
        topic_sequences: state_model::sns::TopicSequence,
        topic_deduplications: state_model::sns::Deduplication,
        subscriptions: state_model::sns::Subscription,
    }
}

impl View {
    /// The column groups of the task with this key.
    pub fn task(&self, key: &str) -> Option<TaskColumns<'_>> {
        let intent = self.task_intents.get(key)?;
        Some(TaskColumns {
            intent,
            placement: self.task_placements.get(key).map(|row| &**row.record()),
            observation: self.task_observations.get(key).map(|row| &**row.record()),
            attached: intent.service.is_some() && self.elb_targets.any_by(Target::TASK, key),
        })
    }

    /// The group that interfaces in the VPC have when none is given.
    pub fn default_security_group(&self, scope: &Scope, vpc_id: &str) -> Option<&Row<SecurityGroup>> {
        self.security_groups.by("name", &scope.key(&format!("{vpc_id}/default"))).next()
    }

    fn note_task(&mut self, key: &str) {
        let live = self.task(key).is_some_and(|task| !task.is_stopped());
        if live {
            self.live_tasks.insert(key.into());
        } else {
            self.live_tasks.remove(key);
        }
    }

    pub(crate) fn apply_batch(&mut self, batch: &WatchBatch) -> Result<(), DecodeError> {
        for change in batch.changes.iter() {
            self.apply_stored(&change.key, change.value.as_deref(), batch.revision)?;
        }
        self.revision = batch.revision;
        Ok(())
    }

    /// `stored_key` is `table/key`. Keys of another form aren't ours and are left alone.
    pub(crate) fn apply_stored(
        &mut self,
        stored_key: &[u8],
        value: Option<&[u8]>,
        revision: Revision,
    ) -> Result<(), DecodeError> {
        let Ok(text) = std::str::from_utf8(stored_key) else { return Ok(()) };
        match text.split_once('/') {
            Some((table, key)) => self.apply_key(table, key, value, revision),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::View;

    #[test]
    fn no_two_records_share_a_table() {
        let mut names = View::table_names();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| !name.contains('/')));
    }
}
