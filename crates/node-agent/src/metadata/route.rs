//! Which document a path names.

use super::document::Version;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    Task(Version),
    /// By runtime id; in v2 the path names the container, from v3 on it names the asker.
    Container(Version, String),
    TaskStats,
    ContainerStats(String),
    Credentials(String),
    CredentialsWithoutId,
    TaskProtection(String),
    FaultInjection(String),
}

/// None for a path that no version knows. A trailing slash is tolerated.
pub fn parse(path: &str, query: Option<&str>) -> Option<Route> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    match segments[..] {
        ["v2", "metadata"] => Some(Route::Task(Version::V2)),
        ["v2", "metadata", id] => Some(Route::Container(Version::V2, id.to_owned())),
        ["v2", "stats"] => Some(Route::TaskStats),
        ["v2", "stats", id] => Some(Route::ContainerStats(id.to_owned())),
        ["v2", "credentials"] => Some(Route::CredentialsWithoutId),
        ["v2", "credentials", id] => Some(Route::Credentials(id.to_owned())),
        ["v1", "credentials"] => Some(v1_credentials(query)),
        ["v3", id] => Some(Route::Container(Version::V3, id.to_owned())),
        ["v4", id] => Some(Route::Container(Version::V4, id.to_owned())),
        ["v3", _, "task"] => Some(Route::Task(Version::V3)),
        ["v4", _, "task"] => Some(Route::Task(Version::V4)),
        ["v3" | "v4", id, "stats"] => Some(Route::ContainerStats(id.to_owned())),
        ["v3" | "v4", _, "task", "stats"] => Some(Route::TaskStats),
        ["api", id, "task-protection", "v1", "state"] => Some(Route::TaskProtection(id.to_owned())),
        ["api", id, "fault", "v1", ..] => Some(Route::FaultInjection(id.to_owned())),
        _ => None,
    }
}

/// The id of the asking container that a path carries, from v3 on.
pub fn asker(path: &str) -> Option<&str> {
    let mut segments = path.trim_matches('/').split('/');
    match segments.next() {
        Some("v3" | "v4" | "api") => segments.next(),
        _ => None,
    }
}

fn v1_credentials(query: Option<&str>) -> Route {
    let id = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("id=")));
    match id {
        Some(id) if !id.is_empty() => Route::Credentials(id.to_owned()),
        _ => Route::CredentialsWithoutId,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expect: Option<Route>) {
        assert_eq!(parse(path, None), expect, "{path}");
        assert_eq!(parse(&format!("{path}/"), None), expect, "{path}/");
    }

    #[test]
    fn every_version_has_its_paths() {
        check("/v2/metadata", Some(Route::Task(Version::V2)));
        check("/v2/metadata/c-1", Some(Route::Container(Version::V2, "c-1".into())));
        check("/v2/stats", Some(Route::TaskStats));
        check("/v2/credentials/x", Some(Route::Credentials("x".into())));
        check("/v2/credentials", Some(Route::CredentialsWithoutId));
        check("/v3/c-1", Some(Route::Container(Version::V3, "c-1".into())));
        check("/v4/c-1/task", Some(Route::Task(Version::V4)));
        check("/v4/c-1/stats", Some(Route::ContainerStats("c-1".into())));
        check("/v4/c-1/task/stats", Some(Route::TaskStats));
        check("/api/c-1/task-protection/v1/state", Some(Route::TaskProtection("c-1".into())));
        check("/v4/c-1/taskWithTags", None);
        check("/latest/meta-data", None);
        assert_eq!(parse("/v1/credentials", Some("id=x")), Some(Route::Credentials("x".into())));
        assert_eq!(asker("/v4/c-1/task"), Some("c-1"));
        assert_eq!(asker("/v2/metadata"), None);
    }
}
