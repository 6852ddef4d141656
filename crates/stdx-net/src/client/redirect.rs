//! Following redirects of requests without a body.

use http::header::{AUTHORIZATION, COOKIE, LOCATION, PROXY_AUTHORIZATION};
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body::Body as _;

use super::ClientError;
use crate::body::Body;

/// What it takes to send a request again elsewhere.
pub struct Repeatable {
    method: Method,
    headers: HeaderMap,
    origin: Option<http::uri::Authority>,
}

impl Repeatable {
    pub fn of(request: &Request<Body>) -> Option<Self> {
        let repeatable = (request.method() == Method::GET || request.method() == Method::HEAD)
            && request.body().is_end_stream();
        repeatable.then(|| Self {
            method: request.method().clone(),
            headers: request.headers().clone(),
            origin: request.uri().authority().cloned(),
        })
    }

    pub fn towards(&self, target: Uri) -> Request<Body> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = self.method.clone();
        *request.headers_mut() = self.headers.clone();
        if target.authority() != self.origin.as_ref() {
            for secret in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
                request.headers_mut().remove(secret);
            }
        }
        request.headers_mut().remove(http::header::HOST);
        *request.uri_mut() = target;
        request
    }
}

/// Where `response` to a request for `from` points, when it is a redirect.
pub fn target<B>(from: &Uri, response: &Response<B>) -> Result<Option<Uri>, ClientError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(LOCATION) else { return Ok(None) };
    let text = String::from_utf8_lossy(location.as_bytes()).into_owned();
    let host = from.authority().map(ToString::to_string).unwrap_or_default();
    resolve(from, &text).map(Some).ok_or(ClientError::Location { host, location: text })
}

/// `location` seen from `base`: a whole address, one without scheme, or a path.
pub fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    if location.contains("://") {
        let uri: Uri = location.parse().ok()?;
        // Falling from TLS to plain text would expose what the first server asked to fetch.
        let downgrade = base.scheme_str() == Some("https") && uri.scheme_str() == Some("http");
        return (!downgrade).then_some(uri);
    }
    let scheme = base.scheme_str()?;
    if let Some(rest) = location.strip_prefix("//") {
        return format!("{scheme}://{rest}").parse().ok();
    }
    let authority = base.authority()?;
    if location.starts_with('/') {
        return format!("{scheme}://{authority}{location}").parse().ok();
    }
    let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{scheme}://{authority}{folder}/{location}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn locations_resolve_against_their_base() {
        let check = |base: &str, location: &str, expected: Option<&str>| {
            let base = base.parse().expect("a test address");
            assert_eq!(
                resolve(&base, location).map(|uri| uri.to_string()).as_deref(),
                expected,
                "{location}"
            );
        };
        check("https://a/x/y?q", "/z", Some("https://a/z"));
        check("https://a/x/y?q", "z?r=1", Some("https://a/x/z?r=1"));
        check("https://a/x", "//b/c", Some("https://b/c"));
        check("https://a/x", "https://b/c", Some("https://b/c"));
        check("https://a/x", "http://a/c", None);
        check("http://a:1/x", "http://b:2/c#part", Some("http://b:2/c"));
    }
}
