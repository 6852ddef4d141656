//! Writing and removing the records of objects, in one transaction each.

use api_auth::RequestContext;
use state_model::s3::{Bucket, Object};
use state_tables::{Row, Transaction, View};
use wire_schema::ServiceError;

use super::conditions::check_write;
use super::errors::{caller, operation_aborted};
use super::find::Subject;
use super::limits::{HEADERS_BYTES_MAX, METADATA_BYTES_MAX, OBJECTS_MAX};

/// The conditions of a write.
#[derive(Clone, Debug, Default)]
pub struct WriteConditions {
    pub if_match: Option<String>,
    pub if_none_match: Option<String>,
}

pub fn check_object(object: &Object) -> Result<(), ServiceError> {
    if object.name.len() > Object::NAME_BYTES_MAX {
        let error = caller("KeyTooLongError", 400, "Your key is too long");
        return Err(error.field("MaxSizeAllowed", Object::NAME_BYTES_MAX.to_string()));
    }
    // Zero bytes have no form in XML, so that no listing could name such an object.
    if object.name.is_empty() || object.name.contains('\0') {
        return Err(caller("InvalidURI", 400, "Couldn't parse the specified URI."));
    }
    let bytes = |pairs: &std::collections::BTreeMap<String, String>| {
        pairs.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
    };
    if bytes(&object.metadata) > METADATA_BYTES_MAX || bytes(&object.headers) > HEADERS_BYTES_MAX {
        let message = "Your metadata headers exceed the maximum allowed metadata size";
        return Err(caller("MetadataTooLarge", 400, message));
    }
    Ok(())
}

/// Whether objects may be put into the bucket now.
pub fn check_open(context: &RequestContext, bucket: &Bucket) -> Result<(), ServiceError> {
    if bucket.is_being_deleted(context.now) { Err(operation_aborted()) } else { Ok(()) }
}

/// Its bytes are stored already.
pub async fn put(
    context: &RequestContext,
    subject: &Subject<'_>,
    object: &Object,
    conditions: &WriteConditions,
) -> Result<(), ServiceError> {
    context
        .transact(|view, transaction| {
            let bucket = subject.find(view)?;
            check_open(context, bucket)?;
            // Against a deletion of the bucket that is announced meanwhile.
            transaction.expect(bucket);
            let present = view.s3_objects.get(&Object::key_of(&object.bucket, &object.name));
            let (if_match, if_none_match) =
                (conditions.if_match.as_deref(), conditions.if_none_match.as_deref());
            check_write(&object.name, if_match, if_none_match, present.map(|row| &**row.record()))?;
            let is_conditional = if_match.is_some() || if_none_match.is_some();
            match present {
                // Of several at once the last one counts, and none is refused for the others.
                Some(_) if !is_conditional => transaction.put(object),
                Some(row) => transaction.update(row, object),
                None if view.s3_objects.len() >= OBJECTS_MAX => {
                    let message =
                        format!("This installation holds {OBJECTS_MAX} objects, which is its limit.");
                    return Err(ServiceError::service("ServiceUnavailable", message).with_status(503));
                }
                None => transaction.insert(object),
            }
            Ok(())
        })
        .await
}

/// What isn't there is deleted already. Its bytes stay until the next collection.
pub fn delete<'v>(
    view: &'v View,
    transaction: &mut Transaction,
    bucket: &str,
    name: &str,
) -> Option<&'v Row<Object>> {
    let row = view.s3_objects.get(&Object::key_of(bucket, name))?;
    transaction.delete(row);
    Some(row)
}
