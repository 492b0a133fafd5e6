"""A Lambda function of one folder, with its own role."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Acknowledgment, Duration, IgnoreMode, RemovalPolicy, Validations
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.constructs.dead_queue import DeadQueue
from stacks.constructs.grant import Grant, let_trace, make_role
from stacks.layers import RUNTIME, LayerSet
from stacks.limits import ARCHITECTURE, FUNCTION_TIMEOUT, MEMORY_MB
from stacks.stage import Stage

__all__ = ["Home", "PythonFunction"]


@dataclass(frozen=True)
class Home:
    """What all functions of a stack share."""

    scope: Construct
    stage: Stage
    layers: LayerSet


class PythonFunction(Construct):
    """One folder under `functions/`, one Lambda, one role, one log group.

    Args:
        home: the stack it stands in.
        name: in its own name, `nightshift-<stage>-<name>`.
        folder: below `functions/`: `approvals/notifier`.
        module: the module that holds `handler`.
        kind: its row in `layers.LAYERS`, where that is not its name.
        grants: everything its role may do beside writing its own log.
        settings: environment variables beside `STAGE`.
        timeout: seconds.
        memory_mb: and with it the share of a processor.
        reserved_concurrency: how many may run at once, where that is limited.
        dead: where an asynchronous call ends that failed again and again; the role may send there.
    """

    def __init__(
        self,
        home: Home,
        name: str,
        *,
        folder: str,
        grants: Sequence[Grant],
        settings: Sequence[tuple[str, str]],
        module: str = "handler",
        kind: str = "",
        timeout: int = FUNCTION_TIMEOUT,
        memory_mb: int = MEMORY_MB,
        reserved_concurrency: int | None = None,
        dead: DeadQueue | None = None,
    ) -> None:
        super().__init__(home.scope, "".join(word.capitalize() for word in name.split("-")))
        self.name = home.stage.function(name)
        self.log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/lambda/{self.name}",
            retention=home.stage.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        may_log = Grant(
            actions=("logs:CreateLogStream", "logs:PutLogEvents"), resources=(self.log_group.log_group_arn,)
        )
        may_give_up = [dead.may_send()] if dead else []
        self.role = make_role(self, "Role", service="lambda", grants=[*grants, *may_give_up, may_log])
        if home.stage.traces:
            let_trace(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=self.name,
            runtime=RUNTIME,
            architecture=lambda_.Architecture.custom(ARCHITECTURE),
            code=_code_of(folder, home.layers.built / "code"),
            handler=f"functions.{folder.replace('/', '.')}.{module}.handler",
            layers=home.layers.of(kind or name),
            role=self.role.without_policy_updates(),
            log_group=self.log_group,
            # pydantic would look through every installed package for plug-ins of its own: we have none
            environment={
                "STAGE": home.stage.name,
                "PYDANTIC_DISABLE_PLUGINS": "__all__",
                **dict(settings),
            },
            timeout=Duration.seconds(timeout),
            memory_size=memory_mb,
            reserved_concurrent_executions=reserved_concurrency,
            dead_letter_queue=dead,
            tracing=lambda_.Tracing.ACTIVE if home.stage.traces else lambda_.Tracing.DISABLED,
        )
        Validations.of(self.function).acknowledge(
            Acknowledgment(
                id="AwsSolutions-L1",
                reason="One runtime for all, raised together with every layer's wheels (stacks/limits.py).",
            )
        )

    def may_invoke(self) -> Grant:
        """Invoke this function."""
        return Grant(actions=("lambda:InvokeFunction",), resources=(self.function.function_arn,))


def _code_of(folder: str, staged: Path) -> lambda_.Code:
    """`functions/__init__.py` and that folder, with the packages between them: one import path everywhere."""
    keep = ["!functions/", "!functions/__init__.py"]
    path = "functions"
    for part in folder.split("/"):
        path = f"{path}/{part}"
        keep += [f"!{path}/", f"!{path}/__init__.py"]
    # The bytecode of a package's own `__init__.py` is left behind: it is empty.
    exclude = ["*", *keep, f"!{path}/**", "*.md"]
    return lambda_.Code.from_asset(str(staged), exclude=exclude, ignore_mode=IgnoreMode.GIT)
