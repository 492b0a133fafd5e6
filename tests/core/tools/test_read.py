"""Single reads without a plan: READ tools and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from nightshift.errors import Misconfigured, OutcomeUnknown, Rejected, Retryable
from nightshift.ids import ChannelId, TenantId
from nightshift.tools.read import ReadCall, read
from tests.support import records
from tests.support.book import EMAIL, Fault
from tests.support.scene import Scene

if TYPE_CHECKING:
    from pydantic import JsonValue


def call(
    tool: str,
    args: dict[str, JsonValue] | None = None,
    *,
    tenant: TenantId = records.ACME,
    channel: str = records.SHOP,
) -> ReadCall:
    given: dict[str, JsonValue] = {"order": records.ORDER} if args is None else args
    return ReadCall(tenant=tenant, channel=ChannelId(channel), tool=tool, args=given)


def test_a_read_gives_the_output_and_leaves_no_trace(scene: Scene) -> None:
    order = read(scene.door, call("orders.get"))
    assert order["name"] == "#1001"
    assert order["captured"] == {"amount": 5000, "currency": "EUR"}
    assert scene.log() == ()


@pytest.mark.parametrize(
    ("tool", "args"),
    [
        ("payments.refund", {"order": records.ORDER}),
        ("messaging.reply", {"conversation": "conv-1", "template": "refund_done@1"}),
    ],
)
def test_a_tool_that_changes_the_world_is_not_a_read(
    scene: Scene, tool: str, args: dict[str, JsonValue]
) -> None:
    with pytest.raises(Misconfigured) as caught:
        read(scene.door, call(tool, args))
    assert caught.value.code == "tool.not_a_read"
    assert scene.book.requests == 0


@pytest.mark.parametrize("tool", ["orders.get_customer", "orders.cancel", "no.such_tool"])
def test_a_tool_this_adapter_does_not_bind_is_misconfigured(scene: Scene, tool: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        read(scene.door, call(tool))
    assert caught.value.code == "tool.unbound"


def test_a_channel_of_another_adapter_or_tenant_is_misconfigured(scene: Scene) -> None:
    for given in (
        call("orders.get", channel="shop-us"),
        call("orders.get", tenant=TenantId("other")),
    ):
        with pytest.raises(Misconfigured):
            read(scene.door, given)
    scene.put_channel(records.channel(adapter="other"))
    with pytest.raises(Misconfigured):
        read(scene.door, call("orders.get"))
    assert scene.book.reads == 0


def test_arguments_that_do_not_fit_are_refused_and_not_quoted(scene: Scene) -> None:
    with pytest.raises(Rejected) as caught:
        read(scene.door, call("orders.get", {"order": "", "email": EMAIL}))
    assert caught.value.code == "arguments.invalid"
    assert EMAIL not in str(caught.value) + str(caught.value.__cause__)


def test_the_vendors_errors_pass_as_they_are(scene: Scene) -> None:
    with pytest.raises(Rejected) as caught:
        read(scene.door, call("orders.get", {"order": "order-9"}))
    assert caught.value.code == "order.not_found"
    scene.book.faults.append(Fault(Retryable("busy")))
    with pytest.raises(Retryable):
        read(scene.door, call("orders.get"))


def test_an_answer_of_another_shape_is_not_taken_for_an_answer(scene: Scene) -> None:
    scene.book.odd_shape = True
    lines: list[JsonValue] = [{"line": "line-1", "quantity": 1}]
    with pytest.raises(OutcomeUnknown) as caught:
        read(scene.door, call("payments.quote_refund", {"order": records.ORDER, "lines": lines}))
    assert caught.value.code == "output.shape"
