"""The fast path: a playbook's next move for what a case knows. No model, no text, no side effect."""

from datetime import datetime
from typing import NamedTuple

from typing_extensions import override

from nightshift.errors import BadInput
from nightshift.expressions import Facts
from nightshift.model.case import ContextPackage
from nightshift.model.plan import Close, HandOff, Plan
from nightshift.model.tenant import Tenant
from nightshift.planner.facts import FactValues, facts_of
from nightshift.planner.fill import fill
from nightshift.planner.playbook import Library, MoveTemplate, Playbook, Specialist
from nightshift.planner.seam import Draft, Planner

__all__ = ["MIN_CONFIDENCE", "PlaybookPlanner", "next_move"]

MIN_CONFIDENCE = 0.6
_REASON_LENGTH = 500


class _Chosen(NamedTuple):
    playbook: Playbook
    move: MoveTemplate


def next_move(playbook: Playbook, facts: FactValues) -> MoveTemplate | HandOff:
    """The first move whose guard holds, or why a person takes it.

    A matter that a move has closed is not opened again by what follows: an echo of our own effect
    closes it once more, and a customer who writes again gets a person.

    Raises:
        BadInput: a guard cannot be evaluated.
    """
    refusal = _refuses(playbook, facts)
    if refusal:
        return HandOff(reason=refusal)
    seen = Facts(facts)
    done = {move.name for move in playbook.moves if isinstance(move.after, Close)}
    if done.intersection(_moves(facts)):
        if seen.holds("news.messages > 0"):
            return HandOff(reason="the customer wrote again after the matter was settled")
        return MoveTemplate(name="settled", after=Close())
    for move in playbook.moves:
        if seen.holds(move.when):
            return move
    return HandOff(reason=f"no move of {playbook.id} fits what is known")


def _moves(facts: FactValues) -> list[str]:
    moves = facts["moves"]
    return [str(move) for move in moves] if isinstance(moves, list) else []


def _refuses(playbook: Playbook, facts: FactValues) -> str:
    if playbook.needs_order and facts["order"] is None:
        return "it is not known which order this is about"
    if playbook.needs_payment and facts["payment"] is None:
        return "it is not known which payment this is about"
    if playbook.trusted_sender and facts["sender_trusted"] is not True:
        whose = "payment" if playbook.needs_payment else "order"
        return f"the sender is not proven to be the {whose}'s customer"
    return ""


def _missing(playbook: Playbook, package: ContextPackage) -> str:
    """Why what a playbook is about could not be read; empty: it could, or is not needed."""
    if playbook.needs_order and package.order is None:
        return package.order_problem or "it is not known which order this is about"
    if playbook.needs_payment and package.payment is None:
        return package.payment_problem or "it is not known which payment this is about"
    return ""


class PlaybookPlanner(Planner):
    """Proposes by playbooks alone."""

    def __init__(self, library: Library) -> None:
        self._library = library

    @override
    def propose(self, package: ContextPackage, tenant: Tenant, *, at: datetime) -> Draft:
        """The next move of the playbook for the best intent; a hand-over with its reason otherwise."""
        if package.person:
            return self._hand_over("rules", package.person)
        specialist = self._library.specialist(package.specialist)
        if specialist is None:
            return self._hand_over("rules", f"there is no specialist {package.specialist}")
        playbook = self._playbook(package, specialist)
        if isinstance(playbook, str):
            return self._hand_over("rules", playbook)
        missing = _missing(playbook, package)
        if missing:
            return self._hand_over(playbook.reference(), missing)
        try:
            return self._draft(playbook, facts_of(package, tenant, at))
        except BadInput as exc:
            reason = f"the playbook {playbook.id} could not be followed: {exc.field}: {exc.problem}"
            return self._hand_over(playbook.reference(), reason)

    def _playbook(self, package: ContextPackage, specialist: Specialist) -> Playbook | str:
        """The playbook of the best intent, or why there is none."""
        if not package.intents:
            return "no rule understood what is wanted"
        best = package.intents[0]
        if best.confidence < MIN_CONFIDENCE:
            return f"not sure enough what is wanted ({best.name}, {best.confidence:.2f})"
        playbook = self._library.of_intent(specialist, best.name)
        return playbook or f"{specialist.id} has no playbook for {best.name}"

    def _draft(self, playbook: Playbook, facts: FactValues) -> Draft:
        move = next_move(playbook, facts)
        if isinstance(move, HandOff):
            return self._hand_over(playbook.reference(), move.reason)
        plan = fill(f"{playbook.id}-{move.name.replace('_', '-')}"[:64], move, Facts(facts))
        used = {name for name in move.plan.tainted if name in plan.inputs}
        return Draft(plan=plan, proposed_by=playbook.reference(), move=move.name, tainted=tuple(sorted(used)))

    @staticmethod
    def _hand_over(proposed_by: str, reason: str) -> Draft:
        plan = Plan(name="hand-over", after=HandOff(reason=reason[:_REASON_LENGTH]))
        return Draft(plan=plan, proposed_by=proposed_by, move="")
