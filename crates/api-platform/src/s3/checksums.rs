//! The checksums that clients send and ask for.

use wire_protocols::checksum::compute;
use wire_schema::ServiceError;
use wire_shapes_platform::s3;

use super::errors::{caller, invalid_request, not_implemented};

/// What S3 computes when the client doesn't care.
const DEFAULT: &str = "crc64nvme";

/// Checks what the client computed over the content; yields the object's checksum: the algorithm and the value.
pub fn check(input: &s3::PutObjectRequest, content: &[u8]) -> Result<(String, String), ServiceError> {
    if let Some(given) = &input.content_md5
        && compute("md5", content).as_ref() != Some(given)
    {
        let message = "The Content-MD5 you specified did not match what we received.";
        return Err(caller("BadDigest", 400, message));
    }
    let given = [
        ("crc32", &input.checksum_crc32),
        ("crc32c", &input.checksum_crc32_c),
        ("crc64nvme", &input.checksum_crc64_nvme),
        ("md5", &input.checksum_md5),
        ("sha1", &input.checksum_sha1),
        ("sha256", &input.checksum_sha256),
        ("sha512", &input.checksum_sha512),
        ("xxhash3", &input.checksum_xxhash3),
        ("xxhash64", &input.checksum_xxhash64),
        ("xxhash128", &input.checksum_xxhash128),
    ];
    let mut given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let first = given.next();
    if given.next().is_some() {
        return Err(invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        ));
    }
    if let Some((name, value)) = first {
        let computed = compute(name, content).ok_or_else(|| not_implemented(name))?;
        if computed != *value {
            let message =
                format!("The {} you specified did not match the calculated checksum.", name.to_uppercase());
            return Err(caller("BadDigest", 400, message));
        }
        return Ok((name.to_owned(), computed));
    }
    // A checksum in a trailer was checked with the signature; here it is only computed again.
    let asked = input.checksum_algorithm.as_ref().map(|name| name.as_str().to_ascii_lowercase());
    let name = asked.unwrap_or_else(|| DEFAULT.to_owned());
    let computed = compute(&name, content).ok_or_else(|| not_implemented(&name))?;
    Ok((name, computed))
}

/// Puts an object's checksum where a shape has its member.
macro_rules! put_checksum {
    ($shape:expr, $checksum:expr) => {{
        let (name, value) = &$checksum;
        let value = Some(value.clone());
        match name.as_str() {
            "crc32" => $shape.checksum_crc32 = value,
            "crc32c" => $shape.checksum_crc32_c = value,
            "crc64nvme" => $shape.checksum_crc64_nvme = value,
            "md5" => $shape.checksum_md5 = value,
            "sha1" => $shape.checksum_sha1 = value,
            "sha256" => $shape.checksum_sha256 = value,
            "sha512" => $shape.checksum_sha512 = value,
            _ => {}
        }
        $shape.checksum_type = Some(wire_shapes_platform::s3::ChecksumType::from("FULL_OBJECT"));
    }};
}
pub(super) use put_checksum;
