"""Makes and checks the vectors of the protocol tests with botocore, a client that we did not write.

    python3 vectors.py generate <botocore folder>   writes inputs, requests and outputs; then run
                                                    UPDATE_VECTORS=1 cargo test -p wire-protocols
                                                    which adds the responses
    python3 vectors.py verify <botocore folder>     parses the responses and compares them with the outputs

The botocore folder is the unpacked package of the version that `cargo xtask codegen` pins.
"""

import base64
import datetime
import json
import pathlib
import sys
import urllib.parse
import zlib

FOLDER = pathlib.Path(__file__).parent / "it" / "vectors"
PROTOCOLS = {
    "json": "json", "query": "query", "ec2": "ec2", "rest-json": "rest-json", "rest-xml": "rest-xml",
    "smithy-rpc-v2-cbor": "smithy-rpc-v2-cbor",
}
CASES = {
    "ecs": ["RegisterTaskDefinition", "RunTask", "DescribeTasks", "CreateCluster", "ListTagsForResource"],
    "ecr": ["CreateRepository", "BatchGetImage", "UploadLayerPart", "GetAuthorizationToken", "DescribeImages"],
    "logs": ["CreateLogGroup", "PutLogEvents", "FilterLogEvents", "GetLogEvents", "TagLogGroup"],
    "iam": ["CreateRole", "GetUser", "ListRoles", "DeleteUser", "GetAccountSummary", "ListAttachedRolePolicies"],
    "sts": ["AssumeRole", "GetCallerIdentity"],
    "ec2": ["AuthorizeSecurityGroupIngress", "CreateSecurityGroup", "CreateTags", "DescribeNetworkInterfaces",
            "DescribeSecurityGroups", "DescribeVpcs"],
    "cloudwatch": ["PutMetricData", "GetMetricData", "DescribeAlarms", "SetAlarmState"],
    "eks": ["CreateCluster", "ListClusters", "TagResource", "UntagResource"],
    "route53": ["ChangeResourceRecordSets", "ListHostedZones", "CreateHostedZone"],
    "s3": ["PutObject", "GetObject", "ListObjectsV2", "DeleteObjects", "CreateMultipartUpload", "PutBucketTagging",
           "GetObjectAttributes", "PutBucketLifecycleConfiguration", "GetBucketAcl"],
}
DEPTH_MAX = 6


def number(path):
    return zlib.crc32(path.encode())


def sample(shape, path, depth, location="body"):
    """A value of a shape, the same in every run; None where the depth ends."""
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return {"name": "value", "numbers": [1, 2.5], "none": None}
        value = {}
        for name, member in shape.members.items():
            place = member.serialization.get("location", "body")
            found = None
            if depth < DEPTH_MAX and not getattr(member, "event_stream", False) and not member.serialization.get("eventstream"):
                found = sample(member, f"{path}.{name}", depth + 1, place)
            # The client makes a time of S3's Expires, which the model has as a text.
            if found is not None and name not in ("ResponseMetadata", "Expires", "ExpiresString"):
                value[name] = found
            if shape.is_tagged_union and value:
                break
        # What holds nothing can't be told from what isn't there in query parameters.
        return value if value or depth == 0 or not shape.members else None
    if kind == "list":
        values = [sample(shape.member, f"{path}[{n}]", depth + 1, location) for n in range(2 if depth < 3 else 1)]
        return [value for value in values if value is not None] or None
    if kind == "map":
        key = "keyone" if location == "headers" else "key one"
        if shape.key.enum:
            key = shape.key.enum[0]
        value = sample(shape.value, f"{path}.value", depth + 1, location)
        return None if value is None else {key: value}
    return scalar(shape, path, location)


def scalar(shape, path, location):
    kind = shape.type_name
    if kind == "string":
        if shape.enum:
            return shape.enum[number(path) % len(shape.enum)]
        if location in ("header", "headers", "statusCode"):
            return f"text-{number(path) % 100}"
        if location == "uri":
            return f"a b+{number(path) % 100}"
        return f"<é & \"{number(path) % 1000}\"> 50%+\n\u00a0x"
    if kind == "integer":
        return 200 if location == "statusCode" else number(path) % 2_000_000_000 - 1_000_000_000
    if kind == "long":
        return number(path) * 1_000_003 - 5
    if kind in ("double", "float"):
        return (number(path) % 10_000) / 8
    if kind == "boolean":
        return number(path) % 2 == 0
    if kind == "blob":
        return b"\x00\xffblob" + path.encode()[:10]
    if kind == "timestamp":
        return datetime.datetime.fromtimestamp(1_700_000_000 + number(path) % 10_000_000, datetime.timezone.utc)
    raise ValueError(kind)


