//! Before a task runs: its interface, its environment files, its images, its log streams.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future;
use link_protocol::log::{LogTarget, LogTargets};
use node_images::PreparedImage;
use node_network::NetworkError;
use node_network::config::{EniConfig, NetnsTarget};
use state_model::Scope;
use stdx::backoff::Backoff;

use super::{Driver, environment_files};
use crate::environment_file::Variable;
use crate::images;
use crate::ledger::ImageNote;
use crate::limits::ATTACH_ATTEMPTS_MAX;
use crate::plan::Desired;
use crate::sandbox_spec::ContainerImage;
use crate::unsupported;

const ATTACH_RETRY: Backoff = Backoff { first: Duration::from_millis(100), max: Duration::from_secs(2) };

/// The text of ECS for an interface that could not be made in time.
const INTERFACE_FAILED: &str = "Timeout waiting for network interface provisioning to complete.";

impl Driver {
    pub(super) async fn attach(&mut self) {
        let assignment = self.assignment();
        if let Some(reason) = unsupported::refusal(&assignment) {
            return self.fail(reason);
        }
        let mut desired = self.desired.clone();
        for attempt in 0..ATTACH_ATTEMPTS_MAX {
            let Err(failure) = self.attach_interface().await else {
                self.ledger.times.connectivity_at = Some(self.context.clock.now());
                self.ledger.progress.attached = true;
                return;
            };
            {
                let error = &failure as &dyn std::error::Error;
                tracing::error!(task = assignment.intent.id, error, "the task's interface can't be attached");
            }
            tokio::select! {
                () = tokio::time::sleep(ATTACH_RETRY.wait(attempt, &*self.context.random)) => {}
                // The plan decides what a task that is not wanted any more needs.
                _ = desired.wait_for(|desired| *desired >= Desired::Stopped) => return,
            }
        }
        self.fail(INTERFACE_FAILED.into());
    }

    async fn attach_interface(&mut self) -> Result<(), NetworkError> {
        let assignment = self.assignment();
        let interface = &assignment.interface;
        let namespace = Arc::new(self.context.network.acquire_namespace(&interface.vpc_id).await?);
        self.attach_to(NetnsTarget::Ready(Arc::clone(&namespace))).await?;
        self.namespace = Some(namespace);
        Ok(())
    }

    /// Idempotent: an interface that is in place only gets what differs.
    pub(super) async fn attach_to(&self, target: NetnsTarget) -> Result<(), NetworkError> {
        let assignment = self.assignment();
        let interface = &assignment.interface;
        let eni = EniConfig {
            eni_id: interface.eni_id.clone(),
            vpc_id: interface.vpc_id.clone(),
            subnet: interface.subnet_cidr_block.parse()?,
            address: interface.address,
            ipv6_addresses: interface.ipv6_addresses.clone(),
            mac: interface.mac_address.parse()?,
            groups: interface.security_groups.clone(),
            source_dest_check: true,
            public_address: interface.public_address,
        };
        self.context.network.attach(eni, target).await?;
        Ok(())
    }

    /// Environment files, then images and log streams, all at once; a stop request that comes meanwhile ends the wait.
    pub(super) async fn prepare(&mut self) {
        // An agent that restarted before the launch has lost the namespace with its process.
        if self.namespace.is_none()
            && let Err(failure) = self.attach_interface().await
        {
            tracing::error!(
                error = &failure as &dyn std::error::Error,
                "the interface can't be attached again"
            );
            return self.fail(INTERFACE_FAILED.into());
        }
        let assignment = self.assignment();
        self.ledger.times.pull_started_at.get_or_insert(self.context.clock.now());
        let mut desired = self.desired.clone();
        let context = Arc::clone(&self.context);
        let work = async {
            let variables = environment_files::fetch(&context, &assignment).await?;
            let pulls = assignment.definition.body.container_definitions.iter().map(|definition| {
                images::prepare(
                    &context.images,
                    &context.control,
                    &context.config.registry,
                    &assignment,
                    &definition.image,
                )
            });
            let pulled = future::try_join_all(pulls).await?;
            let pulled_at = context.clock.now();
            prepare_streams(self, &log_targets(&assignment)).await?;
            Ok::<_, String>((pulled, variables, pulled_at))
        };
        let outcome = tokio::select! {
            outcome = work => outcome,
            _ = desired.wait_for(|desired| *desired >= Desired::Stopped) => return,
        };
        match outcome {
            Ok((pulled, variables, pulled_at)) => {
                self.ledger.times.pull_stopped_at = Some(pulled_at);
                self.note_images(&pulled, variables);
                self.ledger.progress.prepared = true;
            }
            Err(reason) => self.fail(reason),
        }
    }

    fn note_images(&mut self, pulled: &[PreparedImage], variables: Vec<Vec<Variable>>) {
        let assignment = self.assignment();
        let mut images = BTreeMap::new();
        let mut notes = Vec::new();
        let containers = assignment.definition.body.container_definitions.iter();
        for ((definition, image), file_variables) in containers.zip(pulled).zip(variables) {
            let digest = image.digest.to_string();
            if let Some(observed) =
                self.ledger.containers.iter_mut().find(|item| item.name == definition.name)
            {
                observed.image_digest = Some(digest.clone());
            }
            notes.push(ImageNote {
                container: definition.name.clone(),
                digest: Some(digest),
                image_id: Some(image.manifest.to_string()),
            });
            let image =
                ContainerImage { config: image.config.clone(), layers: image.layers.clone(), file_variables };
            images.insert(definition.name.clone(), image);
        }
        self.ledger.images = notes;
        self.images = images;
    }
}

async fn prepare_streams(driver: &Driver, targets: &LogTargets) -> Result<(), String> {
    let streams = targets.values().map(|target| driver.context.control.prepare_log_stream(target));
    future::try_join_all(streams).await.map_err(|failure| {
        format!(
            "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: \
             failed to create Cloudwatch log stream: {failure}: exit status 1"
        )
    })?;
    Ok(())
}

/// Where each container's lines go: `<prefix>/<container>/<task id>`.
pub(super) fn log_targets(assignment: &link_protocol::Assignment) -> LogTargets {
    let containers = assignment.definition.body.container_definitions.iter().enumerate();
    let targets = containers.filter_map(|(index, definition)| {
        let log = definition.log_configuration.as_ref().filter(|log| log.log_driver == "awslogs")?;
        let region = log.option("awslogs-region").unwrap_or(&assignment.intent.scope.region);
        let stem = format!("{}/{}", definition.name, assignment.intent.id);
        let stream = match log.option("awslogs-stream-prefix") {
            Some(prefix) => format!("{prefix}/{stem}"),
            None => stem,
        };
        let target = LogTarget {
            scope: Scope::new(&assignment.intent.scope.account, region),
            group: log.option("awslogs-group")?.to_owned(),
            stream,
            create_group: log.option("awslogs-create-group") == Some("true"),
            datetime_format: log.option("awslogs-datetime-format").map(str::to_owned),
            multiline_pattern: log.option("awslogs-multiline-pattern").map(str::to_owned),
        };
        Some((index, target))
    });
    targets.collect()
}
