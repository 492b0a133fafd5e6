"""What a person looks at and is told: alarms, the dashboard, the budget."""

from collections.abc import Sequence

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from stacks.constructs.alarms import Alarms
from stacks.dashboard import dashboard
from stacks.stage import Stage
from stacks.watch import Watched, watch

__all__ = ["OperationsStack"]


class OperationsStack(Stack):
    """Few alarms, each with a page in the runbook; who is told is a choice of the deployment.

    Args:
        scope: the app.
        watched: what there is to look at.
        told: mail addresses that alarms and the budget write to; each has to confirm once.
    """

    def __init__(self, scope: Construct, *, watched: Watched, told: Sequence[str]) -> None:
        stage = watched.stage
        super().__init__(scope, stage.stack("operations"))
        topic = sns.Topic(self, "Alarms", enforce_ssl=True, display_name=f"{stage.prefix} alarms")
        for address in told:
            topic.add_subscription(subscriptions.EmailSubscription(address))
        alarms = Alarms(self, stage=stage, topic=topic)
        watch(alarms, watched)
        dashboard(self, watched, alarms.made)
        if told:
            self._budget(stage, told)
        CfnOutput(self, "AlarmTopic", value=topic.topic_arn)

    def _budget(self, stage: Stage, told: Sequence[str]) -> None:
        """Of the whole account: a filter by tag sees nothing until the tag is activated for billing."""
        subscribers = [
            budgets.CfnBudget.SubscriberProperty(address=address, subscription_type="EMAIL")
            for address in told
        ]
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=stage.prefix,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=stage.budget_dollars, unit="USD"),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=subscribers,
                )
                for kind, percent in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
        )
