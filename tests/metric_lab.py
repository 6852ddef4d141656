"""Reads metrics as a user does: GetMetricData of the last minutes."""

import datetime

from waiting import until

MINUTE = 60


def values(cloudwatch, namespace: str, name: str, stat: str, minutes: int = 5, period: int = 1, **dimensions: str) -> list[float]:
    """In the order of time."""
    return [value for _, value in points(cloudwatch, namespace, name, stat, minutes, period, **dimensions)]


def points(cloudwatch, namespace: str, name: str, stat: str, minutes: int = 5, period: int = 1, **dimensions: str) -> list[tuple]:
    now = datetime.datetime.now(datetime.timezone.utc)
    metric = {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }
    (result,) = cloudwatch.get_metric_data(
        StartTime=now - datetime.timedelta(minutes=minutes),
        EndTime=now + datetime.timedelta(minutes=1),
        MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}}],
        ScanBy="TimestampAscending",
    )["MetricDataResults"]
    return list(zip(result["Timestamps"], result["Values"]))


def total(cloudwatch, namespace: str, name: str, **dimensions: str) -> float:
    return sum(values(cloudwatch, namespace, name, "Sum", period=MINUTE, **dimensions))


def until_values(cloudwatch, count: int, *metric: str, seconds: float = 30, **dimensions: str) -> list[float]:
    """The values of the newest seconds, when there are so many."""
    return until(
        lambda: (found := values(cloudwatch, *metric, **dimensions)) and len(found) >= count and found,
        f"{count} values of {metric} {dimensions}", seconds, every=0.2,
    )
