use api_auth::Context;
use state_model::Scope;
use state_model::s3::Bucket;
use state_model::scope::is_region_name;
use wire_schema::ServiceError;
use wire_shapes_platform::s3::{self, CreateBucketOutput};

use super::S3;
use super::errors::{caller, invalid_bucket_name, not_implemented};
use super::limits::BUCKETS_MAX;

/// The region that a bucket is in when nothing says so, and whose old rule takes a repeated creation.
const CLASSIC_REGION: &str = "us-east-1";

pub async fn create_bucket(
    context: Context<S3>,
    input: s3::CreateBucketRequest,
) -> Result<CreateBucketOutput, ServiceError> {
    let name = input.bucket.clone().unwrap_or_default();
    context.authorise("s3:CreateBucket", &Bucket::arn_of(&name))?;
    if !Bucket::is_name(&name) {
        return Err(invalid_bucket_name(&name));
    }
    refuse_unserved(&input)?;
    let region = region(&context.scope, input.create_bucket_configuration.as_ref())?;
    let scope = Scope::new(&context.scope.account, region);
    let bucket = Bucket { scope, name, created_at: context.now, deleting_since: None };
    context
        .transact(|view, transaction| {
            let Some(present) = view.s3_buckets.get(&bucket.name) else {
                if view.s3_buckets.by(Bucket::BY_ACCOUNT, &bucket.scope.account).count() >= BUCKETS_MAX {
                    let message = "You have attempted to create more buckets than allowed";
                    return Err(caller("TooManyBuckets", 400, message));
                }
                transaction.insert(&bucket);
                return Ok(());
            };
            if present.scope.account != bucket.scope.account {
                let message = "The requested bucket name is not available. The bucket namespace is shared by all \
                     users of the system. Please select a different name and try again.";
                return Err(caller("BucketAlreadyExists", 409, message).field("BucketName", bucket.name.as_str()));
            }
            if present.scope.region == CLASSIC_REGION && bucket.scope.region == CLASSIC_REGION {
                return Ok(());
            }
            let message = "Your previous request to create the named bucket succeeded and you already own it.";
            Err(caller("BucketAlreadyOwnedByYou", 409, message).field("BucketName", bucket.name.as_str()))
        })
        .await?;
    Ok(CreateBucketOutput { location: Some(format!("/{}", bucket.name)), bucket_arn: Some(bucket.arn()) })
}

fn refuse_unserved(input: &s3::CreateBucketRequest) -> Result<(), ServiceError> {
    let grants = [
        &input.grant_full_control,
        &input.grant_read,
        &input.grant_read_acp,
        &input.grant_write,
        &input.grant_write_acp,
    ];
    let has_acl = input.acl.as_ref().is_some_and(|acl| acl.as_str() != "private");
    if has_acl || grants.iter().any(|grant| grant.is_some()) {
        let message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
        return Err(caller("InvalidBucketAclWithObjectOwnership", 400, message));
    }
    if input.object_lock_enabled_for_bucket == Some(true) {
        return Err(not_implemented("object lock"));
    }
    if input.object_ownership.as_ref().is_some_and(|owner| owner.as_str() != "BucketOwnerEnforced") {
        return Err(not_implemented("an object ownership other than BucketOwnerEnforced"));
    }
    if input.bucket_namespace.as_ref().is_some_and(|namespace| namespace.as_str() != "global") {
        return Err(not_implemented("a bucket namespace other than global"));
    }
    let configuration = input.create_bucket_configuration.as_ref();
    if configuration.is_some_and(|given| given.bucket.is_some() || given.location.is_some()) {
        return Err(not_implemented("directory buckets"));
    }
    if configuration.and_then(|given| given.tags.as_ref()).is_some_and(|tags| !tags.is_empty()) {
        return Err(not_implemented("tags of buckets"));
    }
    Ok(())
}

/// Where the bucket will be: the region of the request, unless that is the classic one, which makes buckets anywhere.
fn region(
    scope: &Scope,
    configuration: Option<&s3::CreateBucketConfiguration>,
) -> Result<String, ServiceError> {
    let constraint =
        configuration.and_then(|given| given.location_constraint.as_ref()).map(|given| given.as_str());
    let constraint = constraint.filter(|text| !text.is_empty());
    let wanted = match constraint {
        None => CLASSIC_REGION,
        Some("EU") => "eu-west-1",
        Some(other) if other == CLASSIC_REGION || !is_region_name(other) => {
            let message = "The specified location-constraint is not valid";
            return Err(caller("InvalidLocationConstraint", 400, message).field("LocationConstraint", other));
        }
        Some(other) => other,
    };
    if scope.region != CLASSIC_REGION && scope.region != wanted {
        let given = constraint.unwrap_or("unspecified");
        let message = format!(
            "The {given} location constraint is incompatible for the region specific endpoint this request was sent to."
        );
        return Err(caller("IllegalLocationConstraintException", 400, message));
    }
    Ok(wanted.to_owned())
}
