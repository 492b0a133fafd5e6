"""What an adapter's client is connected with."""

from __future__ import annotations

import pytest

from nightshift.errors import Misconfigured
from nightshift.ids import ChannelId, TenantId
from nightshift.model.tenant import Channel
from nightshift.tools.binding import required


@pytest.mark.parametrize("held", [{}, {"location": "hidden"}, {"api_key": "", "location": "hidden"}])
def test_the_first_field_that_a_secret_lacks_is_named(held: dict[str, str]):
    channel = Channel(
        id=ChannelId("shop"),
        tenant=TenantId("acme"),
        adapter="acme",
        account="a",
        base_url="https://acme.example",
        secret_ref="s",
    )
    with pytest.raises(Misconfigured) as caught:
        required(channel, held, "api_key", "location")
    assert caught.value.code == "secret.field"
    assert "no api_key" in str(caught.value)
    assert not any(value in str(caught.value) for value in held.values() if value)
    required(channel, {"api_key": "k", "location": "hidden"}, "api_key", "location")
