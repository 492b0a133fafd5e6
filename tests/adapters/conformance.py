"""What every adapter must show; a class per adapter inherits it and says how its vendor is arranged.

What an adapter cannot show here fails: a tool without a scenario, a status without an expectation.
"""

from __future__ import annotations

import logging
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest

from nightshift.errors import (
    Misconfigured,
    OutcomeUnknown,
    Rejected,
    Retryable,
    Throttled,
    WireError,
)
from nightshift.ids import IdempotencyKey
from nightshift.model.tenant import Channel
from nightshift.model.tool import EffectClass
from nightshift.tools.binding import Adapter, Binding, Call, Done, Found
from nightshift.tools.breaker import Breaker
from nightshift.tools.budget import Budget
from nightshift.tools.heard import Heard
from nightshift.tools.oauth import granted_once
from nightshift.tools.onboard import HookState, Onboard
from tests.conftest import free_port

Outcomes = tuple[type[WireError], type[WireError]]  # of a read, of a write

_REPO = Path(__file__).parents[2]
_STOP: Outcomes = (Misconfigured, Misconfigured)
_NO: Outcomes = (Rejected, Rejected)
_SLOWER: Outcomes = (Throttled, Throttled)
UNCLEAR: Outcomes = (Retryable, OutcomeUnknown)

STATUSES: Mapping[int, Outcomes] = {
    **dict.fromkeys((301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 406, 413, 415, 423), _STOP),
    **dict.fromkeys((408, 409, 418, 500, 502, 503, 504, 599), UNCLEAR),
    422: _NO,
    429: _SLOWER,
    430: _SLOWER,
}
ANSWERS: Mapping[str, Outcomes] = dict.fromkeys(("html", "shape", "empty", "drop_before"), UNCLEAR)
TABLE_NEEDS = {401, 403, 404, 422, 429, 500, 502, 503, 504}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """How one tool is shown.

    Args:
        arrange: sets the vendor up and gives the arguments.
        operation: the vendor's operation that carries it out, where faults hit.
        effects: for a write: how many effects the vendor's own books show.
    """

    arrange: Callable[[], dict[str, Any]]
    operation: str
    effects: Callable[[], int] | None = None


@dataclass(frozen=True, kw_only=True)
class Rig:
    """One adapter at its stand-in vendor."""

    channel: Channel
    secret: dict[str, str]
    fail: Callable[..., None]
    client: Callable[[Channel, float], Any]
    scenarios: Mapping[str, Scenario]
    personal: tuple[str, ...]
    differs: Mapping[int, Outcomes] = field(default_factory=dict)


