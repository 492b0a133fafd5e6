"""Whatever the vendor does and whatever dies in between: one effect at most, and every outcome settled."""

from __future__ import annotations

import contextlib
import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nightshift.errors import (
    Misconfigured,
    OutcomeUnknown,
    Rejected,
    Retryable,
    Throttled,
    WireError,
)
from nightshift.ids import RunId, StepId
from nightshift.model.effect import EffectState
from nightshift.model.log import EntryKind
from nightshift.model.plan import Plan
from nightshift.model.tool import Outcome
from tests.support import records
from tests.support.book import Book, BookOrder, Fault, vendor
from tests.support.records import QUOTE, REFUND, REPLY
from tests.support.scene import LEASE, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import JsonValue

    from nightshift.model.effect import StepResult
    from nightshift.tools.binding import Call, Done

SETTLE_AFTER = 10.0
RUNS = itertools.count()


class Killed(Exception):
    """The Lambda dies here, as far as the code after this line is concerned."""


@pytest.fixture
def refunding(scene: Scene) -> Scene:
    """A run whose next step is the refund. The vendor's own guard is off: only we keep the second away."""
    scene.propose()
    scene.step(QUOTE)
    scene.book.checks_state = False
    return scene


def attempt(scene: Scene, run: RunId = records.RUN) -> StepResult | type[Exception]:
    """One call of the refund: its result, or what kind of error it raised."""
    try:
        return scene.step(REFUND, run=run)
    except (WireError, Killed) as exc:
        return type(exc)


def outcome(told: StepResult | type[Exception]) -> Outcome | type[Exception]:
    return told if isinstance(told, type) else told.outcome


def error(kind: type[WireError]) -> WireError:
    return kind("no answer", code="vendor.fault", retry_after=3)


# -- one error, before anything happened or after the books changed


@pytest.mark.parametrize(
    ("kind", "raised", "state"),
    [
        (Retryable, Retryable, EffectState.RELEASED),
        (Throttled, Throttled, EffectState.RELEASED),
        (OutcomeUnknown, OutcomeUnknown, EffectState.UNKNOWN),
        (Rejected, Outcome.REJECTED, EffectState.REJECTED),
        (Misconfigured, Misconfigured, EffectState.NOT_DONE),
    ],
)
def test_each_error_before_the_effect_leaves_its_own_state(
    refunding: Scene, kind: type[WireError], raised: object, state: EffectState
) -> None:
    refunding.book.faults.append(Fault(error(kind)))
    assert outcome(attempt(refunding)) == raised
    assert refunding.effect().state is state
    assert refunding.book.refunds == []
    assert refunding.book.requests == 1


@pytest.mark.parametrize("kind", [Retryable, Throttled])
def test_after_an_error_in_which_nothing_happened_the_next_call_need_not_wait(
    refunding: Scene, kind: type[WireError]
) -> None:
    refunding.book.faults.extend([Fault(error(kind)), Fault(error(kind))])
    assert [outcome(attempt(refunding)) for _ in range(3)] == [kind, kind, Outcome.DONE]
    assert len(refunding.book.refunds) == 1
    assert refunding.effect().attempt == 3
    assert refunding.book.probes == 0
    assert refunding.kinds(REFUND) == [EntryKind.EFFECT_INTENDED] * 3 + [EntryKind.EFFECT_SETTLED]


@pytest.mark.parametrize(("kind", "again"), [(Rejected, Outcome.REJECTED), (Misconfigured, Outcome.NOT_DONE)])
def test_an_error_that_ends_a_step_ends_it_and_gives_its_claim_back(
    refunding: Scene, kind: type[WireError], again: Outcome
) -> None:
    refunding.book.faults.append(Fault(error(kind)))
    attempt(refunding)
    assert outcome(attempt(refunding)) is again
    assert refunding.book.requests == 1
    second = RunId("run_second")
    refunding.propose(run=second)
    refunding.step(QUOTE, run=second)
    assert outcome(attempt(refunding, second)) is Outcome.DONE


