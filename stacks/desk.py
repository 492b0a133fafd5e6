"""Beside the path: the API's function, what staff and consoles call, and the dry runs it asks for."""

from collections.abc import Sequence

from stacks.cases import Cases
from stacks.constructs.grant import Grant
from stacks.constructs.python_function import PythonFunction
from stacks.ground import Ground
from stacks.runs import Runs
from stacks.stage import Stage

__all__ = ["again_function", "api_function", "dry_run_function", "may_read_identity_key"]

_RECOVERY = "recovery"
_MAIL = "mail"
_DRY_RUN = "dryrun"
_AGAIN = "again"
_ANY_HEAD = "A stream's heads are named by tenant and number."


def may_read_identity_key(stage: Stage) -> Grant:
    """Read the one secret that signs staff identities."""
    return Grant(
        actions=("secretsmanager:GetSecretValue",),
        resources=(stage.secret_arn(f"{stage.identity_secret}-??????"),),
    )


def api_function(ground: Ground, *, cases: Cases, runs: Runs) -> PythonFunction:
    """The function behind `/v1`."""
    return PythonFunction(
        ground.home,
        "api",
        folder="api",
        settings=[*_settings(ground), runs.machine.setting],
        grants=[
            *_what_staff_sees_and_decides(ground),
            *_what_is_set_right_by_hand(ground),
            *_the_proof_of_the_log(ground),
            *_what_people_run(ground, runs),
            ground.data.config.may("PutItem", "DeleteItem", only=("workflow#*",)),
            runs.machine.may_answer(),
            cases.machine.may_answer(),
            ground.may_invoke(_RECOVERY, _MAIL, _DRY_RUN, _AGAIN),
            ground.may_invoke_webhooks(),
            may_read_identity_key(ground.stage),
            Grant(
                actions=("secretsmanager:DescribeSecret",),
                resources=(ground.stage.secret_arn(f"{ground.stage.secrets}/*"),),
                wildcard="The doctor looks whether each channel's secret is there.",
            ),
        ],
    )


def _settings(ground: Ground) -> Sequence[tuple[str, str]]:
    data, queues = ground.data, ground.queues
    tables = (
        data.cases, data.runs, data.log, data.approvals, data.config, data.ingress, data.ledger, data.limits,
        data.subjects,
    )  # fmt: skip
    return [
        *(table.setting for table in tables),
        *(setting for q in (queues.events, queues.approvals) for setting in (q.setting, q.dead_setting)),
        queues.mail_dead.setting,
        data.anchors.setting,
        data.key_subjects_setting,
        data.key_anchors_setting,
        ("FUNCTION_RECOVERY", ground.stage.function(_RECOVERY)),
        ("FUNCTION_DRYRUN", ground.stage.function(_DRY_RUN)),
        ("FUNCTION_AGAIN", ground.stage.function(_AGAIN)),
        ("FUNCTION_MAIL", ground.stage.function(_MAIL)),
        ("WEBHOOK_PREFIX", ground.stage.webhook_prefix),
        ("SECRET_IDENTITY", ground.stage.identity_secret),
    ]


def _what_staff_sees_and_decides(ground: Ground) -> list[Grant]:
    data, queues = ground.data, ground.queues
    return [
        data.cases.may("GetItem", "Query", "UpdateItem", only=("case#*",)),
        data.cases.may("DeleteItem", only=("open#*",)),
        data.cases.may_query_index("tenant"),
        data.runs.may("GetItem", "BatchGetItem"),
        data.approvals.may("GetItem", "UpdateItem"),
        data.approvals.may_query_index("waiting"),
        data.approvals.may_query_index("case"),
        data.log.may_append(),
        data.log.may_query_index("case"),
        data.subjects.may("GetItem", "PutItem", only=("subject#*",)),
        data.may_use_subject_keys("GenerateDataKey", "Decrypt"),
        data.config.may("GetItem", "Query"),
        data.ingress.may_query_index("pending"),
        data.limits.may("BatchGetItem", only=("lane#*",)),
        queues.events.may_count(),
        queues.approvals.may_count(),
    ]


def _what_people_run(ground: Ground, runs: Runs) -> list[Grant]:
    """A person's plan is stored and its run started: the gate judges it first."""
    data = ground.data
    return [
        data.runs.may("PutItem", only=("plan#*", "runs#*")),
        data.runs.may("Query", only=("runs#*", "result#*")),
        data.ledger.may("Query", only=("run#*",)),
        runs.machine.may_start(),
    ]


def _what_is_set_right_by_hand(ground: Ground) -> list[Grant]:
    """Effects whose outcome is unknown are settled; dead messages and parked deliveries are sent again."""
    data, queues = ground.data, ground.queues
    return [
        data.ledger.may("GetItem", "PutItem", "UpdateItem", only=("run#*",)),
        data.ledger.may("UpdateItem", only=("claim#*", "pool#*")),
        data.ledger.may_query_index("unknown"),
        data.runs.may("PutItem", only=("result#*",)),
        *(queue.may_send() for queue in (queues.events, queues.approvals)),
        *(queue.may_take_the_dead() for queue in (queues.events, queues.approvals, queues.mail_dead)),
    ]


def _the_proof_of_the_log(ground: Ground) -> list[Grant]:
    data = ground.data
    return [
        data.subjects.may("GetItem", "Query", only=("anchor#*", "anchors#*")),
        data.may_check_signatures(),
        data.anchors.may("GetObject", "GetObjectVersion", why=_ANY_HEAD),
        data.anchors.may_list("ListBucketVersions"),
    ]


def dry_run_function(ground: Ground) -> PythonFunction:
    """What tells how a plan would run: it reads what the gate reads, asks READ tools, and writes nothing."""
    data = ground.data
    return PythonFunction(
        ground.home,
        _DRY_RUN,
        folder=_DRY_RUN,
        settings=[
            *(table.setting for table in (data.ledger, data.config, data.limits)),
            ("ADAPTER_PREFIX", ground.stage.adapter_prefix),
        ],
        grants=[
            data.config.may("GetItem"),
            data.limits.may("BatchGetItem", only=("lane#*",)),
            data.ledger.may("BatchGetItem", only=("window#*",)),
            ground.may_invoke_adapters(),
        ],
    )


def again_function(ground: Ground, runs: Runs) -> PythonFunction:
    """What stops a run, carries it on, tries it again or ends it: nobody else may put its records away."""
    data = ground.data
    tables = (
        data.runs, data.ledger, data.cases, data.config, data.approvals, data.log, data.subjects,
    )  # fmt: skip
    return PythonFunction(
        ground.home,
        _AGAIN,
        folder=_AGAIN,
        settings=[*(table.setting for table in tables), data.key_subjects_setting, runs.machine.setting],
        grants=[
            data.runs.may("GetItem", "BatchGetItem", "Query"),
            data.runs.may("PutItem", only=("aside#*", "outcome#*")),
            data.runs.may("DeleteItem", only=("result#*", "outcome#*")),
            data.ledger.may("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", only=("run#*",)),
            data.ledger.may("UpdateItem", only=("claim#*", "pool#*")),
            data.ledger.may("BatchGetItem", "PutItem", only=("window#*",)),
            data.approvals.may("GetItem", "UpdateItem"),
            data.cases.may("ConditionCheckItem", only=("case#*",)),
            data.log.may_append(),
            data.subjects.may("GetItem", "PutItem", only=("subject#*",)),
            data.may_use_subject_keys("GenerateDataKey", "Decrypt"),
            runs.machine.may_start(),
            runs.machine.may_follow_and_stop(),
        ],
    )
