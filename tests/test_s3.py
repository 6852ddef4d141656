"""S3: buckets and objects, by boto3 and by the AWS CLI."""

import hashlib
import os
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

CONTENT = b"A=1\nB=2\n"


@pytest.fixture(scope="module")
def s3(client):
    return client("s3")


@pytest.fixture
def bucket(s3) -> str:
    """An empty bucket, which the test may leave full."""
    name = f"tests-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    yield name
    for left in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=left["Key"])
    s3.delete_bucket(Bucket=name)


def refused(call, code: str, message: str | None = None, status: int | None = None, **arguments) -> dict:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    assert message is None or error["Message"] == message
    assert status is None or caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    return error


def test_buckets(s3, client):
    name = f"tests-{uuid.uuid4().hex[:12]}"
    assert s3.create_bucket(Bucket=name)["Location"] == f"/{name}"
    # The rule of the oldest region: making a bucket again changes nothing.
    s3.create_bucket(Bucket=name)
    assert name in [one["Name"] for one in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "us-east-1"
    s3.delete_bucket(Bucket=name)
    refused(s3.head_bucket, "404", status=404, Bucket=name)
    refused(s3.list_objects_v2, "NoSuchBucket", "The specified bucket does not exist", 404, Bucket=name)
    refused(s3.delete_bucket, "NoSuchBucket", Bucket=name)


def test_buckets_of_other_regions(client, s3):
    ireland = client("s3", "eu-west-1")
    name = f"tests-{uuid.uuid4().hex[:12]}"
    refused(
        ireland.create_bucket,
        "IllegalLocationConstraintException",
        "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.",
        Bucket=name,
    )
    arguments = {"Bucket": name, "CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    ireland.create_bucket(**arguments)
    refused(ireland.create_bucket, "BucketAlreadyOwnedByYou", status=409, **arguments)
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"
    s3.delete_bucket(Bucket=name)


def test_names_of_buckets(s3):
    arguments = {"Bucket": "a..b"}
    refused(s3.create_bucket, "InvalidBucketName", "The specified bucket is not valid.", 400, **arguments)


def test_objects(s3, bucket):
    put = s3.put_object(
        Bucket=bucket, Key="folder/a b+ü.env", Body=CONTENT, ContentType="text/plain", Metadata={"team": "web"},
        CacheControl="no-cache",
    )
    etag = f'"{hashlib.md5(CONTENT).hexdigest()}"'
    assert put["ETag"] == etag
    got = s3.get_object(Bucket=bucket, Key="folder/a b+ü.env")
    assert got["Body"].read() == CONTENT
    assert (got["ETag"], got["ContentType"], got["CacheControl"]) == (etag, "text/plain", "no-cache")
    assert (got["Metadata"], got["ContentLength"]) == ({"team": "web"}, len(CONTENT))
    head = s3.head_object(Bucket=bucket, Key="folder/a b+ü.env")
    assert (head["ETag"], head["ContentLength"], head["Metadata"]) == (etag, len(CONTENT), {"team": "web"})
    s3.put_object(Bucket=bucket, Key="folder/a b+ü.env", Body=b"")
    replaced = s3.get_object(Bucket=bucket, Key="folder/a b+ü.env")
    assert (replaced["Body"].read(), replaced["ContentType"]) == (b"", "binary/octet-stream")
    refused(s3.delete_bucket, "BucketNotEmpty", "The bucket you tried to delete is not empty", 409, Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="folder/a b+ü.env")
    s3.delete_object(Bucket=bucket, Key="folder/a b+ü.env")
    missing = {"Bucket": bucket, "Key": "folder/a b+ü.env"}
    error = refused(s3.get_object, "NoSuchKey", "The specified key does not exist.", 404, **missing)
    assert error["Key"] == "folder/a b+ü.env"
    refused(s3.head_object, "404", status=404, **missing)


def test_parts_and_conditions(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    part = s3.get_object(Bucket=bucket, Key="k", Range="bytes=2-4")
    assert (part["Body"].read(), part["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert s3.get_object(Bucket=bucket, Key="k", Range="bytes=-2")["Body"].read() == b"89"
    refused(s3.get_object, "InvalidRange", status=416, Bucket=bucket, Key="k", Range="bytes=10-")
    refused(s3.get_object, "304", status=304, Bucket=bucket, Key="k", IfNoneMatch=etag)
    refused(s3.get_object, "PreconditionFailed", status=412, Bucket=bucket, Key="k", IfMatch='"x"')
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)["ContentLength"] == 10
    refused(s3.put_object, "PreconditionFailed", status=412, Bucket=bucket, Key="k", Body=b"", IfNoneMatch="*")
    s3.put_object(Bucket=bucket, Key="k", Body=b"new", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"


def test_listings(s3, bucket):
    keys = ["a.env", "a/1", "a/2", "b", "c/d/e", "ü & <x>"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    listed = s3.list_objects_v2(Bucket=bucket)
    assert [one["Key"] for one in listed["Contents"]] == keys
    assert (listed["KeyCount"], listed["IsTruncated"]) == (6, False)
    assert s3.list_objects_v2(Bucket=bucket, Prefix="none")["KeyCount"] == 0
    folders = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [one["Prefix"] for one in folders["CommonPrefixes"]] == ["a/", "c/"]
    assert [one["Key"] for one in folders["Contents"]] == ["a.env", "b", "ü & <x>"]
    paged = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1})
    found = [page.get("Contents", page.get("CommonPrefixes"))[0] for page in paged]
    assert [one.get("Key", one.get("Prefix")) for one in found] == ["a.env", "a/", "b", "c/", "ü & <x>"]
    first = s3.get_paginator("list_objects").paginate(Bucket=bucket, PaginationConfig={"PageSize": 4})
    assert [one["Key"] for page in first for one in page["Contents"]] == keys
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, StartAfter="b")["Contents"]] == keys[4:]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in [*keys, "never"]]})
    assert [one["Key"] for one in answer["Deleted"]] == [*keys, "never"]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_copies(s3, bucket):
    s3.put_object(Bucket=bucket, Key="from", Body=CONTENT, ContentType="text/plain")
    copied = s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "from"})
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(CONTENT).hexdigest()}"'
    s3.delete_object(Bucket=bucket, Key="from")
    got = s3.get_object(Bucket=bucket, Key="to")
    assert (got["Body"].read(), got["ContentType"]) == (CONTENT, "text/plain")
    refused(s3.copy_object, "NoSuchKey", Bucket=bucket, Key="x", CopySource=f"{bucket}/from")
    refused(s3.copy_object, "InvalidRequest", Bucket=bucket, Key="to", CopySource=f"{bucket}/to")


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums(s3, bucket, algorithm):
    put = s3.put_object(Bucket=bucket, Key="k", Body=CONTENT, ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert put[f"Checksum{algorithm}"] == got[f"Checksum{algorithm}"]
    assert got["Body"].read() == CONTENT
    wrong = {f"Checksum{algorithm}": put[f"Checksum{algorithm}"]}
    refused(s3.put_object, "BadDigest", status=400, Bucket=bucket, Key="k", Body=b"other", **wrong)


def client_with(server, endpoint: str, **options):
    given = server.environment()
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        **options,
    )


