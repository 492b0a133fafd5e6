"""The running installation from behind: its tables, functions and executions, for tests that look and break.

What a shop's customers and staff can do stands in `demo.shop.Shop`; this is what an operator with every
permission can do besides.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from demo.tenant import STAGE, TENANT
from nightshift.aws.approvals import DynamoApprovals
from nightshift.aws.cases import DynamoCases
from nightshift.aws.config import DynamoConfig
from nightshift.aws.deliveries import DynamoDeliveries
from nightshift.aws.runs import DynamoRuns
from nightshift.clock import SystemClock
from nightshift.ids import execution_name, run_execution_name, run_id
from nightshift.model.case import CaseStatus
from nightshift.model.log import EntryKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.shop import Shop
    from fakes.shopify_books import OrderRecord
    from nightshift.ids import CaseId, RunId, TenantId
    from nightshift.model.log import LogEntry
    from nightshift.model.policy import Policy

__all__ = ["Execution", "Installation"]


@dataclass(frozen=True)
class Execution:
    """An execution as Step Functions shows it: how it stands, and the states it went through."""

    status: str
    error: str
    states: list[str] = field(default_factory=list)


class Installation:
    """What stands behind a shop that runs."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self._aws = shop.stack.client
        self._orders = 0

    # -- what it is made of

    @cached_property
    def settings(self) -> dict[str, str]:
        """The settings of all functions: `TABLE_CASES`, `QUEUE_EVENTS`, `BUCKET_BODIES`, …"""
        found: dict[str, str] = {}
        for page in self._aws("lambda").get_paginator("list_functions").paginate():
            for function in page["Functions"]:
                found |= function.get("Environment", {}).get("Variables", {})
        return found

    @cached_property
    def config(self) -> DynamoConfig:
        return DynamoConfig(self.settings["TABLE_CONFIG"], self._aws("dynamodb"))

    @cached_property
    def runs(self) -> DynamoRuns:
        return DynamoRuns(self.settings["TABLE_RUNS"], self._aws("dynamodb"))

    @cached_property
    def approvals(self) -> DynamoApprovals:
        return DynamoApprovals(self.settings["TABLE_APPROVALS"], self._aws("dynamodb"))

    @cached_property
    def cases(self) -> DynamoCases:
        tables = self.settings["TABLE_CASES"], self.settings["TABLE_INGRESS"]
        return DynamoCases(*tables, self._aws("dynamodb"), SystemClock())

    @cached_property
    def deliveries(self) -> DynamoDeliveries:
        return DynamoDeliveries(self.settings["TABLE_INGRESS"], self._aws("dynamodb"), SystemClock())

    def enqueue(self, group: str, body: str, name: str, **origin: str) -> None:
        """Put a message of any kind into the event queue, past the ingress."""
        self._aws("sqs").send_message(
            QueueUrl=self.settings["QUEUE_EVENTS"],
            MessageBody=body,
            MessageGroupId=group,
            MessageDeduplicationId=name,
            MessageAttributes={
                key: {"DataType": "String", "StringValue": value}
                for key, value in ({**origin, "delivery": name} if origin else {}).items()
            },
        )

    def waiting(self, queue: str) -> int:
        """How many messages a queue holds, seen and unseen, by its setting's name (`QUEUE_EVENTS`)."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._aws("sqs").get_queue_attributes(QueueUrl=self.settings[queue], AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    def items(self, table: str) -> Iterator[dict[str, Any]]:
        """Every item of a table, by its setting's name (`TABLE_INGRESS`)."""
        for page in self._aws("dynamodb").get_paginator("scan").paginate(TableName=self.settings[table]):
            yield from page["Items"]

    def stopped(self, channel: str) -> bool:
        """Whether writes on a channel of the demo tenant stand still until a person releases it."""
        named = f"lane#{TENANT}#{channel}"
        return any(lane["pk"]["S"] == named and "stopped" in lane for lane in self.items("TABLE_LIMITS"))

    def free_lanes(self) -> None:
        """Close every breaker, fill every budget, release every channel: no fault outlives its test."""
        for lane in self.items("TABLE_LIMITS"):
            key = {"pk": lane["pk"], "sk": lane["sk"]}
            self._aws("dynamodb").delete_item(TableName=self.settings["TABLE_LIMITS"], Key=key)

    def bodies(self) -> Iterator[str]:
        """The keys of all stored bodies."""
        pages = (
            self._aws("s3").get_paginator("list_objects_v2").paginate(Bucket=self.settings["BUCKET_BODIES"])
        )
        for page in pages:
            yield from (stored["Key"] for stored in page.get("Contents", ()))

    def body(self, key: str) -> bytes:
        """One stored body."""
        stored = self._aws("s3").get_object(Bucket=self.settings["BUCKET_BODIES"], Key=key)
        return bytes(stored["Body"].read())

    def traces(self, marker: str) -> list[str]:
        """Where something that was sent left a trace: a stored body's key, or a record in any table."""
        found = [key for key in self.bodies() if marker in key]
        for table in (name for name in self.settings if name.startswith("TABLE_")):
            found += [table for item in self.items(table) if marker in json.dumps(item, default=str)]
        return found

    # -- functions

    @staticmethod
    def function(name: str) -> str:
        """The full name of a function: `adapter-shopify`."""
        return f"nightshift-{STAGE}-{name}"

    @contextmanager
    def changed(self, name: str, **settings: str) -> Iterator[None]:
        """A function with other settings, as a wrong deployment would leave it; put right at the end."""
        before = self._aws("lambda").get_function_configuration(FunctionName=self.function(name))
        kept = before["Environment"]["Variables"]
        self._configure(name, {**kept, **settings})
        try:
            yield
        finally:
            self._configure(name, kept)

    def _configure(self, name: str, variables: dict[str, str]) -> None:
        self._aws("lambda").update_function_configuration(
            FunctionName=self.function(name), Environment={"Variables": variables}
        )

    def set_for_good(self, name: str, **settings: str) -> None:
        """Give a function other settings for the life of the installation."""
        before = self._aws("lambda").get_function_configuration(FunctionName=self.function(name))
        self._configure(name, {**before["Environment"]["Variables"], **settings})

    def invocations(self, name: str) -> int:
        """How often a function was invoked so far."""
        return int(self.shop.stack.stats()["lambdas"].get(self.function(name), {}).get("invocations", 0))

    # -- executions

    def machine(self, name: str) -> str:
        """The ARN of a state machine: `case` or `run`."""
        known = self._aws("stepfunctions").list_state_machines()["stateMachines"]
        wanted = f"nightshift-{STAGE}-{name}"
        return next(str(found["stateMachineArn"]) for found in known if found["name"] == wanted)

    def start(self, machine: str, name: str, given: dict[str, Any]) -> str:
        """Start an execution; its ARN."""
        started = self._aws("stepfunctions").start_execution(
            stateMachineArn=machine, name=name, input=json.dumps(given)
        )
        return str(started["executionArn"])

    def execution_of(self, case: CaseId, generation: int = 1) -> str:
        """The ARN of the execution that drives a case."""
        return _execution(self.machine("case"), execution_name(case, generation))

    def execution_of_run(self, run: RunId, generation: int = 1) -> str:
        """The ARN of the execution that carries out a run."""
        return _execution(self.machine("run"), run_execution_name(run, generation))

    def ended(self, execution: str) -> Execution:
        """An execution once it is over.

        Raises:
            NeverHappened: it was not within a minute.
        """

        def look() -> Execution | None:
            found = self.look_at(execution)
            return None if found.status == "RUNNING" else found

        name = execution.rpartition(":")[2]
        return self.shop.wait_for(look, f"{name} to end", seen=lambda: str(self.look_at(execution).states))

    def look_at(self, execution: str) -> Execution:
        """An execution as it stands."""
        states = self._aws("stepfunctions")
        found = states.describe_execution(executionArn=execution)
        entered = [
            event["stateEnteredEventDetails"]["name"]
            for page in states.get_paginator("get_execution_history").paginate(executionArn=execution)
            for event in page["events"]
            if "stateEnteredEventDetails" in event
        ]
        return Execution(found["status"], found.get("error", ""), entered)

    # -- the tenant

    def order(  # the fields of the fake's OrderSpec
        self, price: str = "12.50", fulfilment: str = "delivered", **fields: object
    ) -> OrderRecord:
        """A new order of a new customer, announced by the shop's webhook."""
        self._orders += 1
        name = f"#{self._first_order + self._orders}"
        parcel = {"number": f"DHL{name[1:]}"} if fulfilment in {"shipped", "delivered"} else None
        customer = {"email": f"buyer-{name[1:]}@example.com", "name": f"Buyer {name[1:]}", "orders_count": 4}
        given = {
            "name": name,
            "customer": customer,
            "lines": ({"title": "Teapot", "sku": f"TEAPOT-{name[1:]}", "price": price},),
            "fulfilment": fulfilment,
            "tracking": parcel,
        }
        return self.shop.place_order(**{**given, **fields})

    _first_order = 7000

    def refund_by_hand(self, order: OrderRecord, amount: str) -> None:
        """The shop's own staff refund something, in the shop's own console."""
        taken = order.payments()[0]
        transaction = {
            "kind": "REFUND",
            "parentId": taken.id,
            "gateway": taken.gateway,
            "amount": amount,
        }
        given = {"orderId": order.id, "note": "by hand", "transactions": [transaction]}
        made, problem = self.shop.vendor.books.refund(given, None)
        assert made is not None, problem

    @contextmanager
    def policy(self, **changes: object) -> Iterator[None]:
        """Another policy in force, as a new version; the one before is in force again at the end."""
        tenant = self.config.tenant(TENANT)
        before = self.policy_in_force()
        newest = max(
            int(item["sk"]["S"].removeprefix("policy#"))
            for item in self.items("TABLE_CONFIG")
            if item["pk"]["S"] == f"tenant#{TENANT}" and item["sk"]["S"].startswith("policy#")
        )
        self.put_policy(TENANT, before.model_copy(update={**changes, "version": newest + 1}))
        try:
            yield
        finally:
            self.config.put_tenant(tenant)

    def policy_in_force(self) -> Policy:
        """The tenant's policy."""
        return self.config.policy(TENANT)

    def put_policy(self, tenant: TenantId, policy: Policy) -> None:
        """Store a version of a policy and put it in force."""
        self.config.put_policy(tenant, policy)
        stands = self.config.tenant(tenant)
        self.config.put_tenant(stands.model_copy(update={"policy_version": policy.version}))

    # -- what was done, by the vendors' books and by the log

    def refunds(self, order: OrderRecord) -> list[str]:
        """The refunds of an order in the shop's books, in its currency."""
        books = self.shop.vendor.books
        with books.lock:
            return [made.amount.decimal() for made in books.refunds if made.order == order.id]

    def replies(self, order: OrderRecord) -> list[str]:
        """The templates that an order's customer was sent."""
        conversation = f"conversation-{order.name[1:]}"
        return [sent.template for sent in self.shop.store.messages if sent.conversation == conversation]

    def made(self, order: OrderRecord) -> set[str]:
        """The vendors' own ids of every effect of ours about an order."""
        books, conversation = self.shop.vendor.books, f"conversation-{order.name[1:]}"
        with books.lock:
            refunds = {made.id for made in books.refunds if made.order == order.id and made.key}
            cancelled = {name for name in books.cancellations if name == order.id}
        sent = {sent.id for sent in self.shop.store.messages if sent.conversation == conversation}
        return refunds | cancelled | sent

    def told(self, order: OrderRecord) -> set[str]:
        """The vendors' ids of every effect that the log says was done about an order."""
        return {
            str(entry.detail["vendor_ref"])
            for entry in self.entries(order)
            if entry.kind is EntryKind.EFFECT_SETTLED and entry.detail.get("outcome") == "DONE"
        }

    def entries(self, order: OrderRecord) -> list[LogEntry]:
        """The log of every case about an order."""
        return [entry for line in self.shop.cases_about(order) for entry in self.shop.timeline(line.id)]

    def at_rest(self, order: OrderRecord) -> list[str]:
        """What does not hold of an order's cases at rest; empty when all is well.

        Each is closed, asleep or with a person; its executions have ended, but for a sleeper's own; the
        books show what the log says; and the log named each effect before it said how it ended.
        """
        problems = [problem for line in self.shop.cases_about(order) for problem in self._at_rest(line.id)]
        made, told = self.made(order), self.told(order)
        if made != told:
            problems.append(f"the books show {made - told} more and {told - made} less than the log")
        return problems + _unannounced(self.entries(order))

    def _at_rest(self, case: CaseId) -> list[str]:
        found = self.cases.get(case)
        if found.status is CaseStatus.OPEN:
            return [f"{case} is open"]
        names = {
            run_execution_name(run_id(case, wake), found.generation) for wake in range(1, found.wake + 1)
        }
        if found.status is not CaseStatus.SLEEPING:
            names.add(execution_name(case, found.generation))

        def nothing_runs() -> bool | None:
            return not names & self.running() or None

        self.shop.wait_for(nothing_runs, f"{case} to rest", seen=lambda: str(names & self.running()))
        return []

    def running(self) -> set[str]:
        """The names of all executions that run."""
        pages = self._aws("stepfunctions").get_paginator("list_executions")
        return {
            str(found["name"])
            for machine in ("case", "run")
            for page in pages.paginate(stateMachineArn=self.machine(machine), statusFilter="RUNNING")
            for found in page["executions"]
        }


def _execution(machine: str, name: str) -> str:
    return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"


def _unannounced(entries: list[LogEntry]) -> list[str]:
    intended: set[Any] = set()
    problems = []
    for entry in entries:
        if entry.kind is EntryKind.EFFECT_INTENDED:
            intended.add(entry.detail["key"])
        settled = entry.kind is EntryKind.EFFECT_SETTLED and not entry.detail.get("shadow")
        if settled and entry.detail["key"] not in intended:
            problems.append(f"{entry.detail['key']} was settled and never intended")
    return problems
