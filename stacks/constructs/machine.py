"""A state machine from its ASL file, with its own role."""

from collections.abc import Mapping, Sequence

from aws_cdk import Acknowledgment, ArnFormat, CfnOutput, RemovalPolicy, Stack, Validations
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.grant import Grant, make_role
from stacks.layers import ROOT
from stacks.stage import Stage

__all__ = ["Machine", "definition"]

_NO_RESOURCE_LEVEL = (
    "CloudWatch's log delivery actions know no resources; nothing else of this role says `*`."
)
_ERRORS_ONLY = "Our own action log records every step; all events would bill each transition once more."
_NO_TRACES = "The action log is the trace of a case; a stage that wants X-Ray's sample of it says so."


def definition(name: str) -> str:
    """The text of `statemachines/<name>.asl.json`."""
    return (ROOT / "statemachines" / f"{name}.asl.json").read_text(encoding="utf-8")


class Machine(Construct):
    """A STANDARD machine: executions sleep for weeks, and each is started at most once by its name.

    Args:
        scope: the stack.
        name: of the file `statemachines/<name>.asl.json` and of the machine.
        stage: for its name and log retention.
        substitutions: what stands for `${…}` in the file.
        grants: everything its role may do beside delivering its log.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stage: Stage,
        substitutions: Mapping[str, str],
        grants: Sequence[Grant],
    ) -> None:
        super().__init__(scope, f"{name.capitalize()}Machine")
        self._short = name
        self.name = stage.machine(name)
        self.role = make_role(self, "Role", service="states", grants=grants)
        log = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/vendedlogs/states/{self.name}",
            retention=stage.log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # from_string, not from_file: cfn-lint and CDK's own validation see only a definition in the template.
        text = definition(name)
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=self.name,
            state_machine_type=sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_string(text),
            definition_substitutions=dict(substitutions),
            role=self.role,
            logs=sfn.LogOptions(destination=log, level=sfn.LogLevel.ERROR, include_execution_data=False),
            tracing_enabled=stage.traces,
            removal_policy=RemovalPolicy.RETAIN if stage.keep_data else RemovalPolicy.DESTROY,
        )
        Validations.of(self.role).acknowledge(
            Acknowledgment(id="AwsSolutions-IAM5[Resource::*]", reason=_NO_RESOURCE_LEVEL)
        )
        Validations.of(self.machine).acknowledge(
            Acknowledgment(id="AwsSolutions-SF1", reason=_ERRORS_ONLY),
            Acknowledgment(id="AwsSolutions-SF2", reason=_NO_TRACES),
        )
        output = CfnOutput(self, "Arn", value=self.machine.state_machine_arn)
        output.override_logical_id(f"Machine{name.capitalize()}")

    @property
    def setting(self) -> tuple[str, str]:
        """The environment variable that gives a function the machine's ARN."""
        return f"MACHINE_{self._short.upper()}", self.machine.state_machine_arn

    def may_start(self) -> Grant:
        """Start executions."""
        return Grant(actions=("states:StartExecution",), resources=(self.machine.state_machine_arn,))

    def may_answer(self) -> Grant:
        """Resume states that wait on a token."""
        return Grant(actions=("states:SendTaskSuccess",), resources=(self.machine.state_machine_arn,))

    def may_follow_and_stop(self) -> Grant:
        """See how an execution stands, and stop it."""
        executions = Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{self.name}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        return Grant(
            actions=("states:DescribeExecution", "states:StopExecution"),
            resources=(executions,),
            wildcard="An execution's name is known when it starts.",
        )

    def may_run_and_wait(self) -> tuple[Grant, ...]:
        """What another machine's `startExecution.sync:2` needs: start, follow and stop, hear of the end."""
        stack = Stack.of(self)
        rule = stack.format_arn(
            service="events",
            resource="rule",
            resource_name="StepFunctionsGetEventsForStepFunctionsExecutionRule",
        )
        return (
            self.may_start(),
            self.may_follow_and_stop(),
            Grant(actions=("events:DescribeRule", "events:PutRule", "events:PutTargets"), resources=(rule,)),
        )
