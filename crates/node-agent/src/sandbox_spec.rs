//! From an assignment and its prepared images to what the supervisor runs. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;

use link_protocol::Assignment;
use link_protocol::assignment::NameOptions;
use node_images::config::ImageConfig;
use node_runtime::spec::{
    self, Condition, ContainerSpec, Dependency, HealthCheck, LogSpec, MountSpec, NetworkSource,
    RestartPolicy, RuntimeSpec, StorageSpec, TaskSpec, Ulimit,
};
use state_model::ecs::container_definition::{ContainerDefinition, DependencyCondition};
use state_model::ecs::task::TaskContainer;

use crate::environment;
use crate::facts;

/// The stop timeout of a container that doesn't say one.
const STOP_TIMEOUT_SECS_DEFAULT: u32 = 30;
/// Fargate's `nofile`, both soft and hard.
const NOFILE_DEFAULT: u64 = 65_535;
/// `max-buffer-size` of a non-blocking log driver that doesn't say one.
const LOG_BUFFER_BYTES_DEFAULT: u64 = 10 * 1024 * 1024;
/// The seconds that a container must have run before its exit is restarted.
const RESTART_PERIOD_SECS_DEFAULT: u32 = 300;

/// An image as a container stands on it.
#[derive(Clone, Debug)]
pub struct ContainerImage {
    pub config: ImageConfig,
    /// The base first.
    pub layers: Vec<PathBuf>,
    /// What the environment files of the container's definition say.
    pub file_variables: Vec<(String, String)>,
}

/// What the node adds to an assignment.
#[derive(Clone, Debug)]
pub struct NodeSide {
    pub instance: String,
    pub isolation: spec::Isolation,
    pub runtime: RuntimeSpec,
    pub template_dir: PathBuf,
    /// Where SDKs inside the task find the API.
    pub endpoint_url: String,
    pub credentials_id: Option<String>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SpecError {
    #[error(
        "CannotStartContainerError: container '{container}' has no command: neither its definition nor its image says one"
    )]
    NoCommand { container: String },
    #[error("Invalid 'volumesFrom' setting. Unknown container: '{0}'")]
    UnknownVolumesFrom(String),
}

/// # Errors
/// When the definition and the image together don't say what to run.
pub fn build(
    assignment: &Assignment,
    images: &BTreeMap<String, ContainerImage>,
    node: &NodeSide,
) -> Result<TaskSpec, SpecError> {
    let intent = &assignment.intent;
    let body = &assignment.definition.body;
    let interface = &assignment.interface;
    let host = interface.private_dns_name.split('.').next().unwrap_or_default();
    let mut volumes: Vec<String> = body.volumes.iter().map(|volume| volume.name.clone()).collect();
    let mut containers = Vec::new();
    for definition in &body.container_definitions {
        let Some(image) = images.get(&definition.name) else { continue };
        let Some(identity) = intent.containers.iter().find(|item| item.name == definition.name) else {
            continue;
        };
        for path in anonymous_volumes(definition, &image.config) {
            volumes.push(anonymous_volume_name(&definition.name, &path));
        }
        containers.push(container(assignment, definition, identity, image, node)?);
    }
    let with_volumes_from = volumes_from(body.container_definitions.as_slice(), &containers)?;
    for (container, mounts) in containers.iter_mut().zip(with_volumes_from) {
        container.mounts.extend(mounts);
    }
    Ok(TaskSpec {
        version: spec::SPEC_VERSION,
        task_id: intent.id.clone(),
        instance: node.instance.clone(),
        cpu_units: u64::from(intent.cpu),
        memory_mib: u64::from(intent.memory_mib),
        isolation: node.isolation,
        runtime: node.runtime.clone(),
        network: NetworkSource::Given,
        hostname: interface.private_dns_name.clone(),
        resolv_conf: resolv_conf(&assignment.names()),
        hosts: format!("127.0.0.1 localhost\n{} {} {host}\n", interface.address, interface.private_dns_name),
        storage: StorageSpec {
            limit_bytes: Some(u64::from(intent.ephemeral_storage_gib) << 30),
            template_dir: node.template_dir.clone(),
        },
        share_processes: body.pid_mode.as_deref() == Some("task"),
        volumes,
        containers,
    })
}

