"""Beside the path: workflows that begin runs, and the intake that pulls what they want to have looked at."""

from typing import Final

from stacks.constructs.machine import Machine
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.triggers import every_minute
from stacks.ground import Ground
from stacks.limits import RECOVERY_TIMEOUT

__all__ = ["WORKFLOWS", "Workflows"]

WORKFLOWS: Final = "workflows"
_DRY_RUN = "dryrun"
_ANY_BODY = "A body's key names tenant, channel and day."


class Workflows:
    """Plans that somebody saved: by the clock and by what happens."""

    def __init__(self, ground: Ground, *, run_machine: Machine) -> None:
        self._ground = ground
        self._run_machine = run_machine
        self.workflows = self._workflows()
        self.intake = self._intake()

    def _workflows(self) -> PythonFunction:
        data = self._ground.data
        function = PythonFunction(
            self._ground.home,
            WORKFLOWS,
            folder="workflows",
            settings=[
                *(table.setting for table in (data.config, data.runs, data.log)),
                self._run_machine.setting,
                ("FUNCTION_DRYRUN", self._ground.stage.function(_DRY_RUN)),
            ],
            grants=[
                data.config.may("GetItem", "Query"),
                data.config.may("PutItem", "UpdateItem", "DeleteItem", only=("workflow#*",)),
                data.config.may_query_index("due"),
                data.runs.may("PutItem", only=("plan#*", "runs#*")),
                data.log.may_append(),
                self._run_machine.may_start(),
                self._ground.may_invoke(_DRY_RUN),
            ],
        )
        every_minute(function, says='{"op": "tick"}')
        return function

    def _intake(self) -> PythonFunction:
        data, queue = self._ground.data, self._ground.queues.events
        function = PythonFunction(
            self._ground.home,
            "intake",
            folder="intake",
            timeout=RECOVERY_TIMEOUT,
            settings=[
                data.config.setting,
                data.ingress.setting,
                data.bodies.setting,
                queue.setting,
                ("ADAPTER_PREFIX", self._ground.stage.adapter_prefix),
            ],
            grants=[
                data.config.may("GetItem"),
                data.config.may("UpdateItem", only=("workflow#*",)),
                data.config.may_query_index("due"),
                data.ingress.may("GetItem", "PutItem", only=("cursor#*",)),
                data.ingress.may("PutItem", only=("delivery#*",)),
                data.bodies.may("PutObject", why=_ANY_BODY),
                queue.may_send(),
                self._ground.may_invoke_adapters(),
            ],
        )
        every_minute(function)
        return function
