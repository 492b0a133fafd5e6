"""The case: context, planner, recorder, recovery and their machine."""

import hashlib

from stacks.constructs.grant import Grant
from stacks.constructs.machine import Machine, definition
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.triggers import every_minute, hears_events
from stacks.ground import Ground
from stacks.limits import RECOVERY_TIMEOUT

__all__ = ["Cases"]

_EPISODE_DAYS = "7"


class Cases:
    """The life of a case, and what brings it back when its execution is lost."""

    def __init__(self, ground: Ground, *, run_machine: Machine) -> None:
        self._home = ground.home
        self._data = ground.data
        self._ground = ground
        self._run_machine = run_machine
        self._definition = hashlib.sha256(definition("case").encode()).hexdigest()[:16]
        self.context = self._context()
        self.planner = self._planner()
        self.recorder = self._recorder()
        self.machine = self._machine()
        self.recovery = self._recovery()
        self._hears_of_ends(self.recovery)

    def _context(self) -> PythonFunction:
        data = self._data
        return PythonFunction(
            self._home,
            "context",
            folder="context",
            settings=[
                *(t.setting for t in (data.cases, data.config, data.memory, data.log, data.subjects)),
                ("ADAPTER_PREFIX", self._ground.stage.adapter_prefix),
                ("DEFINITION", self._definition),
            ],
            grants=[
                data.cases.may("GetItem", "Query", "PutItem", "UpdateItem", only=("case#*",)),
                data.config.may("GetItem"),
                data.memory.may("Query"),
                data.subjects.may("PutItem", only=("subject#*",)),
                data.log.may_append(),
                self._ground.may_invoke_adapters(),
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

    def _machine(self) -> Machine:
        cases = self._data.cases
        return Machine(
            self._home.scope,
            "case",
            stage=self._ground.stage,
            substitutions={
                "ContextFunction": self.context.function.function_arn,
                "PlannerFunction": self.planner.function.function_arn,
                "RecorderFunction": self.recorder.function.function_arn,
                "RunMachine": self._run_machine.machine.state_machine_arn,
                "RecoveryFunction": self._ground.stage.function_arn("recovery"),  # which needs this machine
                "CasesTable": cases.table.table_name,
                "Definition": self._definition,
            },
            grants=[
                self.context.may_invoke(),
                self.planner.may_invoke(),
                self.recorder.may_invoke(),
                Grant(
                    actions=("lambda:InvokeFunction",),
                    resources=(self._ground.stage.function_arn("recovery"),),
                ),
                cases.may("UpdateItem", only=("case#*",)),
                *self._run_machine.may_run_and_wait(),
            ],
        )

    # Recovery: the records are the truth, an execution can be made anew from them.

    def _recovery(self) -> PythonFunction:
        data = self._data
        stage = self._ground.stage
        tables = (data.cases, data.runs, data.approvals, data.log, data.config)
        recovery = PythonFunction(
            self._home,
            "recovery",
            folder="recovery",
            timeout=RECOVERY_TIMEOUT,
            settings=[
                *(t.setting for t in tables),
                self.machine.setting,
                self._run_machine.setting,
                data.bodies.setting,
                ("WEBHOOK_PREFIX", stage.webhook_prefix),
            ],
            grants=[
                data.cases.may_query_index("alive"),
                data.cases.may("GetItem", "UpdateItem", only=("case#*",)),
                data.runs.may("GetItem", "BatchGetItem", only=("plan#*", "verdict#*")),
                data.approvals.may("GetItem", "UpdateItem"),
                data.approvals.may_query_index("waiting"),
                data.config.may("GetItem", "UpdateItem", only=("tenant#*",)),
                data.log.may_append(),
                data.bodies.may_list("ListBucket"),
                self.machine.may_start(),
                self.machine.may_follow_and_stop(),
                self._run_machine.may_answer(),
                self._run_machine.may_follow_and_stop(),
                self._ground.may_invoke_webhooks(),
            ],
        )
        every_minute(recovery, says='{"op": "sweep"}', tries_again=2)
        return recovery

    def _hears_of_ends(self, recovery: PythonFunction) -> None:
        """Of every execution that ended badly; should such an event get lost, the sweep finds the case."""
        machines = (self.machine.machine, self._run_machine.machine)
        hears_events(
            recovery,
            "ExecutionEnded",
            {
                "source": ["aws.states"],
                "detail-type": ["Step Functions Execution Status Change"],
                "detail": {
                    "stateMachineArn": [machine.state_machine_arn for machine in machines],
                    "status": ["FAILED", "TIMED_OUT", "ABORTED"],
                },
            },
        )
