"""What is personal or secret in an installation, and everything it wrote where it must not occur.

Personal is what came in: every string of a stored body under a field that names or quotes a person, and
what the vendors know of their customers. Written is what operators read: function logs, the server's and
CloudWatch's logs, the action log, and what crosses the states of executions.
"""

from __future__ import annotations

import json
import re
from email import message_from_bytes
from email.policy import default
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.installation import Installation

__all__ = ["leaks", "needles", "written"]

_SAYS = frozenset({"text", "note", "customer_note", "return_reason_note"})
_NAMES = frozenset(
    {"email", "contact_email", "sender", "first_name", "last_name", "phone", "address1", "address2", "city"}
)
_WITH_A_NAME = frozenset({"customer", "billing_address", "shipping_address", "default_address"})
_NO_SECRETS = frozenset({"configuration_set"})  # a name that stands in templates too
_WORDS = 5
"""So many words in a row are a quotation; fewer may be a rule's own."""


def needles(installed: Installation) -> dict[str, str]:
    """Each text that may occur nowhere, and what it is."""
    found = dict(_of_bodies(installed)) | dict(_of_vendors(installed)) | dict(_of_people(installed))
    found |= dict(_of_mails(installed)) | dict(_secrets(installed))
    return {text: what for text, what in found.items() if len(text) > 2}


def written(installed: Installation, state: Path) -> dict[str, str]:
    """Everything that was written, by where it stands. `state` is the folder of the local AWS."""
    texts = {file.name: file.read_text("utf-8", "replace") for file in sorted(state.glob("**/*.log"))}
    log = installed.items("TABLE_LOG")
    texts["the action log"] = "\n".join(json.dumps(item, default=str) for item in log)
    texts["CloudWatch"] = "\n".join(_cloudwatch(installed))
    texts["executions"] = "\n".join(_executions(installed))
    return texts


def leaks(texts: dict[str, str], wanted: dict[str, str]) -> list[str]:
    """Where something occurs that must not, as whole words: what and where."""
    return [
        f"{what} {text!r} in {where}"
        for where, content in texts.items()
        for text, what in wanted.items()
        if text in content and _as_words(text, content, where, what)
    ]


def _as_words(text: str, content: str, where: str, what: str) -> bool:
    a_token_is_what_it_waits_with = what == "a task token" and where == "executions"
    found = re.search(rf"(?<!\w){re.escape(text)}(?!\w)", content)
    return found is not None and not a_token_is_what_it_waits_with


def _of_bodies(installed: Installation) -> Iterator[tuple[str, str]]:
    for key in installed.bodies():
        try:
            body = json.loads(installed.body(key))
        except ValueError:
            continue
        yield from _in(body, parent="")


def _in(value: Any, parent: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # JSON of any shape
    if isinstance(value, list):
        for each in value:
            yield from _in(each, parent)
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        named = name in _NAMES or (name == "name" and parent in _WITH_A_NAME)
        if isinstance(inner, str) and named:
            yield inner, f"a customer's {name}"
        elif isinstance(inner, str) and name in _SAYS:
            yield from _quotations(inner, f"a customer's {name}")
        else:
            yield from _in(inner, name)


def _quotations(text: str, what: str) -> Iterator[tuple[str, str]]:
    words = text.split()
    for at in range(max(0, len(words) - _WORDS) + 1):
        quoted = " ".join(words[at : at + _WORDS])
        if len(words) >= _WORDS:
            yield quoted, what
            yield json.dumps(quoted)[1:-1], what


def _of_vendors(installed: Installation) -> Iterator[tuple[str, str]]:
    fakes = installed.shop.fakes
    for shop in fakes.books()["shopify"]:
        for order in fakes.shopify(shop).books.orders.values():
            yield from _in({"customer": order.customer, "shipping_address": order.address}, parent="")
    for store in fakes.books()["contact"]:
        for sent in fakes.contact(store).messages:
            yield from _quotations(sent.text, "a message to a customer")
    for quoted in ("Kim Jansen", "kim@example.com", "Lindenstr. 5"):  # in every broken answer of the vendors
        yield quoted, "a broken answer's"


def _of_mails(installed: Installation) -> Iterator[tuple[str, str]]:
    s3: Any = installed.shop.stack.client("s3")
    bucket = installed.settings["BUCKET_MAIL"]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="inbound/"):
        for stored in page.get("Contents", ()):
            raw = s3.get_object(Bucket=bucket, Key=stored["Key"])["Body"].read()
            mail = message_from_bytes(raw, policy=default)
            yield parseaddr(str(mail["From"]))[1], "a mail's sender"
            said = mail.get_body(("plain",))
            yield from _quotations("" if said is None else said.get_content(), "a mail's text")
    for account in installed.shop.fakes.books()["ses"]:
        for sent in installed.shop.fakes.ses(account).mails:
            yield from _quotations(sent.text, "a mail to a customer")


def _of_people(installed: Installation) -> Iterator[tuple[str, str]]:
    for item in installed.items("TABLE_APPROVALS"):
        yield from _quotations(json.loads(item["doc"]["S"])["note"], "a note of staff")
        if "token" in item:
            yield item["token"]["S"], "a task token"
    for token in installed.shop.people.values():
        yield token, "a signed identity"


def _secrets(installed: Installation) -> Iterator[tuple[str, str]]:
    secrets: Any = installed.shop.stack.client("secretsmanager")
    for page in secrets.get_paginator("list_secrets").paginate():
        for listed in page["SecretList"]:
            stored = secrets.get_secret_value(SecretId=listed["ARN"])["SecretString"]
            for name, value in json.loads(stored).items():
                if name not in _NO_SECRETS:
                    yield value, f"{listed['Name']}'s {name}"


def _cloudwatch(installed: Installation) -> Iterator[str]:
    logs: Any = installed.shop.stack.client("logs")
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            for events in logs.get_paginator("filter_log_events").paginate(
                logGroupName=group["logGroupName"]
            ):
                yield from (event["message"] for event in events["events"])


def _executions(installed: Installation) -> Iterator[str]:
    states: Any = installed.shop.stack.client("stepfunctions")
    machines = [found["stateMachineArn"] for found in states.list_state_machines()["stateMachines"]]
    for machine in machines:
        for page in states.get_paginator("list_executions").paginate(stateMachineArn=machine):
            for execution in page["executions"]:
                arn = execution["executionArn"]
                found = states.describe_execution(executionArn=arn)
                yield from (str(found.get(name, "")) for name in ("input", "output", "cause"))
                for events in states.get_paginator("get_execution_history").paginate(executionArn=arn):
                    yield from (json.dumps(event, default=str) for event in events["events"])
