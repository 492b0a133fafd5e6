"""Mail: SES stores a message and tells the function; a receipt rule is only made where asked for."""

from collections.abc import Sequence
from pathlib import Path

from aws_cdk import Aws, Duration, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ses as ses
from constructs import Construct

from stacks.constructs.python_function import Home, PythonFunction
from stacks.constructs.triggers import hears_events
from stacks.data import DataStack
from stacks.layers import LayerSet
from stacks.limits import MAIL_MEMORY_MB, MAIL_TIMEOUT
from stacks.queues import QueuesStack
from stacks.stage import Stage

__all__ = ["MailStack"]

_INBOUND = "inbound/"
_AT_ONCE = 5
_ANY_ATTACHMENT = "An attachment is named by tenant, channel and message."
_ANY_MESSAGE = "SES names a message when it arrives."
_MAX_AGE = Duration.hours(6)


class MailStack(Stack):
    """The function always; with `recipients` the rule set too, which a person then makes the active one."""

    def __init__(
        self,
        scope: Construct,
        *,
        stage: Stage,
        data: DataStack,
        queues: QueuesStack,
        layers: Path,
        recipients: Sequence[str],
    ) -> None:
        super().__init__(scope, stage.stack("mail"))
        self._stage = stage
        self._data = data
        self.mail = PythonFunction(
            Home(self, stage, LayerSet(self, built=layers)),
            "mail",
            folder="mail",
            timeout=MAIL_TIMEOUT,
            memory_mb=MAIL_MEMORY_MB,
            reserved_concurrency=_AT_ONCE,
            dead=queues.mail_dead,
            settings=[
                *(table.setting for table in (data.config, data.ingress, data.limits)),
                data.mail.setting,
                queues.events.setting,
            ],
            grants=[
                data.config.may("GetItem", only=("address#*", "tenant#*")),
                data.ingress.may("PutItem", only=("delivery#*", "sent#*")),
                data.limits.may("UpdateItem", only=("mail#*",)),
                data.mail.may("GetObject", below=_INBOUND, why=_ANY_MESSAGE),
                data.mail.may("PutObject", below="media/", why=_ANY_ATTACHMENT),
                queues.events.may_send(),
            ],
        )
        lambda_.CfnEventInvokeConfig(
            self.mail,
            "Calls",
            function_name=self.mail.function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=int(_MAX_AGE.to_seconds()),
        )
        self._hear_of_what_was_sent()
        if recipients:
            self._receive(recipients)

    def _hear_of_what_was_sent(self) -> None:
        """SES says what became of a reply: sent, delivered late, bounced, complained about."""
        ses.CfnConfigurationSet(self, "Sending", name=self._stage.prefix)
        destination = ses.CfnConfigurationSetEventDestination.EventDestinationProperty
        bus = ses.CfnConfigurationSetEventDestination.EventBridgeDestinationProperty
        arn = self.format_arn(service="events", resource="event-bus", resource_name="default")
        told = ses.CfnConfigurationSetEventDestination(
            self,
            "Told",
            configuration_set_name=self._stage.prefix,
            event_destination=destination(
                name="events",
                enabled=True,
                matching_event_types=["SEND", "BOUNCE", "COMPLAINT", "REJECT", "RENDERING_FAILURE"],
                event_bridge_destination=bus(event_bus_arn=arn),
            ),
        )
        told.node.add_dependency(self.node.find_child("Sending"))
        hears_events(
            self.mail,
            "Outcomes",
            {
                "source": ["aws.ses"],
                "detail-type": [
                    "Email Sent", "Email Bounced", "Email Complaint Received", "Email Rejected",
                    "Email Rendering Failed",
                ],
                "detail": {"mail": {"tags": {"ses:configuration-set": [self._stage.prefix]}}},
            },
        )  # fmt: skip

    def _receive(self, recipients: Sequence[str]) -> None:
        rules = ses.CfnReceiptRuleSet(self, "RuleSet", rule_set_name=self._stage.receipt_rule_set)
        may_call = lambda_.CfnPermission(
            self.mail,
            "SesMayInvoke",
            action="lambda:InvokeFunction",
            function_name=self.mail.function.function_arn,
            principal="ses.amazonaws.com",
            source_account=Aws.ACCOUNT_ID,
            source_arn=self._stage.receipt_rules_arn,
        )
        action = ses.CfnReceiptRule.ActionProperty
        rule = ses.CfnReceiptRule(
            self,
            "Rule",
            rule_set_name=rules.ref,
            rule=ses.CfnReceiptRule.RuleProperty(
                enabled=True,
                scan_enabled=True,  # the verdicts rule what a message may bring about
                tls_policy="Require",
                recipients=list(recipients),
                actions=[
                    action(
                        s3_action=ses.CfnReceiptRule.S3ActionProperty(
                            bucket_name=self._data.mail.bucket.bucket_name, object_key_prefix=_INBOUND
                        )
                    ),
                    action(
                        lambda_action=ses.CfnReceiptRule.LambdaActionProperty(
                            function_arn=self.mail.function.function_arn, invocation_type="Event"
                        )
                    ),
                ],
            ),
        )
        rule.add_resource_dependency(may_call)
