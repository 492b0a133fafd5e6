"""A table of records: `pk` and `sk`, on demand, encrypted, restorable to any second of five weeks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_cdk import Acknowledgment, CfnOutput, RemovalPolicy, Validations
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.grant import Grant

__all__ = ["Index", "RecordTable", "Shape"]


@dataclass(frozen=True, kw_only=True)
class Index:
    """A secondary index.

    Args:
        by: its partition key, a string.
        sort: its sort key.
        kind: the sort key's type, `S` or `N`.
        keys_only: it holds keys, so that a change of any other attribute writes nothing to it.
    """

    by: str
    sort: str
    kind: str = "S"
    keys_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What tells one table from another.

    Args:
        indexes: by name.
        forgotten: why it must not come back from a backup; empty where it can be restored.
        streamed: its new items are a stream that a function reads.
    """

    indexes: Mapping[str, Index] = field(default_factory=dict)
    forgotten: str = ""
    streamed: bool = False


_KEYS, _ALL = dynamodb.ProjectionType.KEYS_ONLY, dynamodb.ProjectionType.ALL
_TYPES = {"S": dynamodb.AttributeType.STRING, "N": dynamodb.AttributeType.NUMBER}


class RecordTable(Construct):
    """One of the tables of `docs/tables.md`, and what may be granted on it."""

    def __init__(self, scope: Construct, name: str, *, key: kms.IKey, keep: bool, shape: Shape) -> None:
        super().__init__(scope, name.capitalize())
        self._key = key
        self._name = name
        self.forgotten = bool(shape.forgotten)
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
                point_in_time_recovery_enabled=not shape.forgotten
            ),
            stream=dynamodb.StreamViewType.NEW_IMAGE if shape.streamed else None,
            time_to_live_attribute="expires",
            deletion_protection=keep,
            removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
        )
        if shape.forgotten:
            reason = Acknowledgment(id="AwsSolutions-DDB3", reason=shape.forgotten)
            Validations.of(self.table).acknowledge(reason)
        for name_of_index, index in shape.indexes.items():
            self.table.add_global_secondary_index(
                index_name=name_of_index,
                partition_key=_attribute(index.by, "S"),
                sort_key=_attribute(index.sort, index.kind),
                projection_type=_KEYS if index.keys_only else _ALL,
            )
        CfnOutput(self, "Name", value=self.table.table_name).override_logical_id(f"Table{name.capitalize()}")

    @property
    def setting(self) -> tuple[str, str]:
        """The environment variable that names this table to a function."""
        return f"TABLE_{self._name.upper()}", self.table.table_name

    @property
    def stream_arn(self) -> str:
        """The ARN of the stream of new items.

        Raises:
            ValueError: the table has none.
        """
        arn = self.table.table_stream_arn
        if arn is None:
            message = f"the table {self._name} has no stream"
            raise ValueError(message)
        return arn

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

    def may_read_stream(self) -> Grant:
        """What an event source mapping on the table's stream needs."""
        actions = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
        return self._grant(self.stream_arn, actions, {})

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
