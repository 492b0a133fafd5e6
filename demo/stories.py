"""The stories: each sends its input, waits for its end and checks the vendor's books and the log."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from demo.payments import Till
from demo.post import PostOffice
from demo.shop import Shop
from demo.tenant import SHOP
from fakes.shopify_books import OrderRecord
from fakes.shopify_hooks import sign_shopify
from nightshift.ids import CaseId
from nightshift.model.case import CaseStatus
from nightshift.model.log import EntryKind

__all__ = ["STORIES", "Story", "Told"]

CLOSED, PERSON, SLEEPING = CaseStatus.CLOSED, CaseStatus.WITH_PERSON, CaseStatus.SLEEPING


@dataclass
class Told:
    """How a story went.

    Attributes:
        cases: the cases it was about, in order.
        facts: what the vendor's books and the log show, for people.
        problems: what did not come out as told; empty when all is well.
    """

    cases: list[CaseId] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def check(self, fact: str, *, holds: bool) -> None:
        """Note a fact, or that it does not hold."""
        (self.facts if holds else self.problems).append(fact)


@dataclass(frozen=True)
class Story:
    """One story. `id` is what `--only` takes."""

    id: str
    title: str
    tell: Callable[[Shop, Told], None]


def _order(
    shop: Shop, name: str, who: str, *, item: str, price: str, fulfilment: str = "delivered"
) -> OrderRecord:
    parcel = {"number": f"DHL{name[1:]}", "url": f"https://tracking.example/DHL{name[1:]}"}
    return shop.place_order(
        name=name,
        customer={"email": f"{who.lower()}@example.com", "name": who, "orders_count": 4},
        lines=({"title": item, "sku": item.upper(), "price": price},),
        fulfilment=fulfilment,
        tracking=parcel if fulfilment in {"shipped", "delivered"} else None,
    )


def _refunds(shop: Shop, order: OrderRecord) -> list[Decimal]:
    return [Decimal(made.amount.decimal()) for made in shop.vendor.books.refunds if made.order == order.id]


def _replies(shop: Shop, order: OrderRecord) -> list[str]:
    conversation = f"conversation-{order.name[1:]}"
    return [sent.template for sent in shop.store.messages if sent.conversation == conversation]


def _refunded(shop: Shop, told: Told, order: OrderRecord, *amounts: str) -> None:
    made = _refunds(shop, order)
    said = ", ".join(f"{amount} EUR" for amount in amounts) or "no refund"
    told.check(f"the shop's books: {said} for {order.name}", holds=made == [Decimal(a) for a in amounts])


def _replied(shop: Shop, told: Told, order: OrderRecord, *templates: str) -> None:
    sent = _replies(shop, order)
    told.check(f"the customer got {', '.join(templates) or 'no message'}", holds=sent == list(templates))


def _logged(shop: Shop, told: Told, case: CaseId, *kinds: EntryKind) -> None:
    """The log has these, in this order, and every intent stands before its outcome."""
    found = iter(shop.kinds(case))
    told.check(f"the log: {' → '.join(kinds)}", holds=all(kind in found for kind in kinds))


def small_refund(shop: Shop, told: Told) -> None:
    """A small refund is done alone."""
    order = _order(shop, "#1001", "Kim", item="Mug", price="12.50")
    shop.message(order, "Hello, my mug never arrived. I would like my money back.")
    case = shop.wait_for_case(order, CLOSED, PERSON)
    told.cases.append(case.id)
    told.check("the case is closed, nobody was asked", holds=case.status is CLOSED)
    _refunded(shop, told, order, "12.50")
    _replied(shop, told, order, "refund_done@1")
    happened = (EntryKind.PLAN_PROPOSED, EntryKind.VERDICT_GIVEN, EntryKind.EFFECT_INTENDED)
    _logged(shop, told, case.id, *happened, EntryKind.EFFECT_SETTLED, EntryKind.CASE_CLOSED)


def middle_refund(shop: Shop, told: Told) -> None:
    """A middle refund waits for a person; Ana approves it."""
    order = _order(shop, "#1002", "Lena", item="Lamp", price="80.00")
    shop.message(order, "The lamp never arrived, please refund it.")
    asked = shop.wait_for_approval(order)
    _refunded(shop, told, order)
    told.check("80.00 EUR at risk is what is asked", holds=str(asked.at_risk) == "80.00 EUR")
    shop.as_("ana").decide(asked.id, "approve", "the carrier lost it")
    case = shop.wait_for_case(order, CLOSED, PERSON)
    told.cases.append(case.id)
    told.check("approved by ana, then done and closed", holds=case.status is CLOSED)
    _refunded(shop, told, order, "80.00")
    happened = (EntryKind.APPROVAL_ASKED, EntryKind.APPROVAL_DECIDED, EntryKind.EFFECT_INTENDED)
    _logged(shop, told, case.id, *happened, EntryKind.EFFECT_SETTLED, EntryKind.CASE_CLOSED)


def large_refund(shop: Shop, told: Told) -> None:
    """A large refund is handed to a person."""
    order = _order(shop, "#1003", "Milo", item="Armchair", price="450.00")
    shop.message(order, "My armchair never arrived. I want a refund.")
    case = shop.wait_for_case(order, CLOSED, PERSON)
    told.cases.append(case.id)
    told.check("it is in a person's queue", holds=case.status is PERSON)
    _refunded(shop, told, order)
    _logged(shop, told, case.id, EntryKind.VERDICT_GIVEN, EntryKind.CASE_HANDED_OVER)


def order_status(shop: Shop, told: Told) -> None:
    """A question about an order is answered."""
    order = _order(shop, "#1004", "Noor", item="Kettle", price="39.00", fulfilment="shipped")
    shop.message(order, "Hi, where is my order?")
    case = shop.wait_for_case(order, CLOSED, PERSON)
    told.cases.append(case.id)
    told.check("the case is closed", holds=case.status is CLOSED)
    _refunded(shop, told, order)
    _replied(shop, told, order, "order_status@1")
    sent = [m.text for m in shop.store.messages if m.conversation == "conversation-1004"]
    told.check("the answer names the parcel", holds=any("DHL1004" in text for text in sent))


def photo(shop: Shop, told: Told) -> None:
    """A customer is asked for a photo; the case sleeps; the reply wakes it."""
    order = _order(shop, "#1005", "Oskar", item="Vase", price="19.90")
    shop.message(order, "My vase arrived broken.")
    asleep = shop.wait_for_case(order, SLEEPING, CLOSED, PERSON)
    told.cases.append(asleep.id)
    told.check("asked for a photo, the case sleeps", holds=asleep.status is SLEEPING)
    _replied(shop, told, order, "ask_for_photo@1")
    shop.message(order, "Here is the photo of the broken vase.", photo=True)
    case = shop.wait_for_case(order, CLOSED, PERSON)
    told.check(
        "the photo woke the same case, which is closed", holds=case.id == asleep.id and case.status is CLOSED
    )
    _refunded(shop, told, order, "19.90")
    _replied(shop, told, order, "ask_for_photo@1", "refund_done@1")
    _logged(shop, told, case.id, EntryKind.CASE_SLEPT, EntryKind.CONTEXT_READ, EntryKind.CASE_CLOSED)


def replay(shop: Shop, told: Told) -> None:
    """The same webhook three times, and once more under a new id."""
    order = _order(shop, "#1006", "Pia", item="Teapot", price="18.00")
    lines = [{"sku": "TEAPOT", "quantity": 1, "reason": "defective"}]
    first = shop.webhook("returns/request", order, lines=lines)
    answers = [shop.post(first, "shopify", SHOP) for _ in range(2)]
    again = shop.vendor.delivery("returns/request", order, delivery="replayed-1006", lines=lines)
    answers.append(shop.post(again, "shopify", SHOP))
    told.check("every repeat is answered 200", holds=answers == [200, 200, 200])
    case = shop.wait_for_case(order, CLOSED, PERSON)
    told.cases.append(case.id)
    shop.wait_for_log(case.id, EntryKind.DELIVERY_REPEATED)
    told.check("one case, closed", holds=[c.status for c in shop.cases_about(order)] == [CLOSED])
    _refunded(shop, told, order, "18.00")
    told.check("the log: delivery.repeated", holds=True)


def two_routes(shop: Shop, told: Told) -> None:
    """The same complaint by the contact form and by a return request."""
    order = _order(shop, "#1007", "Quinn", item="Bowl", price="15.00")
    shop.message(order, "The bowl never arrived, I want my money back.")
    first = shop.wait_for_case(order, CLOSED, PERSON)
    shop.webhook("returns/request", order, lines=[{"sku": "BOWL", "quantity": 1, "reason": "defective"}])
    second = shop.wait_for_case(order, CLOSED, PERSON, nth=2)
    told.cases += [first.id, second.id]
    told.check("the first case is closed", holds=first.status is CLOSED)
    told.check(f"the second is with a person: {second.handoff_reason}", holds=second.status is PERSON)
    _refunded(shop, told, order, "15.00")


def forged(shop: Shop, told: Told) -> None:
    """A forged webhook is refused."""
    order = shop.vendor.create_order(name="#1008", customer={"email": "rob@example.com"})
    real = shop.vendor.delivery("returns/request", order)
    forgery = sign_shopify(
        real.body, secret="guessed", topic=real.topic, shop=shop.vendor.shop, delivery="forged-1008"
    )
    told.check("it is answered 401", holds=shop.post(forgery, "shopify", SHOP) == 401)
    told.check("it opened no case", holds=shop.cases_about(order) == [])
    _refunded(shop, told, order)


def second_refund(shop: Shop, told: Told) -> None:
    """A second refund of the same customer within 30 days asks."""
    first, second = (
        _order(shop, name, "Sam", item=item, price="11.00")
        for name, item in (("#1009", "Spoon"), ("#1010", "Fork"))
    )
    shop.message(first, "My spoon never arrived, I want my money back.")
    told.cases.append(shop.wait_for_case(first, CLOSED, PERSON).id)
    _refunded(shop, told, first, "11.00")
    shop.message(second, "My fork never arrived, I want my money back.")
    asked = shop.wait_for_approval(second)
    told.cases += [asked.case] if asked.case else []
    rules = sorted({step.rule for step in asked.steps})
    remembered = any("second-refund-in-30-days" in text for text in (*rules, *asked.evidence))
    told.check("it waits for a person: second-refund-in-30-days", holds=remembered)
    _refunded(shop, told, second)


def cancel(shop: Shop, told: Told) -> None:
    """An order is cancelled before it ships."""
    order = _order(shop, "#1011", "Tara", item="Plate", price="42.00", fulfilment="unfulfilled")
    shop.message(order, "Please cancel my order, I chose the wrong colour.")
    case = shop.wait_for_case(order, CLOSED, PERSON)
    told.cases.append(case.id)
    told.check("the case is closed", holds=case.status is CLOSED)
    told.check("the shop's books: cancelled once", holds=shop.vendor.books.cancellations == [order.id])
    _refunded(shop, told, order, "42.00")
    _replied(shop, told, order, "order_cancelled@1")


def payment_link(shop: Shop, told: Told) -> None:
    """A payment without an order is refunded over Stripe, once a person agreed."""
    till = Till(shop)
    paid = till.paid("Una", amount=8000)
    till.message(paid, "I never received my course, I want my money back.", name=paid.intent or "")
    asked = till.wait_for_approval(paid)
    told.check("80.00 EUR at risk is what is asked", holds=str(asked.at_risk) == "80.00 EUR")
    told.check("Stripe's books: nothing yet", holds=till.given_back(paid) == [])
    shop.as_("ana").decide(asked.id, "approve", "the course was never sent")
    case = till.wait_for_case(paid, CLOSED, PERSON)
    told.cases.append(case.id)
    told.check("approved by ana, then done and closed", holds=case.status is CLOSED)
    told.check("Stripe's books: 80.00 EUR back", holds=till.given_back(paid) == [(8000, "succeeded")])
    told.check("the customer was told", holds=till.replies(paid) == ["payment_refunded@1"])
    till.event("charge.refunded", paid.id)
    later = till.paid("Una", amount=100)  # after the echo in its queue: once it is noted, so is the echo
    till.message(later, "Hello?", name=later.intent or "")
    told.cases.append(till.wait_for_case(later, PERSON).id)
    told.check("the echo of our refund opened no case", holds=len(till.cases(paid)) == 1)


def invoice(shop: Shop, told: Told) -> None:
    """A small invoice, named by its number, is credited and refunded alone."""
    till = Till(shop)
    paid = till.paid("Vito", origin="invoice", number="INV-2042", lines=[{"amount": 1500, "tax": 285}])
    till.message(paid, "I want a refund of this invoice, please.", name="inv-2042")
    case = till.wait_for_case(paid, CLOSED, PERSON)
    told.cases.append(case.id)
    told.check("the case is closed", holds=case.status is CLOSED)
    notes = [(note.total, note.invoice) for note in till.account.books.notes.values()]
    told.check("Stripe's books: a credit note of 17.85 EUR with its tax", holds=(1785, paid.invoice) in notes)
    told.check("and its refund", holds=till.given_back(paid) == [(1785, "succeeded")])
    told.check("the customer was told", holds=till.replies(paid) == ["payment_refunded@1"])


def dispute(shop: Shop, told: Told) -> None:
    """A bank asks for a payment back: a person knows until when, and no refund is made beside it."""
    till = Till(shop)
    paid = till.paid("Wim", amount=2000)
    opened = till.account.books.dispute(paid.id)
    till.event("charge.dispute.created", opened.id)
    case = till.wait_for_case(paid, PERSON)
    told.cases.append(case.id)
    due = f"{opened.due_by:%Y-%m-%d %H:%M}"
    told.check(f"it is with a person, evidence due by {due}", holds=due in (case.handoff_reason or ""))
    till.message(paid, "I want my money back.", name=paid.intent or "")
    shop.wait_for_log(case.id, EntryKind.CASE_JOINED)
    told.check("the customer's message joined it", holds=len(till.cases(paid)) == 1)
    told.check("Stripe's books: nothing went back", holds=till.given_back(paid) == [])


def mail(shop: Shop, told: Told) -> None:
    """A mail is answered once, at the address on record; one that nobody vouches for is not."""
    post = PostOffice(shop)
    order = _order(shop, "#1020", "Wanda", item="Vase", price="31.00", fulfilment="shipped")
    post.call(post.write("Wanda <wanda@example.com>", "Order #1020", "Where is my order?"))
    case = shop.wait_for_case(order, CLOSED, PERSON)
    told.cases.append(case.id)
    told.check("the case is closed", holds=case.status is CLOSED)
    sent = [mail.to for mail in post.outbox if order.name in mail.text]
    told.check("one mail went out, to the address on record", holds=sent == ["wanda@example.com"])
    other = _order(shop, "#1021", "Xenia", item="Clock", price="64.00")
    post.write(
        "Xenia <xenia@example.com>",
        "Order #1021",
        "I want a refund, it never came.",
        verdicts={"dmarc": "FAIL"},
    )
    spoofed = shop.wait_for_case(other, CLOSED, PERSON)
    told.cases.append(spoofed.id)
    told.check("a mail without DMARC's word lies with a person", holds=spoofed.status is PERSON)
    told.check(
        "and its sender was told nothing", holds=not any(other.name in mail.text for mail in post.outbox)
    )
    _refunded(shop, told, other)


STORIES = (
    Story("small", "A small refund is done alone", small_refund),
    Story("middle", "A middle refund waits, Ana approves it, it is done", middle_refund),
    Story("large", "A large refund is handed over to a person", large_refund),
    Story("status", "“Where is my order?” is answered", order_status),
    Story("photo", "A photo is asked for; the case sleeps; the reply wakes it", photo),
    Story("replay", "The same webhook three times, and replayed: one case, one refund", replay),
    Story("routes", "The same complaint by two routes: one refund, the second goes to a person", two_routes),
    Story("forged", "A forged webhook is refused", forged),
    Story("memory", "A second refund within 30 days asks", second_refund),
    Story("cancel", "An order is cancelled before it ships", cancel),
    Story("payment", "A payment link's refund waits, Ana approves it, Stripe makes it", payment_link),
    Story("invoice", "An invoice is credited and refunded alone", invoice),
    Story("dispute", "A dispute reaches a person with its date", dispute),
    Story("mail", "A mail is answered at the address on record; a spoofed one is not", mail),
)
