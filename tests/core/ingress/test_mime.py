"""Raw mail taken apart: real shapes, lying charsets, and mails made to hurt."""

from __future__ import annotations

import time
import tracemalloc
from contextlib import suppress
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nightshift.errors import BadInput
from nightshift.ingress.charsets import decoded, one_line
from nightshift.ingress.mime import parse

HEAD = b"From: kim@example.com\r\nSubject: hi\r\n"


def plain(body: bytes, charset: str | None = None, **headers: str) -> bytes:
    kind = f'Content-Type: text/plain; charset="{charset}"\r\n'.encode() if charset else b""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()).encode()
    return HEAD + kind + more + b"\r\n" + body


@pytest.mark.parametrize(
    ("raw", "declared"),
    [
        ("Größe für 5 €".encode(), "utf-8"),
        ("Größe für 5 €".encode(), "us-ascii"),
        ("Größe für 5 €".encode(), None),
        ("Größe für 5 €".encode(), "no-such-charset"),
        ("Größe für 5 €".encode("cp1252"), "iso-8859-1"),
        ("Größe für 5 €".encode("cp1252"), "utf-8"),
        ("Größe für 5 €".encode("cp1252"), "zip"),
        ("Größe für 5 €".encode("utf-16"), "utf-16"),
        (b"\xef\xbb\xbf" + "Größe für 5 €".encode(), "utf-8"),
    ],
)
def test_text_is_read_whatever_the_mail_says_of_its_charset(raw: bytes, declared: str | None) -> None:
    assert parse(plain(raw, declared)).text == "Größe für 5 €"


@pytest.mark.parametrize(
    ("text", "charset"),
    [("注文はどこですか", "iso-2022-jp"), ("Где мой заказ?", "koi8-r"), ("我的訂單在哪裡", "big5")],
)
def test_declared_charsets_of_other_scripts_are_believed(text: str, charset: str) -> None:
    assert parse(plain(text.encode(charset), charset)).text == text


@given(
    raw=st.binary(max_size=400),
    declared=st.one_of(
        st.none(),
        st.text(max_size=20),
        st.sampled_from(
            ["utf-7", "hz", "rot13", "idna", "punycode", "base64", "undefined", "unicode_escape"]
        ),
    ),
)
def test_no_bytes_and_no_charset_make_decoding_fail(raw: bytes, declared: str | None) -> None:
    text = decoded(raw, declared)
    assert "\r" not in text
    assert "\x00" not in text


@given(raw=st.binary(max_size=2_000))
def test_no_bytes_crash_the_parser(raw: bytes) -> None:
    for mail in (
        raw,
        HEAD + b"\r\n" + raw,
        HEAD + b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n' + raw,
    ):
        with suppress(BadInput):
            assert parse(mail).text is not None


@given(
    name=st.sampled_from(
        ["From", "Subject", "Content-Type", "Message-ID", "References", "Content-Disposition"]
    ),
    value=st.binary(max_size=300).filter(lambda raw: b"\n" not in raw and b"\r" not in raw),
)
def test_no_header_crashes_the_parser_or_becomes_two(name: str, value: bytes) -> None:
    try:
        mail = parse(name.encode() + b": " + value + b"\r\n\r\ntext")
    except BadInput:
        return
    assert "\n" not in mail.subject + mail.sender
    assert all("\n" not in shown and "\r" not in shown for shown in mail.headers.values())


def test_what_a_header_smuggles_in_stays_in_that_header() -> None:
    mail = parse(b"From: kim@example.com\r\nSubject: =?utf-8?q?hi=0D=0AList-Id:_x?=\r\n\r\ntext")
    assert mail.subject == "hi List-Id: x"
    assert "list-id" not in mail.headers


def test_a_subject_in_bare_utf_8_is_read() -> None:
    assert parse("Subject: Größe?\r\n\r\nhi".encode()).subject == "Größe?"


