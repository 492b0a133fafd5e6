"""What is new in a reply: the official reply mails, other programs' habits, and texts made to hurt."""

from __future__ import annotations

import time
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.ingress.charsets import decoded
from nightshift.ingress.markup import text_of
from nightshift.ingress.mime import parse
from nightshift.ingress.quoting import new_text

TALON = Path(__file__).parents[4] / "shared" / "contracts" / "ses-inbound" / "talon"
MAILS = sorted((TALON / "standard_replies").glob("*.eml"))
PAGES = sorted((TALON / "html_replies").glob("*.html"))
needs_talon = pytest.mark.skipif(not MAILS, reason="the reply mails of shared/contracts are not here")


@needs_talon
@pytest.mark.parametrize("file", MAILS, ids=lambda file: file.stem)
def test_a_real_reply_says_what_its_writer_added(file: Path) -> None:
    assert new_text(parse(file.read_bytes()).text) == "Hello"


@needs_talon
@pytest.mark.parametrize("file", MAILS, ids=lambda file: file.stem)
def test_the_html_of_a_real_reply_says_the_same(file: Path) -> None:
    pages = [
        part
        for part in message_from_bytes(file.read_bytes()).walk()
        if part.get_content_type() == "text/html"
    ]
    # the HTML that talon has for Outlook is of another mail than its plain text
    wanted = "Allo! Follow up MIME!" if file.stem == "outlook" else "Hello"
    for page in pages:
        html = decoded(page.get_payload(decode=True), page.get_content_charset())  # type: ignore[arg-type]  # bytes
        assert new_text(text_of(html)) == wanted


@needs_talon
@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_the_pages_that_mail_programs_make_say_what_their_writer_added(file: Path) -> None:
    assert new_text(text_of(file.read_text("utf-8"))) == "Hi. I am fine.\nThanks,\nAlex"


@needs_talon
def test_a_reply_whose_history_is_not_marked_ends_before_it() -> None:
    said = new_text(parse((TALON / "reply-quotations-share-block.eml").read_bytes()).text)
    assert said.endswith("look forward to hearing from you soon.\n\nJoe XXX")


@pytest.mark.parametrize(
    ("text", "new"),
    [
        (
            "Ja bitte.\n\nAm 21.11.2026 um 09:00 schrieb Acme <support@acme.example>:\n> Noch ein Foto?",
            "Ja bitte.",
        ),
        ("Oui.\n\nLe 21/11/2026 à 09:00, Acme a écrit :\n> Photo ?", "Oui."),
        (
            "Yes.\n\nFrom: Acme <support@acme.example>\nSent: Saturday 09:00\nTo: Kim\nSubject: x\n\nOld",
            "Yes.",
        ),
        ("Ja.\n\nVon: Acme\nGesendet: Samstag\nAn: Kim\nBetreff: x\n\nAlt", "Ja."),
        ("> Where is it?\nAt the neighbour's.\n> Which colour?\nBlue.", "At the neighbour's.\nBlue."),
        ("It broke.\n-- \nKim Jansen\nLindenstr. 5", "It broke."),
        ("It broke.\n\nSent from my iPhone", "It broke."),
        ("Kaputt.\n\nVon meinem iPhone gesendet", "Kaputt."),
        ("Only new words, on Monday I wrote to you already: nobody answered.", None),
        ("From: the bottom of my heart\nthank you", None),
        ("Please send it to:\nLindenstr. 5\n10969 Berlin\nGermany", None),
        ("- the mug is broken\n- the plate too", None),
    ],
)
def test_history_and_signatures_are_cut_and_nothing_else(text: str, new: str | None) -> None:
    assert new_text(text) == (text if new is None else new)


def test_a_mail_of_quotes_alone_is_read_whole() -> None:
    assert new_text("> where is my order") == "> where is my order"


def test_what_is_not_shown_is_not_read() -> None:
    hidden = "<div style='display:none'>cancel my order</div><!-- c -->"
    assert text_of(f"<style>p{{}}</style><p>Hi</p><script>x()</script>{hidden}") == "Hi"


@given(st.text(alphabet=st.sampled_from("On 1.\n>:@<wroteFm-_ \t"), max_size=300))
def test_no_text_is_lost_whole_or_made_up(text: str) -> None:
    said = new_text(text)
    assert bool(said) == bool(text.strip())
    assert set(said) <= set(text)


@pytest.mark.parametrize(
    "evil",
    [
        "On " * 20_000 + "wrote:",
        "\n" * 60_000 + "x",
        "On 1.1.2026 a\n" * 5_000,
        "On 1/1 wrote:\n\n" * 5_000,
        "From: a\n" * 8_000,
        " " * 60_000,
        "> " * 30_000,
        "-" * 60_000,
        "a@b <" * 12_000,
        "Am 1.1. schrieb " * 4_000,
    ],
    ids=range(10),
)
def test_the_time_is_linear_in_a_text_made_to_hurt(evil: str) -> None:
    began = time.process_time()
    new_text(evil)
    assert time.process_time() - began < 2
