//! Takes the body of an HTTP/1 message off the bytes that arrive.

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};

use super::limits::{CHUNK_LINE_BYTES_MAX, TRAILER_BYTES_MAX};
use super::message::Framing;
use super::parse_request::find_head_end;

#[derive(Debug)]
pub struct BodyDecoder {
    state: State,
}

#[derive(Debug)]
enum State {
    Length(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
    UntilClose,
    Done,
}

#[derive(Debug)]
pub enum Decoded {
    Data(Bytes),
    Trailers(HeaderMap),
    /// Nothing can be told from what is there.
    NeedMore,
    End,
}

/// The peer's chunks can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadBody;

impl BodyDecoder {
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::None | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::ChunkSize,
            Framing::UntilClose => State::UntilClose,
        };
        Self { state }
    }

    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// What is left, where it is known.
    pub fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Length(length) => Some(length),
            State::Done => Some(0),
            _ => None,
        }
    }

    /// The peer closed. False: the body is cut off.
    pub fn close(&mut self) -> bool {
        let complete = matches!(self.state, State::UntilClose | State::Done);
        self.state = State::Done;
        complete
    }

    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Decoded, BadBody> {
        loop {
            match &mut self.state {
                State::Done => return Ok(Decoded::End),
                _ if input.is_empty() => return Ok(Decoded::NeedMore),
                State::UntilClose => return Ok(Decoded::Data(input.split().freeze())),
                State::Length(left) => {
                    let data = take(input, left);
                    if *left == 0 {
                        self.state = State::Done;
                    }
                    return Ok(Decoded::Data(data));
                }
                State::Chunk(left) => {
                    let data = take(input, left);
                    if *left == 0 {
                        self.state = State::ChunkEnd;
                    }
                    return Ok(Decoded::Data(data));
                }
                State::ChunkEnd => match input[..] {
                    [b'\r', b'\n', ..] => {
                        input.advance(2);
                        self.state = State::ChunkSize;
                    }
                    [b'\r'] => return Ok(Decoded::NeedMore),
                    _ => return Err(BadBody),
                },
                State::ChunkSize => match httparse::parse_chunk_size(input) {
                    Ok(httparse::Status::Complete((length, size))) => {
                        input.advance(length);
                        self.state = if size == 0 { State::Trailers } else { State::Chunk(size) };
                    }
                    Ok(httparse::Status::Partial) if input.len() <= CHUNK_LINE_BYTES_MAX => {
                        return Ok(Decoded::NeedMore);
                    }
                    Ok(httparse::Status::Partial) | Err(_) => return Err(BadBody),
                },
                State::Trailers => return self.decode_trailers(input),
            }
        }
    }

    fn decode_trailers(&mut self, input: &mut BytesMut) -> Result<Decoded, BadBody> {
        let length = match input[..] {
            [b'\r', b'\n', ..] => {
                input.advance(2);
                self.state = State::Done;
                return Ok(Decoded::End);
            }
            [b'\r'] => return Ok(Decoded::NeedMore),
            _ => find_head_end(input, 0),
        };
        let Some(length) = length else {
            return if input.len() > TRAILER_BYTES_MAX { Err(BadBody) } else { Ok(Decoded::NeedMore) };
        };
        let block = input.split_to(length).freeze();
        self.state = State::Done;
        Ok(Decoded::Trailers(read_trailers(&block)?))
    }
}

fn take(input: &mut BytesMut, left: &mut u64) -> Bytes {
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
    *left -= length as u64;
    if length == input.len() { input.split().freeze() } else { input.split_to(length).freeze() }
}

fn read_trailers(block: &Bytes) -> Result<HeaderMap, BadBody> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let parsed = match httparse::parse_headers(block, &mut fields) {
        Ok(httparse::Status::Complete((_, parsed))) => parsed,
        Ok(httparse::Status::Partial) | Err(_) => return Err(BadBody),
    };
    let mut trailers = HeaderMap::with_capacity(parsed.len());
    for field in parsed {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| BadBody)?;
        let value = HeaderValue::from_maybe_shared(block.slice_ref(field.value)).map_err(|_| BadBody)?;
        // A trailer can't change how the message was framed or routed.
        let is_framing = name == header::CONTENT_LENGTH
            || name == header::TRANSFER_ENCODING
            || name == header::HOST
            || name == header::CONNECTION;
        if !is_framing {
            trailers.append(name, value);
        }
    }
    Ok(trailers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a body is read as when it arrives in pieces of this size; none when it is refused.
    fn read(framing: Framing, text: &str, piece: usize) -> Option<(Vec<u8>, usize, usize)> {
        let mut decoder = BodyDecoder::new(framing);
        let (mut input, mut data, mut trailers) = (BytesMut::new(), Vec::new(), 0);
        for bytes in text.as_bytes().chunks(piece) {
            input.extend_from_slice(bytes);
            loop {
                match decoder.decode(&mut input).ok()? {
                    Decoded::Data(bytes) => data.extend_from_slice(&bytes),
                    Decoded::Trailers(map) => trailers += map.len(),
                    Decoded::NeedMore | Decoded::End => break,
                }
            }
        }
        decoder.is_done().then_some((data, trailers, input.len()))
    }

    #[test]
    fn bodies_arrive_in_any_pieces() {
        let chunks = "3;x=y\r\nabc\r\n0a\r\n0123456789\r\n0\r\n\r\nGET";
        let trailers = "1\r\na\r\n0\r\nGrpc-Status: 0\r\nContent-Length: 7\r\n\r\n";
        for piece in [1, 2, 3, 7, 100] {
            assert_eq!(read(Framing::Length(3), "abcdef", piece), Some((b"abc".to_vec(), 0, 3)));
            assert_eq!(read(Framing::Chunked, chunks, piece), Some((b"abc0123456789".to_vec(), 0, 3)));
            assert_eq!(read(Framing::Chunked, trailers, piece), Some((b"a".to_vec(), 1, 0)));
        }
    }

    #[test]
    fn bad_chunks_are_refused() {
        for text in ["x\r\n", "3\r\nabcd\r\n", "-1\r\n", "0\r\nA B: c\r\n\r\n", "fffffffffffffffff\r\n"] {
            assert_eq!(read(Framing::Chunked, text, 100), None, "{text:?}");
        }
    }

    #[test]
    fn a_close_ends_only_what_it_frames() {
        assert!(BodyDecoder::new(Framing::UntilClose).close());
        assert!(!BodyDecoder::new(Framing::Length(1)).close());
        assert!(!BodyDecoder::new(Framing::Chunked).close());
    }
}
