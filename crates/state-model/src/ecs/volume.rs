//! Volumes of a task, and where containers mount them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// At most one of the configurations is set; with none it is an empty directory that lives as long as the
/// task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Volume {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<HostVolume>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub efs: Option<EfsVolume>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_files: Option<S3FilesVolume>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docker: Option<DockerVolume>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fsx_windows: Option<FsxWindowsVolume>,
    /// A managed block volume, told when the task is run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configured_at_launch: Option<bool>,
}

impl Volume {
    /// An empty directory of the task's ephemeral storage.
    pub fn is_task_directory(&self) -> bool {
        self.efs.is_none()
            && self.s3_files.is_none()
            && self.docker.is_none()
            && self.fsx_windows.is_none()
            && self.configured_at_launch != Some(true)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostVolume {
    /// A path of a container instance. Refused on Fargate.
    pub source_path: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EfsVolume {
    pub file_system_id: String,
    pub root_directory: Option<String>,
    /// `ENABLED` or `DISABLED`.
    pub transit_encryption: Option<String>,
    pub transit_encryption_port: Option<u16>,
    pub authorization: Option<EfsAuthorization>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EfsAuthorization {
    pub access_point_id: Option<String>,
    /// `ENABLED` or `DISABLED`.
    pub iam: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct S3FilesVolume {
    pub file_system_arn: String,
    pub root_directory: Option<String>,
    pub transit_encryption_port: Option<u16>,
    pub access_point_arn: Option<String>,
}

/// Refused on Fargate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DockerVolume {
    /// `task` or `shared`.
    pub scope: Option<String>,
    pub autoprovision: Option<bool>,
    pub driver: Option<String>,
    pub driver_opts: Option<BTreeMap<String, String>>,
    pub labels: Option<BTreeMap<String, String>>,
}

/// Refused on Fargate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FsxWindowsVolume {
    pub file_system_id: String,
    pub root_directory: String,
    pub credentials_parameter: String,
    pub domain: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MountPoint {
    pub source_volume: Option<String>,
    pub container_path: Option<String>,
    pub read_only: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VolumeFrom {
    pub source_container: String,
    pub read_only: Option<bool>,
}