PIECES = [
    b"From: ", b"a@b.de", b"<a@b.de>", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"Content-Type: ",
    b"multipart/mixed", b"multipart/report", b"multipart/related", b"multipart/digest",
    b"message/rfc822", b"message/delivery-status", b"message/partial", b"text/plain", b"text/html",
    b"text/rfc822-headers", b"image/png", b"; boundary=x", b"; boundary*=utf-8''x", b"--x", b"--x--",
    b"; charset=", b"; charset*=utf-8''%ff", b"; charset*0*=a", b"utf-16", b"hz", b"idna", b"utf-7",
    b"=?utf-8?b?", b"=?x?q?=ff?=", b"?=", b"; filename*=", b"utf-8''%00%2f",
    b"Content-Disposition: attachment", b"Content-Transfer-Encoding: ", b"base64", b"uuencode",
    b"begin 644 a\n", b"quoted-printable", b"====", b"Action: failed", b"; ", b'"', b"\\", b"(", b")",
    b"\x00", b"\xff\xfe", b"\xc3(",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join))
@example(b"Subject: =?utf-8?b?a?=\r\n\r\n")
@example(
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Content-Type: multipart/mixed; charset*=utf-8''x\r\nContent-Transfer-Encoding: base64\r\n\r\n\xff"
)
def test_nothing_that_looks_like_a_mail_crashes_the_parser(raw: bytes) -> None:
    with suppress(BadInput):
        mail = parse(raw)
        assert len([enclosed.content() for enclosed in mail.enclosures]) <= 20


@pytest.mark.parametrize("subject", [b"=?utf-8?b?a?=", b"=?utf-8?b?Z3V0Z3V0Z?= x", b"=?no-such?q?=ZZ?="])
def test_an_encoded_word_that_is_none_is_read_as_it_stands(subject: bytes) -> None:
    mail = parse(b"From: kim@example.com\r\nSubject: " + subject + b"\r\n\r\nmy order")
    assert (mail.sender, mail.text) == ("kim@example.com", "my order")
    assert mail.subject


def test_missing_headers_are_no_error() -> None:
    mail = parse(b"\r\nno header at all")
    assert (mail.sender, mail.subject, mail.text, dict(mail.headers)) == ("", "", "no header at all", {})
    assert parse(b"").text == ""


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ('"../../etc/passwd"', "passwd"),
        ('"C:\\\\temp\\\\mug.jpg"', "mug.jpg"),
        ('"=?utf-8?q?Gr=C3=B6=C3=9Fe.png?="', "Größe.png"),
        ('"..."', "attachment"),
        ('"a\x07\u202egpj.exe"', "agpj.exe"),
    ],
)
def test_a_files_name_is_one_line_without_a_path(given_name: str, kept: str) -> None:
    raw = (
        f'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: image/png\r\n'
        f"Content-Disposition: attachment; filename={given_name}\r\n\r\nabc\r\n--x--\r\n"
    ).encode()
    assert [file.name for file in parse(raw).enclosures] == [kept]


def test_a_logo_that_html_shows_is_no_attachment_and_a_photo_is() -> None:
    related = MIMEMultipart("related")
    related.attach(MIMEText("<p>Broken <img src='cid:logo'></p>", "html"))
    for size, name in ((500, "logo"), (40_000, "photo")):
        picture = MIMEApplication(b"x" * size, "octet-stream")
        picture.replace_header("Content-Type", "image/png")
        picture["Content-ID"] = f"<{name}>"
        picture["Content-Disposition"] = f'inline; filename="{name}.png"'
        related.attach(picture)
    mail = parse(related.as_bytes())
    assert [file.name for file in mail.enclosures] == ["photo.png"]
    assert mail.text == "Broken"


def test_a_mail_within_a_mail_is_a_file_and_its_text_is_not_read() -> None:
    raw = (
        b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nmine\r\n'
        b"--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: theirs\r\n\r\nrefund everything\r\n--x--\r\n"
    )
    mail = parse(raw)
    assert mail.text == "mine"
    assert [file.media_type for file in mail.enclosures] == ["message/rfc822"]
    assert b"refund everything" in mail.enclosures[0].content()


def nested(depth: int) -> bytes:
    opened = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(depth)
    )
    return HEAD + opened + b"Content-Type: text/plain\r\n\r\nbottom\r\n"


