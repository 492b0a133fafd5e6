"""Serves the stand-ins over HTTP: in a thread for tests and the demo, or alone by `python -m fakes.serve`.

`/shopify/<shop>/…` is one shop, `/contact/<store>/…` one store's contact form, `/ses/<account>/…` one SES
account, `/amazon/<seller>/…` and `/ebay/<seller>/…` one seller, `/competitor/<account>/…` one price feed;
each comes into being when it is first named. `GET /_books` shows the books of all, `POST /_reset` empties
all.
"""

import argparse
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fakes.amazon import AmazonFake
from fakes.competitor import FeedFake
from fakes.contact import ContactFake
from fakes.ebay import EbayFake
from fakes.ses import SesFake
from fakes.shopify import ShopifyFake
from fakes.stripe import StripeFake

__all__ = ["FakeVendors", "main"]


class FakeVendors:
    """The stand-in vendors, served by uvicorn in a thread on 127.0.0.1.

    Args:
        port: 0 picks a free one.
        now: the vendors' clock.
    """

    def __init__(self, port: int = 0, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._wanted_port = port
        self._now = now
        self._shops: dict[str, ShopifyFake] = {}
        self._stores: dict[str, ContactFake] = {}
        self._accounts: dict[str, StripeFake] = {}
        self._mail: dict[str, SesFake] = {}
        self._sellers: dict[str, AmazonFake] = {}
        self._ebay: dict[str, EbayFake] = {}
        self._feeds: dict[str, FeedFake] = {}
        self._lock = threading.Lock()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self.port = 0

    def shopify(self, shop: str = "acme.myshopify.com") -> ShopifyFake:
        """One shop."""
        with self._lock:
            return self._shops.setdefault(shop, ShopifyFake(shop, self._now))

    def contact(self, store: str = "acme") -> ContactFake:
        """One store's contact form."""
        with self._lock:
            return self._stores.setdefault(store, ContactFake(store, self._now))

    def ses(self, account: str = "acme") -> SesFake:
        """One SES account."""
        with self._lock:
            return self._mail.setdefault(account, SesFake(account, self._now))

    def stripe(self, account: str = "acct_acme") -> StripeFake:
        """One Stripe account."""
        with self._lock:
            return self._accounts.setdefault(account, StripeFake(account, self._now))

    def ebay(self, account: str = "acme") -> EbayFake:
        """One eBay seller."""
        with self._lock:
            return self._ebay.setdefault(account, EbayFake(account, self._now))

    def competitor(self, account: str = "acme") -> FeedFake:
        """One feed of competitors' prices."""
        with self._lock:
            return self._feeds.setdefault(account, FeedFake(account, self._now))

    def amazon(self, seller: str = "A3ACME0000") -> AmazonFake:
        """One seller at Amazon."""
        with self._lock:
            return self._sellers.setdefault(seller, AmazonFake(seller, self._now))

    def shopify_url(self, shop: str = "acme.myshopify.com") -> str:
        """What `Channel.base_url` is for a shop."""
        return f"{self.url}/shopify/{shop}"

    def contact_url(self, store: str = "acme") -> str:
        """What `Channel.base_url` is for a store's contact form."""
        return f"{self.url}/contact/{store}"

    def ses_url(self, account: str = "acme") -> str:
        """What `Channel.base_url` is for mail."""
        return f"{self.url}/ses/{account}"

    def stripe_url(self, account: str = "acct_acme") -> str:
        """What `Channel.base_url` is for a Stripe account."""
        return f"{self.url}/stripe/{account}"

    def ebay_url(self, account: str = "acme") -> str:
        """What `Channel.base_url` is for an eBay seller."""
        return f"{self.url}/ebay/{account}"

    def competitor_url(self, account: str = "acme") -> str:
        """What `Channel.base_url` is for a feed of competitors' prices."""
        return f"{self.url}/competitor/{account}"

    def amazon_url(self, seller: str = "A3ACME0000") -> str:
        """What `Channel.base_url` is for a seller at Amazon."""
        return f"{self.url}/amazon/{seller}"

    @property
    def url(self) -> str:
        """Where they are served."""
        return f"http://127.0.0.1:{self.port}"

    def books(self) -> dict[str, Any]:
        """The books of all shops, stores and accounts as JSON."""
        return {
            "shopify": {name: shop.ledger() for name, shop in self._shops.items()},
            "contact": {name: store.ledger() for name, store in self._stores.items()},
            "stripe": {name: account.ledger() for name, account in self._accounts.items()},
            "ses": {name: account.ledger() for name, account in self._mail.items()},
            "amazon": {name: seller.ledger() for name, seller in self._sellers.items()},
            "ebay": {name: seller.ledger() for name, seller in self._ebay.items()},
            "competitor": {name: feed.ledger() for name, feed in self._feeds.items()},
        }

    def reset(self) -> None:
        """Empty the books of all."""
        for shop in self._shops.values():
            shop.reset()
        for store in self._stores.values():
            store.reset()
        for account in self._accounts.values():
            account.reset()
        for post in self._mail.values():
            post.reset()
        for seller in self._sellers.values():
            seller.reset()
        for ebay_seller in self._ebay.values():
            ebay_seller.reset()
        for feed in self._feeds.values():
            feed.reset()

    def app(self) -> Starlette:
        """The ASGI application."""
        anything = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return Starlette(
            routes=[
                Route("/_books", self._books, methods=["GET"]),
                Route("/_reset", self._reset, methods=["POST"]),
                Route("/shopify/{account}/{path:path}", self._shop, methods=anything),
                Route("/contact/{account}/{path:path}", self._store, methods=anything),
                Route("/stripe/{account}/{path:path}", self._stripe, methods=anything),
                Route("/ses/{account}/{path:path}", self._post, methods=anything),
                Route("/amazon/{account}/{path:path}", self._seller, methods=anything),
                Route("/ebay/{account}/{path:path}", self._ebay_seller, methods=anything),
                Route("/competitor/{account}/{path:path}", self._feed, methods=anything),
            ]
        )

    def start(self) -> Self:
        """Serve; returns when requests are answered."""
        # named TCP, or asyncio leaves Nagle on and every answer waits 40 ms for an acknowledgement
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self._wanted_port))
        self.port = int(listening.getsockname()[1])
        server = uvicorn.Server(_config(self.app()))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            if not thread.is_alive():
                message = "the stand-in vendors did not start"
                raise RuntimeError(message)
            time.sleep(0.005)
        self._server, self._thread = server, thread
        return self

    def stop(self) -> None:
        """Stop serving; requests under way are dropped."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._server.force_exit = True
            self._thread.join(5)
            self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _shop(self, request: Request) -> Response:
        return await self.shopify(request.path_params["account"]).answer(request, request.path_params["path"])

    async def _store(self, request: Request) -> Response:
        return await self.contact(request.path_params["account"]).answer(request, request.path_params["path"])

    async def _post(self, request: Request) -> Response:
        return await self.ses(request.path_params["account"]).answer(request, request.path_params["path"])

    async def _feed(self, request: Request) -> Response:
        return await self.competitor(request.path_params["account"]).answer(
            request, request.path_params["path"]
        )

    async def _ebay_seller(self, request: Request) -> Response:
        return await self.ebay(request.path_params["account"]).answer(request, request.path_params["path"])

    async def _stripe(self, request: Request) -> Response:
        return await self.stripe(request.path_params["account"]).answer(request, request.path_params["path"])

    async def _seller(self, request: Request) -> Response:
        return await self.amazon(request.path_params["account"]).answer(request, request.path_params["path"])

    async def _books(self, request: Request) -> Response:
        del request
        return JSONResponse(self.books())

    async def _reset(self, request: Request) -> Response:
        del request
        self.reset()
        return JSONResponse({"ok": True})


def _config(app: Starlette, port: int = 0) -> uvicorn.Config:
    return uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="critical", lifespan="off", ws="none",
        timeout_graceful_shutdown=1, access_log=False,
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m fakes.serve", description=__doc__)
    parser.add_argument("--port", type=int, default=8790)
    port = parser.parse_args(arguments).port
    uvicorn.Server(_config(FakeVendors().app(), port)).run()


if __name__ == "__main__":
    main()
