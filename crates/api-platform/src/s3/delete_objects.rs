use api_auth::Context;
use state_model::s3::Object;
use wire_schema::ServiceError;
use wire_shapes_platform::s3::{self, DeleteObjectsOutput, DeletedObject, ObjectIdentifier};

use super::conditions::check_write;
use super::errors::{malformed_xml, not_implemented};
use super::find::{Subject, check_version};
use super::limits::{DELETED_KEYS_MAX, DELETED_PER_COMMIT_MAX};
use super::{S3, store};

/// Each object has its own outcome.
pub async fn delete_objects(
    context: Context<S3>,
    input: s3::DeleteObjectsRequest,
) -> Result<DeleteObjectsOutput, ServiceError> {
    let owner = input.expected_bucket_owner;
    let subject = Subject::bucket(&context, "s3:DeleteObject", input.bucket, owner)?;
    let delete = input.delete.unwrap_or_default();
    let named = delete.objects.unwrap_or_default();
    if named.is_empty() || named.len() > DELETED_KEYS_MAX || named.iter().any(|object| object.key.is_none()) {
        return Err(malformed_xml());
    }
    if input.mfa.is_some() {
        return Err(not_implemented("MFA"));
    }
    subject.find(&context.view())?;
    let mut output = DeleteObjectsOutput::default();
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for some in named.chunks(DELETED_PER_COMMIT_MAX) {
        let outcomes = context
            .transact(|view, transaction| {
                subject.find(view)?;
                let mut seen = std::collections::BTreeSet::new();
                Ok(some
                    .iter()
                    .map(|object| {
                        let name = object.key.as_deref().unwrap_or_default();
                        context.authorise("s3:DeleteObject", &Object::arn_of(&subject.bucket, name))?;
                        check_version(object.version_id.as_deref())?;
                        let present = view.s3_objects.get(&Object::key_of(&subject.bucket, name));
                        check_write(name, object.e_tag.as_deref(), None, present.map(|row| &**row.record()))?;
                        if seen.insert(name) {
                            store::delete(view, transaction, &subject.bucket, name);
                        }
                        Ok(())
                    })
                    .collect::<Vec<Result<(), ServiceError>>>())
            })
            .await?;
        for (object, outcome) in some.iter().zip(outcomes) {
            match outcome {
                Ok(()) => deleted.push(DeletedObject { key: object.key.clone(), ..Default::default() }),
                Err(error) => errors.push(refusal(object, &error)),
            }
        }
    }
    if delete.quiet != Some(true) {
        output.deleted = Some(deleted);
    }
    output.errors = (!errors.is_empty()).then_some(errors);
    Ok(output)
}

fn refusal(object: &ObjectIdentifier, error: &ServiceError) -> s3::Error {
    s3::Error {
        key: object.key.clone(),
        version_id: object.version_id.clone(),
        code: Some(error.code.to_string()),
        message: Some(error.message.clone()),
    }
}
