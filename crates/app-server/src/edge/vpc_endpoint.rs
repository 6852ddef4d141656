//! What is particular to requests that come by a VPC endpoint.

use api_auth::EndpointAccess;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Response, StatusCode, Uri, header};
use stdx_net::body::Body;
use wire_protocols::sigv4::{AuthError, AuthErrorKind};

use super::json;

/// The signature must be for the endpoint's service and region: what is meant for another isn't served here, as on AWS.
pub fn check_scope(endpoint: &EndpointAccess, signing_name: &str, region: &str) -> Result<(), AuthError> {
    let refuse = |message: String| Err(AuthError::new(AuthErrorKind::Mismatch, message));
    if !endpoint.serves(signing_name) {
        let own = if endpoint.service == "ecr.api" { "ecr" } else { &endpoint.service };
        return refuse(format!("Credential should be scoped to correct service: '{own}'."));
    }
    if region != endpoint.region {
        return refuse(format!("Credential should be scoped to a valid region, not '{region}'."));
    }
    Ok(())
}

/// The answer of the registry's endpoint to what is no request to a registry.
pub fn nothing_here() -> Response<Body> {
    let document =
        serde_json::json!({ "message": "This VPC endpoint serves the registry under /v2/ alone." });
    json(StatusCode::NOT_FOUND, &document)
}

/// S3's clients name the bucket in the host where they can: `bucket.s3.us-east-1.amazonaws.com/key` means
/// `s3.us-east-1.amazonaws.com/bucket/key`.
pub fn move_bucket_into_path(parts: &mut Parts, endpoint: &EndpointAccess) {
    if endpoint.service != "s3" {
        return;
    }
    let header = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let Some(host) = header.or(parts.uri.host()) else { return };
    let Some(bucket) = bucket(host, &endpoint.region) else { return };
    let rest = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    if let Ok(uri) = format!("/{bucket}{rest}").parse::<Uri>() {
        parts.uri = uri;
    }
}

/// The bucket in front of one of the endpoint's names.
fn bucket<'a>(host: &'a str, region: &str) -> Option<&'a str> {
    let name = host.split(':').next()?;
    // Of its first region S3 has names without the region, too.
    let global = || name.strip_suffix(".s3.amazonaws.com").filter(|_| region == "us-east-1");
    let regional = name.strip_suffix(&format!(".s3.{region}.amazonaws.com")).or_else(global);
    // `my-bucket.bucket.vpce-….s3.us-east-1.vpce.amazonaws.com`: the label `bucket` is the endpoint's own.
    let own = || {
        let endpoint = name.strip_suffix(&format!(".s3.{region}.vpce.amazonaws.com"))?;
        endpoint.rsplit_once(".bucket.vpce-").map(|(bucket, _)| bucket)
    };
    regional.or_else(own).filter(|bucket| !bucket.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn endpoint(service: &str) -> EndpointAccess {
        EndpointAccess::new(("vpce-1", "vpc-1"), "us-east-1", service, None)
    }

    #[test]
    fn buckets_move_from_the_host_into_the_path() {
        for (host, path, expect) in [
            ("s3.us-east-1.amazonaws.com", "/b/k", "/b/k"),
            ("b.s3.us-east-1.amazonaws.com", "/k?x=1", "/b/k?x=1"),
            ("my.b.s3.us-east-1.amazonaws.com:443", "/", "/my.b/"),
            ("b.bucket.vpce-1-a.s3.us-east-1.vpce.amazonaws.com", "/k", "/b/k"),
            ("bucket.vpce-1-a.s3.us-east-1.vpce.amazonaws.com", "/b/k", "/b/k"),
            ("b.s3.amazonaws.com", "/k", "/b/k"),
            ("s3.amazonaws.com", "/b/k", "/b/k"),
            ("b.s3.eu-west-1.amazonaws.com", "/k", "/k"),
        ] {
            let request = Request::get(path).header(header::HOST, host).body(()).unwrap();
            let (mut parts, ()) = request.into_parts();
            move_bucket_into_path(&mut parts, &endpoint("s3"));
            assert_eq!(parts.uri.to_string(), expect, "{host}{path}");
        }
    }

    #[test]
    fn signatures_are_for_the_endpoint() {
        let check = |service: &str, signing_name: &str, region: &str| {
            check_scope(&endpoint(service), signing_name, region).map_err(|error| error.message)
        };
        assert_eq!(check("ecs", "ecs", "us-east-1"), Ok(()));
        assert_eq!(check("ecr.api", "ecr", "us-east-1"), Ok(()));
        let scoped =
            |service: &str| Err(format!("Credential should be scoped to correct service: '{service}'."));
        assert_eq!(check("ecr.api", "ecs", "us-east-1"), scoped("ecr"));
        assert_eq!(check("logs", "ecs", "us-east-1"), scoped("logs"));
        assert!(check("ecs", "ecs", "eu-west-1").is_err());
    }
}
