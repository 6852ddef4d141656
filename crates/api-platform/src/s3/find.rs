//! Finding what a request names, and whether its caller may have it.

use api_auth::RequestContext;
use api_auth::context::access_denied;
use state_model::s3::{Bucket, Object};
use state_tables::{Row, View};
use wire_schema::ServiceError;

use super::errors::{invalid_argument, invalid_bucket_name, no_such_bucket, no_such_key};

/// What an operation is about. Making one is the first step of every handler on a bucket: it authorises.
#[derive(Debug)]
pub struct Subject<'a> {
    context: &'a RequestContext,
    action: &'static str,
    resource: String,
    pub bucket: String,
    owner: Option<String>,
}

impl<'a> Subject<'a> {
    /// `owner` is the account that the caller expects to own the bucket.
    pub fn bucket(
        context: &'a RequestContext,
        action: &'static str,
        bucket: Option<String>,
        owner: Option<String>,
    ) -> Result<Self, ServiceError> {
        let bucket = bucket.unwrap_or_default();
        let resource = Bucket::arn_of(&bucket);
        context.authorise(action, &resource)?;
        Ok(Self { context, action, resource, bucket, owner })
    }

    pub fn object(
        context: &'a RequestContext,
        action: &'static str,
        bucket: Option<String>,
        name: &str,
        owner: Option<String>,
    ) -> Result<Self, ServiceError> {
        let bucket = bucket.unwrap_or_default();
        let resource = Object::arn_of(&bucket, name);
        context.authorise(action, &resource)?;
        Ok(Self { context, action, resource, bucket, owner })
    }

    /// The bucket, if it is the caller's: what belongs to other accounts is closed to everyone else.
    pub fn find<'v>(&self, view: &'v View) -> Result<&'v Row<Bucket>, ServiceError> {
        let Some(row) = view.s3_buckets.get(&self.bucket) else {
            let known = Bucket::is_name(&self.bucket);
            return Err(if known { no_such_bucket(&self.bucket) } else { invalid_bucket_name(&self.bucket) });
        };
        let is_owner = row.scope.account == self.context.scope.account;
        let is_expected = self.owner.as_ref().is_none_or(|owner| *owner == row.scope.account);
        if is_owner && is_expected {
            return Ok(row);
        }
        Err(access_denied(&self.context.principal, self.action, &self.resource))
    }

    pub fn find_object<'v>(&self, view: &'v View, name: &str) -> Result<&'v Row<Object>, ServiceError> {
        self.find(view)?;
        view.s3_objects.get(&Object::key_of(&self.bucket, name)).ok_or_else(|| no_such_key(name))
    }
}

/// There is one version of each object, which S3 calls `null`.
pub fn check_version(version: Option<&str>) -> Result<(), ServiceError> {
    match version {
        None | Some("null") => Ok(()),
        Some(other) => Err(invalid_argument("versionId", other, "Invalid version id specified")),
    }
}
