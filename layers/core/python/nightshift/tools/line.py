"""One tool call's line to its vendor: let through by the lane, with credentials that work, in time.

The order keeps a refused call cheap: `admit` comes before anything is intended, so a budget that is used
up, an open breaker or stopped writes leave no lease behind. `ask` carries out one request sequence and,
where the vendor does not know our credentials, reads them fresh and asks once more with the same key.
What was heard is reported by `report` after everything is written down; a report never undoes an answer.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from nightshift.errors import Misconfigured, Retryable, Throttled, WireError
from nightshift.ids import IdempotencyKey
from nightshift.model.metric import Metric
from nightshift.model.tenant import Channel
from nightshift.ports.limits import Admitted, Refusal, Refused
from nightshift.tools.binding import Binding, Call
from nightshift.tools.breaker import TROUBLES
from nightshift.tools.budget import corrected, owed, whole_after_wait
from nightshift.tools.door import Door
from nightshift.tools.drift import SHAPES, drifted
from nightshift.tools.heard import Heard

__all__ = ["CREDENTIALS", "RECORDS_SECONDS", "SHORT_WAIT", "WAITS", "Line"]

T = TypeVar("T")

CREDENTIALS = "vendor.credentials"
RECORDS_SECONDS = 1.5  # what writing down the outcome may take
SHORT_WAIT = 3.0  # seconds waited here: cheaper than another attempt of the state machine
WAITS = 3


class Line:
    """One channel, for one tool call.

    Raises:
        Misconfigured: the channel's secret is not there.
    """

    def __init__(self, door: Door, channel: Channel) -> None:
        self.channel = channel
        self.attempt = 0
        self._door = door
        self._secret = door.secrets.get(channel.secret_ref)
        self._fields: dict[str, str] | None = None
        self._client: Any = None
        self._heard: list[Heard] = []
        self._binding: Binding | None = None
        self._admitted: Admitted | None = None
        self._errors: list[WireError] = []
        self._answered = False

    @property
    def requests(self) -> int:
        """How many requests this call has sent."""
        return sum(heard.requests for heard in self._heard)

    @property
    def stopped(self) -> bool:
        """Whether writes of the channel are stopped: what was admitted may only read."""
        return self._admitted is not None and self._admitted.stopped

    def admit(self, binding: Binding, *, writes: bool, asks: bool = False) -> None:
        """Let this call through, or say when to come back; nothing has happened then.

        Args:
            binding: what is called.
            writes: it may write; without it a stopped channel lets it through.
            asks: it also asks for the room or probes.

        Raises:
            Throttled: the rate budget is used up, or the breaker is open.
            Misconfigured: the channel's writes are stopped, or its credentials cannot be used.
            Retryable: the Lambda has too little time left.
        """
        self._in_time(binding.timeout + (binding.ask_timeout if asks else 0.0))
        lane = self._door.adapter.lane(self.channel)
        waits = 0
        while self._admitted is None:
            now = self._door.clock.now()
            try:
                self._admitted = self._door.limits.admit(lane, cost=binding.cost, writes=writes, now=now)
            except Refused as exc:
                waits += 1
                if waits > WAITS or not self._worth_waiting(exc, binding):
                    raise self._refusal(exc) from exc
                self._door.pause(exc.wait or 0.0)
        self._binding = binding
        self._connect(self._granted())

    def ask(self, do: Callable[[Call[Any]], T], *, args: object, key: IdempotencyKey, seconds: float) -> T:
        """Ask the vendor; once more where it did not know our credentials and there are others.

        Raises:
            WireError: as `do` raised it; `Retryable`, `lambda.no_time`, before anything was sent.
        """
        self._in_time(seconds)
        try:
            return self._noted(do, Call(client=self._client, args=args, key=key))
        except Misconfigured as exc:
            if exc.code != CREDENTIALS:
                raise
            if not self._renewed() or self._door.deadline.left() < seconds + RECORDS_SECONDS:
                self._door.metrics.count(Metric.CREDENTIALS_REFUSED)
                raise
        try:
            return self._noted(do, Call(client=self._client, args=args, key=key))
        except Misconfigured as exc:
            if exc.code == CREDENTIALS:
                self._door.metrics.count(Metric.CREDENTIALS_REFUSED)
            raise

    def noted(self, error: WireError) -> None:
        """Note an error that was found only after the vendor's answer."""
        self._errors.append(error)

    def report(self) -> None:
        """Tell the lane what this call learned; once, after its records are written."""
        if self._admitted is None or self._binding is None:
            return
        admitted, binding, self._admitted = self._admitted, self._binding, None
        self._report_breaker(admitted)
        self._report_budget(admitted, binding)
        odd = next((error for error in self._errors if error.code in SHAPES), None)
        if odd is not None:
            sample = next((heard.sample for heard in self._heard if heard.sample is not None), None)
            drifted(self._door, self.channel, odd, sample, tool=binding.contract.name)

    def _report_breaker(self, admitted: Admitted) -> None:
        limits, now = self._door.limits, self._door.clock.now()
        if any(error.code in TROUBLES for error in self._errors):
            if limits.troubled(admitted, now=now):
                self._door.metrics.count(Metric.BREAKER_OPENED)
        elif admitted.trial and self._answered:
            limits.recovered(admitted)
        elif admitted.trial:
            limits.undecided(admitted)

    def _report_budget(self, admitted: Admitted, binding: Binding) -> None:
        limits, budget = self._door.limits, admitted.lane.budget
        now = self._door.clock.now().timestamp()
        heard = self._heard[-1] if self._heard else Heard()
        asked = [error.retry_after or 0.0 for error in self._errors if isinstance(error, Throttled)]
        said = corrected(budget, admitted, heard, now)
        if asked:
            self._door.metrics.count(Metric.CALLS_THROTTLED)
        if asked and heard.left is None:
            wait = max(*asked, heard.wait or 0.0)
            full_at = whole_after_wait(budget, admitted.per_second, wait, now)
            limits.correct(admitted, full_at, lower=False, per_second=heard.per_second)
        elif said is not None:
            limits.correct(admitted, said[0], lower=said[1], per_second=heard.per_second)
        extra = owed(budget, binding.cost, self.requests, heard)
        if extra > 0:
            limits.owe(admitted.lane, extra)

    def _noted(self, do: Callable[[Call[Any]], T], call: Call[Any]) -> T:
        before = self.requests
        try:
            found = do(call)
        except WireError as exc:
            self._errors.append(exc)
            self._answered = self._answered or (self.requests > before and exc.code not in TROUBLES)
            raise
        self._answered = True
        return found

    def _in_time(self, seconds: float) -> None:
        if self._door.deadline.left() < seconds + RECORDS_SECONDS:
            message = f"{self._door.adapter.name}: the Lambda has too little time left for this call"
            raise Retryable(message, code="lambda.no_time", retry_after=0.0)

    def _worth_waiting(self, refused: Refused, binding: Binding) -> bool:
        needed = binding.timeout + binding.ask_timeout + RECORDS_SECONDS
        return (
            refused.why is Refusal.EXHAUSTED
            and refused.wait is not None
            and refused.wait <= SHORT_WAIT
            and self._door.deadline.left() >= refused.wait + needed
        )

    def _refusal(self, refused: Refused) -> WireError:
        who = f"channel {self.channel.id}"
        if refused.why is Refusal.STOPPED:
            message = f"{who}: writes are stopped until a person releases them"
            return Misconfigured(message, code=refused.why.value)
        opened = refused.why is Refusal.OPEN
        why = (
            "its vendor is in trouble and is left alone" if opened else "the vendor's rate budget is used up"
        )
        message = f"{who}: {why} for a while"
        self._door.metrics.count(Metric.CALLS_THROTTLED)
        return Throttled(message, code=refused.why.value, retry_after=refused.wait)

    def _granted(self) -> dict[str, str]:
        adapter = self._door.adapter
        if adapter.grant is None:
            return self._secret
        return self._door.tokens.fields(
            adapter.grant,
            adapter.lane(self.channel),
            self.channel,
            self._secret,
            refresh_lasts=adapter.refresh_lasts,
        )

    def _connect(self, fields: dict[str, str]) -> None:
        self._fields = fields
        self._client = self._door.adapter.connect(self.channel, fields)
        heard = getattr(self._client, "heard", None)
        if isinstance(heard, Heard):
            self._heard.append(heard)

    def _renewed(self) -> bool:
        """Whether there are other credentials than those the vendor refused; connected with them, if so."""
        used, ref, adapter = self._fields, self.channel.secret_ref, self._door.adapter
        if adapter.grant is not None and used is not None:
            fields = self._door.tokens.renewed(
                adapter.grant,
                adapter.lane(self.channel),
                self.channel,
                used,
                refresh_lasts=adapter.refresh_lasts,
            )
        else:
            fields = self._door.secrets.get(ref, fresh=True)
        found = next((each for each in (fields, *self._others(fields, used)) if each != used), None)
        if found is None:
            return False
        self._connect(found)
        return True

    def _others(self, fields: dict[str, str], used: dict[str, str] | None) -> tuple[dict[str, str], ...]:
        return self._door.secrets.beside(self.channel.secret_ref) if fields == used else ()
