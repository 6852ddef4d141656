//! S3 in process: what can't be hit from outside in the right moment.

use std::sync::Arc;
use std::time::Duration;

use api_auth::{Context, Principal};
use api_platform::s3::{self, S3};
use state_blobs::BlobStore;
use state_model::s3::{Bucket, DELETION_MAX, Object};
use state_tables::Transaction;
use stdx::clock::FakeClock;
use wire_shapes_platform::s3 as wire;

use crate::harness::{ACCOUNT, Harness, refused, seeded};

struct Bench {
    harness: Harness,
    service: Arc<S3>,
    clock: Arc<FakeClock>,
    _directory: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let harness = Harness::new().await;
        let directory = tempfile::tempdir().expect("a folder");
        let clock = FakeClock::at(harness.now);
        let objects =
            BlobStore::open(directory.path(), Arc::clone(&clock) as _, seeded()).expect("a store of blobs");
        let bench = Self { harness, service: Arc::new(S3 { objects }), clock, _directory: directory };
        bench.make("bucket").await;
        bench
    }

    fn of(&self, account: &str) -> Context<S3> {
        Context::new(self.harness.request(Principal::root(account)), Arc::clone(&self.service))
    }

    fn root(&self) -> Context<S3> {
        self.of(ACCOUNT)
    }

    async fn make(&self, name: &str) {
        let input = wire::CreateBucketRequest { bucket: Some(name.into()), ..Default::default() };
        s3::create_bucket::create_bucket(self.root(), input).await.expect("a bucket");
    }

    async fn put(&self, key: &str) -> Result<wire::PutObjectOutput, wire_schema::ServiceError> {
        let input = wire::PutObjectRequest {
            bucket: Some("bucket".into()),
            key: Some(key.into()),
            body: Some(format!("of {key}").into()),
            ..Default::default()
        };
        s3::put_object::put_object(self.root(), input).await
    }

    async fn delete(&self, key: &str) {
        let (bucket, key) = (Some("bucket".into()), Some(key.into()));
        let input = wire::DeleteObjectRequest { bucket, key, ..Default::default() };
        s3::delete_object::delete_object(self.root(), input).await.expect("deleted");
    }
}

#[tokio::test]
async fn nothing_is_put_into_a_bucket_that_is_being_deleted() {
    let mut bench = Bench::new().await;
    let view = bench.harness.state.view();
    let row = view.s3_buckets.get("bucket").expect("the bucket");
    let mut transaction = Transaction::new();
    let announced = Bucket { deleting_since: Some(bench.harness.now), ..(**row.record()).clone() };
    transaction.update(row, &announced);
    bench.harness.state.commit(transaction).await.expect("a commit");
    let conflict =
        "A conflicting conditional operation is currently in progress against this resource. Try again.";
    refused(bench.put("k").await, "OperationAborted", conflict);
    // A deletion that broke off doesn't close the bucket for ever.
    bench.harness.now = bench.harness.now.plus(DELETION_MAX + Duration::from_secs(1));
    bench.put("k").await.expect("the bucket is open");
    let input = wire::DeleteBucketRequest { bucket: Some("bucket".into()), ..Default::default() };
    let full = s3::delete_bucket::delete_bucket(bench.root(), input.clone()).await;
    refused(full, "BucketNotEmpty", "The bucket you tried to delete is not empty");
    bench.put("other").await.expect("a refused deletion leaves the bucket open");
    bench.delete("k").await;
    bench.delete("other").await;
    s3::delete_bucket::delete_bucket(bench.root(), input).await.expect("deleted");
    assert!(bench.harness.state.view().s3_buckets.is_empty());
}

#[tokio::test]
async fn names_are_shared_and_contents_are_not() {
    let bench = Bench::new().await;
    bench.put("k").await.expect("put");
    let stranger = bench.of("111111111111");
    let input = wire::CreateBucketRequest { bucket: Some("bucket".into()), ..Default::default() };
    let taken =
        s3::create_bucket::create_bucket(stranger.clone(), input).await.expect_err("the name is taken");
    assert_eq!((taken.code.as_ref(), taken.status), ("BucketAlreadyExists", Some(409)));
    let (bucket, key) = (Some("bucket".into()), Some("k".into()));
    let input = wire::GetObjectRequest { bucket, key, ..Default::default() };
    let denied = s3::get_object::get_object(stranger.clone(), input).await.expect_err("another account's");
    assert_eq!((denied.code.as_ref(), denied.status), ("AccessDenied", Some(403)));
    let listed = s3::list_buckets::list_buckets(stranger, wire::ListBucketsRequest::default()).await;
    assert_eq!(listed.expect("a list").buckets, Some(vec![]));
}

#[tokio::test]
async fn bytes_go_when_no_object_has_them() {
    let bench = Bench::new().await;
    bench.put("kept").await.expect("put");
    bench.put("deleted").await.expect("put");
    bench.delete("deleted").await;
    let state = &bench.harness.state;
    let collect =
        async |at| s3::garbage::collect(state, &bench.service.objects, at).await.expect("collected");
    assert_eq!(collect(bench.harness.now).await, 0, "bytes stay while a put may still be on its way");
    bench.clock.advance(Duration::from_hours(2));
    assert_eq!(collect(bench.harness.now.plus(Duration::from_hours(2))).await, 1);
    let view = state.view();
    let digests: Vec<_> = view.s3_objects.by(Object::BY_DIGEST, "none").collect();
    assert!(digests.is_empty());
    let (bucket, key) = (Some("bucket".into()), Some("kept".into()));
    let input = wire::GetObjectRequest { bucket, key, ..Default::default() };
    let got = s3::get_object::get_object(bench.root(), input).await.expect("it is still there");
    assert_eq!(got.body.as_deref(), Some(&b"of kept"[..]));
}
