"""Records the end of a wake: closed, asleep, with a person, or once more."""

from typing import Any

from nightshift.recorder.commit import Commit, Recording, commit, hand_over
from nightshift.telemetry import entrypoint, logger
from nightshift.wiring.recorder import RecorderSettings, wire

__all__ = ["handler"]

_OPS = {"commit": commit, "hand_over": hand_over}


@entrypoint(RecorderSettings, wire)
def handler(event: dict[str, Any], recording: Recording) -> dict[str, Any]:
    """`{op: commit | hand_over, case, generation, wake, run?, at?, error?}` → Rest."""
    rest = _OPS[event["op"]](recording, Commit.model_validate(event))
    logger.info("case rests", case=rest.case, rest=rest.rest, op=event["op"])
    return rest.model_dump(mode="json")
