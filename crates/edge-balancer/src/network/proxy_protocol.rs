//! The header of proxy protocol version 2: who the client is, told to the target before anything else.
//!
//! Source: "The PROXY protocol versions 1 & 2", section 2.2.

use std::net::SocketAddr;

use super::Flow;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const VERSION_2_PROXY: u8 = 0x21;
const STREAM_V4: u8 = 0x11;
const DATAGRAM_V4: u8 = 0x12;
/// Two addresses and two ports.
const ADDRESSES_V4_BYTES: u16 = 12;

pub fn header(flow: &Flow, is_stream: bool) -> Vec<u8> {
    let mut header = Vec::with_capacity(28);
    header.extend(SIGNATURE);
    header.push(VERSION_2_PROXY);
    match (flow.client, flow.local) {
        (SocketAddr::V4(client), SocketAddr::V4(local)) => {
            header.push(if is_stream { STREAM_V4 } else { DATAGRAM_V4 });
            header.extend(ADDRESSES_V4_BYTES.to_be_bytes());
            header.extend(client.ip().octets());
            header.extend(local.ip().octets());
            header.extend(client.port().to_be_bytes());
            header.extend(local.port().to_be_bytes());
        }
        // Unspecified: listeners have IPv4 addresses alone.
        _ => header.extend([0, 0, 0]),
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_tells_both_ends() {
        let flow = Flow { client: "10.1.2.3:40000".parse().unwrap(), local: "10.9.8.7:443".parse().unwrap() };
        let expected = "0d0a0d0a000d0a515549540a2111000c0a0102030a0908079c4001bb";
        assert_eq!(hex::encode(header(&flow, true)), expected);
        assert_eq!(header(&flow, false)[13], DATAGRAM_V4);
    }
}
