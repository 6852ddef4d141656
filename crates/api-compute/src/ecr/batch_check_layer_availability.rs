//! BatchCheckLayerAvailability.

use state_tables::repository_contents as contents;
use wire_schema::ServiceError;
use wire_shapes_compute::ecr::{
    BatchCheckLayerAvailabilityRequest, BatchCheckLayerAvailabilityResponse, Layer, LayerAvailability,
    LayerFailure, LayerFailureCode,
};

use super::{Context, errors, lookup, validate};

pub async fn batch_check_layer_availability(
    context: Context,
    input: BatchCheckLayerAvailabilityRequest,
) -> Result<BatchCheckLayerAvailabilityResponse, ServiceError> {
    let registry = input.registry_id.as_deref();
    let action = "ecr:BatchCheckLayerAvailability";
    let name = lookup::authorise(&context, action, registry, input.repository_name)?;
    let digests = validate::batch("layerDigests", input.layer_digests)?;
    let view = context.view();
    let repository = lookup::repository(&context, &view, &name)?;
    let (mut layers, mut failures) = (Vec::new(), Vec::new());
    for text in digests {
        let Ok(digest) = text.parse() else {
            failures.push(LayerFailure {
                layer_digest: Some(text),
                failure_code: Some(LayerFailureCode::InvalidLayerDigest),
                failure_reason: Some(
                    "Invalid request parameters: layer digest is not a sha256 digest".into(),
                ),
            });
            continue;
        };
        let row = contents::layer(&view, repository, &text);
        // Whoever asks means to use it: it is not collected as unused for a while.
        let stored = match row {
            Some(_) => context.service.blobs.touch(digest).await.map_err(errors::blob)?,
            None => None,
        };
        let is_there = row.is_some() && stored.is_some();
        let availability =
            if is_there { LayerAvailability::Available } else { LayerAvailability::Unavailable };
        layers.push(Layer {
            layer_digest: Some(text),
            layer_availability: Some(availability),
            layer_size: stored.map(|size| i64::try_from(size).unwrap_or(i64::MAX)),
            media_type: None,
        });
    }
    Ok(BatchCheckLayerAvailabilityResponse { layers: Some(layers), failures: Some(failures) })
}
