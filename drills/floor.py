"""The running installation of a drill, and what an operator can do to it, also while it is down."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from demo.shop import Shop, open_shop
from demo.tenant import STAGE, TENANT
from local.deploy import DeployError
from nightshift.aws.config import DynamoConfig
from nightshift.cli.connection import Connection
from nightshift.clock import SystemClock
from nightshift.errors import NightshiftError
from nightshift.identity.token import PLATFORM, PLATFORM_LONGEST, Identity, issue
from nightshift.ids import CaseId
from nightshift.model.repair import Redrive, Redriven
from nightshift.model.setup import Halted, Reason

__all__ = ["DOWN", "CaseLook", "Floor", "open_floor"]

T = TypeVar("T")
Say = Callable[[str], None]

DOWN: Final = (BotoCoreError, ClientError, DeployError, httpx.HTTPError, NightshiftError, OSError)
"""What a call may raise while the stack is down, or comes up again."""

_TRIES_SECONDS = 60.0
_FIRST_ORDER = 20_000
_HIDDEN_SECONDS = 90.0
_CONSUMER_SECONDS = 16.0


@dataclass(frozen=True)
class CaseLook:
    """Where a case stands, as its record says."""

    id: CaseId
    subject: str
    status: str
    generation: int
    reason: str


class Floor:
    """One installation with one tenant.

    Attributes:
        shop: as its customers and staff see it.
        numbers: of the orders, each used once.
        releases: numbers of the deploys of a drill, each used once.
        kills: how often what was killed.
        speed: how many times faster than real machines and queues wait; leases are as deployed.
    """

    def __init__(self, shop: Shop, *, speed: float, say: Say) -> None:
        self.shop = shop
        self.speed = speed
        self.say = say
        self.kills: dict[str, int] = {}
        self.numbers = count(_FIRST_ORDER)
        self.releases = count(1)
        self._turning = threading.Lock()

    def aws(self, service: str) -> Any:  # noqa: ANN401  # a boto3 client
        """A client of the local AWS."""
        return self.shop.stack.client(service)

    @cached_property
    def settings(self) -> dict[str, str]:
        """The settings of all functions together: `TABLE_CASES` and so on."""
        found: dict[str, str] = {}
        for page in self.aws("lambda").get_paginator("list_functions").paginate():
            for function in page["Functions"]:
                found |= function.get("Environment", {}).get("Variables", {})
        return found

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """The names of all functions."""
        pages = self.aws("lambda").get_paginator("list_functions").paginate()
        return tuple(sorted(str(f["FunctionName"]) for page in pages for f in page["Functions"]))

    @property
    def config(self) -> DynamoConfig:
        """The tenant's configuration."""
        return DynamoConfig(self.settings["TABLE_CONFIG"], self.aws("dynamodb"))

    def until_up(self, call: Callable[[], T], what: str) -> T:
        """The answer of a call that is repeated while the stack is down.

        Raises:
            TimeoutError: it was not answered within a minute.
        """
        deadline = time.monotonic() + _TRIES_SECONDS
        while True:
            try:
                return call()
            except DOWN as error:
                if time.monotonic() > deadline:
                    message = f"{what} was not answered within {_TRIES_SECONDS:.0f} s: {error}"
                    raise TimeoutError(message) from error
                time.sleep(0.1)

    def machine(self, name: str) -> str:
        """The ARN of a state machine: `case` or `run`."""
        known = self.aws("stepfunctions").list_state_machines()["stateMachines"]
        return next(str(m["stateMachineArn"]) for m in known if m["name"] == f"nightshift-{STAGE}-{name}")

    def kill_stack(self, *, down: float = 0.0, restore_to: datetime | None = None) -> None:
        """`kill -9` of everything: the server, all functions, all executions; then it is started again."""
        with self._turning:
            self.kills["the stack"] = self.kills.get("the stack", 0) + 1
            self.shop.stack.kill()
            time.sleep(down)
            self.shop.stack.restart(restore_to=restore_to)

    def kill_function(self, name: str) -> int:
        """`kill -9` of every environment of a function; how many there were."""
        with self._turning:
            killed = self.shop.stack.kill_lambda(name)
        short = name.removeprefix(f"nightshift-{STAGE}-")
        self.kills[short] = self.kills.get(short, 0) + 1
        return killed

    def stop_executions(self) -> int:
        """Stop every execution of both machines; how many ran."""

        def stop(machine: str) -> int:
            running = self.running(self.machine(machine))
            for arn in running:
                with contextlib.suppress(ClientError):
                    self.aws("stepfunctions").stop_execution(executionArn=arn, error="Drill", cause="drill")
            return len(running)

        machines = ("case", "run")
        return sum(self.until_up(partial(stop, machine), "stopping executions") for machine in machines)

    def running(self, machine: str) -> list[str]:
        """The ARNs of a machine's running executions."""
        pages = self.aws("stepfunctions").get_paginator("list_executions")
        found = pages.paginate(stateMachineArn=machine, statusFilter="RUNNING")
        return [str(each["executionArn"]) for page in found for each in page["executions"]]

    @contextlib.contextmanager
    def changed(self, function: str, **settings: str) -> Iterator[None]:
        """A function with other settings, as a wrong deployment would leave it; put right at the end."""
        name = f"nightshift-{STAGE}-{function}"
        kept = self.until_up(lambda: self._configuration(name), "its settings")
        try:
            self.until_up(lambda: self._configure(name, {**kept, **settings}), "the wrong settings")
            yield
        finally:
            self.until_up(lambda: self._configure(name, kept), "the right settings")

    def _configuration(self, name: str) -> dict[str, str]:
        found = self.aws("lambda").get_function_configuration(FunctionName=name)
        return dict(found["Environment"]["Variables"])

    def _configure(self, name: str, variables: dict[str, str]) -> None:
        self.aws("lambda").update_function_configuration(
            FunctionName=name, Environment={"Variables": variables}
        )

    def retry_messages_after(self, seconds: float | None = None) -> None:
        """A message whose function failed or was killed is seen again after so many seconds.

        Unless told otherwise as much sooner than deployed as everything else, and never while it may run.
        """
        if seconds is None:
            seconds = max(_CONSUMER_SECONDS, _HIDDEN_SECONDS / self.speed)
        for queue in ("QUEUE_EVENTS", "QUEUE_APPROVALS"):
            self.until_up(partial(self._hide_for, self.settings[queue], round(seconds)), "its retries")

    def _hide_for(self, queue: str, seconds: int) -> None:
        self.aws("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(seconds)})

    def waiting(self, queue: str) -> int:
        """How many messages a queue holds, seen and unseen."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.aws("sqs").get_queue_attributes(QueueUrl=self.settings[queue], AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    def recover(self, restored_at: datetime | None = None) -> dict[str, int]:
        """`nightshift recover`: every case whose execution is gone gets a new one; the tally."""
        asked: dict[str, Any] = {"op": "recover", "tenant": TENANT}
        if restored_at is not None:
            asked["restored_at"] = restored_at.isoformat()
        tally: dict[str, int] = {}
        while True:
            answer = self.until_up(partial(self.invoke, "recovery", asked), "recover")
            for name, said in answer.items():
                if isinstance(said, int) and not isinstance(said, bool):
                    tally[name] = tally.get(name, 0) + said
            if answer.get("done", True):
                return tally
            asked = {**asked, "cursor": answer["cursor"]}

    def halt(self, *, resume: bool = False) -> None:
        """Halt the tenant, or let it make effects again, as one of its managers."""
        path = f"/v1/setup/tenants/{TENANT}/{'resume' if resume else 'halt'}"
        ana = self.shop.as_("ana")
        self.until_up(lambda: ana.call(Halted, "POST", path, body=Reason(note="a drill")), "the switch")

    def redrive(self, queue: str) -> int:
        """Move every dead letter of a queue back into it, as whoever runs the installation; how many."""
        moved = 0
        while True:
            done = self.until_up(partial(self._redrive, queue), "redrive")
            moved += done.moved
            if not done.left and not done.failed:
                return moved

    def _redrive(self, queue: str) -> Redriven:
        stored = self.aws("secretsmanager").get_secret_value(SecretId=self.settings["SECRET_IDENTITY"])
        key, now = json.loads(stored["SecretString"])["key"], SystemClock().now()
        token = issue(key, Identity(tenant=PLATFORM, staff="olga"), at=now, lasts=PLATFORM_LONGEST)
        operator = Connection(self.shop.api, token)
        try:
            return operator.call(Redriven, "POST", f"/v1/queues/{queue}/redrive", body=Redrive(limit=100))
        finally:
            operator.close()

    def sweep(self) -> None:
        """Both sweeps, which the schedule runs every minute."""
        self.until_up(lambda: self.invoke("sweep", {}), "the sweep of deliveries")
        self.until_up(lambda: self.invoke("recovery", {"op": "sweep"}), "the sweep of cases")

    def invoke(self, function: str, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke a function by its short name and read its answer.

        Raises:
            OSError: it failed, or was killed.
        """
        name = f"nightshift-{STAGE}-{function}"
        answer = self.aws("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        said = json.loads(answer["Payload"].read())
        if "FunctionError" in answer or not isinstance(said, dict):
            message = f"{function}: {said}"
            raise OSError(message)
        return said

    def cases(self) -> dict[str, list[CaseLook]]:
        """All cases of the tenant by subject, oldest first."""
        found: dict[str, list[CaseLook]] = {}
        for item in self.items("TABLE_CASES", "tenant", "tenant", TENANT):
            doc = json.loads(item["doc"]["S"])
            look = CaseLook(
                id=CaseId(item["pk"]["S"].removeprefix("case#")),
                subject=doc["subject"],
                status=item["status"]["S"],
                generation=int(item["generation"]["N"]),
                reason=item.get("handoff_reason", {}).get("S", ""),
            )
            found.setdefault(look.subject, []).append(look)
        return found

    def questions(self) -> list[str]:
        """The ids of the approvals that wait for a person."""
        waiting = self.items("TABLE_APPROVALS", "waiting", "waiting_of", TENANT)
        return [str(item["pk"]["S"]).removeprefix("approval#") for item in waiting]

    def items(self, table: str, index: str, key: str, value: str) -> Iterator[dict[str, Any]]:
        """The items of one partition of an index."""
        pages = (
            self.aws("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=self.settings[table],
                IndexName=index,
                KeyConditionExpression="#key = :value",
                ExpressionAttributeNames={"#key": key},
                ExpressionAttributeValues={":value": {"S": value}},
            )
        )
        for page in pages:
            yield from page["Items"]

    def without_daily_limits(self) -> None:
        """A drill refunds more in a minute than a store may in a day."""
        config = self.config
        tenant = config.tenant(TENANT)
        policy = config.policy(TENANT)
        kept = tuple(window for window in policy.windows if window.per != "tenant")
        config.put_policy(TENANT, policy.model_copy(update={"windows": kept, "version": policy.version + 1}))
        config.put_tenant(tenant.model_copy(update={"policy_version": policy.version + 1}))


@contextlib.contextmanager
def open_floor(state: Path, *, speed: float, say: Say) -> Iterator[Floor]:
    """Start and deploy everything, enter the tenant; end it all at the end."""
    with open_shop(state, time_scale=1 / speed, say=say) as shop:
        floor = Floor(shop, speed=speed, say=say)
        floor.without_daily_limits()
        floor.retry_messages_after()
        yield floor
