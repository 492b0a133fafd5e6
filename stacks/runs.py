"""The run: gate, runner, notifier and their machine."""

from stacks.constructs.machine import Machine
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.triggers import consumes
from stacks.ground import Ground
from stacks.limits import QUEUE_CONSUMER_TIMEOUT

__all__ = ["Runs"]


class Runs:
    """Carries out one plan, whoever wrote it."""

    def __init__(self, ground: Ground) -> None:
        self._home = ground.home
        self._data = ground.data
        self._ground = ground
        self.gate = self._gate()
        self.runner = self._runner()
        self.machine = self._machine()
        self.notifier = self._notifier()

    def _gate(self) -> PythonFunction:
        data = self._data
        return PythonFunction(
            self._home,
            "gate",
            folder="gate",
            settings=[
                t.setting for t in (data.runs, data.ledger, data.cases, data.config, data.log, data.limits)
            ],
            grants=[
                data.limits.may("BatchGetItem", only=("lane#*",)),
                data.runs.may("GetItem", only=("plan#*", "verdict#*", "outcome#*")),
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
                data.runs.may("PutItem", only=("plan#undo_*", "verdict#undo_*", "result#*", "outcome#*")),
                data.ledger.may("GetItem", "Query", "PutItem", "UpdateItem", only=("run#*",)),
                data.ledger.may("UpdateItem", only=("claim#*", "pool#*")),
                data.ledger.may("BatchGetItem", "PutItem", only=("window#*",)),
                data.approvals.may("GetItem", "UpdateItem"),
                data.cases.may("ConditionCheckItem", only=("case#*",)),
                data.log.may_append(),
            ],
        )

    def _machine(self) -> Machine:
        queue = self._ground.queues.approvals
        return Machine(
            self._home.scope,
            "run",
            stage=self._ground.stage,
            substitutions={
                "GateFunction": self.gate.function.function_arn,
                "RunnerFunction": self.runner.function.function_arn,
                "AdapterPrefix": self._ground.stage.adapter_prefix,
                "ApprovalsQueue": queue.queue.queue_url,
            },
            grants=[
                self.gate.may_invoke(),
                self.runner.may_invoke(),
                self._ground.may_invoke_adapters(),
                queue.may_send(),
            ],
        )

    def _notifier(self) -> PythonFunction:
        data, queue = self._data, self._ground.queues.approvals
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
                self.machine.may_answer(),
                queue.may_consume(),
            ],
        )
        consumes(notifier, queue)
        return notifier
