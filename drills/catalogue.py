"""The drills."""

import time
from datetime import UTC, datetime
from typing import Final

from drills.act import SENDING_SECONDS_A_CASE, Act, Drill
from drills.deploy import roll_over
from drills.redrive import redrive

__all__ = ["DRILLS", "ON_THE_PATH", "executions", "functions", "halt", "kill", "restore"]

ON_THE_PATH = (
    "webhook-shopify", "webhook-contact", "dispatcher", "context", "planner", "gate", "runner", "recorder",
    "adapter-shopify", "adapter-contact", "approvals-notifier", "api", "recovery", "sweep",
)  # fmt: skip


_CALL_SECONDS = 3.0  # a call of a stand-in vendor takes milliseconds
_STILL_SECONDS = 4.0


def kill(act: Act, cases: int) -> None:
    """Kill everything, twice, in the middle."""
    act.send(cases)
    for nth, part in enumerate((0.4, 0.8), start=1):
        act.until_opened(round(cases * part))
        act.floor.kill_stack(down=0.3)
        act.say(f"killed and restarted, {nth} of 2; recover: {act.floor.recover()}")


def executions(act: Act, cases: int) -> None:
    """Stop every execution, while they work and again while they sleep and wait."""
    act.send(cases)
    stopped = 0
    for part in (0.5, 1.0):
        act.until_opened(round(cases * part))
        stopped += act.floor.stop_executions()
        act.say(f"{stopped} executions stopped; recover: {act.floor.recover()}")
    act.check("executions were lost", holds=stopped > 0)


def restore(act: Act, cases: int) -> None:
    """Go back to a moment in the middle: what was done since is known only to the vendors."""
    act.send(cases)
    act.until_opened(cases // 2)
    moment = datetime.now(UTC)
    known = _effects(act)
    act.until_soon("effects after it", lambda: _effects(act) >= known + max(3, cases // 10))
    act.until_opened(cases)
    act.floor.kill_stack(restore_to=moment)
    unknown = _effects(act) - known
    act.say(f"restored to {moment:%H:%M:%S.%f}; recover: {act.floor.recover(restored_at=moment)}")
    act.check(f"the restored records did not know of {unknown} effects", holds=unknown > 0 or act.hurry > 0)


def _effects(act: Act) -> int:
    shop = act.floor.shop
    return len(shop.vendor.books.refunds) + len(shop.store.messages)


def halt(act: Act, cases: int) -> None:
    """Halt the tenant in the middle: nothing is begun after that instant; then it goes on."""
    floor = act.floor
    act.send(cases)
    act.until_opened(cases // 2)
    act.until_soon("the first effects", lambda: _effects(act) > 0)
    floor.halt()
    time.sleep(_CALL_SECONDS)  # what was begun before may end
    stood = _effects(act)
    act.until_opened(cases)
    time.sleep(_STILL_SECONDS)
    act.check(f"halted: {_effects(act) - stood} effects while it stood still", holds=_effects(act) == stood)
    floor.halt(resume=True)
    act.say("halted and resumed")


def functions(act: Act, cases: int) -> None:
    """Kill each function on the path, several times, whatever it is doing."""
    act.send(cases)
    names = [name for name in act.floor.functions if name.split("-", 2)[-1] in ON_THE_PATH]
    rounds = max(2, cases // 25)
    killed = 0
    act.until_opened(1)
    for name in names * rounds:
        time.sleep(act.rng.uniform(0, 2 * SENDING_SECONDS_A_CASE * cases / (rounds * len(names))))
        killed += act.floor.kill_function(name)
    act.say(f"{killed} environments of {len(names)} functions killed")
    act.check("functions were killed in mid-flight", holds=killed > 0)


DRILLS: Final = {
    drill.name: drill
    for drill in (
        Drill("kill", "kill -9 of the local stack, twice", "", 300, kill),
        Drill("executions", "loss of every execution", "", 100, executions),
        Drill("restore", "restore from a point in time", "", 100, restore),
        Drill("deploy", "a deploy with a changed state machine while cases sleep", "", 30, roll_over),
        Drill("redrive", "dead letters redriven after the fault is gone", "", 20, redrive),
        Drill("halt", "the tenant halted in the middle of cases", "", 60, halt),
        Drill("functions", "kill -9 of Lambda environments in mid-flight", "", 100, functions),
    )
}
