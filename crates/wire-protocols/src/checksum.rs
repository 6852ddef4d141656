//! The checksums that S3's clients put over a body, by the names that their headers end in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

/// What the header's name begins with.
pub const HEADER_PREFIX: &str = "x-amz-checksum-";

/// Computes a checksum in the form of its header: base64. None for an algorithm that isn't known here.
pub fn compute(algorithm: &str, content: &[u8]) -> Option<String> {
    Some(match algorithm {
        "crc32" => STANDARD.encode(crc32fast::hash(content).to_be_bytes()),
        "crc32c" => STANDARD.encode(crc32c(content).to_be_bytes()),
        "crc64nvme" => STANDARD.encode(crc64nvme(content).to_be_bytes()),
        "md5" => STANDARD.encode(Md5::digest(content)),
        "sha1" => STANDARD.encode(Sha1::digest(content)),
        "sha256" => STANDARD.encode(Sha256::digest(content)),
        "sha512" => STANDARD.encode(Sha512::digest(content)),
        _ => return None,
    })
}

/// The Castagnoli polynomial, reflected.
fn crc32c(content: &[u8]) -> u32 {
    const TABLE: [u64; 256] = table(0x82F6_3B78);
    // The upper half stays zero: the polynomial has none.
    reflected(&TABLE, 0xFFFF_FFFF, content) as u32
}

/// The polynomial of NVM Express, reflected.
fn crc64nvme(content: &[u8]) -> u64 {
    const TABLE: [u64; 256] = table(0x9A6C_9329_AC4B_C9B5);
    reflected(&TABLE, u64::MAX, content)
}

fn reflected(table: &[u64; 256], ones: u64, content: &[u8]) -> u64 {
    let fold = |crc: u64, byte: &u8| table[usize::from(*byte ^ crc.to_le_bytes()[0])] ^ (crc >> 8);
    content.iter().fold(ones, fold) ^ ones
}

const fn table(polynomial: u64) -> [u64; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u64;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ polynomial } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the algorithms' definitions, over the digits from 1 to 9.
    #[test]
    fn checksums_have_their_check_values() {
        for (algorithm, expected) in [
            ("crc32", "cbf43926"),
            ("crc32c", "e3069283"),
            ("crc64nvme", "ae8b14860a799888"),
            ("md5", "25f9e794323b453885f5181f1b624d0b"),
            ("sha1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
        ] {
            let found = compute(algorithm, b"123456789").and_then(|text| STANDARD.decode(text).ok());
            assert_eq!(found.map(hex::encode).as_deref(), Some(expected), "{algorithm}");
        }
        assert_eq!(compute("xxhash3", b""), None);
    }
}
