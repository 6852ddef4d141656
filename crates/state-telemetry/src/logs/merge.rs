//! Rewriting a stream's blocks from several places into ordered blocks of one segment.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::batch::BlockBuilder;
use super::block::{Block, BlockRef};
use super::error::ReadError;
use super::segment::SegmentWriter;
use crate::limits::BLOCK_BYTES_TARGET;

/// How many of the latest runs a block may join.
const RUNS_TRIED_MAX: usize = 8;

/// Blocks of one stream whose events are in order from the first block to the last.
pub(super) struct Run {
    file: Arc<File>,
    blocks: std::vec::IntoIter<BlockRef>,
    bytes: Vec<u8>,
    next: usize,
    len: usize,
}

impl Run {
    pub(super) fn new(file: Arc<File>, blocks: Vec<BlockRef>) -> Self {
        Self { file, blocks: blocks.into_iter(), bytes: Vec::new(), next: 0, len: 0 }
    }

    /// Reads the next block when the current one is used up; the key of the next event, `None` at the end.
    fn advance(&mut self) -> Result<Option<(i64, u64)>, ReadError> {
        while self.next >= self.len {
            let Some(block) = self.blocks.next() else { return Ok(None) };
            self.bytes.resize(block.len(), 0);
            self.file.read_exact_at(&mut self.bytes, block.offset)?;
            self.len = Block::parse(&self.bytes)?.len();
            self.next = 0;
        }
        let block = self.current();
        Ok(Some((block.timestamp(self.next), block.sequence(self.next))))
    }

    fn current(&self) -> Block<'_> {
        Block::parse_checked(&self.bytes)
    }
}

/// Splits a journal's blocks of one stream, which are in order of arrival, into as few runs as come out in
/// order.
pub(super) fn runs_of(file: &Arc<File>, blocks: &[BlockRef]) -> Vec<Run> {
    let mut runs: Vec<Vec<BlockRef>> = Vec::new();
    for block in blocks {
        // Equal times are fine: sequences grow with arrival. Looking back only a little keeps odd input
        // linear.
        let recent = runs.len().saturating_sub(RUNS_TRIED_MAX);
        let fitting = runs[recent..]
            .iter_mut()
            .find(|run| run.last().is_none_or(|last| last.time_max <= block.time_min));
        match fitting {
            Some(run) => run.push(*block),
            None => runs.push(vec![*block]),
        }
    }
    runs.into_iter().map(|run| Run::new(Arc::clone(file), run)).collect()
}

/// Writes what `runs` hold of stream `number` at or after `floor`, in order.
pub(super) fn merge(
    number: u32,
    floor: i64,
    mut runs: Vec<Run>,
    output: &mut SegmentWriter,
) -> Result<(), ReadError> {
    let mut builder = BlockBuilder::default();
    let mut heads = BinaryHeap::new();
    for (index, run) in runs.iter_mut().enumerate() {
        if let Some(key) = run.advance()? {
            heads.push(Reverse((key, index)));
        }
    }
    while let Some(Reverse((_, index))) = heads.pop() {
        let until = heads.peek().map(|Reverse((key, _))| *key);
        let run = &mut runs[index];
        // Takes everything up to where the next run goes on, one block at a time.
        loop {
            let block = run.current();
            let stop = until.map_or(block.len(), |key| block.lower_bound(key)).max(run.next + 1);
            for at in run.next..stop {
                let (timestamp, ingestion, sequence) =
                    (block.timestamp(at), block.ingestion(at), block.sequence(at));
                if timestamp < floor {
                    continue;
                }
                if builder.bytes() >= BLOCK_BYTES_TARGET || !builder.accepts(timestamp, ingestion, sequence) {
                    flush(&mut builder, number, output)?;
                }
                builder.push(timestamp, ingestion, sequence, block.message(at));
            }
            run.next = stop;
            match run.advance()? {
                Some(key) if until.is_some_and(|until| key >= until) => {
                    heads.push(Reverse((key, index)));
                    break;
                }
                Some(_) => {}
                None => break,
            }
        }
    }
    flush(&mut builder, number, output)
}

fn flush(builder: &mut BlockBuilder, number: u32, output: &mut SegmentWriter) -> Result<(), ReadError> {
    if let Some(block) = builder.finish(number) {
        output.write(&block)?;
    }
    Ok(())
}
