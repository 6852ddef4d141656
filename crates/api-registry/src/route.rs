//! From method and path to what is asked for.

use http::Method;
use state_model::ecr::name::is_repository_name;

use crate::error::RegistryError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Base,
    Catalog,
    Tags,
    Referrers(String),
    /// A tag or a digest.
    Manifest(String),
    Blob(String),
    Uploads,
    Upload(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: Verb,
    /// The repository; empty where the target has none.
    pub name: String,
    pub target: Target,
}

/// Whether a request's path belongs to the registry.
pub fn is_registry_path(path: &str) -> bool {
    path == "/v2" || path.starts_with("/v2/")
}

impl Route {
    pub fn parse(method: &Method, path: &str) -> Result<Self, RegistryError> {
        let method = match method.as_str() {
            "GET" => Verb::Get,
            "HEAD" => Verb::Head,
            "POST" => Verb::Post,
            "PUT" => Verb::Put,
            "PATCH" => Verb::Patch,
            "DELETE" => Verb::Delete,
            _ => return Err(RegistryError::unsupported()),
        };
        let rest = path.strip_prefix("/v2").unwrap_or_default().trim_start_matches('/');
        match rest {
            "" => return Ok(Self { method, name: String::new(), target: Target::Base }),
            "_catalog" => return Ok(Self { method, name: String::new(), target: Target::Catalog }),
            _ => {}
        }
        let not_found = || RegistryError::new(404, "UNSUPPORTED", "There is nothing under this path.");
        let (name, target) = target(rest).ok_or_else(not_found)?;
        if !is_repository_name(name) {
            let message = format!("invalid repository name {name:?}");
            return Err(RegistryError::new(400, "NAME_INVALID", message));
        }
        Ok(Self { method, name: name.to_owned(), target })
    }
}

/// Names hold slashes, and may hold the words that follow them: the last ones count.
fn target(path: &str) -> Option<(&str, Target)> {
    if let Some(name) = path.strip_suffix("/blobs/uploads/").or_else(|| path.strip_suffix("/blobs/uploads")) {
        return Some((name, Target::Uploads));
    }
    if let Some(name) = path.strip_suffix("/tags/list") {
        return Some((name, Target::Tags));
    }
    let (before, last) = path.rsplit_once('/')?;
    if let Some(name) = before.strip_suffix("/blobs/uploads") {
        return Some((name, Target::Upload(last.to_owned())));
    }
    let (name, kind) = before.rsplit_once('/')?;
    let target = match kind {
        "manifests" => Target::Manifest(last.to_owned()),
        "blobs" => Target::Blob(last.to_owned()),
        "referrers" => Target::Referrers(last.to_owned()),
        _ => return None,
    };
    Some((name, target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart_from_their_end() {
        let parse =
            |path: &str| Route::parse(&Method::GET, path).map(|route| (route.name, route.target)).ok();
        let some = |name: &str, target| Some((name.to_owned(), target));
        assert_eq!(parse("/v2/"), some("", Target::Base));
        assert_eq!(parse("/v2"), some("", Target::Base));
        assert_eq!(parse("/v2/_catalog"), some("", Target::Catalog));
        assert_eq!(parse("/v2/a/manifests/v1"), None, "a name has two letters");
        assert_eq!(parse("/v2/aa/bb/manifests/v1"), some("aa/bb", Target::Manifest("v1".into())));
        assert_eq!(parse("/v2/aa/blobs/blobs/sha256:0"), some("aa/blobs", Target::Blob("sha256:0".into())));
        assert_eq!(parse("/v2/aa/blobs/uploads/"), some("aa", Target::Uploads));
        assert_eq!(parse("/v2/aa/blobs/uploads/1-2"), some("aa", Target::Upload("1-2".into())));
        assert_eq!(parse("/v2/aa/tags/list"), some("aa", Target::Tags));
        assert_eq!(parse("/v2/aa/referrers/sha256:0"), some("aa", Target::Referrers("sha256:0".into())));
        for bad in ["/v2/AA/manifests/v1", "/v2/aa", "/v2/aa/other/v1", "/v2/../tags/list"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
