//! The pipeline of one layer: network chunks → hash and decompress on one thread → hash and write on another.

use std::io::{self, BufRead, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::{Buf as _, Bytes};
use sha2::{Digest as _, Sha256};

use super::LayerError;
use super::archive::Archive;
use super::tree::Tree;
use super::unpack::Unpacker;
use crate::digest::Digest;
use crate::limits::{BLOCK_BYTES, BLOCKS_QUEUED_MAX, LAYER_BYTES_MAX};

/// What comes from the network. Only `End` ends a layer; a channel that closes without it was given up.
#[derive(Debug)]
pub enum Piece {
    Data(Bytes),
    End,
}

#[derive(Clone, Copy, Debug)]
pub struct Expected {
    pub digest: Digest,
    pub size: u64,
    pub diff_id: Digest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpacked {
    pub entries: u64,
    pub bytes: u64,
}

/// Unpacks one layer into the empty directory `root`. Blocks until the layer is complete or has failed; on
/// failure the directory holds leftovers that its owner removes.
pub fn unpack(
    pieces: tokio::sync::mpsc::Receiver<Piece>,
    expected: Expected,
    root: &Path,
) -> Result<Unpacked, LayerError> {
    let tree = Tree::open(root).map_err(|source| LayerError::Entry {
        path: root.display().to_string(),
        action: "opening",
        source,
    })?;
    let (full, filled) = sync_channel(BLOCKS_QUEUED_MAX);
    let (empty, emptied) = sync_channel(BLOCKS_QUEUED_MAX);
    std::thread::scope(|scope| {
        let decoder = scope.spawn(move || decompress(pieces, expected, &full, &emptied));
        let written = write(tree, BlockReader::new(filled, empty));
        let decoded = decoder.join().map_err(|_| LayerError::Corrupt(String::from("the decoder failed")))?;
        match (decoded, written) {
            // When the source ended early, what the writer says is a consequence of that.
            (Err(failure), Err((_, true))) => Err(failure),
            (_, Err((failure, _))) => Err(failure),
            (decoded, Ok((unpacked, found))) => {
                decoded?;
                if found != expected.diff_id {
                    return Err(LayerError::DiffId { expected: expected.diff_id, found });
                }
                Ok(unpacked)
            }
        }
    })
}

/// Unpacks and answers with the digest of everything that was read. The flag of an error says that it came
/// from the source.
fn write(tree: Tree, reader: BlockReader) -> Result<(Unpacked, Digest), (LayerError, bool)> {
    let mut archive = Archive::new(reader);
    let outcome = Unpacker::new(tree).run(&mut archive);
    let mut reader = archive.into_reader();
    let entries = outcome.map_err(|failure| (failure, reader.source_failed))?;
    // Archives end with padding that belongs to the digest.
    loop {
        let length = match reader.fill_buf() {
            Ok([]) => break,
            Ok(rest) => rest.len(),
            Err(failure) => return Err((LayerError::Corrupt(failure.to_string()), true)),
        };
        reader.consume(length);
    }
    Ok((Unpacked { entries, bytes: reader.total }, Digest::from_hasher(reader.hasher)))
}

type Block = Vec<u8>;

/// Sends unpacked blocks; `None` at the end. Answers once the compressed bytes are known to be the expected
/// ones.
fn decompress(
    pieces: tokio::sync::mpsc::Receiver<Piece>,
    expected: Expected,
    full: &SyncSender<Option<Block>>,
    emptied: &Receiver<Block>,
) -> Result<(), LayerError> {
    let mut source =
        PieceReader { pieces, current: Bytes::new(), hasher: Sha256::new(), total: 0, state: State::Open };
    let outcome = pump(&mut source, full, emptied);
    if matches!(outcome, Ok(Pumped::WriterGone)) {
        return Ok(());
    }
    // Bytes behind the compressed stream count for the digest, and so do those behind a place that can't be
    // read: a wrong digest explains the damage better than the decoder does.
    let drained = io::copy(&mut source, &mut io::sink());
    if drained.is_err() || source.state == State::Cancelled {
        return Err(LayerError::Cancelled);
    }
    if source.total != expected.size {
        return Err(LayerError::Size { expected: expected.size, found: source.total });
    }
    let found = Digest::from_hasher(source.hasher);
    if found != expected.digest {
        return Err(LayerError::Digest { expected: expected.digest, found });
    }
    outcome.map_err(|failure| LayerError::Corrupt(failure.to_string()))?;
    let _writer_gone = full.send(None);
    Ok(())
}

enum Pumped {
    All,
    /// The writer failed and tells why itself.
    WriterGone,
}

fn pump(
    source: &mut PieceReader,
    full: &SyncSender<Option<Block>>,
    emptied: &Receiver<Block>,
) -> io::Result<Pumped> {
    let start = source.peek(4)?;
    let mut decoder: Box<dyn Read + '_> = match start.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(source)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::stream::read::Decoder::with_buffer(source)?),
        [b'B', b'Z', b'h', _] | [0xfd, b'7', b'z', b'X'] => {
            return Err(io::Error::other("the layer's compression is neither gzip nor zstd"));
        }
        _ => Box::new(source),
    };
    loop {
        let mut block = emptied.try_recv().unwrap_or_else(|_| Vec::with_capacity(BLOCK_BYTES));
        block.clear();
        let filled = decoder.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut block);
        // An empty block would read as the end of the data.
        if !block.is_empty() && full.send(Some(block)).is_err() {
            return Ok(Pumped::WriterGone);
        }
        if filled? == 0 {
            return Ok(Pumped::All);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Cancelled,
}

/// The compressed bytes, hashed as they pass.
struct PieceReader {
    pieces: tokio::sync::mpsc::Receiver<Piece>,
    current: Bytes,
    hasher: Sha256,
    total: u64,
    state: State,
}

impl PieceReader {
    /// Up to `count` bytes from the start, which stay to be read.
    fn peek(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.current.len() < count && self.state == State::Open {
            let before = std::mem::take(&mut self.current);
            self.fetch()?;
            if !before.is_empty() {
                self.current = [before, std::mem::take(&mut self.current)].concat().into();
            }
        }
        Ok(self.current.slice(..count.min(self.current.len())).to_vec())
    }

    fn fetch(&mut self) -> io::Result<()> {
        match self.pieces.blocking_recv() {
            Some(Piece::Data(bytes)) => {
                self.hasher.update(&bytes);
                self.total += bytes.len() as u64;
                self.current = bytes;
            }
            Some(Piece::End) => self.state = State::Ended,
            None => {
                self.state = State::Cancelled;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
        Ok(())
    }
}

impl BufRead for PieceReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current.is_empty() && self.state == State::Open {
            self.fetch()?;
        }
        Ok(&self.current)
    }

    fn consume(&mut self, length: usize) {
        self.current.advance(length);
    }
}

impl Read for PieceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.current[..length]);
        self.consume(length);
        Ok(length)
    }
}

