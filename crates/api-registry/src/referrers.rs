//! What says something about an image: signatures, bills of material, attestations.

use http::Response;
use serde_json::{Value, json};
use state_model::ecr::image::Image;
use state_model::ecr::key_in;
use state_model::ecr::manifest::OCI_INDEX;
use state_model::ecr::name::is_digest;
use state_tables::repository_contents as contents;
use stdx_net::body::Body;

use crate::error::RegistryError;
use crate::page::Page;
use crate::{Call, answer};

pub fn list(call: &Call, name: &str, digest: &str) -> Result<Response<Body>, RegistryError> {
    let scope = &call.context.scope;
    if !is_digest(digest) {
        return Err(RegistryError::digest_invalid(digest));
    }
    let page = Page::of(&call.query)?;
    let view = call.context.view();
    contents::repository(&view, scope, name).ok_or_else(|| RegistryError::name_unknown(scope, name))?;
    let wanted = call.query.get("artifactType").filter(|kind| !kind.is_empty());
    let subject = key_in(scope, name, digest);
    let images = view.ecr_images.by(Image::BY_SUBJECT, &subject);
    let images =
        images.filter(|image| wanted.is_none_or(|kind| image.artifact_type.as_deref() == Some(kind)));
    // The index gives them in order of their digests.
    let images = images.filter(|image| page.last.as_ref().is_none_or(|last| image.digest > *last));
    let filter = wanted.map(|kind| {
        let kind = percent_encoding::utf8_percent_encode(kind, percent_encoding::NON_ALPHANUMERIC);
        format!("?artifactType={kind}")
    });
    let path = format!("/v2/{name}/referrers/{digest}{}", filter.unwrap_or_default());
    let (manifests, next) = page.take(&path, images.map(|image| (image.digest.clone(), descriptor(image))));
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests });
    let mut response = answer::json(200, index.to_string().into_bytes());
    answer::set(&mut response, "content-type", OCI_INDEX);
    if wanted.is_some() {
        answer::set(&mut response, "oci-filters-applied", "artifactType");
    }
    if let Some(link) = next {
        answer::set(&mut response, "link", &link);
    }
    Ok(response)
}

fn descriptor(image: &Image) -> Value {
    let mut descriptor = json!({
        "mediaType": image.media_type,
        "digest": image.digest,
        "size": image.manifest_bytes,
    });
    if let Some(kind) = &image.artifact_type {
        descriptor["artifactType"] = json!(kind);
    }
    if !image.annotations.is_empty() {
        descriptor["annotations"] = json!(image.annotations);
    }
    descriptor
}
