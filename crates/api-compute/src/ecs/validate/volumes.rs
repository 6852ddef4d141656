//! Volumes and their mounts.

use std::collections::BTreeSet;

use state_model::ecs::container_definition::ContainerDefinition;
use state_model::ecs::volume::{
    DockerVolume, EfsAuthorization, EfsVolume, FsxWindowsVolume, HostVolume, MountPoint, S3FilesVolume,
    Volume, VolumeFrom,
};
use wire_schema::ServiceError;
use wire_shapes_compute::ecs as wire;

use super::names::is_name;
use super::numbers::port;
use crate::ecs::errors::client;

pub fn volume(given: wire::Volume) -> Result<Volume, ServiceError> {
    let name = given.name.unwrap_or_default();
    if !is_name(&name) {
        return Err(client(format!("Invalid volume name: '{name}'.")));
    }
    let volume = Volume {
        name,
        host: given.host.map(|host| HostVolume { source_path: host.source_path }),
        efs: given.efs_volume_configuration.map(efs).transpose()?,
        s3_files: given.s3files_volume_configuration.map(s3_files).transpose()?,
        docker: given.docker_volume_configuration.map(docker),
        fsx_windows: given.fsx_windows_file_server_volume_configuration.map(fsx_windows),
        configured_at_launch: given.configured_at_launch,
    };
    let kinds = [
        volume.efs.is_some(),
        volume.s3_files.is_some(),
        volume.docker.is_some(),
        volume.fsx_windows.is_some(),
        volume.configured_at_launch == Some(true),
        volume.host.as_ref().is_some_and(|host| host.source_path.is_some()),
    ];
    if kinds.iter().filter(|kind| **kind).count() > 1 {
        return Err(client(format!("Volume '{}' can have only one configuration.", volume.name)));
    }
    Ok(volume)
}

pub fn mount_point(given: wire::MountPoint) -> MountPoint {
    MountPoint {
        source_volume: given.source_volume,
        container_path: given.container_path,
        read_only: given.read_only,
    }
}

pub fn volume_from(given: wire::VolumeFrom) -> VolumeFrom {
    VolumeFrom { source_container: given.source_container.unwrap_or_default(), read_only: given.read_only }
}

/// Everything that is mounted exists, and what is told at launch is mounted.
pub fn check(containers: &[ContainerDefinition], volumes: &[Volume]) -> Result<(), ServiceError> {
    let mut names = BTreeSet::new();
    if let Some(twice) = volumes.iter().find(|volume| !names.insert(volume.name.as_str())) {
        return Err(client(format!("Volume name '{}' is used more than once.", twice.name)));
    }
    let mut mounted = BTreeSet::new();
    for container in containers {
        for mount in &container.mount_points {
            let name = mount.source_volume.as_deref().unwrap_or_default();
            if !names.contains(name) {
                return Err(client(format!("Unknown volume '{name}'.")));
            }
            if mount.container_path.as_deref().unwrap_or_default().is_empty() {
                return Err(client("MountPoint.containerPath should not be null or empty."));
            }
            mounted.insert(name);
        }
        for from in &container.volumes_from {
            let name = from.source_container.as_str();
            if name == container.name || !containers.iter().any(|other| other.name == name) {
                return Err(client(format!("Invalid 'volumesFrom' setting. Unknown container: '{name}'")));
            }
        }
    }
    let at_launch = || volumes.iter().filter(|volume| volume.configured_at_launch == Some(true));
    if at_launch().count() > 1 {
        return Err(client("Only one volume can be configured at launch in a task definition."));
    }
    match at_launch().find(|volume| !mounted.contains(volume.name.as_str())) {
        Some(unused) => {
            Err(client(format!("Volumes [{}] are not referenced by any of the containers", unused.name)))
        }
        None => Ok(()),
    }
}

fn efs(given: wire::EFSVolumeConfiguration) -> Result<EfsVolume, ServiceError> {
    let authorization = given.authorization_config.map(|config| EfsAuthorization {
        access_point_id: config.access_point_id,
        iam: config.iam.map(|iam| iam.as_str().to_owned()),
    });
    let encrypted = given.transit_encryption == Some(wire::EFSTransitEncryption::Enabled);
    let with_iam = authorization.as_ref().and_then(|auth| auth.iam.as_deref()) == Some("ENABLED");
    if with_iam && !encrypted {
        return Err(client("EFS IAM authorization requires TransitEncryption to be enabled"));
    }
    let access_point = authorization.as_ref().and_then(|auth| auth.access_point_id.as_ref());
    if access_point.is_some() && !encrypted {
        return Err(client("EFS access points require TransitEncryption to be enabled"));
    }
    let root = given.root_directory.as_deref().unwrap_or("/");
    if access_point.is_some() && root != "/" {
        return Err(client(
            "When using an EFS access point, the root directory must either be set to \"/\" or be omitted",
        ));
    }
    let transit_encryption_port = port("transitEncryptionPort", given.transit_encryption_port)?;
    if transit_encryption_port.is_some() && !encrypted {
        return Err(client("TransitEncryptionPort requires that TransitEncryption is enabled"));
    }
    let file_system_id = given.file_system_id.unwrap_or_default();
    if file_system_id.is_empty() {
        return Err(client("EFS file system id should not be null or empty."));
    }
    Ok(EfsVolume {
        file_system_id,
        root_directory: given.root_directory,
        transit_encryption: given.transit_encryption.map(|mode| mode.as_str().to_owned()),
        transit_encryption_port,
        authorization,
    })
}

fn s3_files(given: wire::S3FilesVolumeConfiguration) -> Result<S3FilesVolume, ServiceError> {
    let file_system_arn = given.file_system_arn.unwrap_or_default();
    if !file_system_arn.starts_with("arn:") {
        return Err(client("Invalid arn syntax"));
    }
    Ok(S3FilesVolume {
        file_system_arn,
        root_directory: given.root_directory,
        transit_encryption_port: port("transitEncryptionPort", given.transit_encryption_port)?,
        access_point_arn: given.access_point_arn,
    })
}

fn docker(given: wire::DockerVolumeConfiguration) -> DockerVolume {
    DockerVolume {
        scope: given.scope.map(|scope| scope.as_str().to_owned()),
        autoprovision: given.autoprovision,
        driver: given.driver,
        driver_opts: given.driver_opts,
        labels: given.labels,
    }
}

fn fsx_windows(given: wire::FSxWindowsFileServerVolumeConfiguration) -> FsxWindowsVolume {
    let authorization = given.authorization_config.unwrap_or_default();
    FsxWindowsVolume {
        file_system_id: given.file_system_id.unwrap_or_default(),
        root_directory: given.root_directory.unwrap_or_default(),
        credentials_parameter: authorization.credentials_parameter.unwrap_or_default(),
        domain: authorization.domain.unwrap_or_default(),
    }
}