/// The unpacked bytes, hashed block by block.
struct BlockReader {
    filled: Receiver<Option<Block>>,
    empty: SyncSender<Block>,
    block: Block,
    position: usize,
    ended: bool,
    source_failed: bool,
    hasher: Sha256,
    total: u64,
}

impl BlockReader {
    fn new(filled: Receiver<Option<Block>>, empty: SyncSender<Block>) -> Self {
        Self {
            filled,
            empty,
            block: Vec::new(),
            position: 0,
            ended: false,
            source_failed: false,
            hasher: Sha256::new(),
            total: 0,
        }
    }
}

impl Read for BlockReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(buffer.len());
        buffer[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for BlockReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position == self.block.len() && !self.ended {
            let spent = std::mem::take(&mut self.block);
            if spent.capacity() > 0 {
                // A full return queue means that the decoder has enough of them.
                let _dropped = self.empty.try_send(spent);
            }
            self.position = 0;
            match self.filled.recv() {
                Ok(Some(block)) => {
                    self.hasher.update(&block);
                    self.total += block.len() as u64;
                    if self.total > LAYER_BYTES_MAX {
                        return Err(io::Error::other(LayerError::TooLarge(LAYER_BYTES_MAX).to_string()));
                    }
                    self.block = block;
                }
                Ok(None) => self.ended = true,
                Err(_) => {
                    self.source_failed = true;
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        Ok(&self.block[self.position..])
    }

    fn consume(&mut self, length: usize) {
        self.position += length;
    }
}