fn resolv_conf(names: &NameOptions) -> String {
    let mut lines = Vec::new();
    if !names.domains.is_empty() {
        lines.push(format!("search {}\n", names.domains.join(" ")));
    }
    lines.extend(names.servers.iter().map(|server| format!("nameserver {server}\n")));
    lines.concat()
}

fn container(
    assignment: &Assignment,
    definition: &ContainerDefinition,
    identity: &TaskContainer,
    image: &ContainerImage,
    node: &NodeSide,
) -> Result<ContainerSpec, SpecError> {
    let overrides = facts::container_override(assignment, &definition.name);
    let config = &image.config;
    let args = arguments(definition, overrides.and_then(|item| item.command.as_ref()), config);
    if args.is_empty() {
        return Err(SpecError::NoCommand { container: definition.name.clone() });
    }
    let linux = definition.linux_parameters.as_ref();
    let capabilities = linux.and_then(|linux| linux.capabilities.as_ref());
    let memory = overrides.and_then(|item| item.memory).or(definition.memory);
    let reservation = overrides.and_then(|item| item.memory_reservation).or(definition.memory_reservation);
    Ok(ContainerSpec {
        env: environment::compose(assignment, definition, identity, image, node),
        cwd: definition.working_directory.clone().unwrap_or_else(|| config.working_dir.clone()),
        user: definition.user.clone().unwrap_or_else(|| config.user.clone()),
        stop_signal: config.stop_signal.clone(),
        cpu_units: u64::from(overrides.and_then(|item| item.cpu).unwrap_or(definition.cpu)),
        memory_limit_mib: memory.map(u64::from),
        memory_reservation_mib: reservation.map(u64::from),
        ulimits: ulimits(definition),
        capabilities_dropped: capabilities.and_then(|item| item.drop.clone()).unwrap_or_default(),
        capabilities_added: capabilities.and_then(|item| item.add.clone()).unwrap_or_default(),
        readonly_root: definition.readonly_root_filesystem.unwrap_or(false),
        init_process: linux.and_then(|linux| linux.init_process_enabled).unwrap_or(false),
        mounts: mounts(definition, config),
        tmpfs: Vec::new(),
        sysctls: sysctls(definition),
        depends_on: dependencies(definition),
        health_check: health_check(definition),
        restart_policy: restart_policy(definition),
        stop_timeout_secs: u64::from(definition.stop_timeout_secs.unwrap_or(STOP_TIMEOUT_SECS_DEFAULT)),
        start_timeout_secs: definition.start_timeout_secs.map(u64::from),
        essential: definition.essential,
        tty: definition.pseudo_terminal.unwrap_or(false),
        interactive: definition.interactive.unwrap_or(false),
        log: log(assignment, definition),
        labels: definition.docker_labels.clone().unwrap_or_default().into_iter().collect(),
        ..ContainerSpec::new(&definition.name, &identity.runtime_id, image.layers.clone(), args)
    })
}

/// Docker's rule: an entry point of the definition also drops the image's command.
fn arguments(
    definition: &ContainerDefinition,
    overridden: Option<&Vec<String>>,
    config: &ImageConfig,
) -> Vec<String> {
    let given = definition.entry_point.as_ref().filter(|words| !words.is_empty());
    let entry_point = given.unwrap_or(&config.entrypoint);
    let command = overridden
        .filter(|words| !words.is_empty())
        .or(definition.command.as_ref().filter(|words| !words.is_empty()));
    let default = if given.is_some() { &Vec::new() } else { &config.cmd };
    entry_point.iter().chain(command.unwrap_or(default)).cloned().collect()
}

