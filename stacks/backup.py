"""Backups that outlive the tables: point-in-time recovery goes with a table that is deleted, these do not."""

from aws_cdk import Acknowledgment, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_backup as backup
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.data import DataStack
from stacks.stage import Stage

__all__ = ["BackupStack"]

_AT_NIGHT = events.Schedule.cron(hour="3", minute="0")
_AWS_KEEPS_IT = (
    "AWS Backup's own policy for its own role: AWS adds to it what its backups come to need, "
    "and a backup that fails for a missing permission is found out when it is wanted."
)


class BackupStack(Stack):
    """A vault with one backup of every table a night, in stages that keep their data."""

    def __init__(self, scope: Construct, *, stage: Stage, data: DataStack) -> None:
        super().__init__(scope, stage.stack("backup"), termination_protection=True)
        self._vault = backup.BackupVault(
            self,
            "Vault",
            backup_vault_name=stage.prefix,
            encryption_key=data.key,
            removal_policy=RemovalPolicy.RETAIN,
        )
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("backup.amazonaws.com"))
        plan = backup.BackupPlan(
            self,
            "Plan",
            backup_plan_name=stage.prefix,
            backup_vault=self._vault,
            backup_plan_rules=[
                backup.BackupPlanRule(
                    rule_name="nightly",
                    schedule_expression=_AT_NIGHT,
                    delete_after=Duration.days(stage.backup_days),
                )
            ],
        )
        tables = [
            backup.BackupResource.from_arn(table.table.table_arn)
            for table in data.tables
            if not table.forgotten
        ]
        plan.add_selection("Tables", resources=tables, role=role)
        Validations.of(role).acknowledge(
            Acknowledgment(
                id=(
                    "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/"
                    "service-role/AWSBackupServiceRolePolicyForBackup]"
                ),
                reason=_AWS_KEEPS_IT,
            )
        )

    def failures(self) -> cloudwatch.Metric:
        """Backups that did not come about."""
        return cloudwatch.Metric(
            namespace="AWS/Backup",
            metric_name="NumberOfBackupJobsFailed",
            dimensions_map={"BackupVaultName": self._vault.backup_vault_name},
            statistic="Sum",
            period=Duration.hours(1),
        )
