"""Where a channel may reach out to: public names of its vendor over HTTPS, and nothing inside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.errors import BadInput
from nightshift.model.adapter import AdapterSpec
from nightshift.onboarding.address import base_url, mailbox
from nightshift.wiring.onboarding import public

SHOPIFY = AdapterSpec(
    name="shopify", hosts=("*.myshopify.com",), secret_fields=(), default_base_url="https://{account}"
)
FORM = AdapterSpec(name="contact", hosts=("*",), secret_fields=())
NOBODY: frozenset[str] = frozenset()

INSIDE = [
    "http://store.example.com", "https://127.0.0.1", "https://[::1]", "https://169.254.169.254/latest",
    "https://10.0.0.7", "https://2130706433", "https://0x7f.1", "https://localhost", "https://db",
    "https://store.internal", "https://printer.local", "https://a.localhost", "https://x.home.arpa",
    "https://store.example.com:8443", "https://user@store.example.com", "https://user:pw@store.example.com",
    "https://store.example.com?x=1", "https://store.example.com#x", "https://store.example.com\\@evil.com",
    "https://", "store.example.com", "ftp://store.example.com", "https://store.example.com:99999999",
    "https://st ore.example.com", "https://store.example.com\n.evil.com", "javascript:alert(1)", "https://-a.example.com",
    "https://[fe80::1%25eth0]", "file:///etc/passwd", "gopher://store.example.com",
]  # fmt: skip


@pytest.mark.parametrize("written", INSIDE)
def test_nothing_inside_is_reached(written: str):
    with pytest.raises(BadInput) as caught:
        base_url(FORM, written, "store", internal=NOBODY)
    assert caught.value.field == "base_url"


@pytest.mark.parametrize(
    "written", ["https://acme.evil.com", "https://myshopify.com.evil.com", "https://myshopify.com"]
)
def test_only_the_vendors_hosts_are_reached(written: str):
    with pytest.raises(BadInput):
        base_url(SHOPIFY, written, "acme", internal=NOBODY)


@pytest.mark.parametrize("host", ["email.my-bucket.s3.amazonaws.com", "email.a.b.amazonaws.com"])
def test_a_star_stands_for_one_label(host: str):
    mail = AdapterSpec(name="ses", hosts=("email.*.amazonaws.com",), secret_fields=())
    region = "https://email.eu-central-1.amazonaws.com"
    assert base_url(mail, region, "a@b.de", internal=NOBODY) == region
    with pytest.raises(BadInput):
        base_url(mail, f"https://{host}", "a@b.de", internal=NOBODY)


def test_the_usual_address_is_made_of_the_account():
    assert base_url(SHOPIFY, "", "acme.myshopify.com", internal=NOBODY) == "https://acme.myshopify.com"
    for account in (
        "acme.evil.com",
        "evil.com/.myshopify.com",
        "evil.com#.myshopify.com",
        "a@b.myshopify.com",
    ):
        with pytest.raises(BadInput):
            base_url(SHOPIFY, "", account, internal=NOBODY)


def test_an_address_is_written_one_way():
    assert (
        base_url(FORM, "https://Store.Example.com:443/api/", "x", internal=NOBODY)
        == "https://store.example.com/api"
    )


def test_a_development_stage_names_its_own_hosts():
    written = "http://127.0.0.1:8123/contact/demo"
    assert base_url(FORM, written, "x", internal=frozenset({"127.0.0.1"})) == written


@given(st.text(max_size=60))
def test_whatever_is_written_is_refused_or_a_public_https_name(written: str):
    try:
        url = base_url(FORM, written, "x", internal=NOBODY)
    except BadInput as exc:
        url = f"https://{exc.field}"
    assert url.startswith("https://")
    assert "@" not in url


@given(st.text(max_size=60))
def test_whatever_is_written_is_no_address_or_one_in_lower_case(written: str):
    try:
        found = mailbox("account", written)
    except BadInput as exc:
        found = f"{exc.field}@"
    assert found == found.lower().strip()
    assert found.count("@") == 1


def test_names_that_lead_inside_are_not_public():
    assert public("localhost") is False
    assert public("no-such-name.invalid") is False
    assert public("") is False
