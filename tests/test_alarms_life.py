"""Alarms in time: from data points to states, to notifications, and through kills."""

import json
import random
import threading
import time
import uuid

import pytest

from waiting import until

TOPIC = "arn:aws:sns:us-east-1:000000000000:pager"


class Alarms:
    """Alarms of ten seconds on one metric of a test's own."""

    def __init__(self, cloudwatch, namespace: str):
        self.cloudwatch, self.namespace = cloudwatch, namespace

    def put(self, name: str, **given) -> None:
        made = {
            "MetricName": "load", "Namespace": self.namespace, "Statistic": "Average", "Period": 10, "EvaluationPeriods": 1,
            "Threshold": 50, "ComparisonOperator": "GreaterThanThreshold", "AlarmActions": [TOPIC], **given,
        }
        self.cloudwatch.put_metric_alarm(AlarmName=name, **made)

    def data(self, value: float, *ages: int) -> None:
        """One value per age in seconds, of the periods before this one too."""
        now = time.time()
        self.cloudwatch.put_metric_data(Namespace=self.namespace, MetricData=[
            {"MetricName": "load", "Value": value, "Timestamp": now - age, "StorageResolution": 1} for age in ages or (0,)])

    def one(self, name: str) -> dict:
        answer = self.cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        return (answer["MetricAlarms"] + answer["CompositeAlarms"])[0]

    def state(self, name: str, value: str, seconds: float = 15) -> dict:
        until(lambda: self.one(name)["StateValue"] == value, f"{name} in {value}", seconds)
        return self.one(name)

    def summaries(self, name: str, kind: str) -> list[str]:
        """Oldest first."""
        items = self.cloudwatch.describe_alarm_history(
            AlarmName=name, HistoryItemType=kind, AlarmTypes=["MetricAlarm", "CompositeAlarm"], ScanBy="TimestampAscending")
        return [item["HistorySummary"] for item in items["AlarmHistoryItems"]]

    def transitions(self, name: str) -> list[str]:
        return [text.removeprefix("Alarm updated from ") for text in self.summaries(name, "StateUpdate")]


@pytest.fixture
def alarms(client):
    made = Alarms(client("cloudwatch"), f"t-{uuid.uuid4().hex[:8]}")
    yield made
    for kind in ("CompositeAlarm", "MetricAlarm"):
        answer = made.cloudwatch.describe_alarms(AlarmNamePrefix=made.namespace, AlarmTypes=[kind])
        for one in answer["CompositeAlarms"] + answer["MetricAlarms"]:
            made.cloudwatch.delete_alarms(AlarmNames=[one["AlarmName"]])


def test_data_makes_an_alarm_and_ends_it(alarms):
    name = alarms.namespace + "-load"
    alarms.data(80, 15, 25)
    alarms.put(name, OKActions=[TOPIC])
    alarm = alarms.state(name, "ALARM", 5)
    assert alarm["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [80.0 (")
    assert alarm["StateReason"].endswith("was greater than the threshold (50.0) (minimum 1 datapoint for OK -> ALARM transition).")
    data = json.loads(alarm["StateReasonData"])
    assert data["recentDatapoints"] == [80.0] and data["threshold"] == 50.0 and data["period"] == 10
    assert alarm["StateTransitionedTimestamp"] == alarm["StateUpdatedTimestamp"]
    # Set by hand: the next evaluation sets it right.
    alarms.cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="by hand")
    assert alarms.transitions(name)[:2] == ["INSUFFICIENT_DATA to ALARM", "ALARM to OK"]
    alarms.data(80)
    alarms.state(name, "ALARM")
    executed = alarms.summaries(name, "Action")
    assert executed == [f"Successfully executed action {TOPIC}"] * 3
    published = alarms.cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="Action")["AlarmHistoryItems"][0]
    message = json.loads(json.loads(json.loads(published["HistoryData"])["publishedMessage"])["default"])
    assert (message["OldStateValue"], message["NewStateValue"], message["Region"]) == ("OK", "ALARM", "US East (N. Virginia)")
    assert message["Trigger"]["MetricName"] == "load" and message["Trigger"]["Statistic"] == "AVERAGE"


def test_late_data_ends_an_alarm_without_waiting(alarms):
    name = alarms.namespace + "-now"
    alarms.data(80, 15, 25)
    alarms.put(name)
    alarms.state(name, "ALARM", 5)
    # Other settings are looked at right away.
    alarms.put(name, Threshold=90)
    alarm = alarms.state(name, "OK", 5)
    assert "was not greater than the threshold (90.0) (minimum 1 datapoint for ALARM -> OK transition)." in alarm["StateReason"]
    alarms.put(name, Threshold=50, ActionsEnabled=False)
    alarms.state(name, "ALARM", 5)
    assert len(alarms.summaries(name, "Action")) == 1


