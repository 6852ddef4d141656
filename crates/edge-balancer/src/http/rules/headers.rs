//! Headers that a listener's attributes change: "Listener attributes" of the user guide.

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::{self, HeaderName, HeaderValue};

use super::super::client::Client;
use crate::runtime::options::{LoadBalancerOptions, flag, text};

const RESPONSE: [(&str, HeaderName); 10] = [
    ("strict_transport_security", header::STRICT_TRANSPORT_SECURITY),
    ("access_control_allow_origin", header::ACCESS_CONTROL_ALLOW_ORIGIN),
    ("access_control_allow_methods", header::ACCESS_CONTROL_ALLOW_METHODS),
    ("access_control_allow_headers", header::ACCESS_CONTROL_ALLOW_HEADERS),
    ("access_control_allow_credentials", header::ACCESS_CONTROL_ALLOW_CREDENTIALS),
    ("access_control_expose_headers", header::ACCESS_CONTROL_EXPOSE_HEADERS),
    ("access_control_max_age", header::ACCESS_CONTROL_MAX_AGE),
    ("content_security_policy", header::CONTENT_SECURITY_POLICY),
    ("x_content_type_options", header::X_CONTENT_TYPE_OPTIONS),
    ("x_frame_options", header::X_FRAME_OPTIONS),
];

#[derive(Debug)]
pub struct ListenerHeaders {
    /// The response's own header of the same name gives way.
    set: Vec<(HeaderName, HeaderValue)>,
    keeps_server: bool,
    tls_version: HeaderName,
    tls_cipher_suite: HeaderName,
}

impl ListenerHeaders {
    pub fn parse(attributes: &BTreeMap<String, String>) -> ListenerHeaders {
        let set = RESPONSE.iter().filter_map(|(key, name)| {
            let value = text(attributes, &format!("routing.http.response.{key}.header_value"));
            let value = HeaderValue::from_str(value).ok().filter(|value| !value.is_empty())?;
            Some((name.clone(), value))
        });
        let renamed = |key: &str, default: &'static str| {
            let name = text(attributes, &format!("routing.http.request.{key}.header_name"));
            HeaderName::from_bytes(name.as_bytes()).unwrap_or(HeaderName::from_static(default))
        };
        ListenerHeaders {
            set: set.collect(),
            keeps_server: flag(attributes, "routing.http.response.server.enabled", true),
            tls_version: renamed("x_amzn_tls_version", "x-amzn-tls-version"),
            tls_cipher_suite: renamed("x_amzn_tls_cipher_suite", "x-amzn-tls-cipher-suite"),
        }
    }

    pub fn apply_to_response(&self, headers: &mut HeaderMap) {
        if !self.keeps_server {
            headers.remove(header::SERVER);
        }
        for (name, value) in &self.set {
            headers.insert(name.clone(), value.clone());
        }
    }

    /// Tells the target how the client is connected; what a client claims of it is taken away.
    pub fn name_tls(
        &self,
        client: &Client,
        options: &LoadBalancerOptions,
        headers: &mut HeaderMap,
        added: &mut Vec<(HeaderName, HeaderValue)>,
    ) {
        if !options.tls_version_and_cipher_headers {
            return;
        }
        headers.remove(&self.tls_version);
        headers.remove(&self.tls_cipher_suite);
        if let Some(tls) = &client.tls {
            let (version, suite) = tls.header_values();
            added.push((self.tls_version.clone(), version));
            added.push((self.tls_cipher_suite.clone(), suite));
        }
    }
}
