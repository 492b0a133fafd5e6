"""When an execution has to be followed by a new one: it is old, long, or of an outdated definition."""

from datetime import datetime, timedelta
from typing import Final

from nightshift.model.case import CaseInput

__all__ = ["Wake", "outlived"]

_OLDEST: Final = timedelta(days=300)  # an execution lives 365 days, and its next sleep may be long
_MOST_WAKES: Final = 100  # some 50 events of history each, of the 25,000 an execution may have


class Wake(CaseInput):
    """What Observe is given: the wake, and what its execution says of itself.

    `began` is when the execution started and `first` the wake it started with; `definition` is the
    digest of the state machine it runs. Executions from before these were told say nothing of them.
    """

    began: datetime | None = None
    first: int | None = None
    definition: str = ""


def outlived(given: Wake, definition: str, now: datetime) -> bool:
    """Whether a new execution must take over before this wake begins.

    The wake an execution starts with is always its own, so that taking over ends. One that says nothing
    of itself has no state to be followed from: it goes on as it is, and starts anew when it is recovered.
    """
    if given.first is None or given.wake <= given.first:
        return False
    outdated = given.definition != definition
    long = given.wake - given.first >= _MOST_WAKES
    old = given.began is not None and now - given.began >= _OLDEST
    return outdated or long or old