class Conformance:
    """Inherit, set `ADAPTER`, `STATUS_TABLE` and `PRODUCTION_URL`, and give a fixture `rig`."""

    SILENCE: ClassVar[Found] = Found.ABSENT  # UNSURE: the vendor's silence proves nothing, a person settles
    ADAPTER: ClassVar[Adapter]
    STATUS_TABLE: ClassVar[Mapping[int, Any]]
    PRODUCTION_URL: ClassVar[str]

    def binding(self, tool: str) -> Binding:
        found = self.ADAPTER.binding(tool)
        assert found is not None
        return found

    def folder(self) -> Path:
        return _REPO / "functions" / "adapters" / self.ADAPTER.name

    def toml(self) -> dict[str, Any]:
        return tomllib.loads((self.folder() / "adapter.toml").read_text(encoding="utf-8"))

    def call(self, rig: Rig, tool: str, *, key: str = "key_one", seconds: float = 5.0) -> Call[Any]:
        binding, scenario = self.binding(tool), rig.scenarios[tool]
        args = binding.contract.input.model_validate(scenario.arrange())
        return Call(client=rig.client(rig.channel, seconds), args=args, key=key)

    def effects(self, rig: Rig, tool: str) -> int:
        count = rig.scenarios[tool].effects
        assert count is not None, f"{tool} is a write: its scenario must count effects in the vendor's books"
        return count()

    # what the bindings say

    def test_every_tool_is_shown_by_a_scenario(self, rig: Rig) -> None:
        assert set(rig.scenarios) == {b.contract.name for b in self.ADAPTER.bindings}

    def test_a_binding_says_what_it_does(self, tool: str) -> None:
        binding = self.binding(tool)
        assert binding.contract.summary.endswith(".")
        assert binding.call.__doc__, "the call needs a docstring"
        assert isinstance(binding.contract.effect, EffectClass)
        if binding.contract.effect is EffectClass.READ:
            return
        assert binding.probe is not None, "an effect that cannot be found again is settled by a person"
        assert binding.probe.__doc__, "the probe needs a docstring"
        undo = binding.contract.undo
        assert undo is None or self.ADAPTER.binding(undo.tool) is not None, "the same channel takes it back"

    def test_models_are_frozen_and_closed(self, tool: str) -> None:
        for model in (self.binding(tool).contract.input, self.binding(tool).contract.output):
            assert model.model_config.get("frozen") is True
            assert model.model_config.get("extra") == "forbid"

    def test_the_example_validates(self, tool: str) -> None:
        contract = self.binding(tool).contract
        shown = contract.input.model_validate(contract.example)
        assert contract.input.model_validate(shown.model_dump(mode="json")) == shown

    def test_adapter_toml_says_the_same_as_the_code(self, rig: Rig) -> None:
        said = self.toml()
        assert said["name"] == self.ADAPTER.name
        assert set(said["tools"]) == {b.contract.name for b in self.ADAPTER.bindings}
        assert said["limits"]["concurrency"] >= 1
        assert set(said["secret_fields"]) == set(rig.secret)
        assert not set(said.get("secret_optional", ())) & set(rig.secret)

    def test_budget_and_breaker_are_those_of_adapter_toml(self) -> None:
        said = self.toml()
        rates = {name: said["limits"][name] for name in ("unit", "per_second", "burst")}
        assert self.ADAPTER.budget == Budget.model_validate(rates)
        assert self.ADAPTER.breaker == Breaker.model_validate(said["breaker"])
        assert all(0 < binding.cost <= self.ADAPTER.budget.burst for binding in self.ADAPTER.bindings)

    def test_requests_end_before_their_binding_does(self, tool: str) -> None:
        timeouts = self.toml()["timeouts"]
        assert 0 < timeouts["connect"] <= timeouts["request"] < self.binding(tool).timeout

    def test_the_client_asks_no_other_host(self, rig: Rig) -> None:
        said = self.toml()
        vendor = rig.channel.model_copy(update={"base_url": self.PRODUCTION_URL})
        host = urlsplit(rig.client(vendor, 1.0).url).hostname or ""
        assert any(fnmatch(host, pattern) for pattern in said["hosts"])
        sources = [path.read_text(encoding="utf-8") for path in self.folder().rglob("*.py")]
        literals = {url for text in sources for url in re.findall(r"https?://[^\s\"'<`{]+", text)}
        assert all(any(fnmatch(urlsplit(u).hostname or "", h) for h in said["hosts"]) for u in literals)

    def test_a_secret_without_its_field_is_a_misconfiguration(self, rig: Rig) -> None:
        with pytest.raises(Misconfigured) as caught:
            self.ADAPTER.connect(rig.channel, {})
        assert caught.value.code == "secret.field"

    def test_it_connects_with_its_secret(self, rig: Rig) -> None:
        fields = dict(rig.secret)
        if self.ADAPTER.grant is not None:  # as onboarding tries credentials
            lasts = self.ADAPTER.refresh_lasts
            fields = granted_once(self.ADAPTER.grant, rig.channel, fields, refresh_lasts=lasts)
        assert self.ADAPTER.connect(rig.channel, fields) is not None

    # what the tools do

    def test_it_does_what_its_contract_promises(self, rig: Rig, tool: str) -> None:
        binding = self.binding(tool)
        done = binding.call(self.call(rig, tool))
        assert isinstance(done.output, binding.contract.output)
        if binding.contract.effect is not EffectClass.READ:
            assert done.vendor_ref
            assert self.effects(rig, tool) == 1

    def test_the_same_key_twice_is_one_effect(self, rig: Rig, write_tool: str) -> None:
        call = self.call(rig, write_tool)
        first, second = self.binding(write_tool).call(call), self.binding(write_tool).call(call)
        assert first.vendor_ref == second.vendor_ref
        assert self.effects(rig, write_tool) == 1

    def test_what_it_did_is_taken_back_in_the_vendors_own_books(self, rig: Rig, write_tool: str) -> None:
        binding = self.binding(write_tool)
        undo = binding.contract.undo
        if undo is None:
            assert binding.contract.irreversible
            return
        call = self.call(rig, write_tool)
        found = undo(call.args, binding.call(call).output)
        assert found is not None, "the scenario has to change something"
        tool, args = found
        back = self.binding(tool)
        backwards = Call(client=rig.client(rig.channel, 5.0), args=args, key=IdempotencyKey("key_back"))
        again = back.call(backwards).output
        assert back.probe is not None
        assert isinstance(back.probe(backwards), Done), "the vendor shows it as it was before"
        if back.contract.undo is not None:
            forth = back.contract.undo(args, again)
            assert forth is not None
            assert isinstance(back.probe(replace(backwards, args=forth[1])), Found), "and not as it was made"

    def test_money_says_how_much_is_left(self, rig: Rig, write_tool: str) -> None:
        binding = self.binding(write_tool)
        if not binding.contract.money:
            assert binding.room is None
            return
        assert binding.room is not None
        call = self.call(rig, write_tool)
        before = binding.room(call).left
        binding.call(call)
        assert before - binding.room(call).left == call.args.amount.amount

    # what an answer means

    def test_the_status_table_has_its_rows(self) -> None:
        assert set(self.STATUS_TABLE) >= TABLE_NEEDS
        assert set(self.STATUS_TABLE) <= set(STATUSES), "a status of the table has no expectation here"

    def test_each_row_of_the_status_table_has_its_outcome(self, rig: Rig) -> None:
        reads = [b.contract.name for b in self.ADAPTER.bindings if b.contract.effect is EffectClass.READ]
        writes = [b.contract.name for b in self.ADAPTER.bindings if b.contract.effect is not EffectClass.READ]
        for tool, at in [*((r, 0) for r in reads[:1]), *((w, 1) for w in writes[:1])]:
            for status, outcomes in STATUSES.items():
                expected = rig.differs.get(status, outcomes)[at]
                self.fails_as(rig, tool, str(status), expected)

    def test_an_answer_that_is_none_is_tried_again_or_unknown(self, rig: Rig, tool: str) -> None:
        at = 0 if self.binding(tool).contract.effect is EffectClass.READ else 1
        for kind, outcomes in ANSWERS.items():
            self.fails_as(rig, tool, kind, outcomes[at])

    def test_throttling_says_when_to_come_back(self, rig: Rig, tool: str) -> None:
        call = self.call(rig, tool)
        rig.fail("429", rig.scenarios[tool].operation, seconds=7)
        with pytest.raises(Throttled) as caught:
            self.binding(tool).call(call)
        assert caught.value.retry_after == 7

    def test_a_vendor_that_cannot_be_reached_did_nothing(self, rig: Rig, tool: str) -> None:
        call = self.call(rig, tool)
        nowhere = rig.channel.model_copy(update={"base_url": f"http://127.0.0.1:{free_port()}"})
        with pytest.raises(Retryable) as caught:
            self.binding(tool).call(Call(client=rig.client(nowhere, 2.0), args=call.args, key=call.key))
        assert caught.value.code == "vendor.unreached"

    def test_no_answer_before_the_commit(self, rig: Rig, tool: str) -> None:
        call = self.call(rig, tool, seconds=1.0)
        rig.fail("hang_before", rig.scenarios[tool].operation, seconds=5)
        writes = self.binding(tool).contract.effect is not EffectClass.READ
        with pytest.raises(OutcomeUnknown if writes else Retryable) as caught:
            self.binding(tool).call(call)
        assert caught.value.code == "vendor.timeout"
        if writes:
            assert self.effects(rig, tool) == 0

    @pytest.mark.parametrize("kind", ["hang_after", "drop_after"])
    def test_no_answer_after_the_commit_is_unknown_and_found(
        self, rig: Rig, write_tool: str, kind: str
    ) -> None:
        binding = self.binding(write_tool)
        assert binding.probe is not None
        call = self.call(rig, write_tool)
        assert binding.probe(call) is self.SILENCE
        impatient = Call(client=rig.client(rig.channel, 1.0), args=call.args, key=call.key)
        rig.fail(kind, rig.scenarios[write_tool].operation, seconds=5)
        with pytest.raises(OutcomeUnknown):
            binding.call(impatient)
        found = binding.probe(call)
        assert isinstance(found, Done)
        assert isinstance(found.output, binding.contract.output)
        assert found.vendor_ref
        assert self.effects(rig, write_tool) == 1

    def test_a_probe_does_not_take_another_effect_for_its_own(self, rig: Rig, write_tool: str) -> None:
        binding = self.binding(write_tool)
        assert binding.probe is not None
        call = self.call(rig, write_tool, key="key_of_somebody_else")
        other = Call(client=call.client, args=call.args, key="key_never_used")
        assert binding.probe(other) is self.SILENCE
        binding.call(call)
        found = binding.probe(other)
        if binding.contract.effect is EffectClass.IDEMPOTENT_WRITE:
            assert isinstance(found, Done), "an idempotent write is done when the world is as wanted"
        else:
            assert found in {Found.ABSENT, Found.UNSURE}

    # how a channel is connected

    def onboard(self) -> Onboard:
        if self.ADAPTER.onboard is None:
            pytest.skip("this adapter is connected by hand")
        return self.ADAPTER.onboard

    def test_it_says_whose_credentials_it_has(self, rig: Rig) -> None:
        found = self.onboard().check(rig.client(rig.channel, 5.0))
        assert found.account == rig.channel.account
        assert not set(self.toml()["scopes"]) - found.scopes or not found.scopes

    def test_registering_twice_registers_once_and_looking_changes_nothing(self, rig: Rig) -> None:
        client, url = rig.client(rig.channel, 5.0), "https://api.example.com/webhooks/v/acme/one"
        before = {hook.topic: hook.state for hook in self.onboard().hooks(client, url).hooks}
        assert before == {hook.topic: hook.state for hook in self.onboard().hooks(client, url).hooks}
        assert set(before) <= set(self.toml()["topics"]) or not self.toml()["topics"]
        self.onboard().ensure(client, url)
        again = self.onboard().ensure(client, url)
        assert {hook.state for hook in again.hooks} <= {HookState.RIGHT, HookState.MISSING}
        assert again.learned == {}, "a secret is told once, with the registration it belongs to"
        assert {hook.topic for hook in self.onboard().hooks(client, url).hooks} == set(before)

    def test_what_the_vendor_may_tell_once_stands_in_adapter_toml(self, rig: Rig) -> None:
        client, url = rig.client(rig.channel, 5.0), "https://api.example.com/webhooks/v/acme/two"
        assert set(self.onboard().ensure(client, url).learned) <= set(self.toml().get("learned_fields", ()))

    # what is heard beside the answer

    def test_every_request_is_counted(self, rig: Rig, tool: str) -> None:
        call = self.call(rig, tool)
        assert isinstance(call.client.heard, Heard)
        before = call.client.heard.requests
        self.binding(tool).call(call)
        assert call.client.heard.requests > before

    def test_an_answer_of_another_shape_is_kept_and_named(self, rig: Rig, tool: str) -> None:
        for kind in ("html", "shape"):
            call = self.call(rig, tool)
            rig.fail(kind, rig.scenarios[tool].operation)
            with pytest.raises(WireError) as caught:
                self.binding(tool).call(call)
            if caught.value.code == "vendor.shape":
                assert call.client.heard.sample
            assert kind == "html" or caught.value.code == "vendor.shape"

    def test_credentials_the_vendor_does_not_know_are_told_from_missing_scopes(
        self, rig: Rig, tool: str
    ) -> None:
        for kind, known in (("401", False), ("403", True)):
            call = self.call(rig, tool)
            rig.fail(kind, rig.scenarios[tool].operation)
            with pytest.raises(Misconfigured) as caught:
                self.binding(tool).call(call)
            assert (caught.value.code == "vendor.credentials") is not known

    def test_a_wait_the_vendor_asks_for_is_heard(self, rig: Rig, tool: str) -> None:
        call = self.call(rig, tool)
        rig.fail("429", rig.scenarios[tool].operation, seconds=7)
        with pytest.raises(Throttled):
            self.binding(tool).call(call)
        assert call.client.heard.wait == 7

    # what must not leak

    def test_no_secret_or_personal_data_in_logs_and_errors(
        self, rig: Rig, tool: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        texts: list[str] = []
        for kind in ("401", "422", "500", "html", "shape", "drop_before"):
            call = self.call(rig, tool)
            rig.fail(kind, rig.scenarios[tool].operation)
            with pytest.raises(WireError) as caught:
                self.binding(tool).call(call)
            texts += _chain(caught.value)
        self.binding(tool).call(self.call(rig, tool, key="key_two"))
        texts += [record.getMessage() for record in caplog.records]
        assert texts
        for hidden in (*rig.secret.values(), *rig.personal):
            assert all(hidden not in text for text in texts), "a secret or personal data got out"

    def fails_as(self, rig: Rig, tool: str, kind: str, expected: type[WireError]) -> None:
        """One fault, its outcome, and that nothing happened."""
        call = self.call(rig, tool, key=f"key_{kind}")
        writes = self.binding(tool).contract.effect is not EffectClass.READ
        before = self.effects(rig, tool) if writes else 0
        rig.fail(kind, rig.scenarios[tool].operation)
        with pytest.raises(WireError) as caught:
            self.binding(tool).call(call)
        assert type(caught.value) is expected, f"{tool}, {kind}: {caught.value!r}"
        assert caught.value.code, f"{tool}, {kind}: a wire error carries a code"
        assert not writes or self.effects(rig, tool) == before


def _chain(error: BaseException | None) -> list[str]:
    texts = []
    while error is not None:
        texts += [str(error), repr(error.args)]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return texts
