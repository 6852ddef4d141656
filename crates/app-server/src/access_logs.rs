//! Access logs of load balancers: brings the files that the balancer has finished to their buckets.
//!
//! Source: "Access logs for your Application Load Balancer" (the names of files, the test file).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api_platform::s3::deliver::deliver;
use bytes::Bytes;
use edge_balancer::access_log::spool::FinishedLog;
use state_blobs::BlobStore;
use state_model::elbv2::LoadBalancer;
use state_tables::{State, View, elb_usage};
use stdx::clock::{SharedClock, Timestamp};
use stdx::random::{self, Random, SharedRandom};
use stdx_async::shutdown::Shutdown;
use stdx_async::supervisor;
use tracing::warn;
use wire_schema::ServiceError;

use crate::limits::ACCESS_LOG_PERIOD;

#[derive(Debug)]
pub struct AccessLogs {
    pub state: Arc<State>,
    pub objects: BlobStore,
    pub clock: SharedClock,
    pub random: SharedRandom,
    pub spool: PathBuf,
}

/// A finished log of the spool.
#[derive(Debug)]
struct Waiting {
    description: PathBuf,
    about: FinishedLog,
}

impl AccessLogs {
    /// Runs until the shutdown. What waits then is uploaded by the next server.
    pub async fn follow(self, mut shutdown: Shutdown) {
        let mut changes = self.state.changes();
        let mut seen = self.state.view();
        let mut round = tokio::time::interval(ACCESS_LOG_PERIOD);
        loop {
            tokio::select! {
                _ = round.tick() => self.upload().await,
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let view = self.state.view();
                    self.test_destinations(&seen, &view).await;
                    seen = view;
                }
                () = shutdown.requested() => return,
            }
        }
    }

    /// A load balancer whose logs go somewhere new writes a test file there, as on AWS.
    async fn test_destinations(&self, before: &View, after: &View) {
        for changed in after.elb_load_balancers.changed_since(&before.elb_load_balancers) {
            let new = changed.after.and_then(|row| destination(row));
            let former = changed.before.and_then(|row| destination(row));
            if former == new {
                continue;
            }
            let Some((load_balancer, destination)) = changed.after.zip(new) else { continue };
            let account = &load_balancer.scope.account;
            let name = format!("{}AWSLogs/{account}/ELBAccessLogTestFile", folder(&destination.prefix));
            let text = format!("Enable AccessLog for ELB: {}", load_balancer.name);
            let content = ("text/plain", Bytes::from(text));
            let now = self.clock.now();
            let object = (destination.bucket.as_str(), name.as_str());
            if let Err(error) = deliver(&self.state, &self.objects, account, object, content, now).await {
                warn!(bucket = destination.bucket, code = &*error.code, "a bucket takes no access logs");
            }
        }
    }

    async fn upload(&self) {
        let folder = self.spool.clone();
        let waiting = match supervisor::blocking(move || waiting(&folder)).await {
            Ok(waiting) => waiting,
            Err(failure) if failure.kind() == io::ErrorKind::NotFound => return,
            Err(failure) => return warn!(%failure, "the spool of access logs can't be read"),
        };
        for one in waiting {
            match self.upload_one(&one).await {
                Ok(()) => {}
                Err(error) if error.code == "NoSuchBucket" => {
                    warn!(bucket = one.about.bucket, "access logs are dropped: their bucket is gone");
                }
                // The next round tries again.
                Err(error) => {
                    warn!(bucket = one.about.bucket, code = &*error.code, "access logs can't be uploaded");
                    continue;
                }
            }
            for path in [&one.description, &one.description.with_extension("log.gz")] {
                if let Err(failure) = fs::remove_file(path) {
                    warn!(path = %path.display(), %failure, "an uploaded access log can't be removed");
                }
            }
        }
    }

    async fn upload_one(&self, waiting: &Waiting) -> Result<(), ServiceError> {
        let about = &waiting.about;
        let path = waiting.description.with_extension("log.gz");
        let read = supervisor::blocking(move || fs::read(path)).await;
        let content = read.map_err(|failure| {
            warn!(%failure, "an access log can't be read");
            ServiceError::service("InternalError", "An access log can't be read.")
        })?;
        let Some((account, name)) = object_name(about, &*self.random) else { return Ok(()) };
        let content = ("application/octet-stream", Bytes::from(content));
        let object = (about.bucket.as_str(), name.as_str());
        deliver(&self.state, &self.objects, &account, object, content, self.clock.now()).await
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Destination {
    bucket: String,
    prefix: String,
}

/// Where a load balancer's access logs go; none when they aren't written.
fn destination(load_balancer: &LoadBalancer) -> Option<Destination> {
    let mut all = elb_usage::load_balancer_attributes(load_balancer);
    let mut take = |key: &str| all.remove(key).unwrap_or_default();
    let is_enabled = take("access_logs.s3.enabled") == "true";
    is_enabled
        .then(|| Destination { bucket: take("access_logs.s3.bucket"), prefix: take("access_logs.s3.prefix") })
}

/// Finished are those whose description is there.
fn waiting(folder: &Path) -> io::Result<Vec<Waiting>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let description = entry?.path();
        if description.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        match serde_json::from_slice(&fs::read(&description)?) {
            Ok(about) => found.push(Waiting { description, about }),
            Err(error) => {
                warn!(path = %description.display(), %error, "the description of an access log is none")
            }
        }
    }
    Ok(found)
}

