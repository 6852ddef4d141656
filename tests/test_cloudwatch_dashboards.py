"""Dashboards, and graphs as pictures."""

import datetime
import json
import struct
import zlib

import pytest
from botocore.exceptions import ClientError

from refusals import refusal


@pytest.fixture(scope="module")
def cloudwatch(client):
    return client("cloudwatch")


def pixels(png: bytes) -> tuple[int, int, list[bytes]]:
    """Width, height and rows of a PNG; every chunk's checksum is verified."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + data)
        chunks[kind] = data
        at += 12 + length
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    raw = zlib.decompress(chunks[b"IDAT"])
    rows = [raw[row * (width * 3 + 1) + 1 : (row + 1) * (width * 3 + 1)] for row in range(height)]
    assert all(len(row) == width * 3 for row in rows)
    return width, height, rows


def count(rows: list[bytes], color: tuple[int, int, int]) -> int:
    """Pixels that are this colour, or nearly."""
    near = lambda row, at: all(abs(row[at + part] - color[part]) < 12 for part in range(3))  # noqa: E731
    return sum(near(row, at) for row in rows for at in range(0, len(row), 3))


@pytest.fixture(scope="module", autouse=True)
def data(cloudwatch):
    now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
    for name, scale in (("Requests", 3), ("Errors", 1)):
        points = [
            {"MetricName": name, "Timestamp": now - datetime.timedelta(minutes=60 - minute), "Value": scale * (20 + minute % 17)}
            for minute in range(60)
        ]
        cloudwatch.put_metric_data(Namespace="Drawn", MetricData=points)


def draw(cloudwatch, **more) -> bytes:
    widget = {"metrics": [["Drawn", "Requests"], [".", "Errors"]], "start": "-PT1H", "period": 60, "title": "Web", **more}
    return cloudwatch.get_metric_widget_image(MetricWidget=json.dumps(widget))["MetricWidgetImage"]


BLUE, ORANGE, WHITE = (31, 119, 180), (255, 127, 14), (255, 255, 255)


def test_a_graph_is_drawn(cloudwatch):
    width, height, rows = pixels(draw(cloudwatch))
    assert (width, height) == (600, 400)
    assert count(rows, BLUE) > 300 and count(rows, ORANGE) > 300
    assert count(rows, WHITE) > width * height / 2
    assert count(rows[:40], WHITE) < width * 40, "the title is there"


def test_what_a_definition_says_is_seen(cloudwatch):
    plain = draw(cloudwatch)
    threshold = {"annotations": {"horizontal": [{"value": 50, "label": "limit", "color": "#00aa00"}]}}
    _, _, marked = pixels(draw(cloudwatch, **threshold))
    assert count(pixels(plain)[2], (0, 170, 0)) == 0 and count(marked, (0, 170, 0)) > 150
    _, _, red = pixels(draw(cloudwatch, metrics=[["Drawn", "Requests", {"color": "#ff0000"}]]))
    assert count(red, (255, 0, 0)) > 300 and count(red, BLUE) == 0
    stacked = pixels(draw(cloudwatch, stacked=True))[2]
    faded = (123, 175, 210)
    assert count(stacked, faded) > 5000 > count(pixels(plain)[2], faded)
    width, height, _ = pixels(draw(cloudwatch, width=900, height=200, legend={"position": "hidden"}))
    assert (width, height) == (900, 200)
    different = [plain, draw(cloudwatch, yAxis={"left": {"min": 0, "max": 500, "label": "Count"}}), draw(cloudwatch, title="Other")]
    assert len(set(different)) == 3
    image = cloudwatch.get_metric_widget_image(
        MetricWidget=json.dumps({"metrics": [["Drawn", "None"]]}), OutputFormat="image/png"
    )
    assert count(pixels(image["MetricWidgetImage"])[2], BLUE) < 150, "a legend, but no line"


def highest(rows: list[bytes], color: tuple[int, int, int]) -> int:
    """The first row with a line of this colour; a legend is far below."""
    return next(index for index, row in enumerate(rows) if count([row], color))


def test_the_right_axis_has_its_own_scale(cloudwatch):
    shared = pixels(draw(cloudwatch))[2]
    metrics = [["Drawn", "Requests"], [".", "Errors", {"yAxis": "right"}]]
    own = pixels(draw(cloudwatch, metrics=metrics, yAxis={"right": {"label": "Errors", "showUnits": False}}))[2]
    assert highest(shared, ORANGE) - highest(shared, BLUE) > 100
    assert abs(highest(own, ORANGE) - highest(shared, BLUE)) <= 3, "it fills the graph as the other one does"
    limit = {"horizontal": [{"value": 30, "color": "#00aa00", "yAxis": "right"}]}
    halved = pixels(draw(cloudwatch, metrics=metrics, annotations=limit, yAxis={"right": {"min": 0, "max": 60}}))[2]
    assert highest(halved, ORANGE) > highest(halved, BLUE) + 50
    assert count(halved, (0, 170, 0)) > 150


@pytest.mark.parametrize(
    ("widget", "message"),
    [
        ("[]", "valid JSON object"),
        ('{"metrics": [["Drawn"]]}', "a namespace and a name"),
        ('{"metrics": [["Drawn", "m"]], "view": "pie"}', "view 'pie' is not supported"),
        ('{"metrics": [["Drawn", "m"]], "width": 2001}', "between 1 and 2000"),
        ('{"metrics": [["Drawn", "m", {"yAxis": "top"}]]}', "yAxis must be left or right"),
        ('{"metrics": [["Drawn", "m"]], "yAxis": {"right": {"min": 2, "max": 1}}}', "yAxis.right.min must be less"),
        ('{"metrics": [["Drawn", "m", {"region": "eu-west-1"}]]}', "other regions"),
        ('{"metrics": [["Drawn", "m"]], "start": "-P400D", "period": 60}', "too many data points"),
    ],
)
def test_what_cannot_be_drawn(cloudwatch, widget, message):
    code, found = refusal(cloudwatch.get_metric_widget_image, MetricWidget=widget)
    assert code == "ValidationError" and message in found


def test_only_png(cloudwatch):
    widget = json.dumps({"metrics": [["Drawn", "Requests"]]})
    assert refusal(cloudwatch.get_metric_widget_image, MetricWidget=widget, OutputFormat="jpeg")[0] == "InvalidParameterValue"


BODY = {"widgets": [{"type": "metric", "x": 0, "y": 0, "width": 12, "height": 6, "properties": {"metrics": [["Drawn", "Errors"]], "region": "us-east-1"}}]}


def test_dashboards(cloudwatch, client):
    made = cloudwatch.put_dashboard(DashboardName="Web-1", DashboardBody=json.dumps(BODY))
    assert made["DashboardValidationMessages"] == []
    found = cloudwatch.get_dashboard(DashboardName="Web-1")
    assert json.loads(found["DashboardBody"]) == BODY
    assert found["DashboardArn"] == "arn:aws:cloudwatch::000000000000:dashboard/Web-1"
    # A dashboard is there in every region.
    assert client("cloudwatch", "eu-west-1").get_dashboard(DashboardName="Web-1")["DashboardBody"] == found["DashboardBody"]
    warned = cloudwatch.put_dashboard(DashboardName="Web-2", DashboardBody=json.dumps({"widgets": [], "colour": 1}))
    assert warned["DashboardValidationMessages"][0]["DataPath"] == "/colour"
    entries = cloudwatch.list_dashboards(DashboardNamePrefix="Web")["DashboardEntries"]
    assert [one["DashboardName"] for one in entries] == ["Web-1", "Web-2"]
    assert entries[0]["Size"] == len(json.dumps(BODY))
    code, _ = refusal(cloudwatch.delete_dashboards, DashboardNames=["Web-1", "None"])
    assert code in ("ResourceNotFound", "DashboardNotFoundError")
    assert len(cloudwatch.list_dashboards(DashboardNamePrefix="Web")["DashboardEntries"]) == 2
    cloudwatch.delete_dashboards(DashboardNames=["Web-1", "Web-2"])
    assert cloudwatch.list_dashboards(DashboardNamePrefix="Web")["DashboardEntries"] == []
    code, message = refusal(cloudwatch.get_dashboard, DashboardName="Web-1")
    assert code in ("ResourceNotFound", "DashboardNotFoundError") and message == "Dashboard Web-1 does not exist"


def test_what_is_no_dashboard(cloudwatch):
    with pytest.raises(ClientError) as caught:
        cloudwatch.put_dashboard(DashboardName="Bad", DashboardBody='{"widgets": [{"type": "pie"}]}')
    answer = caught.value.response
    assert answer["Error"]["Code"] in ("InvalidParameterInput", "DashboardInvalidInputError")
    assert answer["dashboardValidationMessages"][0]["DataPath"] == "/widgets/0/type"
    assert refusal(cloudwatch.put_dashboard, DashboardName="Bad", DashboardBody="no json")[0] == answer["Error"]["Code"]
    assert refusal(cloudwatch.put_dashboard, DashboardName="a b", DashboardBody="{}")[0] == "InvalidParameterValue"
    large = json.dumps({"widgets": [], "x": "y" * 300_000})
    assert refusal(cloudwatch.put_dashboard, DashboardName="Bad", DashboardBody=large)[0] == answer["Error"]["Code"]
