"""HTML mail to text: what a person sees, with quoted history marked as in plain mail."""

import re

__all__ = ["text_of"]

_MOST = 200_000  # characters of markup: the time a parser takes grows with the square of the nesting
_BREAK = "\x1e"  # stands for a line break until the white space of the markup is gone
_QUOTED = f"{_BREAK}> {_BREAK}"
_GONE = ["script", "style", "head", "title", "noscript", "template", "svg", "object", "iframe"]
_BLOCKS = (
    "p, div, tr, table, ul, ol, li, h1, h2, h3, h4, h5, h6, pre, hr, section, article, header, footer, "
    "address, dl, dt, dd, form, center"
)
# Where mail programs put what is answered: beside `blockquote` the containers that they name.
_HISTORY = (
    "blockquote, .gmail_quote_container, .yahoo_quoted, #divRplyFwdMsg ~ *, "
    "#mail-editor-reference-message-container"
)
_HIDDEN = "[hidden], [style*='display:none'], [style*='display: none']"
_SPACES = re.compile(r"[ \t\n\r\f\v\u00a0]+")


def text_of(html: str) -> str:
    """The visible text of an HTML mail, block by block; quoted history is one line that starts with `>`."""
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415  # only HTML mails pay for the parser

    page = LexborHTMLParser(html[:_MOST])
    page.strip_tags(_GONE)
    for node in page.css(_HIDDEN):
        node.decompose()
    for node in page.css(_HISTORY):
        node.insert_before(_QUOTED)
        node.decompose()
    for node in page.css("br"):
        node.insert_before(_BREAK)
    for node in page.css(_BLOCKS):
        node.insert_before(_BREAK)
        node.insert_after(_BREAK)
    body = page.body
    flat = _SPACES.sub(" ", body.text() if body is not None else "")
    lines = [line.strip() for line in flat.split(_BREAK)]
    return "\n".join(line for line in lines if line)
