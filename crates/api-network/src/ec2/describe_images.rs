//! DescribeImages: there are no machine images, as there are no instances.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{DescribeImagesRequest, DescribeImagesResult};

use super::errors::check_dry_run;
use super::filters::Filters;
use super::ids::Kind;
use super::page::Page;
use super::{Context, ids};

const IMAGE: Kind = Kind {
    prefix: "ami-",
    malformed: "InvalidAMIID.Malformed",
    not_found: "InvalidAMIID.NotFound",
    noun: "image id",
};

pub async fn describe_images(
    context: Context,
    input: DescribeImagesRequest,
) -> Result<DescribeImagesResult, ServiceError> {
    context.authorise("ec2:DescribeImages", "*")?;
    let given = input.image_ids.unwrap_or_default();
    let filters = Filters::new(input.filters, FILTERS)?;
    Page::new(&filters, &given, input.next_token.as_deref(), input.max_results)?;
    if let Some(id) = ids::unique(&given)?.first() {
        IMAGE.check(id)?;
        return Err(IMAGE.unknown(&format!("[{id}]")));
    }
    check_dry_run(input.dry_run)?;
    Ok(DescribeImagesResult { images: Some(Vec::new()), next_token: None })
}

const FILTERS: &[&str] = &[
    "architecture",
    "block-device-mapping.delete-on-termination",
    "block-device-mapping.device-name",
    "block-device-mapping.encrypted",
    "block-device-mapping.snapshot-id",
    "block-device-mapping.volume-size",
    "block-device-mapping.volume-type",
    "creation-date",
    "description",
    "ena-support",
    "free-tier-eligible",
    "hypervisor",
    "image-allowed",
    "image-id",
    "image-type",
    "is-public",
    "kernel-id",
    "manifest-location",
    "name",
    "owner-alias",
    "owner-id",
    "platform",
    "product-code",
    "product-code.type",
    "ramdisk-id",
    "root-device-name",
    "root-device-type",
    "source-image-id",
    "source-image-region",
    "source-instance-id",
    "sriov-net-support",
    "state",
    "state-reason-code",
    "state-reason-message",
    "virtualization-type",
];
