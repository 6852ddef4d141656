//! Records as answers.

use state_model::ecr::image::Image as ImageRecord;
use state_model::ecr::repository::{Repository as Record, TagMutability};
use state_tables::{View, repository_contents as contents};
use stdx::clock::Timestamp;
use wire_schema::Instant;
use wire_shapes_compute::ecr::{
    EncryptionConfiguration, EncryptionType, ImageDetail, ImageScanStatus, ImageScanningConfiguration,
    ImageStatus, ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType, Repository,
    ScanStatus, Tag,
};

use super::Context;

pub fn instant(at: Timestamp) -> Instant {
    Instant::from_millis(at.as_millis())
}

pub fn repository(context: &Context, record: &Record) -> Repository {
    let host = context.service.address.host(&record.scope);
    Repository {
        repository_arn: Some(record.arn()),
        registry_id: Some(record.scope.account.clone()),
        repository_name: Some(record.name.clone()),
        repository_uri: Some(format!("{host}/{}", record.name)),
        created_at: Some(instant(record.created_at)),
        image_tag_mutability: Some(record.tag_mutability.as_str().into()),
        image_tag_mutability_exclusion_filters: exclusions(&record.tag_mutability),
        image_scanning_configuration: Some(scanning(record.scan_on_push)),
        encryption_configuration: Some(EncryptionConfiguration {
            encryption_type: Some(EncryptionType::Aes256),
            kms_key: None,
        }),
    }
}

pub fn scanning(scan_on_push: bool) -> ImageScanningConfiguration {
    ImageScanningConfiguration { scan_on_push: Some(scan_on_push) }
}

pub fn exclusions(mutability: &TagMutability) -> Option<Vec<ImageTagMutabilityExclusionFilter>> {
    let filter = |pattern: &String| ImageTagMutabilityExclusionFilter {
        filter_type: Some(ImageTagMutabilityExclusionFilterType::Wildcard),
        filter: Some(pattern.clone()),
    };
    let filters: Vec<_> = mutability.exclusions.iter().map(filter).collect();
    (!filters.is_empty()).then_some(filters)
}

pub fn image_detail(view: &View, repository: &Record, image: &ImageRecord) -> ImageDetail {
    let tags: Vec<_> = contents::tags_of(view, image).into_iter().map(|row| row.tag.clone()).collect();
    ImageDetail {
        registry_id: Some(image.scope.account.clone()),
        repository_name: Some(image.repository.clone()),
        image_digest: Some(image.digest.clone()),
        image_tags: (!tags.is_empty()).then_some(tags),
        image_size_in_bytes: image.size_bytes.map(|size| i64::try_from(size).unwrap_or(i64::MAX)),
        image_pushed_at: Some(instant(image.pushed_at)),
        image_manifest_media_type: Some(image.media_type.clone()),
        artifact_media_type: image.config_media_type.clone(),
        last_recorded_pull_time: image.pulled_at.map(instant),
        subject_manifest_digest: image.subject.clone(),
        image_status: Some(ImageStatus::Active),
        // Said where a scan was asked for: there is no scanner, and silence would look like a scan to come.
        image_scan_status: repository.scan_on_push.then(|| ImageScanStatus {
            status: Some(ScanStatus::Failed),
            description: Some(String::from("This registry has no image scanner.")),
        }),
        ..ImageDetail::default()
    }
}

pub fn tags(record: &Record) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| Tag { key: Some(key.clone()), value: Some(value.clone()) };
    record.tags.iter().map(tag).collect()
}