fn ulimits(definition: &ContainerDefinition) -> Vec<Ulimit> {
    // -1 is unlimited: all bits set.
    let limit = |value: i64| u64::try_from(value).unwrap_or(u64::MAX);
    let mut ulimits: Vec<Ulimit> = definition
        .ulimits
        .iter()
        .flatten()
        .map(|item| Ulimit {
            name: item.name.clone(),
            soft: limit(item.soft_limit),
            hard: limit(item.hard_limit),
        })
        .collect();
    if !ulimits.iter().any(|item| item.name == "nofile") {
        ulimits.push(Ulimit { name: String::from("nofile"), soft: NOFILE_DEFAULT, hard: NOFILE_DEFAULT });
    }
    ulimits
}

fn mounts(definition: &ContainerDefinition, config: &ImageConfig) -> Vec<MountSpec> {
    let named = definition.mount_points.iter().filter_map(|mount| {
        Some(MountSpec {
            volume: mount.source_volume.clone()?,
            path: mount.container_path.clone()?,
            readonly: mount.read_only.unwrap_or(false),
        })
    });
    let anonymous = anonymous_volumes(definition, config).into_iter().map(|path| MountSpec {
        volume: anonymous_volume_name(&definition.name, &path),
        path,
        readonly: false,
    });
    named.chain(anonymous).collect()
}

/// The image's VOLUME paths that no mount point covers: each is a volume of its own, as in Docker.
fn anonymous_volumes(definition: &ContainerDefinition, config: &ImageConfig) -> Vec<String> {
    let covered = |path: &String| {
        definition.mount_points.iter().any(|mount| mount.container_path.as_ref() == Some(path))
    };
    config.volumes.iter().filter(|path| !covered(path)).cloned().collect()
}

/// A name that no task definition can give a volume, since it has a slash.
fn anonymous_volume_name(container: &str, path: &str) -> String {
    format!("{container}/{}", path.trim_matches('/').replace('/', "-"))
}

/// The mounts that each container takes over from others.
fn volumes_from(
    definitions: &[ContainerDefinition],
    containers: &[ContainerSpec],
) -> Result<Vec<Vec<MountSpec>>, SpecError> {
    let mut taken = Vec::with_capacity(containers.len());
    for container in containers {
        let mut mounts = Vec::new();
        let definition = definitions.iter().find(|definition| definition.name == container.name);
        for from in definition.iter().flat_map(|definition| &definition.volumes_from) {
            let source = containers.iter().find(|source| source.name == from.source_container);
            let source =
                source.ok_or_else(|| SpecError::UnknownVolumesFrom(from.source_container.clone()))?;
            mounts.extend(source.mounts.iter().map(|mount| MountSpec {
                readonly: mount.readonly || from.read_only.unwrap_or(false),
                ..mount.clone()
            }));
        }
        taken.push(mounts);
    }
    Ok(taken)
}

fn sysctls(definition: &ContainerDefinition) -> Vec<(String, String)> {
    let pairs = definition.system_controls.iter();
    pairs.filter_map(|item| Some((item.namespace.clone()?, item.value.clone()?))).collect()
}

fn dependencies(definition: &ContainerDefinition) -> Vec<Dependency> {
    let condition = |condition| match condition {
        DependencyCondition::Start => Condition::Start,
        DependencyCondition::Complete => Condition::Complete,
        DependencyCondition::Success => Condition::Success,
        DependencyCondition::Healthy => Condition::Healthy,
    };
    let given = definition.depends_on.iter().flatten();
    given
        .map(|item| Dependency {
            container: item.container_name.clone(),
            condition: condition(item.condition),
        })
        .collect()
}