def test_checksums_behind_the_body(server, bucket):
    """With TLS the body comes in chunks, unsigned, and its checksum follows it."""
    authority = next((server.data_dir / "tls").glob("authority.pem"))
    s3 = client_with(server, server.endpoint.replace("http:", "https:"), verify=str(authority))
    for content in (CONTENT, b"", os.urandom(3 * 1024 * 1024)):
        for algorithm in ("CRC32", "SHA1", "SHA256"):
            put = s3.put_object(Bucket=bucket, Key="k", Body=content, ChecksumAlgorithm=algorithm)
            got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
            assert put[f"Checksum{algorithm}"] == got[f"Checksum{algorithm}"]
            assert got["Body"].read() == content
            assert "ContentEncoding" not in got


def test_presigned_urls(server, bucket):
    # Without it boto3 presigns for S3 with version 2, which AWS no longer takes for new buckets.
    s3 = client_with(server, server.endpoint, config=Config(signature_version="s3v4"))
    url = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"})
    with urllib.request.urlopen(urllib.request.Request(url, data=CONTENT, method="PUT")) as answer:
        assert answer.status == 200
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == CONTENT


def test_what_is_refused(s3, bucket):
    """What can't be done says so, and above all isn't taken for something else."""
    s3.put_object(Bucket=bucket, Key="k", Body=CONTENT)
    refused(s3.create_multipart_upload, "NotImplemented", status=501, Bucket=bucket, Key="k")
    refused(s3.delete_bucket_policy, "NotImplemented", status=501, Bucket=bucket)
    refused(s3.get_object_tagging, "NotImplemented", status=501, Bucket=bucket, Key="k")
    refused(s3.put_object, "NotImplemented", Bucket=bucket, Key="k", Body=b"", ServerSideEncryption="aws:kms")
    refused(s3.put_object, "AccessControlListNotSupported", Bucket=bucket, Key="k", Body=b"", ACL="public-read")
    refused(s3.put_object, "EntityTooLarge", status=400, Bucket=bucket, Key="k", Body=bytes(31 * 1024 * 1024))
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == CONTENT


