//! Records of ECR: repositories, the images and tags in them, and the layers that were pushed to them.
//!
//! Keys are `account/region/repository` and, for what is in a repository, `account/region/repository:name`. A
//! repository's name holds slashes and never a colon, so that no prefix of one selects another's.

pub mod image;
pub mod image_action;
pub mod lifecycle;
pub mod manifest;
pub mod name;
pub mod repository;

use crate::Scope;

/// The key of what is called `name` in a repository; with an empty name the prefix of all of it.
pub fn key_in(scope: &Scope, repository: &str, name: &str) -> String {
    scope.key(&format!("{repository}:{name}"))
}
