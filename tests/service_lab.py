"""A bench for services: a load balancer, a target group, a service of the tests' web server, in a line each."""

import itertools
import os
import re
import socket
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import images
import workload_image
from waiting import until

STABLE_SECONDS = 60


class ServiceLab:
    """Makes what a test needs on one server, and takes all of it away after the test."""

    def __init__(self, client, execution_role: str, push: Callable[[str, Path], str], folder: Path):
        self.client = client
        self.ecs, self.elb, self.ec2, self.logs = client("ecs"), client("elbv2"), client("ec2"), client("logs")
        self.execution_role, self.folder = execution_role, folder
        self.region = self.ecs.meta.region_name
        archive = folder / "workload.tar"
        layers = [images.busybox_layer(), workload_image.python_layer(), workload_image.server_layer()]
        images.oci_archive(archive, layers, workload_image.CONFIG)
        self.image = push("workload", archive)
        found = self.ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
        found.sort(key=lambda one: one["AvailabilityZone"])
        self.vpc, self.subnets = found[0]["VpcId"], [one["SubnetId"] for one in found]
        self.zones = {one["SubnetId"]: one["AvailabilityZone"] for one in found}
        self.open_group = self.group(("-1", -1, "0.0.0.0/0"))
        self.logs.create_log_group(logGroupName="/tests/services")
        self.names = itertools.count(1)
        self.services: list["LabService"] = []
        self.balancers: list[str] = []
        self.target_groups: list[str] = []

    def name(self, kind: str) -> str:
        return f"{kind}-{next(self.names)}-{uuid.uuid4().hex[:6]}"

    def group(self, *rules: tuple[str, int, str]) -> str:
        """A security group that lets in (protocol, port, CIDR or group id)."""
        made = self.ec2.create_security_group(GroupName=f"lab-{uuid.uuid4().hex[:8]}", Description="lab", VpcId=self.vpc)
        for protocol, port, source in rules:
            permission = {"IpProtocol": protocol}
            if protocol != "-1":
                permission |= {"FromPort": port, "ToPort": port}
            peer = {"UserIdGroupPairs": [{"GroupId": source}]} if source.startswith("sg-") else {"IpRanges": [{"CidrIp": source}]}
            self.ec2.authorize_security_group_ingress(GroupId=made["GroupId"], IpPermissions=[permission | peer])
        return made["GroupId"]

    def balancer(self, kind: str = "application", **options) -> "LabBalancer":
        groups = {"SecurityGroups": [self.open_group]} if kind == "application" else {}
        made = self.elb.create_load_balancer(Name=self.name("lb"), Type=kind, Subnets=self.subnets, **{**groups, **options})
        self.balancers.append(made["LoadBalancers"][0]["LoadBalancerArn"])
        return LabBalancer(self, made["LoadBalancers"][0])

    def target_group(self, protocol: str = "HTTP", port: int = 80, attributes: dict | None = None, **options) -> str:
        checks = {"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 2, "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 2}
        if protocol in ("HTTP", "HTTPS"):
            checks["HealthCheckPath"] = "/health"
        made = self.elb.create_target_group(
            Name=self.name("tg"), Protocol=protocol, Port=port, VpcId=self.vpc, TargetType="ip", **{**checks, **options}
        )
        arn = made["TargetGroups"][0]["TargetGroupArn"]
        self.target_groups.append(arn)
        set_ = {"deregistration_delay.timeout_seconds": "1", **(attributes or {})}
        self.elb.modify_target_group_attributes(
            TargetGroupArn=arn, Attributes=[{"Key": key, "Value": value} for key, value in set_.items()]
        )
        return arn

    def define(self, version: str = "1", environment: dict | None = None, **container) -> str:
        """A revision of a task definition that runs the web server."""
        variables = {"VERSION": version, **(environment or {})}
        options = {"awslogs-group": "/tests/services", "awslogs-region": self.region, "awslogs-stream-prefix": "web"}
        made = {
            "name": "web",
            "image": self.image,
            "environment": [{"name": name, "value": value} for name, value in variables.items()],
            "portMappings": [{"containerPort": 80}],
            "stopTimeout": 5,
            "logConfiguration": {"logDriver": "awslogs", "options": options},
            **container,
        }
        answer = self.ecs.register_task_definition(
            family=self.name("web"), networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            executionRoleArn=self.execution_role, containerDefinitions=[made],
        )
        return answer["taskDefinition"]["taskDefinitionArn"]

    def network(self, **options) -> dict:
        made = {"subnets": self.subnets, "securityGroups": [self.open_group], "assignPublicIp": "ENABLED"}
        return {"awsvpcConfiguration": {**made, **options}}

    def service(self, definition: str, *target_groups: str, count: int = 2, **options) -> "LabService":
        given = {
            "serviceName": self.name("service"),
            "taskDefinition": definition,
            "desiredCount": count,
            "launchType": "FARGATE",
            "networkConfiguration": self.network(),
            **options,
        }
        if "capacityProviderStrategy" in options:
            del given["launchType"]
        if target_groups:
            given["loadBalancers"] = [
                {"targetGroupArn": arn, "containerName": "web", "containerPort": 80} for arn in target_groups
            ]
        self.services.append(LabService(self, self.ecs.create_service(**given)["service"]))
        return self.services[-1]

    def plain_website(self) -> str:
        """A definition whose container is up in milliseconds: what is measured with it is the platform."""
        script = 'echo "version 1 task $(hostname)" > /index.html; echo fine > /health; exec httpd -f -p 80 -h /'
        return self.define(command=["/bin/busybox", "sh", "-c", script])

    def website(self, count: int = 2, version: str = "1", definition: str | None = None, **options) -> tuple["LabService", "LabBalancer", str]:
        """A service behind a load balancer, with every target healthy."""
        balancer, target_group = self.balancer(), self.target_group()
        balancer.listener(target_group)
        service = self.service(definition or self.define(version), target_group, count=count, **options)
        service.stable()
        self.healthy(target_group, count)
        return service, balancer, target_group

    def health(self, target_group: str) -> dict[str, str]:
        found = self.elb.describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
        return {one["Target"]["Id"]: one["TargetHealth"]["State"] for one in found}

    def healthy(self, target_group: str, count: int, seconds: float = STABLE_SECONDS) -> None:
        until(
            lambda: list(self.health(target_group).values()).count("healthy") == count,
            f"{count} healthy targets of {target_group}", seconds,
        )

    def clean(self) -> None:
        for service in self.services:
            service.delete()
        for service in self.services:
            service.inactive()
        for arn in self.balancers:
            self.elb.delete_load_balancer(LoadBalancerArn=arn)
        for arn in self.target_groups:
            self.elb.delete_target_group(TargetGroupArn=arn)
        self.services.clear()
        self.balancers.clear()
        self.target_groups.clear()


