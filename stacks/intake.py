"""Before the case: the dispatcher takes events in, the sweep finds those that never arrived."""

from stacks.cases import Cases
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.triggers import consumes, every_minute
from stacks.ground import Ground
from stacks.limits import QUEUE_CONSUMER_TIMEOUT
from stacks.workflows import WORKFLOWS

__all__ = ["Intake"]


class Intake:
    """Nothing that was accepted is lost."""

    def __init__(self, ground: Ground, *, cases: Cases) -> None:
        self._home = ground.home
        self._data = ground.data
        self._ground = ground
        self._case_machine = cases.machine
        self.dispatcher = self._dispatcher()
        self.sweep = self._sweep()

    def _dispatcher(self) -> PythonFunction:
        data, queue = self._data, self._ground.queues.events
        dispatcher = PythonFunction(
            self._home,
            "dispatcher",
            folder="dispatcher",
            timeout=QUEUE_CONSUMER_TIMEOUT,
            settings=[
                *(t.setting for t in (data.ingress, data.cases, data.config, data.log, data.subjects)),
                data.key_subjects_setting,
                self._case_machine.setting,
                ("FUNCTION_WORKFLOWS", self._ground.stage.function(WORKFLOWS)),
            ],
            grants=[
                data.ingress.may("GetItem", "PutItem", "UpdateItem"),
                data.cases.may("GetItem", "PutItem"),
                data.cases.may("UpdateItem", only=("case#*",)),
                data.config.may("GetItem"),
                data.config.may("Query", only=("workflow#*",)),
                data.log.may_append(),
                self._ground.may_invoke(WORKFLOWS),
                data.subjects.may("GetItem", "PutItem", only=("subject#*",)),
                data.may_use_subject_keys("GenerateDataKey", "Decrypt"),
                self._case_machine.may_start(),
                self._case_machine.may_answer(),
                queue.may_consume(),
            ],
        )
        consumes(dispatcher, queue)
        return dispatcher

    def _sweep(self) -> PythonFunction:
        data, queue = self._data, self._ground.queues.events
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
        every_minute(sweep)
        return sweep