def test_missing_data_is_treated_as_asked(alarms):
    """Alarms that were made with this server running: a gap means that there was no data."""
    for treat, state in {"breaching": "ALARM", "notBreaching": "OK", "missing": "INSUFFICIENT_DATA", "ignore": "INSUFFICIENT_DATA"}.items():
        alarms.put(f"{alarms.namespace}-{treat}", TreatMissingData=treat, MetricName="none", AlarmActions=[])
        alarm = alarms.state(f"{alarms.namespace}-{treat}", state, 5)
        if treat == "breaching":
            assert alarm["StateReason"] == (
                "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [Breaching].")


def test_a_composite_alarm_follows_and_is_suppressed(alarms):
    child, quiet, whole = (f"{alarms.namespace}-{name}" for name in ("child", "quiet", "whole"))
    for name in (child, quiet):
        alarms.put(name, Period=3600, MetricName="none", AlarmActions=[], TreatMissingData="ignore")

    def set_(name, value):
        alarms.cloudwatch.set_alarm_state(AlarmName=name, StateValue=value, StateReason="by hand")

    set_(quiet, "OK")
    alarms.cloudwatch.put_composite_alarm(
        AlarmName=whole, AlarmRule=f"ALARM({child})", AlarmActions=[TOPIC], ActionsSuppressor=quiet,
        ActionsSuppressorWaitPeriod=1, ActionsSuppressorExtensionPeriod=1)
    alarms.state(whole, "OK", 5)
    set_(quiet, "ALARM")
    set_(child, "ALARM")
    alarm = alarms.state(whole, "ALARM", 5)
    assert f"alarm:{child} transitioned to ALARM at " in alarm["StateReason"]
    until(lambda: alarms.one(whole).get("ActionsSuppressedBy") == "Alarm", "held back by the suppressor")
    assert not any(text.startswith("Successfully") for text in alarms.summaries(whole, "Action"))
    set_(quiet, "OK")
    until(lambda: "ActionsSuppressedBy" not in alarms.one(whole), "released after the extension")
    assert alarms.summaries(whole, "Action")[-2:] == [
        "Actions suppressed by ExtensionPeriod", f"Successfully executed action {TOPIC}"]
    # Now the suppressor doesn't come in time.
    set_(child, "OK")
    alarms.state(whole, "OK", 5)
    until(lambda: "Actions suppressed by WaitPeriod" in alarms.summaries(whole, "Action")[-2:], "held back to wait")
    until(lambda: "ActionsSuppressedBy" not in alarms.one(whole), "released after the wait")


@pytest.mark.slow
def test_kills_neither_lose_nor_repeat_a_transition(make_server):
    """Whatever moment the server is killed at: each state follows from the one before, with its actions told once."""
    server = make_server()
    alarms = Alarms(server.client("cloudwatch"), "kills")
    names = [f"kills-{number}" for number in range(20)]
    for name in names:
        alarms.put(name, Period=3600, MetricName="none", OKActions=[TOPIC], TreatMissingData="ignore")
    alarms.cloudwatch.put_composite_alarm(AlarmName="kills-any", AlarmRule=" OR ".join(f"ALARM({name})" for name in names))
    chance = random.Random(7)
    for value in ("OK", "ALARM", "OK", "ALARM"):
        def change():
            try:
                for name in names:
                    alarms.cloudwatch.set_alarm_state(AlarmName=name, StateValue=value, StateReason="x")
            except Exception:
                # Killed while it was asked: either all of the transition is there or none.
                pass

        changing = threading.Thread(target=change)
        changing.start()
        time.sleep(chance.uniform(0.0, 0.15))
        server.kill()
        changing.join()
        server.up()
        alarms.cloudwatch = server.client("cloudwatch")
    any_ = "ALARM" if any(alarms.one(name)["StateValue"] == "ALARM" for name in names) else "OK"
    alarms.state("kills-any", any_)
    for name in [*names, "kills-any"]:
        steps = [step.split(" to ") for step in alarms.transitions(name)]
        values = ["INSUFFICIENT_DATA", *(step[1] for step in steps)]
        assert [step[0] for step in steps] == values[:-1], name
        assert alarms.one(name)["StateValue"] == values[-1]
        if name != "kills-any":
            assert len(alarms.summaries(name, "Action")) == len(steps)


def test_an_alarm_on_mathematics(alarms):
    name = alarms.namespace + "-math"
    stat = {"Metric": {"Namespace": alarms.namespace, "MetricName": "load"}, "Period": 10, "Stat": "Average"}
    alarms.data(30, 15, 25)
    given = {
        "AlarmName": name, "EvaluationPeriods": 1, "Threshold": 50, "ComparisonOperator": "GreaterThanThreshold",
        "Metrics": [
            {"Id": "m1", "MetricStat": stat, "ReturnData": False},
            {"Id": "e1", "Expression": "m1 * 2", "Label": "twice", "ReturnData": True},
        ],
    }
    alarms.cloudwatch.put_metric_alarm(**given)
    assert alarms.state(name, "ALARM", 5)["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [60.0 (")