@pytest.mark.parametrize("fault", [error(OutcomeUnknown), Killed()], ids=["unknown", "killed"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("honours_keys", [True, False], ids=["keys", "no keys"])
def test_what_may_have_happened_is_probed_and_happens_once(
    refunding: Scene, fault: Exception, when: Literal["before", "after"], *, honours_keys: bool
) -> None:
    refunding.book.honours_keys = honours_keys
    refunding.book.faults.append(Fault(fault, when))
    assert outcome(attempt(refunding)) is type(fault)
    refunding.clock.advance(LEASE + 1)
    result = attempt(refunding)
    assert outcome(result) is Outcome.DONE
    assert len(refunding.book.refunds) == 1
    assert refunding.book.requests == (2 if when == "before" else 1)
    assert refunding.effect().vendor_ref == "refund-1"
    assert refunding.step(REFUND) == result


def test_an_answer_of_another_shape_after_the_effect_is_unknown_and_found_later(refunding: Scene) -> None:
    refunding.book.odd_shape = True
    assert attempt(refunding) is OutcomeUnknown
    assert refunding.effect().code == "output.shape"
    refunding.clock.advance(LEASE)
    assert attempt(refunding) is OutcomeUnknown  # the probe's answer has no promised shape either
    refunding.book.odd_shape = False
    assert outcome(attempt(refunding)) is Outcome.DONE
    assert (len(refunding.book.refunds), refunding.book.requests) == (1, 1)


def test_a_pending_effect_is_unknown_until_the_vendor_has_settled_it(refunding: Scene) -> None:
    refunding.book.pending = True
    for _ in range(3):
        assert attempt(refunding) is OutcomeUnknown
        assert refunding.effect().state is EffectState.UNKNOWN
        refunding.clock.advance(3600)
    refunding.book.pending = False
    assert outcome(attempt(refunding)) is Outcome.DONE
    assert (len(refunding.book.refunds), refunding.book.requests) == (1, 1)


# -- the lease


def test_an_attempt_in_flight_is_waited_for_until_its_lease_lapses(refunding: Scene) -> None:
    refunding.book.faults.append(Fault(Killed(), "after"))
    attempt(refunding)
    refunding.clock.advance(LEASE - 0.001)
    with pytest.raises(OutcomeUnknown) as caught:
        refunding.step(REFUND)
    assert (caught.value.code, caught.value.retry_after) == ("effect.in_flight", LEASE)
    assert (refunding.book.probes, refunding.effect().attempt) == (0, 1)
    refunding.clock.advance(0.001)
    assert outcome(attempt(refunding)) is Outcome.DONE
    assert refunding.book.probes == 1


def test_of_many_first_attempts_at_once_one_calls_the_vendor(refunding: Scene) -> None:
    with ThreadPoolExecutor(8) as pool:
        told = [outcome(x) for x in pool.map(lambda _: attempt(refunding), range(8))]
    assert set(told) <= {Outcome.DONE, OutcomeUnknown}
    assert Outcome.DONE in told
    assert (refunding.book.requests, len(refunding.book.refunds)) == (1, 1)
    assert outcome(attempt(refunding)) is Outcome.DONE


def test_of_many_who_take_over_at_once_one_calls_the_vendor(refunding: Scene) -> None:
    refunding.book.faults.append(Fault(Killed(), "before"))
    attempt(refunding)
    refunding.clock.advance(LEASE)
    with ThreadPoolExecutor(8) as pool:
        told = [outcome(x) for x in pool.map(lambda _: attempt(refunding), range(8))]
    assert set(told) <= {Outcome.DONE, OutcomeUnknown}
    assert (refunding.book.requests, len(refunding.book.refunds)) == (2, 1)
    assert refunding.effect().attempt == 2


def test_an_attempt_that_was_overtaken_settles_nothing(refunding: Scene) -> None:
    """The first attempt hangs beyond its lease; a second one does the work meanwhile."""

    def overtaken() -> Exception:
        refunding.clock.advance(LEASE + SETTLE_AFTER)
        assert outcome(attempt(refunding)) is Outcome.DONE
        return error(OutcomeUnknown)

    refunding.book.faults.append(Fault(overtaken))
    with pytest.raises(OutcomeUnknown) as caught:
        refunding.step(REFUND)
    assert caught.value.code == "effect.in_flight"
    assert refunding.effect().state is EffectState.DONE
    assert refunding.step(REFUND).outcome is Outcome.DONE


# -- the probe


def unknown(scene: Scene, when: Literal["before", "after"] = "after") -> None:
    """The refund may have happened."""
    scene.book.faults.append(Fault(error(OutcomeUnknown), when))
    assert attempt(scene) is OutcomeUnknown


def test_an_absent_effect_counts_only_after_the_vendor_had_time_to_show_it(refunding: Scene) -> None:
    refunding.book.clock, refunding.book.lag = refunding.clock, timedelta(seconds=SETTLE_AFTER - 1)
    unknown(refunding)
    refunding.clock.advance(SETTLE_AFTER - 2)
    assert attempt(refunding) is OutcomeUnknown
    assert refunding.effect().code == "effect.unsettled"
    refunding.clock.advance(SETTLE_AFTER)
    assert outcome(attempt(refunding)) is Outcome.DONE
    assert (len(refunding.book.refunds), refunding.book.requests) == (1, 1)


@pytest.mark.parametrize("end", [error(OutcomeUnknown), Killed()], ids=["unknown", "killed"])
def test_the_vendor_has_that_time_from_the_end_of_a_slow_attempt_and_not_from_its_begin(
    refunding: Scene, end: Exception
) -> None:
    """The request left at the attempt's last moment, so that its effect shows later than it began."""
    book, adapter = refunding.book, refunding.door.adapter
    book.clock, book.lag = refunding.clock, timedelta(seconds=LEASE)
    refund = adapter.binding("payments.refund")
    assert refund is not None

    def slow(call: Call[Any]) -> Done:
        refunding.clock.advance(refund.timeout)
        return refund.call(call)

    slowly = replace(refund, call=slow, settle_after=LEASE + 1)
    others = tuple(each for each in adapter.bindings if each is not refund)
    refunding.with_adapter(replace(adapter, bindings=(*others, slowly)))
    book.faults.append(Fault(end, "after"))
    attempt(refunding)
    refunding.clock.advance(LEASE - 1)  # the lease of one that was killed is over, and silence proves nothing
    attempt(refunding)
    refunding.clock.advance(LEASE)
    assert outcome(attempt(refunding)) is Outcome.DONE
    assert (len(book.refunds), book.requests) == (1, 1)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_unsure_vendor_leaves_it_unknown_and_is_never_called_again(
    refunding: Scene, when: Literal["before", "after"]
) -> None:
    unknown(refunding, when)
    refunding.book.finds = "unsure"
    for _ in range(3):
        refunding.clock.advance(3600)
        assert attempt(refunding) is OutcomeUnknown
    assert refunding.effect().state is EffectState.UNKNOWN
    assert refunding.book.requests == 1


@pytest.mark.parametrize("kind", [Retryable, Throttled, OutcomeUnknown, Rejected])
def test_a_vendor_that_cannot_be_asked_leaves_it_unknown(refunding: Scene, kind: type[WireError]) -> None:
    unknown(refunding)
    refunding.book.probe_error = error(kind)
    refunding.clock.advance(3600)
    assert attempt(refunding) is OutcomeUnknown
    assert refunding.effect().state is EffectState.UNKNOWN
    refunding.book.probe_error = None
    assert outcome(attempt(refunding)) is Outcome.DONE
    assert (len(refunding.book.refunds), refunding.book.requests) == (1, 1)


def test_a_probe_without_credentials_tells_a_person_and_settles_nothing(refunding: Scene) -> None:
    unknown(refunding)
    refunding.book.probe_error = error(Misconfigured)
    refunding.clock.advance(3600)
    assert attempt(refunding) is Misconfigured
    assert refunding.effect().state is EffectState.UNKNOWN
    refunding.book.probe_error = None
    refunding.clock.advance(LEASE)
    assert outcome(attempt(refunding)) is Outcome.DONE
    assert refunding.book.requests == 1


def test_a_tool_with_neither_key_nor_probe_is_settled_by_a_person(refunding: Scene) -> None:
    refunding.with_adapter(vendor(refunding.book, probes=False))
    unknown(refunding)
    for _ in range(3):
        refunding.clock.advance(86_400)
        with pytest.raises(OutcomeUnknown) as caught:
            refunding.step(REFUND)
        assert caught.value.code == "effect.unprobed"
    assert refunding.book.requests == 1


def test_an_unknown_effect_stops_the_other_writes_of_its_run(refunding: Scene) -> None:
    unknown(refunding)
    with pytest.raises(OutcomeUnknown) as caught:
        refunding.step(REPLY)
    assert caught.value.code == "run.unknown"
    assert refunding.book.messages == []
    refunding.clock.advance(LEASE)
    assert refunding.step(REFUND).outcome is Outcome.DONE
    assert refunding.step(REPLY).outcome is Outcome.DONE


SECOND = StepId("second")


@pytest.fixture
def twice(scene: Scene) -> Scene:
    """A run that refunds two lines of one payment, side by side."""
    nothing: JsonValue = {"amount": 0, "currency": "EUR"}
    lines: JsonValue = [{"line": "line-2", "quantity": 1}]
    second = records.refund_step(300, lines=lines, expected_refunded=nothing)
    plan = (records.quote_step(), records.refund_step(), second.model_copy(update={"id": SECOND}))
    scene.propose(records.refund_plan(*plan))
    scene.step(QUOTE)
    scene.book.checks_state = False
    return scene


def test_an_effect_that_did_nothing_does_not_become_unknown_beside_one_that_is(twice: Scene) -> None:
    twice.book.faults.append(Fault(error(Throttled)))
    assert attempt(twice) is Throttled
    twice.book.faults.append(Fault(error(OutcomeUnknown), "after"))
    with pytest.raises(OutcomeUnknown):
        twice.step(SECOND)
    with pytest.raises(OutcomeUnknown) as caught:
        twice.step(REFUND)
    assert caught.value.code == "run.unknown"
    assert twice.effect().state is EffectState.RELEASED
    twice.clock.advance(LEASE)
    assert [twice.step(step).outcome for step in (SECOND, REFUND)] == [Outcome.DONE, Outcome.DONE]
    assert [refund.amount for refund in twice.book.refunds] == [300, 1250]


def test_two_effects_that_were_unknown_and_did_not_happen_do_not_block_each_other(twice: Scene) -> None:
    def both_in_flight() -> Exception:
        twice.book.faults.append(Fault(error(OutcomeUnknown)))
        with pytest.raises(OutcomeUnknown):
            twice.step(SECOND)
        return error(OutcomeUnknown)

    twice.book.faults.append(Fault(both_in_flight))
    assert attempt(twice) is OutcomeUnknown
    for _ in range(2):
        twice.clock.advance(LEASE)
        for step in (REFUND, SECOND):
            with contextlib.suppress(OutcomeUnknown):
                twice.step(step)
    assert sorted(refund.amount for refund in twice.book.refunds) == [300, 1250]
    assert [twice.step(step).outcome for step in (REFUND, SECOND)] == [Outcome.DONE, Outcome.DONE]


# -- a vendor's own key, and no way to look


@pytest.fixture
def keyed(refunding: Scene) -> Scene:
    """The vendor takes keys and honours them, but cannot be asked."""
    refunding.book.honours_keys = True
    refunding.with_adapter(vendor(refunding.book, probes=False, takes_key=True))
    return refunding


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_vendor_that_honours_keys_is_called_again_with_the_same_one(
    keyed: Scene, when: Literal["before", "after"]
) -> None:
    unknown(keyed, when)
    assert outcome(attempt(keyed)) is Outcome.DONE
    assert (len(keyed.book.refunds), keyed.book.requests) == (1, 2)


@pytest.mark.parametrize("kind", [Retryable, Throttled, OutcomeUnknown, Rejected, Misconfigured])
def test_an_error_of_the_second_call_does_not_undo_what_the_first_may_have_done(
    keyed: Scene, kind: type[WireError]
) -> None:
    unknown(keyed)
    keyed.book.faults.append(Fault(error(kind)))
    assert attempt(keyed) is OutcomeUnknown
    assert keyed.effect().state is EffectState.UNKNOWN
    second = RunId("run_second")
    keyed.propose(run=second)
    keyed.step(QUOTE, run=second)
    told = attempt(keyed, second)
    assert not isinstance(told, type)
    assert told.code == "claim.taken"
    assert outcome(attempt(keyed)) is Outcome.DONE
    assert len(keyed.book.refunds) == 1


# -- the world changes while it is open


def _lock(scene: Scene) -> None:
    scene.cases.lock(records.CASE, "legal")


def _halt(scene: Scene) -> None:
    scene.door.config.put_tenant(records.tenant(halted=True))


def _turn_off(scene: Scene) -> None:
    scene.put_channel(records.channel(live=frozenset()))


CHANGES = pytest.mark.parametrize(
    ("change", "code"), [(_lock, "case.taken"), (_halt, "tenant.halted"), (_turn_off, "tool.turned_off")]
)


@CHANGES
def test_what_happened_is_still_found_after_the_case_was_taken(
    refunding: Scene, change: Callable[[Scene], None], code: str
) -> None:
    unknown(refunding)
    change(refunding)
    refunding.clock.advance(LEASE)
    told = attempt(refunding)
    assert not isinstance(told, type), code
    assert (told.outcome, told.shadow) == (Outcome.DONE, False)
    assert (len(refunding.book.refunds), refunding.book.requests) == (1, 1)


@CHANGES
def test_what_did_not_happen_is_not_done_after_the_case_was_taken(
    refunding: Scene, change: Callable[[Scene], None], code: str
) -> None:
    unknown(refunding, "before")
    change(refunding)
    refunding.clock.advance(LEASE)
    told = attempt(refunding)
    assert not isinstance(told, type)
    assert (told.outcome, told.code) == (Outcome.NOT_DONE, code)
    assert refunding.book.requests == 1
    assert refunding.effect().state is EffectState.NOT_DONE


@CHANGES
def test_a_released_effect_is_not_tried_again_after_the_case_was_taken(
    refunding: Scene, change: Callable[[Scene], None], code: str
) -> None:
    refunding.book.faults.append(Fault(error(Retryable)))
    attempt(refunding)
    change(refunding)
    told = attempt(refunding)
    assert not isinstance(told, type)
    assert (told.outcome, told.code) == (Outcome.NOT_DONE, code)
    assert refunding.book.requests == 1
    assert attempt(refunding) == told


@CHANGES
def test_without_a_probe_it_stays_unknown_after_the_case_was_taken(
    keyed: Scene, change: Callable[[Scene], None], code: str
) -> None:
    unknown(keyed)
    change(keyed)
    keyed.clock.advance(LEASE)
    with pytest.raises(OutcomeUnknown) as caught:
        keyed.step(REFUND)
    assert caught.value.code == code
    assert keyed.effect().state is EffectState.UNKNOWN
    assert keyed.book.requests == 1


# -- all of it, at random

faults = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from([Retryable, Throttled, OutcomeUnknown, Rejected, Misconfigured, Killed]),
            st.just("before"),
        ),
        st.tuples(st.sampled_from([OutcomeUnknown, Killed]), st.just("after")),
    ),
    max_size=4,
)
waits = st.lists(st.sampled_from([0, 1, 9, 11, 45, 61, 200]), min_size=1, max_size=9)


