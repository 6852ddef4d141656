//! Reading and writing the messages of a session: a length of four bytes, the largest first, then JSON.

use std::io;

use link_protocol::edge::{EdgeDown, EdgeUp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::limits::EDGE_FRAME_BYTES_MAX;

pub fn encode(message: &EdgeDown) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = frame.len() - 4;
    let prefix = u32::try_from(length).ok().filter(|_| length <= EDGE_FRAME_BYTES_MAX);
    let prefix = prefix.ok_or_else(|| io::Error::other("a message to the balancer is too large"))?;
    frame[..4].copy_from_slice(&prefix.to_be_bytes());
    Ok(frame)
}

pub async fn write(stream: &mut OwnedWriteHalf, frame: &[u8]) -> io::Result<()> {
    stream.write_all(frame).await
}

/// None when the balancer has hung up.
pub async fn read(stream: &mut OwnedReadHalf) -> io::Result<Option<EdgeUp>> {
    let mut prefix = [0; 4];
    match stream.read_exact(&mut prefix).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    };
    let length = usize::try_from(u32::from_be_bytes(prefix)).unwrap_or(usize::MAX);
    if length > EDGE_FRAME_BYTES_MAX {
        return Err(io::Error::other("a message of the balancer is too large"));
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).await?;
    Ok(Some(serde_json::from_slice(&frame)?))
}
