use api_auth::Context;
use state_model::s3::Object;
use wire_schema::ServiceError;
use wire_shapes_platform::s3::{self, DeleteObjectOutput};

use super::conditions::check_write;
use super::find::{Subject, check_version};
use super::{S3, errors, store};

pub async fn delete_object(
    context: Context<S3>,
    input: s3::DeleteObjectRequest,
) -> Result<DeleteObjectOutput, ServiceError> {
    let name = input.key.unwrap_or_default();
    let owner = input.expected_bucket_owner;
    let subject = Subject::object(&context, "s3:DeleteObject", input.bucket, &name, owner)?;
    check_version(input.version_id.as_deref())?;
    if input.mfa.is_some() || input.if_match_size.is_some() || input.if_match_last_modified_time.is_some() {
        return Err(errors::not_implemented("conditions other than If-Match, and MFA"));
    }
    context
        .transact(|view, transaction| {
            subject.find(view)?;
            let present = view.s3_objects.get(&Object::key_of(&subject.bucket, &name));
            check_write(&name, input.if_match.as_deref(), None, present.map(|row| &**row.record()))?;
            store::delete(view, transaction, &subject.bucket, &name);
            Ok(())
        })
        .await?;
    Ok(DeleteObjectOutput::default())
}
