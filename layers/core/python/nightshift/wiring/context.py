"""The context: observes a case."""

from nightshift.aws.cases import DynamoCases
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.memory import DynamoEpisodes
from nightshift.aws.readtools import LambdaReadTools
from nightshift.aws.subject_keys import DynamoSubjectKeys
from nightshift.clock import SystemClock
from nightshift.context.intents import bundled_rules
from nightshift.context.observe import Observing
from nightshift.settings import Settings

__all__ = ["ContextSettings", "wire"]


class ContextSettings(Settings):
    """Settings of the context function; it may invoke the adapters' tools by `adapter_prefix`.

    `definition` is the digest of the case's state machine that executions are to run.
    """

    table_cases: str
    table_config: str
    table_memory: str
    table_log: str
    table_subjects: str
    adapter_prefix: str
    definition: str


def wire(settings: ContextSettings) -> Observing:
    """Put observing together."""
    db, clock = client("dynamodb"), SystemClock()
    config = DynamoConfig(settings.table_config, db)
    no_deliveries = ""  # the context accepts no events
    return Observing(
        cases=DynamoCases(settings.table_cases, no_deliveries, db, clock),
        config=config,
        tools=LambdaReadTools(settings.adapter_prefix, config, client("lambda")),
        episodes=DynamoEpisodes(settings.table_memory, db),
        log=DynamoActionLog(settings.table_log, db),
        subjects=DynamoSubjectKeys(settings.table_subjects, db),
        clock=clock,
        rules=bundled_rules(),
        definition=settings.definition,
    )
