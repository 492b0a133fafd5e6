"""Auditing the log from here: everything is downloaded and verified on this machine.

With a public key kept from before (`--key`) nothing the API shows is taken on trust. What it leaves out
at the end shows against a witness file kept from the last audit: up to there, not even the anchor bucket
can be rolled back unseen. A look at one case, or `--since`, proves what is shown and not that it is all.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from nightshift.actionlog.chain import root_of
from nightshift.actionlog.proof import (
    Audit,
    Chained,
    SignatureCheck,
    audit,
    check_anchors,
    check_proofs,
    check_witness,
)
from nightshift.actionlog.signature import checker
from nightshift.cli.connection import Connection, Failed
from nightshift.errors import BadInput
from nightshift.ids import TenantId
from nightshift.model.anchor import AnchorKey, AnchorPage, EntryPage, Kept, Place, ProofPage, RootPage
from nightshift.model.base import Noun
from nightshift.model.log import StoredEntry

__all__ = ["Auditor", "Witness"]

_ROOTS = 20  # of one request


class Witness(Noun):
    """The newest anchor an auditor has seen of a tenant; kept where nobody else can write."""

    tenant: TenantId
    last: Place

    @classmethod
    def read(cls, file: Path) -> "Witness | None":
        """What the file holds; None when there is none yet.

        Raises:
            BadInput: it is not a witness.
        """
        if not file.exists():
            return None
        try:
            return cls.model_validate(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, ValidationError) as exc:
            fix = "Name a file that an earlier `log verify --witness` wrote, or a new one."
            raise BadInput("--witness", f"{file} is not a witness", fix) from exc

    def write(self, file: Path) -> None:
        """Keep it."""
        file.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class Auditor:
    """Downloads and verifies.

    Args:
        api: where entries and anchors come from.
        key: a PEM file kept from before; without one, the API's word is taken for the key.
        now: when this is.
        lag: how long it may take until an entry is anchored.
        progress: told what was done so far, and of how many cases.
    """

    api: Connection
    key: Path | None
    now: datetime
    lag: timedelta
    progress: Callable[[int, int], None]

    def of_case(self, given: str) -> Audit:
        """Verify one case, by its id or an unambiguous beginning of it."""
        case = self.api.case_id(given)
        tenant, signed = self._trusted()
        page = self.api.call(ProofPage, "GET", f"/v1/cases/{case}/proofs")
        against = check_proofs(page.proofs, tenant, signed)
        return audit(self._entries([case]), against, now=self.now, lag=self.lag)

    def of_everything(self, since: datetime | None, witness: Path | None) -> Audit:
        """Verify the tenant's whole log, or what was anchored since an instant.

        An audit that finds nothing wrong leaves the newest anchor in the witness file.
        """
        tenant, signed = self._trusted()
        kept = list(self._anchors(since))
        start = Place(number=kept[0].number - 1, digest="") if since and kept else None
        against = check_anchors(kept, tenant, signed, after=start)
        known = Witness.read(witness) if witness else None
        if known is not None and known.tenant != tenant:
            problem = f"it is a witness of {known.tenant}, and you ask for {tenant}"
            raise BadInput("--witness", problem, "Keep one file for each tenant.")
        if known is not None:
            against = self._witnessed(against, kept, known, since)
        roots = {root_of(head.stream): None for head in against.heads}
        roots |= dict.fromkeys(self._roots(since))
        entries = self._entries(list(roots))
        found = audit(entries, against, now=self.now, lag=self.lag, since=since)
        if witness and against.last is not None and not found.breaks:
            Witness(tenant=tenant, last=against.last).write(witness)
        return found

    def _trusted(self) -> tuple[TenantId, SignatureCheck]:
        told = self.api.call(AnchorKey, "GET", "/v1/log/key")
        pem = told.pem if self.key is None else _text_of(self.key)
        return told.tenant, checker(pem)

    def _witnessed(
        self, against: Chained, kept: Sequence[Kept], known: Witness, since: datetime | None
    ) -> Chained:
        """Also with what the witness saw: it stands where it stood, and within what is shown now.

        An API that shows it when asked for it alone, and leaves it out of the whole, hides what came after.
        """
        tenant = known.tenant
        number = known.last.number
        now = next((found for found in kept if found.number == number), None)
        if now is None and since is not None and (not kept or kept[0].number > number):
            page = self._anchor_page({"after": str(number - 1), "limit": "1"})
            now = next((found for found in page.anchors if found.number == number), None)
        breaks = check_witness(tenant, known.last, now)
        return against.model_copy(update={"breaks": (*against.breaks, *breaks)})

    def _anchor_page(self, params: dict[str, str]) -> AnchorPage:
        return self.api.call(AnchorPage, "GET", "/v1/log/anchors", params=params)

    def _anchors(self, since: datetime | None) -> Iterator[Kept]:
        params = {"since": since.isoformat()} if since else {}
        while True:
            page = self._anchor_page(params)
            yield from page.anchors
            if page.after is None:
                return
            params = {"after": str(page.after)}

    def _roots(self, since: datetime | None) -> Iterable[str]:
        """The tenant's cases; with `since`, those opened since: older ones that moved are in the anchors."""
        seen: dict[str, None] = {}
        params: dict[str, str] = {}
        while True:
            page = self.api.call(RootPage, "GET", "/v1/log/roots", params=params)
            fresh = [root for root in page.roots if root not in seen]
            seen |= dict.fromkeys(fresh)
            far_enough = since is not None and page.before is not None and page.before < since
            if not fresh or page.before is None or far_enough:
                return seen
            params = {"before": page.before.isoformat()}

    def _entries(self, roots: list[str]) -> Iterator[StoredEntry]:
        done = 0
        while done < len(roots):
            params = {"roots": ",".join(roots[done : done + _ROOTS])}
            page = self.api.call(EntryPage, "GET", "/v1/log/entries", params=params)
            if not page.done:
                raise Failed("the API answered with no entries and no end")
            yield from page.entries
            done += len(page.done)
            self.progress(done, len(roots))


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise BadInput("--key", f"{file} cannot be read", "Name a PEM file; `nightshift log key`.") from exc
