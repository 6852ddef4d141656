"""Signs requests with botocore for the signature tests: python3 sigv4_vectors.py > it/vectors/sigv4.jsonl"""

import base64
import datetime
import json

import botocore.auth
import botocore.awsrequest
import botocore.credentials

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5)
botocore.auth.get_current_datetime = lambda *args, **kwargs: NOW

PLAIN = botocore.credentials.Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SESSION = botocore.credentials.Credentials("ASIAEXAMPLE", "secret/with+signs", "token/with+signs==")

CASES = [
    ("json", botocore.auth.SigV4Auth, PLAIN, "ecs", "POST", "http://127.0.0.1:4566/", b'{"cluster": "a"}',
     {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.DescribeClusters", "Content-Type": "application/x-amz-json-1.1"}),
    ("session", botocore.auth.SigV4Auth, SESSION, "iam", "POST", "http://127.0.0.1:4566/", b"Action=GetUser&Version=2010-05-08",
     {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "X-Spaces": "  a   b  "}),
    ("query string", botocore.auth.SigV4Auth, PLAIN, "ec2", "GET",
     "http://localhost:4566/?b=2&a=1&a=0&empty=&c=x%20y%2Bz%2F%C3%A9", b"", {}),
    ("double encoded path", botocore.auth.SigV4Auth, PLAIN, "eks", "GET", "http://localhost:4566/a/./b//c/../d%20e/%C3%A9/", b"", {}),
    ("s3", botocore.auth.S3SigV4Auth, PLAIN, "s3", "PUT", "http://localhost:4566/bucket/a/../b//c%20d/%C3%A9%2B", b"body", {}),
    ("presigned", botocore.auth.SigV4QueryAuth, SESSION, "sts", "GET",
     "http://localhost:4566/?Action=GetCallerIdentity&Version=2011-06-15", b"", {}),
    ("presigned s3", botocore.auth.S3SigV4QueryAuth, PLAIN, "s3", "GET", "http://localhost:4566/bucket/key%20one?versionId=1", b"", {}),
]

for name, auth, credentials, service, method, url, body, headers in CASES:
    request = botocore.awsrequest.AWSRequest(method=method, url=url, data=body, headers=headers)
    request.context["payload_signing_enabled"] = True
    auth(credentials, service, "eu-west-1").add_auth(request)
    prepared = request.prepare()
    sent = {key: value.decode() if isinstance(value, bytes) else value for key, value in prepared.headers.items()}
    sent.setdefault("Host", url.split("/")[2])
    print(json.dumps({
        "name": name, "method": method, "uri": "/" + prepared.url.split("/", 3)[3], "headers": sent,
        "body": base64.b64encode(body).decode(), "secret": credentials.secret_key, "service": service,
        "access_key_id": credentials.access_key, "session_token": credentials.token,
    }))