/// The account, and the object's name as AWS gives it; none when the load balancer's ARN is none.
fn object_name(about: &FinishedLog, random: &dyn Random) -> Option<(String, String)> {
    let mut parts = about.load_balancer_arn.splitn(6, ':').skip(3);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let load_balancer = resource.strip_prefix("loadbalancer/")?.replace('/', ".");
    let (day, end) = day_and_minute(about.end)?;
    let random = random::from_alphabet(random, b"abcdefghijklmnopqrstuvwxyz0123456789", 8);
    let name = format!(
        "{}AWSLogs/{account}/elasticloadbalancing/{region}/{day}/{account}_elasticloadbalancing_{region}_\
         {load_balancer}_{end}_{}_{random}.log.gz",
        folder(&about.prefix),
        about.zone_address
    );
    Some((account.to_owned(), name))
}

/// `2026/01/31` and `20260131T2355Z`.
fn day_and_minute(at: Timestamp) -> Option<(String, String)> {
    let text = at.to_rfc3339_secs();
    let (day, time) = text.split_once('T')?;
    let (hour, minute) = (time.get(..2)?, time.get(3..5)?);
    Some((day.replace('-', "/"), format!("{}T{hour}{minute}Z", day.replace('-', ""))))
}

fn folder(prefix: &str) -> String {
    let prefix = prefix.trim_matches('/');
    if prefix.is_empty() { String::new() } else { format!("{prefix}/") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::random::SeededRandom;

    fn check(prefix: &str, expect: &str) {
        let about = FinishedLog {
            load_balancer_arn:
                "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/web/0123456789abcdef"
                    .into(),
            bucket: "logs".into(),
            prefix: prefix.into(),
            end: Timestamp::from_secs(1_767_225_900),
            zone_address: std::net::Ipv4Addr::new(172, 31, 0, 9),
        };
        let (account, name) = object_name(&about, &*SeededRandom::shared(1)).expect("an ARN");
        assert_eq!(account, "000000000000");
        let (fixed, _random) = name.rsplit_once('_').expect("a name");
        assert_eq!(fixed, expect);
    }

    #[test]
    fn objects_are_named_as_on_aws() {
        let name = "AWSLogs/000000000000/elasticloadbalancing/us-east-1/2026/01/01/\
                    000000000000_elasticloadbalancing_us-east-1_app.web.0123456789abcdef_20260101T0005Z_172.31.0.9";
        check("", name);
        check("team/web", &format!("team/web/{name}"));
    }
}
