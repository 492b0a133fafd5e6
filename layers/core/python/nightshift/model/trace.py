"""What one tool call leaves in the logs: who called what, how long it took, how it ended; never a value."""

from pydantic import Field, JsonValue

from nightshift.ids import ChannelId, TenantId
from nightshift.model.base import Noun

__all__ = ["ToolTrace"]


class ToolTrace(Noun):
    """One call of one tool.

    Args:
        run: empty for a read without a plan, as `step` is.
        attempt: of the effect; 0: nothing was intended.
        milliseconds: from the call to its end, records included.
        requests: how many the vendor was sent.
        outcome: `DONE`, `REJECTED`, `NOT_DONE`, or the class of the wire error.
        code: why, where it was not `DONE`.
        shape: of the arguments: name → type, length or, for money, the amount.
    """

    tenant: TenantId | None = None
    run: str = ""
    step: str = ""
    occurrence: int = 0
    generation: int = 0
    tool: str = ""
    channel: ChannelId | None = None
    adapter: str
    attempt: int = 0
    milliseconds: float = 0.0
    requests: int = 0
    outcome: str = ""
    code: str = ""
    shape: dict[str, JsonValue] = Field(default_factory=dict)
