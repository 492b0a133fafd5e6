"""A table of records: `pk` and `sk`, on demand, encrypted, restorable to any second of five weeks."""

from collections.abc import Mapping

from aws_cdk import CfnOutput, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.grant import Grant

__all__ = ["Index", "RecordTable"]

Index = tuple[str, str, str]  # partition key, sort key, the sort key's type: S or N

_TYPES = {"S": dynamodb.AttributeType.STRING, "N": dynamodb.AttributeType.NUMBER}


class RecordTable(Construct):
    """One of the tables of `docs/tables.md`, and what may be granted on it."""

    def __init__(
        self, scope: Construct, name: str, *, key: kms.IKey, keep: bool, indexes: Mapping[str, Index]
    ) -> None:
        super().__init__(scope, name.capitalize())
        self._key = key
        self._name = name
        # Not TableV2: with our own key it cannot be rendered without naming a region.
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=_attribute("pk", "S"),
            sort_key=_attribute("sk", "S"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="expires",
            deletion_protection=keep,
            removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
        )
        for index, (partition, sort, kind) in indexes.items():
            self.table.add_global_secondary_index(
                index_name=index,
                partition_key=_attribute(partition, "S"),
                sort_key=_attribute(sort, kind),
            )
        CfnOutput(self, "Name", value=self.table.table_name).override_logical_id(f"Table{name.capitalize()}")

    @property
    def setting(self) -> tuple[str, str]:
        """The environment variable that names this table to a function."""
        return f"TABLE_{self._name.upper()}", self.table.table_name

    def may(self, *actions: str, only: tuple[str, ...] = ()) -> Grant:
        """Operations on items (`GetItem`, `Query`, …), perhaps only where the partition key looks so."""
        like = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(only)}} if only else {}
        return self._grant(self.table.table_arn, actions, like)

    def may_query_index(self, index: str) -> Grant:
        """Query one index."""
        return self._grant(f"{self.table.table_arn}/index/{index}", ("Query",), {})

    def may_append(self) -> Grant:
        """Insert items that are not there yet, and read them; nothing that could overwrite one."""
        return self._grant(self.table.table_arn, ("PartiQLInsert", "Query"), {})

    def _grant(
        self, resource: str, actions: tuple[str, ...], conditions: Mapping[str, Mapping[str, list[str]]]
    ) -> Grant:
        return Grant(
            actions=tuple(f"dynamodb:{action}" for action in actions),
            resources=(resource,),
            conditions=conditions,
            key=self._key,
            via="dynamodb",
        )


def _attribute(name: str, kind: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=_TYPES[kind])
