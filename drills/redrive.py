"""A fault that sends messages to the dead-letter queue; once it is gone, an operator redrives them."""

import time

from drills.act import Act

__all__ = ["redrive"]

_BROKEN = {"TABLE_CASES": "no-such-table"}


def redrive(act: Act, cases: int) -> None:
    """Break the dispatcher's settings until messages are dead, mend them, redrive.

    Under kills messages go with the server, dead ones too, and the sweep sends their deliveries again:
    what was dead is counted only without.
    """
    floor = act.floor
    floor.retry_messages_after(1)
    with floor.changed("dispatcher", **_BROKEN):
        act.send(cases)
        act.until_sent()
        act.until_soon("dead letters", lambda: floor.waiting("QUEUE_EVENTS_DEAD") > 0)
        act.until_soon("the queue to run empty", lambda: floor.waiting("QUEUE_EVENTS") == 0)
        dead = floor.until_up(lambda: floor.waiting("QUEUE_EVENTS_DEAD"), "the dead letters")
    floor.retry_messages_after()
    act.say(f"{dead} dead letters, the fault is gone")
    redriven = floor.redrive("events")
    act.say(f"{redriven} redriven")
    if act.hurry:
        return
    act.check("every dead letter was redriven", holds=redriven >= dead)
    time.sleep(1)
    act.check("the dead-letter queue is empty", holds=floor.waiting("QUEUE_EVENTS_DEAD") == 0)