def _plan_of(order: str) -> Plan:
    return records.refund_plan().model_copy(update={"inputs": {"order": order}})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    given_faults=faults,
    pauses=waits,
    lag=st.integers(0, int(SETTLE_AFTER)),
    binding=st.sampled_from(["probe", "key", "both", "neither"]),
    unsure=st.booleans(),
)
def test_an_honest_vendor_sees_one_effect_at_most_and_the_books_agree_with_the_ledger(
    scene: Scene,
    given_faults: list[tuple[type[Exception], Literal["before", "after"]]],
    pauses: list[int],
    lag: int,
    binding: str,
    *,
    unsure: bool,
) -> None:
    n = next(RUNS)
    run, order = RunId(f"run_{n}"), f"order-{n}"
    book = Book(
        orders={order: BookOrder()},
        honours_keys=binding in {"key", "both"},
        checks_state=False,
        clock=scene.clock,
        lag=timedelta(seconds=lag),
    )
    scene.book = book
    probes, takes_key = binding in {"probe", "both"}, binding in {"key", "both"}
    scene.with_adapter(vendor(book, probes=probes, takes_key=takes_key, settle_after=SETTLE_AFTER))
    scene.propose(_plan_of(order), run=run)
    scene.step(QUOTE, run=run)
    book.faults.extend(Fault(Killed() if kind is Killed else kind("x"), when) for kind, when in given_faults)
    book.finds = "unsure" if unsure else "truth"
    told: StepResult | type[Exception] = Killed
    for pause in pauses:
        told = attempt(scene, run)
        scene.clock.advance(pause)
    assert len(book.refunds) <= 1
    effect = scene.effect(run=run)
    if effect.state is EffectState.DONE:
        assert len(book.refunds) == 1
    if effect.state in {EffectState.REJECTED, EffectState.NOT_DONE, EffectState.RELEASED}:
        assert book.refunds == []
    if not isinstance(told, type):
        assert told.outcome.value == effect.state.value
