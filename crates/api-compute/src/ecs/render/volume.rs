//! Volumes and mounts.

use state_model::ecs::volume::{
    DockerVolume, EfsVolume, FsxWindowsVolume, MountPoint, S3FilesVolume, Volume, VolumeFrom,
};
use wire_shapes_compute::ecs as wire;

use super::number;

pub fn volume(volume: &Volume) -> wire::Volume {
    wire::Volume {
        name: Some(volume.name.clone()),
        host: volume
            .host
            .as_ref()
            .map(|host| wire::HostVolumeProperties { source_path: host.source_path.clone() }),
        efs_volume_configuration: volume.efs.as_ref().map(efs),
        s3files_volume_configuration: volume.s3_files.as_ref().map(s3_files),
        docker_volume_configuration: volume.docker.as_ref().map(docker),
        fsx_windows_file_server_volume_configuration: volume.fsx_windows.as_ref().map(fsx_windows),
        configured_at_launch: volume.configured_at_launch,
    }
}

pub fn mount_point(mount: &MountPoint) -> wire::MountPoint {
    wire::MountPoint {
        source_volume: mount.source_volume.clone(),
        container_path: mount.container_path.clone(),
        read_only: mount.read_only,
    }
}

pub fn volume_from(from: &VolumeFrom) -> wire::VolumeFrom {
    wire::VolumeFrom { source_container: Some(from.source_container.clone()), read_only: from.read_only }
}

fn efs(efs: &EfsVolume) -> wire::EFSVolumeConfiguration {
    wire::EFSVolumeConfiguration {
        file_system_id: Some(efs.file_system_id.clone()),
        root_directory: efs.root_directory.clone(),
        transit_encryption: efs.transit_encryption.as_deref().map(Into::into),
        transit_encryption_port: efs.transit_encryption_port.map(number),
        authorization_config: efs.authorization.as_ref().map(|authorization| wire::EFSAuthorizationConfig {
            access_point_id: authorization.access_point_id.clone(),
            iam: authorization.iam.as_deref().map(Into::into),
        }),
    }
}

fn s3_files(files: &S3FilesVolume) -> wire::S3FilesVolumeConfiguration {
    wire::S3FilesVolumeConfiguration {
        file_system_arn: Some(files.file_system_arn.clone()),
        root_directory: files.root_directory.clone(),
        transit_encryption_port: files.transit_encryption_port.map(number),
        access_point_arn: files.access_point_arn.clone(),
    }
}

fn docker(docker: &DockerVolume) -> wire::DockerVolumeConfiguration {
    wire::DockerVolumeConfiguration {
        scope: docker.scope.as_deref().map(Into::into),
        autoprovision: docker.autoprovision,
        driver: docker.driver.clone(),
        driver_opts: docker.driver_opts.clone(),
        labels: docker.labels.clone(),
    }
}

fn fsx_windows(fsx: &FsxWindowsVolume) -> wire::FSxWindowsFileServerVolumeConfiguration {
    wire::FSxWindowsFileServerVolumeConfiguration {
        file_system_id: Some(fsx.file_system_id.clone()),
        root_directory: Some(fsx.root_directory.clone()),
        authorization_config: Some(wire::FSxWindowsFileServerAuthorizationConfig {
            credentials_parameter: Some(fsx.credentials_parameter.clone()),
            domain: Some(fsx.domain.clone()),
        }),
    }
}