class LabBalancer:
    def __init__(self, lab: ServiceLab, made: dict):
        self.lab, self.arn, self.host = lab, made["LoadBalancerArn"], made["DNSName"]

    def listener(self, target_group: str | None = None, protocol: str = "HTTP", port: int = 80, **options) -> str:
        action = options.pop("action", {"Type": "forward", "TargetGroupArn": target_group})
        made = self.lab.elb.create_listener(
            LoadBalancerArn=self.arn, Protocol=protocol, Port=port, DefaultActions=[action], **options
        )
        until(lambda: self.state() == "active", f"{self.host} active")
        if protocol != "UDP":
            # As on AWS, a listener accepts a moment after it was made.
            until(lambda: self._accepts(port), f"{self.host} accepts on port {port}")
        return made["Listeners"][0]["ListenerArn"]

    def _accepts(self, port: int) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((self.host, port)) == 0

    def rule(self, listener: str, priority: int, conditions: list[dict], action: dict) -> str:
        made = self.lab.elb.create_rule(ListenerArn=listener, Priority=priority, Conditions=conditions, Actions=[action])
        return made["Rules"][0]["RuleArn"]

    def state(self) -> str:
        found = self.lab.elb.describe_load_balancers(LoadBalancerArns=[self.arn])["LoadBalancers"][0]
        return found["State"]["Code"]

    def curl(self, path: str = "/", *options: str, port: int | None = None, scheme: str = "http") -> subprocess.CompletedProcess:
        where = f":{port}" if port else ""
        command = ["curl", "-sS", "--max-time", "20", *options, f"{scheme}://{self.host}{where}{path}"]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    def get(self, path: str = "/", *options: str, **where) -> str:
        done = self.curl(path, "--fail", *options, **where)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self, path: str = "/", *options: str, **where) -> int:
        return int(self.curl(path, "-o", "/dev/null", "-w", "%{http_code}", *options, **where).stdout)


class LabService:
    def __init__(self, lab: ServiceLab, made: dict):
        self.lab, self.arn, self.name = lab, made["serviceArn"], made["serviceName"]

    def describe(self) -> dict:
        (found,) = self.lab.ecs.describe_services(services=[self.arn])["services"]
        return found

    def update(self, **options) -> dict:
        return self.lab.ecs.update_service(service=self.arn, **options)["service"]

    def is_stable(self) -> bool:
        """What the waiter `services-stable` asks, and that the deployment says so."""
        found = self.describe()
        one = len(found["deployments"]) == 1 and found["runningCount"] == found["desiredCount"]
        return one and found["deployments"][0]["rolloutState"] == "COMPLETED"

    def stable(self, seconds: float = STABLE_SECONDS) -> dict:
        try:
            until(self.is_stable, f"{self.name} stable", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n".join(self.events())) from None
        return self.describe()

    def events(self) -> list[str]:
        """Newest first, without the identifiers that no test can know."""
        return [event["message"] for event in self.describe()["events"]]

    def event(self, part: str, seconds: float = STABLE_SECONDS) -> str:
        until(lambda: any(part in message for message in self.events()), f"an event with {part!r}", seconds)
        return next(message for message in self.events() if part in message)

    def tasks(self, status: str = "RUNNING") -> list[dict]:
        arns = self.lab.ecs.list_tasks(serviceName=self.name, desiredStatus=status)["taskArns"]
        return self.lab.ecs.describe_tasks(tasks=arns)["tasks"] if arns else []

    def delete(self) -> None:
        if self.describe()["status"] == "ACTIVE":
            self.lab.ecs.delete_service(service=self.arn, force=True)

    def inactive(self, seconds: float = STABLE_SECONDS) -> None:
        until(lambda: self.describe()["status"] == "INACTIVE", f"{self.name} inactive", seconds)


def address(task: dict) -> str:
    (attachment,) = task["attachments"]
    details = {one["name"]: one["value"] for one in attachment["details"]}
    return details["privateIPv4Address"]


def container_processes(task: dict) -> list[int]:
    """The processes of a task's containers, found by their task's id in their cgroup."""
    task_id = task["taskArn"].rsplit("/", 1)[1]
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                is_server = re.search(rb"server\.py|httpd", (process / "cmdline").read_bytes())
                if is_server and task_id in (process / "cgroup").read_text():
                    found.append(int(process.name))
            except OSError:
                continue
    return found


def kill(processes: list[int]) -> None:
    for process in processes:
        os.kill(process, 9)
