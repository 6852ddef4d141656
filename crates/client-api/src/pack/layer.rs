//! Writes a layer: hashes what goes in, packs it, hashes what comes out.

use std::io::{self, BufWriter, Write};

use sha2::{Digest as _, Sha256};

use super::Compression;

const ZSTD_LEVEL: i32 = 3;
/// Between speed and size: level 6 takes three times as long for a few percent.
const GZIP_LEVEL: u32 = 3;
const BUFFER_BYTES: usize = 256 * 1024;

pub struct LayerWriter<W: Write> {
    plain: Sha256,
    encoder: Encoder<Hashed<W>>,
}

pub struct Written<W> {
    pub file: W,
    pub digest: String,
    pub diff_id: String,
    pub bytes: u64,
}

enum Encoder<W: Write> {
    Gzip(flate2::write::GzEncoder<W>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

struct Hashed<W: Write> {
    inner: BufWriter<W>,
    hasher: Sha256,
    bytes: u64,
}

impl<W: Write> LayerWriter<W> {
    pub fn new(inner: W, compression: Compression) -> io::Result<Self> {
        let inner = BufWriter::with_capacity(BUFFER_BYTES, inner);
        let hashed = Hashed { inner, hasher: Sha256::new(), bytes: 0 };
        let encoder = match compression {
            Compression::Gzip => {
                Encoder::Gzip(flate2::write::GzEncoder::new(hashed, flate2::Compression::new(GZIP_LEVEL)))
            }
            Compression::Zstd => Encoder::Zstd(zstd::stream::write::Encoder::new(hashed, ZSTD_LEVEL)?),
        };
        Ok(Self { plain: Sha256::new(), encoder })
    }

    pub fn finish(self) -> io::Result<Written<W>> {
        let hashed = match self.encoder {
            Encoder::Gzip(encoder) => encoder.finish()?,
            Encoder::Zstd(encoder) => encoder.finish()?,
        };
        let file = hashed.inner.into_inner().map_err(io::IntoInnerError::into_error)?;
        let text = |hasher: Sha256| format!("sha256:{}", hex::encode(hasher.finalize()));
        Ok(Written { file, digest: text(hashed.hasher), diff_id: text(self.plain), bytes: hashed.bytes })
    }
}

impl<W: Write> Write for LayerWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = match &mut self.encoder {
            Encoder::Gzip(encoder) => encoder.write(bytes)?,
            Encoder::Zstd(encoder) => encoder.write(bytes)?,
        };
        self.plain.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.encoder {
            Encoder::Gzip(encoder) => encoder.flush(),
            Encoder::Zstd(encoder) => encoder.flush(),
        }
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
