//! What a target is told of the client: X-Forwarded-For, -Proto and -Port.

use std::net::{IpAddr, SocketAddr};

use bytes::{BufMut, BytesMut};
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use super::limits::FORWARDED_FOR_MAX;
use crate::runtime::options::{ForwardedFor, LoadBalancerOptions};

pub const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// More addresses than any honest chain of proxies has: answered with 463.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyAddresses;

/// The values of one connection, made once.
#[derive(Debug)]
pub struct Forwarded {
    address: HeaderValue,
    address_and_port: HeaderValue,
    proto: HeaderValue,
    port: HeaderValue,
}

impl Forwarded {
    pub fn new(peer: SocketAddr, local_port: u16, is_tls: bool) -> Self {
        let address = peer.ip().to_canonical();
        let with_port = match address {
            IpAddr::V4(address) => format!("{address}:{}", peer.port()),
            IpAddr::V6(address) => format!("[{address}]:{}", peer.port()),
        };
        let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-"));
        Self {
            address: value(&address.to_string()),
            address_and_port: value(&with_port),
            proto: HeaderValue::from_static(if is_tls { "https" } else { "http" }),
            port: value(itoa::Buffer::new().format(local_port)),
        }
    }

    /// Takes what the client sent out of `headers`, and puts what the target gets into `added`.
    pub fn apply(
        &self,
        options: &LoadBalancerOptions,
        headers: &mut HeaderMap,
        added: &mut Vec<(HeaderName, HeaderValue)>,
    ) -> Result<(), TooManyAddresses> {
        let own = if options.forwarded_for_client_port { &self.address_and_port } else { &self.address };
        let has_any = headers.contains_key(FORWARDED_FOR);
        if has_any && count(headers) > FORWARDED_FOR_MAX {
            return Err(TooManyAddresses);
        }
        match options.forwarded_for {
            ForwardedFor::Append if has_any => added.push((FORWARDED_FOR, append(headers, own))),
            ForwardedFor::Append => added.push((FORWARDED_FOR, own.clone())),
            ForwardedFor::Preserve => {}
            ForwardedFor::Remove => {
                headers.remove(FORWARDED_FOR);
            }
        }
        // Said by the balancer alone: what a client claims of them is gone in every mode.
        headers.remove(FORWARDED_PROTO);
        headers.remove(FORWARDED_PORT);
        added.push((FORWARDED_PROTO, self.proto.clone()));
        added.push((FORWARDED_PORT, self.port.clone()));
        Ok(())
    }
}

fn count(headers: &HeaderMap) -> usize {
    let values = headers.get_all(FORWARDED_FOR);
    values.iter().map(|value| value.as_bytes().split(|byte| *byte == b',').count()).sum()
}

fn append(headers: &mut HeaderMap, own: &HeaderValue) -> HeaderValue {
    let mut text = BytesMut::with_capacity(64);
    for value in headers.get_all(FORWARDED_FOR) {
        text.put_slice(value.as_bytes());
        text.put_slice(b", ");
    }
    text.put_slice(own.as_bytes());
    headers.remove(FORWARDED_FOR);
    HeaderValue::from_maybe_shared(text.freeze()).unwrap_or_else(|_| own.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> LoadBalancerOptions {
        LoadBalancerOptions::parse(
            &pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        )
    }

    /// What the target gets of X-Forwarded-For.
    fn applied(
        pairs: &[(&str, &str)],
        peer: &str,
        sent: &[&'static str],
    ) -> Result<Vec<String>, TooManyAddresses> {
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static("forged"));
        for value in sent {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(value));
        }
        let mut added = Vec::new();
        let forwarded = Forwarded::new(peer.parse().unwrap(), 443, true);
        forwarded.apply(&options(pairs), &mut headers, &mut added)?;
        assert_eq!(headers.get(FORWARDED_PROTO), None);
        headers.extend(added);
        assert_eq!(
            (&headers[FORWARDED_PROTO], &headers[FORWARDED_PORT]),
            (&"https".parse().unwrap(), &"443".parse().unwrap())
        );
        Ok(headers.get_all(FORWARDED_FOR).iter().map(|value| value.to_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn modes_of_the_guide() {
        const MODE: &str = "routing.http.xff_header_processing.mode";
        const PORT: (&str, &str) = ("routing.http.xff_client_port.enabled", "true");
        let check = |pairs: &[(&str, &str)], peer, sent: &[&'static str], expected: &[&str]| {
            assert_eq!(applied(pairs, peer, sent).unwrap(), expected, "{pairs:?}");
        };
        check(&[], "1.2.3.4:5", &[], &["1.2.3.4"]);
        check(&[], "1.2.3.4:5", &["9.9.9.9", "8.8.8.8"], &["9.9.9.9, 8.8.8.8, 1.2.3.4"]);
        check(&[PORT], "1.2.3.4:5", &["9.9.9.9"], &["9.9.9.9, 1.2.3.4:5"]);
        check(&[PORT], "[2001:db8::1]:5", &[], &["[2001:db8::1]:5"]);
        check(&[(MODE, "preserve")], "1.2.3.4:5", &["9.9.9.9"], &["9.9.9.9"]);
        check(&[(MODE, "preserve")], "1.2.3.4:5", &[], &[]);
        check(&[(MODE, "remove")], "1.2.3.4:5", &["9.9.9.9"], &[]);
    }

    #[test]
    fn a_loop_is_refused() {
        let long: &'static str = Box::leak("1.1.1.1,".repeat(30).into_boxed_str());
        assert_eq!(applied(&[], "1.2.3.4:5", &[long]), Err(TooManyAddresses));
    }
}
