"""TestEventPattern: what event patterns match, and what is no pattern."""

import json

import pytest
from botocore.exceptions import ClientError

EVENT = {
    "version": "0",
    "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
    "detail-type": "Order Placed",
    "source": "shop.orders",
    "account": "000000000000",
    "time": "2026-01-01T00:00:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:x:1", "arn:aws:x:2"],
    "detail": {
        "state": "paid", "total": 300.0, "empty": "", "nothing": None, "express": True, "ip": "10.0.0.17",
        "file": "images/cat.PNG", "tags": ["new", "big"], "lines": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}],
        "deep": {"er": {"key": "value"}},
    },
}

MATCHES = [
    {"source": ["shop.orders"]},
    {"source": ["other", "shop.orders"], "detail-type": ["Order Placed"]},
    {"resources": ["arn:aws:x:2"]},
    {"detail": {"total": [300]}},
    {"detail": {"total": [3.0e2]}},
    {"detail": {"empty": [""]}},
    {"detail": {"nothing": [None]}},
    {"detail": {"express": [True]}},
    {"detail": {"state": [{"prefix": "pa"}]}},
    {"detail": {"state": [{"prefix": {"equals-ignore-case": "PA"}}]}},
    {"detail": {"file": [{"suffix": ".PNG"}]}},
    {"detail": {"file": [{"suffix": {"equals-ignore-case": ".png"}}]}},
    {"detail": {"state": [{"equals-ignore-case": "PAID"}]}},
    {"detail": {"state": [{"anything-but": "open"}]}},
    {"detail": {"state": [{"anything-but": ["open", "closed"]}]}},
    {"detail": {"total": [{"anything-but": [1, 2]}]}},
    {"detail": {"state": [{"anything-but": {"prefix": "op"}}]}},
    {"detail": {"file": [{"anything-but": {"suffix": ".txt"}}]}},
    {"detail": {"state": [{"anything-but": {"equals-ignore-case": ["OPEN"]}}]}},
    {"detail": {"file": [{"anything-but": {"wildcard": "*.txt"}}]}},
    {"detail": {"total": [{"numeric": [">", 0, "<=", 300]}]}},
    {"detail": {"total": [{"numeric": ["=", 300]}]}},
    {"detail": {"state": [{"exists": True}]}},
    {"detail": {"absent": [{"exists": False}]}},
    {"detail": {"absent": {"too": [{"exists": False}]}}},
    {"detail": {"ip": [{"cidr": "10.0.0.0/24"}]}},
    {"detail": {"file": [{"wildcard": "images/*.PNG"}]}},
    {"detail": {"tags": ["big"]}},
    {"detail": {"lines": {"sku": ["b"], "n": [2]}}},
    {"detail": {"deep": {"er": {"key": ["value"]}}}},
    {"$or": [{"source": ["nobody"]}, {"detail": {"state": ["paid"]}}]},
    {"source": ["shop.orders"], "detail": {"$or": [{"total": [{"numeric": ["<", 5]}]}, {"express": [True]}]}},
]

MISSES = [
    {"source": ["Shop.Orders"]},
    {"source": ["shop.orders"], "detail-type": ["Order Shipped"]},
    {"detail": {"total": ["300"]}},
    {"detail": {"express": ["true"]}},
    {"detail": {"nothing": [""]}},
    {"detail": {"absent": [None]}},
    {"detail": {"state": [{"prefix": "PA"}]}},
    {"detail": {"state": [{"anything-but": ["paid"]}]}},
    {"detail": {"absent": [{"anything-but": "x"}]}},
    {"detail": {"total": [{"numeric": ["<", 300]}]}},
    {"detail": {"state": [{"exists": False}]}},
    {"detail": {"deep": [{"exists": True}]}},
    {"detail": {"ip": [{"cidr": "10.0.1.0/24"}]}},
    {"detail": {"file": [{"wildcard": "images/*.png"}]}},
    {"detail": {"lines": {"sku": ["a"], "n": [2]}}},
    {"$or": [{"source": ["nobody"]}, {"detail": {"state": ["open"]}}]},
]

BAD = [
    ("not json", "expected"),
    ("[]", "Filter is not an object"),
    ('{"source": "x"}', '"source" must be an object or an array'),
    ('{"source": []}', "Empty arrays are not allowed"),
    ('{"source": {}}', "Empty objects are not allowed"),
    ('{"source": [{"like": "x"}]}', "Unrecognized match type like"),
    ('{"source": [{"prefix": 1}]}', "prefix match pattern must be a string"),
    ('{"source": [{"exists": 1}]}', "exists match pattern must be either true or false."),
    ('{"source": [{"numeric": [">", 5, "<", 1]}]}', "Bottom must be less than top"),
    ('{"source": [{"cidr": "10.0.0.0"}]}', "Malformed CIDR, one '/' required"),
    ('{"source": [{"wildcard": "a**"}]}', "Consecutive wildcard characters at pos 1"),
    ('{"source": [{"wildcard": "' + "a*" * 60 + '"}]}', "Rule is too complex"),
    ('{"source": [{"anything-but": ["a", 1]}]}', "mixed type is not supported"),
]


@pytest.fixture(scope="module")
def events(client):
    return client("events")


def test_what_matches(events):
    for expected, patterns in ((True, MATCHES), (False, MISSES)):
        for pattern in patterns:
            answer = events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(EVENT))
            assert answer["Result"] is expected, pattern


def test_what_is_no_pattern(events):
    for pattern, reason in BAD:
        for call, arguments in (
            (events.test_event_pattern, {"Event": json.dumps(EVENT)}),
            (events.put_rule, {"Name": "tests-bad"}),
        ):
            with pytest.raises(ClientError) as caught:
                call(EventPattern=pattern, **arguments)
            error = caught.value.response["Error"]
            assert error["Code"] == "InvalidEventPatternException", pattern
            assert error["Message"].startswith("Event pattern is not valid. Reason: "), error
            assert reason in error["Message"], error


def test_what_is_no_event(events):
    for event in ("not json", "{}", json.dumps({**EVENT, "id": None} | {"source": "x"}).replace('"id"', '"ID"')):
        with pytest.raises(ClientError) as caught:
            events.test_event_pattern(EventPattern='{"source": ["x"]}', Event=event)
        assert caught.value.response["Error"]["Code"] == "ValidationException"
