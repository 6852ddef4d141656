use api_auth::Context;
use state_model::s3::{Bucket, Object};
use state_tables::{Row, View};
use wire_schema::{Empty, ServiceError};
use wire_shapes_platform::s3;

use super::S3;
use super::errors::caller;
use super::find::Subject;

/// Announces the deletion before it looks for objects again: a put that comes between the look and the commit would
/// otherwise leave an object without a bucket.
pub async fn delete_bucket(
    context: Context<S3>,
    input: s3::DeleteBucketRequest,
) -> Result<Empty, ServiceError> {
    let subject = Subject::bucket(&context, "s3:DeleteBucket", input.bucket, input.expected_bucket_owner)?;
    context
        .transact(|view, transaction| {
            let row = subject.find(view)?;
            check_empty(view, row)?;
            let announced = Bucket { deleting_since: Some(context.now), ..(**row.record()).clone() };
            transaction.update(row, &announced);
            Ok(())
        })
        .await?;
    let deleted = context
        .transact(|view, transaction| {
            let row = subject.find(view)?;
            check_empty(view, row)?;
            transaction.delete(row);
            Ok(())
        })
        .await;
    if deleted.is_err() {
        withdraw(&context, &subject).await?;
    }
    deleted.map(|()| Empty {})
}

fn check_empty(view: &View, bucket: &Row<Bucket>) -> Result<(), ServiceError> {
    match view.s3_objects.prefix(&Object::key_of(&bucket.name, "")).next() {
        None => Ok(()),
        Some(_) => {
            let message = "The bucket you tried to delete is not empty";
            Err(caller("BucketNotEmpty", 409, message).field("BucketName", bucket.name.as_str()))
        }
    }
}

async fn withdraw(context: &Context<S3>, subject: &Subject<'_>) -> Result<(), ServiceError> {
    context
        .transact(|view, transaction| {
            if let Ok(row) = subject.find(view) {
                transaction.update(row, &Bucket { deleting_since: None, ..(**row.record()).clone() });
            }
            Ok(())
        })
        .await
}
