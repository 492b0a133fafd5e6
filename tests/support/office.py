"""Onboarding on real tables, with the adapters' own code behind Lambda's Invoke API."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from functions.adapters.contact.tools import ADAPTER as CONTACT
from functions.adapters.shopify.tools import ADAPTER as SHOPIFY
from functions.onboarding.routes import answer
from nightshift.aws.arrivals import S3Arrivals
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.connectors import LambdaConnectors
from nightshift.aws.limits import DynamoLimits
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.secrets import ManagedSecrets
from nightshift.aws.setup import DynamoSetup
from nightshift.aws.vault import SecretsVault
from nightshift.catalog import catalog
from nightshift.identity.token import PLATFORM, Identity, issue
from nightshift.ids import TenantId
from nightshift.model.log import LogEntry
from nightshift.model.tenant import Channel
from nightshift.onboarding.office import Office
from nightshift.onboarding.shipped import adapters, default_policy
from nightshift.tools.onboard import OnboardCall
from nightshift.tools.onboard_run import onboarded
from tests.support.desk import KEY, Answer, request
from tests.support.functions import Functions

if TYPE_CHECKING:
    from nightshift.tools.binding import Adapter
    from tests.conftest import FixedClock
    from tests.support.tables import Tables

ACME = TenantId("acme")
PREFIX = "nightshift-test-adapter-"
BASE = "https://api.store-work.com"
_ADAPTERS: dict[str, Adapter] = {"shopify": SHOPIFY, "contact": CONTACT}


def suffix_of(tables: Tables) -> str:
    return tables.config.rsplit("-", 1)[-1]


def serve_adapters(functions: Functions, clock: FixedClock) -> None:
    """Put each adapter's answers to onboarding behind its function's name."""

    def serving(adapter: Adapter) -> Any:  # noqa: ANN401  # a function of Functions
        def handler(event: dict[str, Any]) -> dict[str, Any]:
            secrets = ManagedSecrets(client("secretsmanager"), clock)  # as a cold start has it
            call = OnboardCall.model_validate(event["onboard"])
            return onboarded(adapter, secrets, call).model_dump(mode="json")

        return handler

    functions.handlers |= {f"{PREFIX}{name}": serving(adapter) for name, adapter in _ADAPTERS.items()}


def make_office(tables: Tables, clock: FixedClock, functions: Functions) -> Office:
    db, suffix = client("dynamodb"), suffix_of(tables)
    client("s3").create_bucket(Bucket=f"bodies-{suffix}")
    serve_adapters(functions, clock)
    return Office(
        config=DynamoConfig(tables.config, db),
        setup=DynamoSetup(tables.config, db),
        vault=SecretsVault(client("secretsmanager")),
        connectors=LambdaConnectors(PREFIX, functions.client()),
        arrivals=S3Arrivals(f"bodies-{suffix}", client("s3")),
        limits=DynamoLimits(tables.limits, db),
        log=DynamoActionLog(tables.log, db),
        clock=clock,
        stage=f"test-{suffix}",
        webhook_base=BASE,
        internal_hosts=frozenset({"127.0.0.1"}),
        public=lambda host: host.endswith("store-work.com"),
        policy=default_policy(),
        adapters=adapters(),
        tools=tuple(catalog().values()),
        identity_key=KEY,
    )


def token_of(person: str, at: datetime, tenant: TenantId = ACME) -> str:
    return issue(KEY, Identity(tenant=tenant, staff=person), at=at, lasts=timedelta(minutes=30))


def ask(
    office: Office, call: str, *, as_: str | None = "ada", tenant: TenantId = ACME, body: object = None
) -> Answer:
    """Ask `GET /tenants/acme` (below /v1/setup) as a person; `platform/jo` is of the platform."""
    method, target = call.split(" ")
    who, of = (as_ or ""), tenant
    if who.startswith("platform/"):
        who, of = who.removeprefix("platform/"), PLATFORM
    token = token_of(who, office.clock.now(), of) if as_ else None
    raw = body if isinstance(body, str) else None if body is None else json.dumps(body)
    got = answer(request(method, f"/v1/setup{target}", token=token, body=raw), office)
    return Answer(got["statusCode"], json.loads(got["body"]))


def add_acme(office: Office, **more: object) -> Answer:
    """The tenant `acme`, whose administrator is Ada."""
    body = {"id": "acme", "name": "Acme", "timezone": "Europe/Berlin", "admin": "ada", **more}
    return ask(office, "POST /tenants", as_="platform/jo", body=body)


def stored(office: Office, channel: str) -> Channel | None:
    return next((each for each in office.config.channels(ACME) if each.id == channel), None)


def in_force(ref: str) -> dict[str, str]:
    """The fields of a secret that functions read."""
    found = client("secretsmanager").get_secret_value(SecretId=ref)["SecretString"]
    fields: dict[str, str] = json.loads(found)
    return fields


def setup_log(office: Office, tenant: str = ACME) -> tuple[LogEntry, ...]:
    return office.log.read(f"setup:{tenant}")
