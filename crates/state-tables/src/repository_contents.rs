//! The write functions of what is in an image repository. Both ways into it, the ECR API and the registry
//! protocol, use these.
//!
//! What adds to a repository expects its record unchanged; what removes from it writes that record again. So
//! adding never competes with adding, but a layer can't go while an image that names it comes, and nothing is
//! added to a repository that is being deleted.

use std::collections::BTreeMap;
use std::time::Duration;

use state_model::Scope;
use state_model::ecr::image::{Image, ImageTag, Layer};
use state_model::ecr::image_action::{ActionKind, ImageAction};
use state_model::ecr::key_in;
use state_model::ecr::lifecycle::Candidate;
use state_model::ecr::manifest::Manifest;
use state_model::ecr::repository::Repository;
use stdx::clock::Timestamp;

use crate::table::Row;
use crate::tables::View;
use crate::transaction::Transaction;

/// A pull is noted again when the last one noted is older than this, as on AWS: pulling is no write each
/// time.
const PULL_RESOLUTION: Duration = Duration::from_hours(24);

/// Records that one step of a removal deletes; the store takes 128 writes at once.
const REMOVALS_MAX: usize = 100;

/// Tags that one image may have, as on AWS.
pub const TAGS_PER_IMAGE_MAX: usize = 1000;

/// A manifest to be put; its bytes are stored already.
#[derive(Clone, Copy, Debug)]
pub struct NewImage<'a> {
    pub digest: &'a str,
    pub manifest_bytes: u64,
    pub manifest: &'a Manifest,
    pub tag: Option<&'a str>,
    pub now: Timestamp,
}

impl<'a> NewImage<'a> {
    /// What is told of it when it was put.
    pub fn pushed(&self, repository: &'a str) -> ImageAction<'a> {
        ImageAction {
            kind: ActionKind::Push,
            repository,
            digest: self.digest,
            tag: self.tag,
            media_type: &self.manifest.media_type,
        }
    }
}

/// What is told of an image that goes, or loses its tag: without one named, its first.
pub fn deleted<'v>(view: &'v View, image: &'v Image, tag: Option<&'v str>) -> ImageAction<'v> {
    let first = || tags_of(view, image).into_iter().next().map(|row| row.tag.as_str());
    ImageAction {
        kind: ActionKind::Delete,
        repository: &image.repository,
        digest: &image.digest,
        tag: tag.or_else(first),
        media_type: &image.media_type,
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutImageError {
    RepositoryUnknown,
    /// The image is there and has the tag, or none was asked for.
    AlreadyThere,
    TagImmutable {
        tag: String,
    },
    TagsTooMany,
    /// These blobs were never pushed to the repository.
    LayersUnknown(Vec<String>),
    /// These manifests, which an index names, are not in the repository.
    ManifestsUnknown(Vec<String>),
}

/// Whether a removal in steps has come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    Complete,
    /// Call again, in another transaction.
    Unfinished,
}

/// The repository, unless it is being deleted.
pub fn repository<'v>(view: &'v View, scope: &Scope, name: &str) -> Option<&'v Row<Repository>> {
    view.ecr_repositories.get(&scope.key(name)).filter(|row| !row.is_deleting)
}

pub fn image<'v>(view: &'v View, repository: &Repository, digest: &str) -> Option<&'v Row<Image>> {
    view.ecr_images.get(&key_in(&repository.scope, &repository.name, digest))
}

pub fn tag<'v>(view: &'v View, repository: &Repository, tag: &str) -> Option<&'v Row<ImageTag>> {
    view.ecr_tags.get(&key_in(&repository.scope, &repository.name, tag))
}

/// The image's tags, in order.
pub fn tags_of<'v>(view: &'v View, image: &Image) -> Vec<&'v Row<ImageTag>> {
    view.ecr_tags.by(ImageTag::BY_IMAGE, &image.key_of(&image.digest)).collect()
}

pub fn layer<'v>(view: &'v View, repository: &Repository, digest: &str) -> Option<&'v Row<Layer>> {
    view.ecr_layers.get(&key_in(&repository.scope, &repository.name, digest))
}