@pytest.mark.guarantee("mail:bombs")
@pytest.mark.parametrize(
    ("raw", "field"),
    [
        pytest.param(nested(5_000), "parts", id="nested multiparts"),
        pytest.param(HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 5_000, "parts", id="nested mails"),
        pytest.param(
            HEAD + b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n' + b"--x\r\n\r\na\r\n" * 100_000,
            "parts",
            id="many parts",
        ),
        pytest.param(
            HEAD
            + b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n'
            + b"--x\r\nContent-Disposition: attachment\r\n\r\na\r\n" * 60,
            "attachments",
            id="many files",
        ),
        pytest.param(b"X-A: " + b"a" * 300_000 + b"\r\n\r\nhi", "headers", id="a huge header"),
        pytest.param(b"X-A: a\r\n" * 100_000 + b"\r\nhi", "headers", id="many headers"),
        pytest.param(HEAD + b"\r\n" + b"a" * (40 * 1024 * 1024), "mail", id="too large"),
        pytest.param(nested(300).replace(b"\r\n", b"\r"), "parts", id="nested, with bare carriage returns"),
        pytest.param(
            HEAD + b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n' + b"--x\r\ra\r" * 500_000,
            "parts",
            id="many parts, with bare carriage returns",
        ),
        pytest.param(
            HEAD + b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n' + b"a:b\n" * 9_000_000,
            "mail",
            id="headers of a part",
        ),
        pytest.param(nested(20) + b"a\n" * 600_000, "mail", id="many lines under many boundaries"),
    ],
)
def test_a_mail_made_to_hurt_is_refused_at_once(raw: bytes, field: str) -> None:
    began = time.process_time()
    with pytest.raises(BadInput) as refused:
        parse(raw)
    assert refused.value.field == field
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"From: " + b"(" * 150_000 + b"\r\n\r\nhi", id="comments in From"),
        pytest.param(b"Content-Type: text/plain" + b";" * 150_000 + b"\r\n\r\nhi", id="parameters"),
        pytest.param(b"Subject: " + b"=?utf-8?q?a?= " * 10_000 + b"\r\n\r\nhi", id="encoded words"),
        pytest.param(b"References: " + b"<a@b.example> " * 10_000 + b"\r\n\r\nhi", id="references"),
        pytest.param(b"Content-Type: text/html\r\n\r\n" + b"<div>" * 200_000 + b"hi", id="nested markup"),
        pytest.param(b"Content-Type: text/html\r\n\r\n<a " + b"x=1 " * 200_000 + b">hi", id="attributes"),
        pytest.param(b"\r\n" + b"\n" * 500_000 + b"hi", id="empty lines"),
    ],
)
def test_what_takes_a_parser_the_square_of_its_length_is_cut_first(raw: bytes) -> None:
    began = time.process_time()
    parse(raw)
    assert time.process_time() - began < 3


@pytest.mark.guarantee("mail:bombs")
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_many_texts_are_read_no_longer_than_one_long_one(kind: str) -> None:
    text = b"<div>" * 4_000 if kind == "html" else b"a b c " * 4_000
    part = f"--x\r\nContent-Type: text/{kind}\r\n\r\n".encode() + text + b"seen\r\n"
    raw = HEAD + b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n' + part * 380
    mail = parse(raw)
    assert 0 < mail.text.count("seen") <= 1_000_000 // len(text)


def test_a_mail_of_thirty_megabytes_is_read_in_bounded_time_and_memory() -> None:
    content = b"\x00\x01\x02" * (8 * 1024 * 1024)
    outer = MIMEMultipart()
    outer.attach(MIMEText("see the file"))
    enclosed = MIMEApplication(content)
    enclosed["Content-Disposition"] = 'attachment; filename="big.bin"'
    outer.attach(enclosed)
    raw = outer.as_bytes()
    del outer, enclosed
    assert len(raw) > 30 * 1024 * 1024
    tracemalloc.start()
    began = time.process_time()
    mail = parse(raw)
    assert mail.text == "see the file"
    assert mail.enclosures[0].content() == content
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.process_time() - began < 20
    assert peak < 400 * 1024 * 1024


def test_one_line_has_no_marks_that_turn_it_around() -> None:
    assert one_line("a\u202e\u0000 b\n\tc", 5) == "a b c"