fn health_check(definition: &ContainerDefinition) -> Option<HealthCheck> {
    let check = definition.health_check.as_ref()?;
    if check.command.first().is_some_and(|word| word == "NONE") {
        return None;
    }
    Some(HealthCheck {
        command: check.command.clone(),
        interval_secs: u64::from(check.interval_secs),
        timeout_secs: u64::from(check.timeout_secs),
        retries: check.retries,
        start_period_secs: u64::from(check.start_period_secs.unwrap_or(0)),
    })
}

fn restart_policy(definition: &ContainerDefinition) -> Option<RestartPolicy> {
    let policy = definition.restart_policy.as_ref().filter(|policy| policy.enabled)?;
    Some(RestartPolicy {
        ignored_exit_codes: policy.ignored_exit_codes.clone().unwrap_or_default(),
        attempt_period_secs: u64::from(
            policy.restart_attempt_period_secs.unwrap_or(RESTART_PERIOD_SECS_DEFAULT),
        ),
    })
}

fn log(assignment: &Assignment, definition: &ContainerDefinition) -> LogSpec {
    let options = definition.log_configuration.as_ref();
    let blocking = match options.and_then(|log| log.option("mode")) {
        Some("blocking") => true,
        Some("non-blocking") => false,
        _ => assignment.log_mode_blocking,
    };
    if blocking {
        return LogSpec::Blocking;
    }
    let size = options.and_then(|log| log.option("max-buffer-size")).and_then(parse_size);
    LogSpec::NonBlocking { max_buffer_bytes: size.unwrap_or(LOG_BUFFER_BYTES_DEFAULT) }
}

/// Docker's sizes: a number with an optional unit `k`, `m` or `g`, optionally followed by `b`.
fn parse_size(text: &str) -> Option<u64> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let shift = match &lower[digits.len()..] {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_ask_whom_they_are_told_to() {
        let check = |servers: &[[u8; 4]], domains: &[&str], expect: &str| {
            let servers = servers.iter().map(|server| (*server).into()).collect();
            let domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
            assert_eq!(resolv_conf(&NameOptions { servers, domains }), expect);
        };
        check(&[[172, 31, 0, 2]], &["ec2.internal"], "search ec2.internal\nnameserver 172.31.0.2\n");
        let two = "search a.example b.example\nnameserver 10.0.0.2\nnameserver 192.0.2.53\n";
        check(&[[10, 0, 0, 2], [192, 0, 2, 53]], &["a.example", "b.example"], two);
        check(&[[10, 0, 0, 2]], &[], "nameserver 10.0.0.2\n");
        check(&[], &[], "");
    }

    #[test]
    fn sizes_read_as_docker_reads_them() {
        for (text, bytes) in [
            ("10m", Some(10 << 20)),
            ("4k", Some(4096)),
            ("25MB", Some(25 << 20)),
            ("7", Some(7)),
            ("1g", Some(1 << 30)),
            ("x", None),
            ("1t", None),
        ] {
            assert_eq!(parse_size(text), bytes, "{text}");
        }
    }

    #[test]
    fn an_entry_point_drops_the_images_command() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let config = ImageConfig { entrypoint: words(&["/e"]), cmd: words(&["c"]), ..ImageConfig::default() };
        let check = |entry: Option<&[&str]>,
                     command: Option<&[&str]>,
                     overridden: Option<&[&str]>,
                     expect: &[&str]| {
            let definition = ContainerDefinition {
                entry_point: entry.map(words),
                command: command.map(words),
                ..ContainerDefinition::default()
            };
            assert_eq!(arguments(&definition, overridden.map(words).as_ref(), &config), words(expect));
        };
        check(None, None, None, &["/e", "c"]);
        check(None, Some(&["d"]), None, &["/e", "d"]);
        check(Some(&["/f"]), None, None, &["/f"]);
        check(Some(&["/f"]), Some(&["d"]), Some(&["o"]), &["/f", "o"]);
        check(Some(&[]), None, Some(&[]), &["/e", "c"]);
    }
}