/// Whether an index of the repository names the image.
pub fn is_referenced(view: &View, image: &Image) -> bool {
    view.ecr_images.any_by(Image::BY_CHILD, &image.key_of(&image.digest))
}

/// The repository's images as its lifecycle policy sees them.
pub fn candidates(view: &View, repository: &Repository) -> Vec<Candidate> {
    let prefix = key_in(&repository.scope, &repository.name, "");
    let images = view.ecr_images.prefix(&prefix).map(|(_, image)| Candidate {
        digest: image.digest.clone(),
        tags: tags_of(view, image).into_iter().map(|row| row.tag.clone()).collect(),
        pushed_at: image.pushed_at,
        pulled_at: image.pulled_at,
        is_referenced: is_referenced(view, image),
    });
    images.collect()
}

/// Whether [`note_pull`] would write.
pub fn is_pull_news(image: &Image, now: Timestamp) -> bool {
    image.pulled_at.is_none_or(|at| now.since(at) > PULL_RESOLUTION)
}

/// Notes that the image was pulled.
pub fn note_pull(transaction: &mut Transaction, image: &Row<Image>, now: Timestamp) {
    if is_pull_news(image, now) {
        transaction.update(image, &Image { pulled_at: Some(now), ..Image::clone(image) });
    }
}

/// Notes that a blob was pushed to the repository, or mounted into it.
pub fn link_layer(
    view: &View,
    transaction: &mut Transaction,
    repository: &Row<Repository>,
    digest: &str,
    size_bytes: u64,
    now: Timestamp,
) {
    if layer(view, repository, digest).is_none() {
        transaction.expect(repository);
        transaction.insert(&Layer {
            scope: repository.scope.clone(),
            repository: repository.name.clone(),
            digest: digest.to_owned(),
            size_bytes,
            pushed_at: now,
        });
    }
}

/// Adds an image, a tag, or both.
pub fn put_image(
    view: &View,
    transaction: &mut Transaction,
    scope: &Scope,
    name: &str,
    new: NewImage<'_>,
) -> Result<(), PutImageError> {
    let repository = repository(view, scope, name).ok_or(PutImageError::RepositoryUnknown)?;
    let existing = image(view, repository, new.digest);
    let former = new.tag.and_then(|name| tag(view, repository, name));
    let has_tag = new.tag.is_none() || former.is_some_and(|row| row.digest == new.digest);
    if existing.is_some() && has_tag {
        return Err(PutImageError::AlreadyThere);
    }
    if let Some(row) = former
        && row.digest != new.digest
        && !repository.tag_mutability.may_move(&row.tag)
    {
        return Err(PutImageError::TagImmutable { tag: row.tag.clone() });
    }
    transaction.expect(repository);
    match existing {
        Some(row) => {
            if tags_of(view, row).len() >= TAGS_PER_IMAGE_MAX {
                return Err(PutImageError::TagsTooMany);
            }
            transaction.expect(row);
        }
        None => {
            check_parts(view, repository, new.manifest)?;
            transaction.insert(&new_image(repository, new));
        }
    }
    if let Some(name) = new.tag {
        write_tag(transaction, repository, former, name, new);
    }
    Ok(())
}

fn check_parts(view: &View, repository: &Repository, manifest: &Manifest) -> Result<(), PutImageError> {
    let unknown = |digests: Vec<&String>| digests.into_iter().cloned().collect::<Vec<_>>();
    let blobs = manifest.blobs().map(|blob| &blob.digest);
    let missing: Vec<_> = blobs.filter(|digest| layer(view, repository, digest).is_none()).collect();
    if !missing.is_empty() {
        return Err(PutImageError::LayersUnknown(unknown(missing)));
    }
    let manifests = manifest.manifests.iter().map(|child| &child.digest);
    let missing: Vec<_> = manifests.filter(|digest| image(view, repository, digest).is_none()).collect();
    if !missing.is_empty() {
        return Err(PutImageError::ManifestsUnknown(unknown(missing)));
    }
    Ok(())
}

