//! Messages that no honest client sends: each is refused in its protocol's words, and none harms the process.

use bytes::Bytes;
use http::request::Parts;
use wire_protocols::limits::{LIST_ELEMENTS_MAX, NESTING_DEPTH_MAX};
use wire_protocols::message;
use wire_schema::{Operation, Protocol};
use wire_shapes_compute::ecs;
use wire_shapes_network::ec2;
use wire_shapes_platform::{iam, logs};

use crate::shapes::{cloudwatch, s3};

fn parts(uri: &str) -> Parts {
    http::Request::post(uri).body(()).expect("a request").into_parts().0
}

/// The answer to a body: `ok`, or the error's code and message.
fn answer<O: Operation>(protocol: Protocol, uri: &str, body: impl Into<Bytes>) -> String {
    let mut input = O::Input::default();
    match message::decode_input(protocol, O::SCHEMA, &parts(uri), &body.into(), &mut input) {
        Ok(()) => "ok".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn json() {
    let check = |body: &str, expected: &str| {
        let found = answer::<ecs::operations::RegisterTaskDefinition>(
            Protocol::AwsJson1_1,
            "/",
            body.as_bytes().to_vec(),
        );
        let expected =
            if expected == "ok" { "ok".to_owned() } else { format!("SerializationException: {expected}") };
        assert_eq!(found, expected, "{body}");
    };
    check("", "ok");
    check("{}", "ok");
    check(
        " {\"family\" : null , \"unknown\" : [1, {\"a\": \"\\u00e9\\ud83d\\ude00\"}, true, null, -1.5e3]} ",
        "ok",
    );
    check("{", "The body ends early");
    check("{}x", "Unexpected character 'x' at byte 2 of the body");
    check("[]", "Start of list found where not expected");
    check("\"x\"", "STRING_VALUE can not be converted to a structure");
    check("{\"family\": 5}", "family: NUMBER_VALUE can not be converted to a String");
    check("{\"family\": true}", "family: TRUE_VALUE can not be converted to a String");
    check("{\"family\": {}}", "family: Start of structure or map found where not expected.");
    check("{\"family\": \"a}", "family: The body ends inside a string");
    check("{\"family\": \"\\x\"}", "family: A string holds an unknown escape");
    check("{\"family\": \"\\ud800\"}", "family: A string holds half of a surrogate pair");
    check("{\"family\": \"a\nb\"}", "family: A string holds a control character that is not escaped");
    check("{\"family\": \"\\é\"}", "family: A string holds an unknown escape");
    check(
        "{\"containerDefinitions\": [{\"cpu\": \"256\"}]}",
        "containerDefinitions[0].cpu: STRING_VALUE can not be converted to an Integer",
    );
    check(
        "{\"containerDefinitions\": [{}, {\"cpu\": 1.5}]}",
        "containerDefinitions[1].cpu: 1.5 can not be converted to an Integer",
    );
    check("{\"containerDefinitions\": [{\"cpu\": 256.0}]}", "ok");
    check(
        "{\"containerDefinitions\": [{\"cpu\": 2147483648}]}",
        "containerDefinitions[0].cpu: 2147483648 is out of range for an Integer",
    );
    check(
        "{\"containerDefinitions\": [{\"cpu\": 99999999999999999999}]}",
        "containerDefinitions[0].cpu: 99999999999999999999 is out of range for an Integer",
    );
    check(
        "{\"containerDefinitions\": [{\"cpu\": 01}]}",
        "containerDefinitions[0].cpu: Unexpected character '0' at byte 34 of the body",
    );
    check(
        "{\"containerDefinitions\": [{\"essential\": \"yes\"}]}",
        "containerDefinitions[0].essential: STRING_VALUE can not be converted to Boolean",
    );
    check("{\"tags\": {\"a\": 1}}", "tags: Start of structure or map found where not expected.");
    check("{family: 1}", "Unexpected character 'f' at byte 1 of the body");
    check("{\"family\": \"a\",}", "Unexpected character '}' at byte 15 of the body");
    let long = format!("{{\"containerDefinitions\": [{{\"cpu\": {}}}]}}", "9".repeat(100));
    check(&long, "containerDefinitions[0].cpu: A number is longer than 64 characters");
}

#[test]
fn json_beyond_the_limits() {
    let json = |body: Vec<u8>| answer::<ecs::operations::DescribeTasks>(Protocol::AwsJson1_1, "/", body);
    let deep = format!("{{\"x\": {}", "[".repeat(1_000_000));
    let too_deep = format!("SerializationException: The body nests deeper than {NESTING_DEPTH_MAX} levels");
    assert_eq!(json(deep.into_bytes()), too_deep);
    let long = |length: usize| format!("{{\"tasks\": [{}]}}", vec!["\"a\""; length].join(",")).into_bytes();
    assert_eq!(json(long(LIST_ELEMENTS_MAX)), "ok");
    let too_long =
        format!("SerializationException: tasks: A list or map has more than {LIST_ELEMENTS_MAX} elements");
    assert_eq!(json(long(LIST_ELEMENTS_MAX + 1)), too_long);
    assert_eq!(
        json(b"{\"cluster\": \"\xff\"}".to_vec()),
        "SerializationException: The body is not valid UTF-8"
    );
}

#[test]
fn query_parameters() {
    let iam =
        |body: &str| answer::<iam::operations::ListUsers>(Protocol::AwsQuery, "/", body.as_bytes().to_vec());
    assert_eq!(iam("Action=ListUsers&MaxItems=5&PathPrefix=%2Fa+b"), "ok");
    assert_eq!(iam("MaxItems=five"), "MalformedInput: MaxItems: The value 'five' is not an integer");
    assert_eq!(
        iam("MaxItems=99999999999"),
        "MalformedInput: MaxItems: The value '99999999999' is out of range for an integer"
    );
    assert_eq!(iam("MaxItems.x=1"), "MalformedInput: MaxItems: The parameter has no value of its own");
    assert_eq!(iam("PathPrefix=%zz"), "MalformedQueryString: A parameter is not valid form encoding");
    assert_eq!(iam("PathPrefix=%ff"), "MalformedQueryString: A parameter is not valid UTF-8");
    let ec2 = |body: String| answer::<ec2::operations::DescribeVpcs>(Protocol::Ec2Query, "/", body);
    assert_eq!(
        ec2("MaxResults=x".to_owned()),
        "InvalidParameterValue: MaxResults: The value 'x' is not an integer"
    );
    assert_eq!(
        ec2("DryRun=maybe".to_owned()),
        "InvalidParameterValue: DryRun: The value 'maybe' is not a boolean"
    );
    assert_eq!(ec2("DryRun=TRUE&Filter.1.Name=a&Filter.1.Value.1=b".to_owned()), "ok");
    assert_eq!(
        ec2("Action=DescribeVpcs&Version=2016-11-15&Colour=red".to_owned()),
        "UnknownParameter: The parameter Colour is not recognized"
    );
    let deep = format!("a{}=1", ".a".repeat(1000));
    assert_eq!(ec2(deep), "InvalidParameterValue: Parameters nest deeper than 32 levels");
    let many: String = (0..20_001).map(|index| format!("a{index}=1&")).collect();
    assert_eq!(ec2(many), "InvalidParameterValue: The request has more than 20000 parameters");
}

#[test]
fn cbor() {
    let check = |body: &[u8], expected: &str| {
        let found = answer::<cloudwatch::operations::PutMetricData>(Protocol::RpcV2Cbor, "/", body.to_vec());
        let expected =
            if expected == "ok" { "ok".to_owned() } else { format!("SerializationException: {expected}") };
        assert_eq!(found, expected, "{body:x?}");
    };
    check(b"", "ok");
    check(b"\xa0", "ok");
    check(b"\xbf\xff", "ok");
    check(b"\xa1\x69Namespace\x61n", "ok");
    check(b"\xa1\x69Namespace\x7f\x61n\x61m\xff", "ok");
    check(b"\xa1\x69Namespace\xf6", "ok");
    check(b"\xa1\x67unknown\xc1\x9f\x01\xf9\x3c\x00\xff", "ok");
    check(b"\xa1\x69Namespace\x01", "Namespace: Expected a string");
    check(b"\xa1\x69Namespace\x61\xff", "Namespace: A string is not valid UTF-8");
    check(b"\xa1\x69Namespace", "The body ends early");
    check(b"\xa1\x69Namespace\x7b\xff\xff\xff\xff\xff\xff\xff\xff", "Namespace: The body ends early");
    check(b"\xa0\xa0", "The body goes on after its value");
    check(b"\x80", "Expected a structure");
    check(b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", "The body ends early");
    check(b"\xa1\x6aMetricData\xa0", "MetricData: Expected a list");
    check(b"\xa1\x61x\x1c", "The body is not valid CBOR");
    let nested: Vec<u8> = [&b"\xa1\x61x"[..], &[0x81; 100_000]].concat();
    check(&nested, "The body nests deeper than 64 levels");
    let tagged: Vec<u8> = [&b"\xa1\x61x"[..], &[0xc1; 100_000]].concat();
    check(&tagged, "The body nests deeper than 64 levels");
}

#[test]
fn xml() {
    let check = |body: &str, expected: &str| {
        let found =
            answer::<s3::operations::DeleteObjects>(Protocol::RestXml, "/b?delete", body.as_bytes().to_vec());
        assert_eq!(found, expected, "{body}");
    };
    check(
        "<?xml version=\"1.0\"?><Delete><Object><Key>a&amp;&#x62;<![CDATA[<]]></Key></Object></Delete>",
        "ok",
    );
    check("<Delete>", "MalformedXML: Delete: The XML is not well-formed: an element is not closed");
    check(
        "<a/><b/>",
        "MalformedXML: Delete: The XML is not well-formed: a document has exactly one root element",
    );
    check(
        "text",
        "MalformedXML: Delete: The XML is not well-formed: a document has exactly one root element",
    );
    check("<a>&other;</a>", "MalformedXML: Delete: The XML is not well-formed: an unknown entity");
    check(
        "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
        "MalformedXML: Delete: The XML is not well-formed: document types are not supported",
    );
    check(
        "<Delete><Quiet>often</Quiet></Delete>",
        "InvalidArgument: Delete.Quiet: The value 'often' is not a boolean",
    );
    check(&"<a>".repeat(100_000), "InvalidArgument: Delete: The body nests deeper than 64 levels");
}

#[test]
fn no_prefix_of_a_message_panics() {
    let json =
        r#"{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1,"message":"a\u00e9\n"}]}"#;
    for length in 0..json.len() {
        answer::<logs::operations::PutLogEvents>(
            Protocol::AwsJson1_1,
            "/",
            json.as_bytes()[..length].to_vec(),
        );
        answer::<logs::operations::PutLogEvents>(
            Protocol::RpcV2Cbor,
            "/",
            json.as_bytes()[length..].to_vec(),
        );
    }
    for first in 0..=255u8 {
        for second in 0..=255u8 {
            answer::<logs::operations::PutLogEvents>(
                Protocol::RpcV2Cbor,
                "/",
                vec![0xa1, 0x61, b'x', first, second],
            );
            answer::<logs::operations::PutLogEvents>(Protocol::AwsJson1_1, "/", vec![b'{', first, second]);
        }
    }
}
