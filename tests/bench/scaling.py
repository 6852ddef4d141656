"""From a load step to the desired count that it asks for, and to a task more that serves: the whole loop, on the whole program."""

import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from load import Load  # noqa: E402
from services import lab_of  # noqa: E402
from waiting import until  # noqa: E402

ROUNDS = 5
# 72 % of a quarter vCPU, and 12 %, with ten milliseconds of processor time for each request.
BUSY_RATE, QUIET_RATE = 18, 3
PATH = "/burn?ms=10"


def run_trigger(server, folder: Path, say) -> None:
    """Target tracking on CPU at high resolution. A new service each time: what one round left can't help the next."""
    lab = lab_of(server, folder)
    scaling = lab.client("application-autoscaling")
    decided, serving = [], []
    for number in range(ROUNDS):
        service, balancer, target_group = lab.website(count=1)
        names = {
            "ServiceNamespace": "ecs", "ResourceId": f"service/default/{service.name}", "ScalableDimension": "ecs:service:DesiredCount",
        }
        scaling.register_scalable_target(**names, MinCapacity=1, MaxCapacity=4)
        scaling.put_scaling_policy(
            **names, PolicyName="cpu", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 50.0,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilizationHighResolution"},
            },
        )
        with Load(balancer.host, rate=QUIET_RATE, path=PATH, clients=1) as quiet:
            # Anywhere in a second, and in ten of them.
            time.sleep(25 + number * 2.3)
        with Load(balancer.host, rate=BUSY_RATE, path=PATH, clients=2) as load:
            started = time.perf_counter()
            until(lambda: service.describe()["desiredCount"] > 1, "the desired count rises", seconds=120, every=0.02)
            decided.append(time.perf_counter() - started)
            until(lambda: len(set(load.answers)) > 1, "a second task answers", seconds=120, every=0.02)
            serving.append(time.perf_counter() - started)
        failures = len(load.failures) + len(quiet.failures)
        if failures:
            say("requests that failed meanwhile", failures, "requests")
        lab.clean()
    for name, values in (("desired count", decided), ("new task serving", serving)):
        say(f"load step to {name}, median of {len(values)}", sorted(values)[len(values) // 2], "s")
        say(f"load step to {name}, slowest", max(values), "s")