fn write_tag(
    transaction: &mut Transaction,
    repository: &Repository,
    former: Option<&Row<ImageTag>>,
    name: &str,
    new: NewImage<'_>,
) {
    let record = ImageTag {
        scope: repository.scope.clone(),
        repository: repository.name.clone(),
        tag: name.to_owned(),
        digest: new.digest.to_owned(),
        tagged_at: new.now,
    };
    match former {
        Some(row) => transaction.update(row, &record),
        None => transaction.insert(&record),
    }
}

fn new_image(repository: &Repository, new: NewImage<'_>) -> Image {
    let manifest = new.manifest;
    let annotations: BTreeMap<_, _> = manifest.annotations.clone();
    Image {
        scope: repository.scope.clone(),
        repository: repository.name.clone(),
        digest: new.digest.to_owned(),
        media_type: manifest.media_type.clone(),
        manifest_bytes: new.manifest_bytes,
        size_bytes: manifest.size_bytes(),
        config_media_type: manifest.config.as_ref().map(|config| config.media_type.clone()),
        artifact_type: manifest.artifact_type.clone(),
        annotations,
        blobs: manifest.blobs().map(|blob| blob.digest.clone()).collect(),
        manifests: manifest.manifests.iter().map(|child| child.digest.clone()).collect(),
        subject: manifest.subject.clone(),
        pushed_at: new.now,
        pulled_at: None,
    }
}

/// Takes a tag away; the image stays.
pub fn remove_tag(transaction: &mut Transaction, repository: &Row<Repository>, tag: &Row<ImageTag>) {
    renew(transaction, repository);
    transaction.delete(tag);
}

/// Removes an image with all its tags. Whether it may go, because of [`is_referenced`], is the caller's
/// question.
pub fn remove_image(
    view: &View,
    transaction: &mut Transaction,
    repository: &Row<Repository>,
    image: &Row<Image>,
) -> Removal {
    renew(transaction, repository);
    let tags = tags_of(view, image);
    tags.iter().take(REMOVALS_MAX).for_each(|tag| transaction.delete(tag));
    if tags.len() > REMOVALS_MAX {
        return Removal::Unfinished;
    }
    transaction.delete(image);
    Removal::Complete
}

/// Removes layers that no image of the repository names. Those that one does are left alone.
pub fn remove_layers(
    view: &View,
    transaction: &mut Transaction,
    repository: &Row<Repository>,
    digests: &[String],
) -> Removal {
    renew(transaction, repository);
    let key = |digest: &str| key_in(&repository.scope, &repository.name, digest);
    let unused = digests.iter().filter(|digest| !view.ecr_images.any_by(Image::BY_BLOB, &key(digest)));
    let mut rows = unused.filter_map(|digest| layer(view, repository, digest));
    rows.by_ref().take(REMOVALS_MAX).for_each(|row| transaction.delete(row));
    if rows.next().is_some() { Removal::Unfinished } else { Removal::Complete }
}

/// The next step in deleting a repository that is marked as `is_deleting`: everything in it, and at last
/// itself.
pub fn remove_repository(
    view: &View,
    transaction: &mut Transaction,
    repository: &Row<Repository>,
) -> Removal {
    assert!(repository.is_deleting, "a repository is marked before it is emptied");
    let prefix = key_in(&repository.scope, &repository.name, "");
    let mut room = REMOVALS_MAX;
    for (_, row) in view.ecr_tags.prefix(&prefix).take(room) {
        transaction.delete(row);
        room -= 1;
    }
    for (_, row) in view.ecr_images.prefix(&prefix).take(room) {
        transaction.delete(row);
        room -= 1;
    }
    for (_, row) in view.ecr_layers.prefix(&prefix).take(room) {
        transaction.delete(row);
        room -= 1;
    }
    if room == 0 {
        return Removal::Unfinished;
    }
    transaction.delete(repository);
    Removal::Complete
}

fn renew(transaction: &mut Transaction, repository: &Row<Repository>) {
    transaction.update(repository, &Repository::clone(repository));
}
