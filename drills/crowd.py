"""The customers of a drill: what each wants, what each sends, and what the shop's books must show for it."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from demo.tenant import CONTACT, SHOP
from drills.floor import DOWN, CaseLook, Floor
from fakes.shopify_books import OrderRecord
from fakes.shopify_hooks import Delivery

__all__ = ["Crowd", "Errand", "Wish"]

_LOOK_EVERY_SECONDS = 0.8
_VENDOR_TRIES_SECONDS = 120.0


class Wish(StrEnum):
    """What a customer wants, and what it takes."""

    SMALL = "small"  # a refund by itself
    RETURN = "return"  # the same, told by the shop
    MIDDLE = "middle"  # a refund a person approves
    PHOTO = "photo"  # asked for a photo; the case sleeps until it comes
    STATUS = "status"  # where is my order?


_PRICE: Final = {
    Wish.SMALL: "5.00", Wish.RETURN: "6.00", Wish.MIDDLE: "30.00", Wish.PHOTO: "9.00", Wish.STATUS: "7.00",
}  # fmt: skip
_SAYS: Final = {
    Wish.SMALL: "My lamp never arrived, I want my money back.",
    Wish.MIDDLE: "My lamp never arrived, please refund it.",
    Wish.PHOTO: "My lamp arrived broken.",
    Wish.STATUS: "Hi, where is my order?",
}
_MIX: Final = [Wish.SMALL] * 9 + [Wish.RETURN] * 3 + [Wish.MIDDLE] * 3 + [Wish.PHOTO] * 3 + [Wish.STATUS] * 2
_LINES = [{"sku": "LAMP", "quantity": 1, "reason": "defective"}]


@dataclass
class Errand:
    """One customer's matter.

    Attributes:
        accepted: the first message was answered 200.
        photo: when the photo was accepted, if one was sent.
    """

    wish: Wish
    order: OrderRecord
    accepted: bool = False
    photo: float | None = None
    sending: bool = field(default=False, repr=False)

    @property
    def subjects(self) -> tuple[str, str]:
        """The subjects its case can be about."""
        return f"order:{SHOP}:{self.order.id}", f"order:{SHOP}:{self.order.name}"

    @property
    def conversation(self) -> str:
        """Its conversation at the contact form."""
        return f"conversation-{self.order.name.removeprefix('#')}"

    @property
    def refund(self) -> str | None:
        """What the books must show for it once its case is closed."""
        return None if self.wish is Wish.STATUS else _PRICE[self.wish]


class Crowd:
    """Sends errands in the background, answers questions and sends photos, until it is told to go home."""

    def __init__(self, floor: Floor, rng: random.Random) -> None:
        self.errands: list[Errand] = []
        self.asleep_for_good = False  # photos are withheld, so that cases sleep on
        self.answers = True  # questions are answered
        self._floor = floor
        self._rng = rng
        self._pool = ThreadPoolExecutor(8)
        self._home = threading.Event()
        self._decided: set[str] = set()
        self._attendant = threading.Thread(target=self._attend, daemon=True)
        self._attendant.start()

    def send(self, count: int, *, over: float = 0.0, wishes: tuple[Wish, ...] = ()) -> None:
        """Begin that many errands, spread over so many seconds; returns when all are under way."""
        pause = over / max(count, 1)
        for _ in range(count):
            errand = self._errand(self._rng.choice(wishes or _MIX))
            self.errands.append(errand)
            self._pool.submit(self._first, errand)
            time.sleep(pause)

    def all_accepted(self) -> bool:
        """Whether the first message of every errand was answered 200."""
        return all(errand.accepted for errand in self.errands)

    def go_home(self) -> None:
        """No more answers, no more photos."""
        self._home.set()
        self._attendant.join(10)
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _errand(self, wish: Wish) -> Errand:
        number = next(self._floor.numbers)
        order = self._floor.shop.vendor.create_order(
            name=f"#{number}",
            customer={"email": f"buyer-{number}@example.com", "name": "Kim", "orders_count": 3},
            lines=({"title": "Lamp", "sku": "LAMP", "price": _PRICE[wish]},),
            fulfilment="delivered",
            tracking={"number": f"DHL{number}", "url": f"https://tracking.example/DHL{number}"},
        )
        return Errand(wish, order)

    def _first(self, errand: Errand) -> None:
        if errand.wish is Wish.RETURN:
            delivery = self._floor.shop.vendor.delivery("returns/request", errand.order, lines=_LINES)
            errand.accepted = self._deliver(delivery, "shopify", SHOP)
        else:
            errand.accepted = self._deliver(self._letter(errand, _SAYS[errand.wish]), "contact", CONTACT)

    def _letter(self, errand: Errand, text: str, *, photo: bool = False) -> Delivery:
        customer = errand.order.customer
        picture = {"name": "photo.jpg", "media_type": "image/jpeg", "ref": f"upload-{errand.order.name}"}
        return self._floor.shop.store.message(
            errand.conversation,
            text,
            sender=customer["email"] if customer else "",
            order_name=errand.order.name,
            attachments=(picture,) if photo else (),
        )

    def _deliver(self, delivery: Delivery, adapter: str, channel: str) -> bool:
        """As vendors do: the same delivery again until it is answered 200."""
        deadline = time.monotonic() + _VENDOR_TRIES_SECONDS
        while time.monotonic() < deadline:
            try:
                if self._floor.shop.post(delivery, adapter, channel) == 200:
                    return True
            except DOWN:
                pass
            time.sleep(0.25)
        return False

    def _attend(self) -> None:
        while not self._home.wait(_LOOK_EVERY_SECONDS):
            try:
                if self.answers:
                    self._answer()
                if not self.asleep_for_good:
                    self._send_photos()
            except DOWN:
                continue

    def _answer(self) -> None:
        for question in self._floor.questions():
            try:
                self._floor.shop.as_("ana").decide(question, "approve", "")
            except DOWN:
                continue

    def _send_photos(self) -> None:
        waiting = [e for e in self.errands if e.wish is Wish.PHOTO and e.photo is None and not e.sending]
        if not waiting:
            return
        cases = self._floor.cases()
        for errand in waiting:
            if any(case.status == "SLEEPING" for case in self.cases_of(errand, cases)):
                errand.sending = True
                self._pool.submit(self._photo, errand)

    def send_photo(self, errand: Errand) -> bool:
        """Send what a case sleeps for; whether it was accepted."""
        errand.sending = True
        self._photo(errand)
        return errand.photo is not None

    def _photo(self, errand: Errand) -> None:
        letter = self._letter(errand, "Here is the photo of the broken lamp.", photo=True)
        if self._deliver(letter, "contact", CONTACT):
            errand.photo = time.monotonic()
        errand.sending = False

    @staticmethod
    def cases_of(errand: Errand, cases: dict[str, list[CaseLook]]) -> list[CaseLook]:
        """The cases about an errand."""
        return [case for subject in errand.subjects for case in cases.get(subject, ())]

    def opened(self) -> int:
        """How many errands have a case."""
        cases = self._floor.cases()
        return sum(bool(self.cases_of(errand, cases)) for errand in self.errands)

    def at_work(self) -> Iterator[Errand]:
        """Errands whose case is not over: none yet, open, or asleep."""
        cases = self._floor.cases()
        for errand in self.errands:
            found = self.cases_of(errand, cases)
            resting = {"CLOSED", "WITH_PERSON"} | ({"SLEEPING"} if self._sleeps_on(errand) else set())
            if not found or any(case.status not in resting for case in found):
                yield errand

    def _sleeps_on(self, errand: Errand) -> bool:
        return self.asleep_for_good and errand.photo is None