def canonical(shape, value):
    """The value as our JSON writer prints it."""
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return value
        return {shape.members[name].serialization.get("name", name): canonical(shape.members[name], found)
                for name, found in value.items()}
    if kind == "list":
        return [canonical(shape.member, found) for found in value]
    if kind == "map":
        return {key: canonical(shape.value, found) for key, found in value.items()}
    if kind == "blob":
        return base64.b64encode(value).decode()
    if kind == "timestamp":
        form = shape.serialization.get("timestampFormat")
        if form == "iso8601":
            return value.strftime("%Y-%m-%dT%H:%M:%SZ")
        if form == "rfc822":
            return value.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return int(value.timestamp())
    return value


def models(folder):
    sys.path.insert(0, folder)
    import botocore.loaders
    import botocore.model
    loader = botocore.loaders.Loader(extra_search_paths=[str(pathlib.Path(folder) / "botocore" / "data")])
    for service in CASES:
        model = botocore.model.ServiceModel(loader.load_service_model(service, "service-2"), service)
        protocols = model.metadata.get("protocols", [model.metadata["protocol"]])
        for protocol in protocols:
            yield service, PROTOCOLS[protocol], model


def path_of(service, protocol):
    return FOLDER / f"{service}.{protocol}.jsonl"


def generate(folder):
    import botocore.serialize
    FOLDER.mkdir(parents=True, exist_ok=True)
    for service, protocol, model in models(folder):
        serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
        lines = []
        for name in CASES[service]:
            operation = model.operation_model(name)
            inputs = sample(operation.input_shape, name, 0) if operation.input_shape else {}
            request = serializer.serialize_to_request(inputs, operation)
            case = {"operation": name}
            case["input"] = canonical(operation.input_shape, inputs) if operation.input_shape else {}
            case["request"] = wire_request(request)
            if operation.output_shape:
                outputs = sample(operation.output_shape, name + ".output", 0)
                case["output"] = canonical(operation.output_shape, outputs)
            else:
                case["output"] = {}
            lines.append(json.dumps(case, ensure_ascii=False, sort_keys=True))
        path_of(service, protocol).write_text("\n".join(lines) + "\n")


def wire_request(request):
    body = request["body"]
    query = request["query_string"]
    if isinstance(body, dict):
        body = urllib.parse.urlencode(body)
    if isinstance(body, str):
        body = body.encode()
    if hasattr(body, "read"):
        body = body.read()
    pairs = []
    for key, value in (query.items() if isinstance(query, dict) else []):
        for one in value if isinstance(value, list) else [value]:
            pairs.append((key, one))
    uri = request["url_path"]
    if pairs:
        uri += ("&" if "?" in uri else "?") + urllib.parse.urlencode(pairs, quote_via=urllib.parse.quote)
    headers = {key: value for key, value in request["headers"].items()}
    return {"method": request["method"], "uri": uri, "headers": headers, "body": base64.b64encode(body).decode()}


def verify(folder):
    failures = 0
    count = 0
    for service, protocol, model in models(folder):
        import botocore.parsers
        import botocore.awsrequest
        parser = botocore.parsers.create_parser(protocol)
        for line in path_of(service, protocol).read_text().splitlines():
            case = json.loads(line)
            operation = model.operation_model(case["operation"])
            shape = operation.output_shape
            headers = botocore.awsrequest.HeadersDict(case["response"]["headers"])
            body = base64.b64decode(case["response"]["body"])
            if operation.has_streaming_output:
                body = bytearray(body)  # anything but bytes is a stream to the parser
            response = {"status_code": case["response"]["status"], "headers": headers, "body": body}
            parsed = parser.parse(response, shape)
            metadata = parsed.pop("ResponseMetadata", {})
            expected = sample(shape, case["operation"] + ".output", 0) if shape else {}
            count += 1
            if normal(parsed) != normal(expected) or metadata.get("RequestId", "req-1") != "req-1":
                failures += 1
                print("differs:", service, protocol, case["operation"], metadata)
                differences(normal(expected), normal(parsed), "")
    print(f"{count - failures} of {count} responses read by botocore as they were meant")
    return failures


def normal(value):
    if isinstance(value, dict):
        return {key: normal(found) for key, found in value.items()}
    if isinstance(value, list):
        return [normal(found) for found in value]
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    return value


def differences(expected, found, path):
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(set(expected) | set(found)):
            differences(expected.get(key), found.get(key), f"{path}.{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for at, (left, right) in enumerate(zip(expected, found)):
            differences(left, right, f"{path}[{at}]")
    elif expected != found:
        print(f"  {path}: expected {expected!r}, found {found!r}"[:300])


if __name__ == "__main__":
    command, folder = sys.argv[1:]
    sys.exit(verify(folder) if command == "verify" else generate(folder))
