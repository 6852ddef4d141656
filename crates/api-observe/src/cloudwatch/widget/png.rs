//! A picture as PNG: eight bits each of red, green and blue.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// `rgba` holds four bytes per pixel; nothing shines through.
pub fn encode(width: u32, height: u32, rgba: &[u8]) -> Vec<u8> {
    let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::with_capacity(13);
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    // Eight bits, colour, and the only methods there are.
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut picture, b"IHDR", &header);
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let row_bytes = width as usize * 4;
    for row in rgba.chunks_exact(row_bytes) {
        let mut line = Vec::with_capacity(1 + width as usize * 3);
        // No filter.
        line.push(0);
        row.chunks_exact(4).for_each(|pixel| line.extend_from_slice(&pixel[..3]));
        encoder.write_all(&line).expect("memory takes what is written");
    }
    let data = encoder.finish().expect("memory takes what is written");
    chunk(&mut picture, b"IDAT", &data);
    chunk(&mut picture, b"IEND", &[]);
    picture
}

fn chunk(picture: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).expect("pictures have a few megabytes");
    picture.extend(length.to_be_bytes());
    picture.extend(kind);
    picture.extend(data);
    let mut crc = crc32fast::Hasher::new();
    crc.update(kind);
    crc.update(data);
    picture.extend(crc.finalize().to_be_bytes());
}
