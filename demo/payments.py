"""Stories of a store that also sells by invoices and payment links: no order stands behind its payments."""

from collections.abc import Callable

import httpx

from demo.shop import NeverHappened, Shop
from demo.tenant import CONTACT, STRIPE, account_of
from fakes.shopify_hooks import Delivery
from fakes.stripe import StripeFake
from fakes.stripe_records import Charge
from nightshift.model.approval import Approval
from nightshift.model.case import CaseStatus
from nightshift.model.view import CaseLine

__all__ = ["Till"]

_NEWEST = 200


class Till:
    """The store's Stripe account as a story sees it."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    @property
    def account(self) -> StripeFake:
        """The account at its vendor: its books are the truth of what was given back."""
        return account_of(self._shop.fakes)

    def paid(self, who: str, **fields: object) -> Charge:
        """Somebody pays; Stripe tells us."""
        charge = self.account.paid(
            email=f"{who.lower()}@example.com", customer=f"cus_{who.lower()}", **fields
        )
        self.event("charge.succeeded", charge.id)
        if charge.invoice:
            self.event("invoice.paid", charge.invoice)
        return charge

    def event(self, topic: str, ref: str) -> Delivery:
        """Stripe sends an event; it must be accepted."""
        sent = self.account.delivery(topic, ref)
        return self._accepted(sent, self._shop.post(sent, "stripe", STRIPE))

    def message(self, charge: Charge, text: str, *, name: str) -> Delivery:
        """The payer writes through the contact form and names the invoice or the payment."""
        sent = self._shop.store.message(
            f"conversation-{charge.id}", text, sender=charge.email or "", payment_name=name
        )
        return self._accepted(sent, self._shop.post(sent, "contact", CONTACT))

    @staticmethod
    def _accepted(sent: Delivery, status: int) -> Delivery:
        if status != httpx.codes.OK:
            message = f"the webhook {sent.topic} was answered with {status}"
            raise NeverHappened(message)
        return sent

    def cases(self, charge: Charge) -> list[CaseLine]:
        """The cases about a payment, oldest first."""
        wanted = f"payment:{STRIPE}:{charge.intent}"
        found = [c for c in self._shop.as_("ana").cases(limit=_NEWEST).cases if c.subject == wanted]
        return sorted(found, key=lambda line: line.opened_at)

    def wait_for_case(self, charge: Charge, *statuses: CaseStatus) -> CaseLine:
        """The one case about a payment, once it has one of these statuses.

        Raises:
            NeverHappened: it did not within a minute.
        """

        def look() -> CaseLine | None:
            return next((line for line in self.cases(charge) if line.status in statuses), None)

        what = f"the case about {charge.intent} to be {' or '.join(statuses)}"
        return self._shop.wait_for(look, what, seen=self._seen(charge))

    def wait_for_approval(self, charge: Charge) -> Approval:
        """The question that the case about a payment asks.

        Raises:
            NeverHappened: none was asked within a minute.
        """

        def look() -> Approval | None:
            cases = {line.id for line in self.cases(charge)}
            waiting = self._shop.as_("ana").approvals().approvals
            return next((one for one in waiting if one.case in cases), None)

        return self._shop.wait_for(look, f"a question about {charge.intent}", seen=self._seen(charge))

    def replies(self, charge: Charge) -> list[str]:
        """The templates the payer was answered with."""
        conversation = f"conversation-{charge.id}"
        return [sent.template for sent in self._shop.store.messages if sent.conversation == conversation]

    def given_back(self, charge: Charge) -> list[tuple[int, str]]:
        """What Stripe's books show of a payment: amounts in cents, and how each refund stands."""
        found = [each for each in self.account.books.refunds.values() if each.charge == charge.id]
        return [(each.amount, each.status) for each in found]

    def _seen(self, charge: Charge) -> Callable[[], str]:
        def seen() -> str:
            return "; ".join(f"{c.id} {c.status} {c.handoff_reason or ''}" for c in self.cases(charge))

        return seen
