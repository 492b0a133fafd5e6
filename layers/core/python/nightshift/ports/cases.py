"""Cases as records: inbox, life, and which case a subject has. `Case.subject` is a subject key."""

from datetime import datetime
from typing import Literal, Protocol

from nightshift.ids import CaseId, ChannelId, RunId, TenantId
from nightshift.model.base import Noun
from nightshift.model.case import Case, CaseInput, ContextPackage, Signal
from nightshift.model.event import Event, EventKind

__all__ = ["Accepted", "Alias", "Cases"]


class Alias(Noun):
    """Another name of a subject, learnt from an event: an order's name, a conversation.

    `subject` is a subject key (`order:shopify-eu:gid://shopify/Order/1`).
    """

    tenant: TenantId
    channel: ChannelId
    name: str
    subject: str


class Accepted(Noun):
    """What became of an event.

    `case` is the case that holds it (None: noted only); `repeated` says that this very delivery, or the
    same body under another one, had been accepted before, and that nothing was changed now.
    """

    case: CaseId | None
    repeated: Literal["delivery", "body"] | None = None


class Cases(Protocol):
    """The records of cases. Reads are strongly consistent but where said otherwise.

    A method that takes `generation` raises `Outdated` when the case has another one: the caller belongs
    to an execution that was given up, and must stop. `wake` is compared where it decides.
    """

    # -- the dispatcher: one transaction each, with the deduplication of delivery and body

    def open(self, case: Case, event: Event, aliases: tuple[Alias, ...]) -> Accepted:
        """Open a case with its first event and take its subject.

        Raises:
            Conflict: the subject has a case by now; look again.
        """

    def join(
        self, case: Case, event: Event, aliases: tuple[Alias, ...], *, signals: tuple[Signal, ...]
    ) -> Accepted:
        """Append an event to the inbox of an open case; any signal locks it to a person at once.

        Raises:
            Conflict: the case moved on since `case` was read (another event, closed); look again.
        """

    def pass_over(self, event: Event, aliases: tuple[Alias, ...]) -> Accepted:
        """Note an event that no case needs.

        Raises:
            Conflict: another writer was faster; look again.
        """

    def forget_token(self, case: CaseId, token: str) -> None:
        """Remove a task token that was used, unless the case holds another one by now.

        The case is looked after soon, in case what was woken by it dies before it begins its wake.
        """

    def lose_token(self, case: CaseId, token: str) -> None:
        """Remove a task token that no state waits on, and have the case looked after at once.

        Nothing changes when the case holds another token by now.
        """

    def expect(self, case: Case) -> None:
        """Have a case that sleeps without a token looked after soon, because an event came.

        The state that lays it to sleep sees the event itself, unless it dies right before.
        """

    # -- reads

    def get(self, case: CaseId) -> Case:
        """One case as it stands.

        Raises:
            NotFound: no such case.
        """

    def open_case(self, tenant: TenantId, subject: str) -> Case | None:
        """The case a subject has (not CLOSED), or None. `subject` is a subject key."""

    def subject_of(self, tenant: TenantId, channel: ChannelId, name: str) -> str | None:
        """The subject key an alias stands for, or None."""

    def events(self, case: CaseId) -> tuple[Event, ...]:
        """All events of a case in the order of its inbox; those a wake saw are `[:seen_seq]`."""

    def of_tenant(self, tenant: TenantId, limit: int, *, before: datetime | None = None) -> tuple[Case, ...]:
        """A tenant's cases, newest first, as the index knows them (eventually consistent).

        `before` leaves out what was opened later than then, so that the next page may repeat one.
        """

    # -- the life of a case

    def observe(self, given: CaseInput) -> Case:
        """Begin a wake: `wake` becomes `given.wake`, `seen_seq` what the inbox holds, status OPEN.

        The token, deadline and awaited events of the sleep before are removed. A retry of the same wake
        changes nothing and returns the case with the same `seen_seq`. A case that sleeps after this very
        wake (its execution was lost) is returned unchanged: it goes on sleeping. A case that is
        WITH_PERSON stays so; a CLOSED case (a person resolved it meanwhile) is returned unchanged: the
        caller leads it to its end without planning.

        Raises:
            Outdated: another generation, or a later wake, has the case.
            NotFound: no such case.
        """

    def keep_context(self, package: ContextPackage) -> None:
        """Store what one wake knows (a retry overwrites it)."""

    def context(self, case: CaseId, wake: int) -> ContextPackage:
        """What one wake knows.

        Raises:
            NotFound: that wake was not observed.
        """

    def note(
        self,
        case: CaseId,
        *,
        customer: str | None = None,
        intent: str | None = None,
        run: RunId | None = None,
    ) -> None:
        """Set whose case it is, what is wanted, its last run; None leaves a field as it is."""

    def add_move(self, case: CaseId, wake: int, move: str) -> None:
        """Add the playbook move a wake carried out; once per wake and move, in the order of wakes."""

    def lock(self, case: CaseId, reason: str, signals: tuple[Signal, ...] = ()) -> None:
        """Lock automation out of a case; the first reason stands, signals add up.

        Every effect checks the lock before its intent. Takes no person: `hand_over` does.
        """

    def sleep(
        self,
        case: CaseId,
        generation: int,
        *,
        wake: int,
        seen_seq: int,
        events: tuple[EventKind, ...],
        deadline: datetime,
        moves: tuple[str, ...] = (),
    ) -> bool:
        """Lay a case to sleep; `moves` are added as `add_move` does.

        False (nothing changed): the inbox moved on since `seen_seq`, or the case was locked or handed
        over; observe again. A retry returns True. The state machine adds the token afterwards.

        Raises:
            Outdated: another generation, or a later wake, has the case.
        """

    def close(self, case: CaseId, generation: int, *, wake: int, seen_seq: int) -> bool:
        """Close a case and free its subject, in one transaction.

        False (nothing changed): the inbox moved on since `seen_seq`, or the case was locked or handed
        over; observe again. True also when it was closed already.

        Raises:
            Outdated: another generation, or a later wake, has the case.
        """

    def hand_over(self, case: CaseId, generation: int, reason: str) -> Case:
        """Give a case to a person; the subject stays taken, further events join its inbox.

        Idempotent; the first reason stands. A CLOSED case is returned unchanged.

        Raises:
            Outdated: another generation has the case.
        """

    def resolve(self, case: CaseId, *, by: str, note: str, seen_seq: int) -> Case:
        """A person closes a case, whatever its status, having seen `seen_seq` events; frees the subject.

        Returns the closed case (a retry: the same); if it holds a `token`, the caller wakes it with
        `Executions.succeed`, so that its execution ends.

        Raises:
            Conflict: another event has come since; read it first.
        """