def test_a_large_object(s3, bucket):
    content = os.urandom(20 * 1024 * 1024)
    s3.put_object(Bucket=bucket, Key="large", Body=content)
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == content


def test_writers_at_once(s3, bucket):
    """Each put of one key succeeds, and the object is one of them; of conditional ones a single put does."""
    def put(content: int) -> str:
        return s3.put_object(Bucket=bucket, Key="k", Body=str(content).encode())["ETag"]

    def put_first(content: int) -> int:
        try:
            s3.put_object(Bucket=bucket, Key="first", Body=str(content).encode(), IfNoneMatch="*")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "PreconditionFailed"
            return 0
        return 1

    with ThreadPoolExecutor(16) as pool:
        etags = set(pool.map(put, range(64)))
        assert sum(pool.map(put_first, range(32))) == 1
    assert s3.head_object(Bucket=bucket, Key="k")["ETag"] in etags
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 2


def test_objects_outlive_the_server(make_server):
    server = make_server()
    s3 = server.client("s3")
    s3.create_bucket(Bucket="outlive")
    s3.put_object(Bucket="outlive", Key="k", Body=CONTENT)
    server.kill()
    server.up()
    assert server.client("s3").get_object(Bucket="outlive", Key="k")["Body"].read() == CONTENT


@pytest.mark.slow
def test_the_command_line(server, tmp_path):
    """`aws s3` as people use it: make, copy, list, sync, remove."""
    bucket = f"tests-{uuid.uuid4().hex[:12]}"
    (tmp_path / "app.env").write_bytes(CONTENT)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b").write_text("b")

    def aws(*arguments: str) -> str:
        return server.aws("s3", *arguments).stdout

    assert bucket in aws("mb", f"s3://{bucket}")
    aws("cp", str(tmp_path / "app.env"), f"s3://{bucket}/env/app.env")
    aws("cp", "--recursive", str(tmp_path / "folder"), f"s3://{bucket}/folder")
    assert "PRE env/" in aws("ls", f"s3://{bucket}/")
    assert "app.env" in aws("ls", f"s3://{bucket}/env/")
    aws("cp", f"s3://{bucket}/env/app.env", f"s3://{bucket}/copy.env")
    aws("cp", f"s3://{bucket}/copy.env", str(tmp_path / "back.env"))
    assert (tmp_path / "back.env").read_bytes() == CONTENT
    aws("sync", f"s3://{bucket}", str(tmp_path / "synced"))
    assert (tmp_path / "synced" / "folder" / "b").read_text() == "b"
    aws("rm", f"s3://{bucket}/copy.env")
    assert bucket in aws("rb", "--force", f"s3://{bucket}")
    assert bucket not in aws("ls")
