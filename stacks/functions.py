"""The functions of the path and the two state machines, each with exactly what it may do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from stacks.adapter import Adapter
from stacks.constructs.fifo_queue import FifoQueue
from stacks.constructs.grant import Grant, make_role
from stacks.constructs.machine import Machine
from stacks.constructs.python_function import Home, PythonFunction
from stacks.data import DataStack
from stacks.layers import LayerSet
from stacks.limits import QUEUE_CONSUMER_TIMEOUT
from stacks.queues import QueuesStack
from stacks.stage import Stage

__all__ = ["FunctionsStack"]

_BATCH: Final = 10  # SQS FIFO allows no more
_EPISODE_DAYS: Final = "7"


class FunctionsStack(Stack):
    """Stateless: whatever is in here can be deleted and deployed again."""

    def __init__(
        self,
        scope: Construct,
        *,
        stage: Stage,
        data: DataStack,
        queues: QueuesStack,
        adapters: Sequence[Adapter],
        layers: Path,
    ) -> None:
        super().__init__(scope, stage.stack("functions"))
        self._stage = stage
        self._data = data
        self._queues = queues
        self._adapters = adapters
        self._home = Home(self, stage, LayerSet(self, built=layers))

        self.gate = self._gate()
        self.runner = self._runner()
        self.run_machine = self._run_machine()
        self.notifier = self._notifier()

        self.context = self._context()
        self.planner = self._planner()
        self.recorder = self._recorder()
        self.case_machine = self._case_machine()

        self.dispatcher = self._dispatcher()
        self.sweep = self._sweep()
        self.api = self._api()

    def _may_invoke_adapters(self) -> Grant:
        names = [f"adapter-{adapter.name}" for adapter in self._adapters]
        return Grant(
            actions=("lambda:InvokeFunction",),
            resources=tuple(self._stage.function_arn(name) for name in names),
        )

    # The run: gate, runner, notifier and their machine.

    def _gate(self) -> PythonFunction:
        data = self._data
        return PythonFunction(
            self._home,
            "gate",
            folder="gate",
            settings=[t.setting for t in (data.runs, data.ledger, data.cases, data.config, data.log)],
            grants=[
                data.runs.may("GetItem", only=("plan#*", "verdict#*")),
                data.runs.may("PutItem", only=("verdict#*",)),
                data.ledger.may("BatchGetItem", "PutItem", only=("window#*",)),
                data.cases.may("GetItem", only=("case#*",)),
                data.config.may("GetItem"),
                data.log.may_append(),
            ],
        )

    def _runner(self) -> PythonFunction:
        data = self._data
        tables = (data.runs, data.ledger, data.cases, data.config, data.approvals, data.log)
        return PythonFunction(
            self._home,
            "runner",
            folder="runner",
            settings=[t.setting for t in tables],
            grants=[
                data.runs.may("GetItem", "BatchGetItem", "Query"),
                data.runs.may("PutItem", only=("outcome#*",)),
                data.ledger.may("GetItem", "Query", "PutItem", "UpdateItem", only=("run#*",)),
                data.ledger.may("UpdateItem", only=("claim#*", "pool#*")),
                data.ledger.may("BatchGetItem", "PutItem", only=("window#*",)),
                data.approvals.may("GetItem", "UpdateItem"),
                data.log.may_append(),
            ],
        )

    def _run_machine(self) -> Machine:
        queue = self._queues.approvals
        return Machine(
            self,
            "run",
            stage=self._stage,
            substitutions={
                "GateFunction": self.gate.function.function_arn,
                "RunnerFunction": self.runner.function.function_arn,
                "AdapterPrefix": self._stage.adapter_prefix,
                "ApprovalsQueue": queue.queue.queue_url,
            },
            grants=[
                self.gate.may_invoke(),
                self.runner.may_invoke(),
                self._may_invoke_adapters(),
                queue.may_send(),
            ],
        )

    def _notifier(self) -> PythonFunction:
        data, queue = self._data, self._queues.approvals
        notifier = PythonFunction(
            self._home,
            "approvals-notifier",
            folder="approvals/notifier",
            timeout=QUEUE_CONSUMER_TIMEOUT,
            settings=[t.setting for t in (data.runs, data.approvals, data.log)],
            grants=[
                data.runs.may("BatchGetItem", "Query", only=("plan#*", "verdict#*", "result#*")),
                data.approvals.may("GetItem", "PutItem", "UpdateItem"),
                data.log.may_append(),
                self.run_machine.may_answer(),
                queue.may_consume(),
            ],
        )
        return self._consumes(notifier, queue)

    # The case: context, planner, recorder and their machine.

    def _context(self) -> PythonFunction:
        data = self._data
        return PythonFunction(
            self._home,
            "context",
            folder="context",
            settings=[
                *(t.setting for t in (data.cases, data.config, data.memory, data.log)),
                ("ADAPTER_PREFIX", self._stage.adapter_prefix),
            ],
            grants=[
                data.cases.may("GetItem", "Query", "PutItem", "UpdateItem", only=("case#*",)),
                data.config.may("GetItem"),
                data.memory.may("Query"),
                data.log.may_append(),
                self._may_invoke_adapters(),
            ],
        )

    def _planner(self) -> PythonFunction:
        """The planner has no hands: it reads, and stores a plan that nothing carries out by itself."""
        data = self._data
        return PythonFunction(
            self._home,
            "planner",
            folder="planner",
            settings=[t.setting for t in (data.cases, data.runs, data.config, data.log)],
            grants=[
                data.cases.may("GetItem", only=("case#*",)),
                data.runs.may("GetItem", "PutItem", only=("plan#*",)),
                data.config.may("GetItem"),
                data.log.may_append(),
            ],
        )

    def _recorder(self) -> PythonFunction:
        data = self._data
        return PythonFunction(
            self._home,
            "recorder",
            folder="recorder",
            settings=[
                *(t.setting for t in (data.cases, data.runs, data.memory, data.log)),
                ("EPISODE_DAYS", _EPISODE_DAYS),
            ],
            grants=[
                data.runs.may("GetItem"),
                data.cases.may("GetItem", "UpdateItem", only=("case#*",)),
                data.cases.may("DeleteItem", only=("open#*",)),
                data.memory.may("PutItem"),
                data.log.may_append(),
            ],
        )

    def _case_machine(self) -> Machine:
        cases = self._data.cases
        return Machine(
            self,
            "case",
            stage=self._stage,
            substitutions={
                "ContextFunction": self.context.function.function_arn,
                "PlannerFunction": self.planner.function.function_arn,
                "RecorderFunction": self.recorder.function.function_arn,
                "RunMachine": self.run_machine.machine.state_machine_arn,
                "CasesTable": cases.table.table_name,
            },
            grants=[
                self.context.may_invoke(),
                self.planner.may_invoke(),
                self.recorder.may_invoke(),
                cases.may("UpdateItem", only=("case#*",)),
                *self.run_machine.may_run_and_wait(),
            ],
        )

    # Before the case: dispatcher and sweep. Beside it: the API.

    def _dispatcher(self) -> PythonFunction:
        data, queue = self._data, self._queues.events
        dispatcher = PythonFunction(
            self._home,
            "dispatcher",
            folder="dispatcher",
            timeout=QUEUE_CONSUMER_TIMEOUT,
            settings=[
                *(t.setting for t in (data.ingress, data.cases, data.config, data.log)),
                self.case_machine.setting,
            ],
            grants=[
                data.ingress.may("GetItem", "PutItem", "UpdateItem"),
                data.cases.may("GetItem", "PutItem"),
                data.cases.may("UpdateItem", only=("case#*",)),
                data.config.may("GetItem"),
                data.log.may_append(),
                self.case_machine.may_start(),
                self.case_machine.may_answer(),
                queue.may_consume(),
            ],
        )
        return self._consumes(dispatcher, queue)

    def _sweep(self) -> PythonFunction:
        data, queue = self._data, self._queues.events
        sweep = PythonFunction(
            self._home,
            "sweep",
            folder="sweep",
            settings=[data.ingress.setting, queue.setting],
            grants=[
                data.ingress.may_query_index("pending"),
                data.ingress.may("UpdateItem", only=("delivery#*",)),
                queue.may_send(),
            ],
        )
        # A tick carries nothing, and the next comes in a minute: a lost one is not worth a second try.
        lambda_.EventInvokeConfig(
            self, "SweepTicks", function=sweep.function, retry_attempts=0, max_event_age=Duration.minutes(1)
        )
        self._every_minute(sweep)
        return sweep

    def _api(self) -> PythonFunction:
        data, queues = self._data, self._queues
        return PythonFunction(
            self._home,
            "api",
            folder="api",
            settings=[
                *(
                    t.setting
                    for t in (data.cases, data.runs, data.log, data.approvals, data.config, data.ingress)
                ),
                *(s for q in (queues.events, queues.approvals) for s in (q.setting, q.dead_setting)),
                ("SECRET_IDENTITY", self._stage.identity_secret),
            ],
            grants=[
                data.cases.may("GetItem", "Query", "UpdateItem", only=("case#*",)),
                data.cases.may("DeleteItem", only=("open#*",)),
                data.cases.may_query_index("tenant"),
                data.runs.may("GetItem", "BatchGetItem"),
                data.approvals.may("GetItem", "UpdateItem"),
                data.approvals.may_query_index("waiting"),
                data.approvals.may_query_index("case"),
                data.log.may_append(),
                data.log.may_query_index("case"),
                data.config.may("GetItem", "Query"),
                data.ingress.may_query_index("pending"),
                self.run_machine.may_answer(),
                self.case_machine.may_answer(),
                queues.events.may_count(),
                queues.approvals.may_count(),
                Grant(
                    actions=("secretsmanager:GetSecretValue",),
                    resources=(self._stage.secret_arn(f"{self._stage.identity_secret}-??????"),),
                ),
                Grant(
                    actions=("secretsmanager:DescribeSecret",),
                    resources=(self._stage.secret_arn(f"{self._stage.secrets}/*"),),
                    wildcard="The doctor looks whether each channel's secret is there.",
                ),
            ],
        )

    def _consumes(self, consumer: PythonFunction, queue: FifoQueue) -> PythonFunction:
        lambda_.EventSourceMapping(
            consumer,
            "Messages",
            target=consumer.function,
            event_source_arn=queue.queue.queue_arn,
            batch_size=_BATCH,
            report_batch_item_failures=True,
        )
        return consumer

    def _every_minute(self, function: PythonFunction) -> None:
        role = make_role(function, "ScheduleRole", service="scheduler", grants=[function.may_invoke()])
        schedule = scheduler.CfnSchedule(
            function,
            "EveryMinute",
            schedule_expression="rate(1 minute)",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=function.function.function_arn,
                role_arn=role.role_arn,
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_retry_attempts=0, maximum_event_age_in_seconds=60
                ),
            ),
        )
        schedule.node.add_dependency(role)
