"""Onboarding's composition root."""

import ipaddress
import socket

from nightshift.aws.arrivals import S3Arrivals
from nightshift.aws.client import client
from nightshift.aws.config import DynamoConfig
from nightshift.aws.connectors import LambdaConnectors
from nightshift.aws.limits import DynamoLimits
from nightshift.aws.log import DynamoActionLog
from nightshift.aws.setup import DynamoSetup
from nightshift.aws.vault import SecretsVault
from nightshift.catalog import catalog
from nightshift.clock import SystemClock
from nightshift.onboarding.office import Office
from nightshift.onboarding.shipped import adapters, default_policy
from nightshift.settings import Settings
from nightshift.wiring.identity import identity_key

__all__ = ["OnboardingSettings", "public", "wire"]


class OnboardingSettings(Settings):
    """Settings of onboarding; `internal_hosts` is a comma-separated list, empty in every real stage."""

    table_config: str
    table_log: str
    table_limits: str
    bucket_bodies: str
    secret_identity: str
    adapter_prefix: str
    webhook_base: str
    internal_hosts: str


def wire(settings: OnboardingSettings) -> Office:
    """Put onboarding together.

    Raises:
        Misconfigured: the identity secret is missing or has no `key`.
    """
    db, clock = client("dynamodb"), SystemClock()
    return Office(
        config=DynamoConfig(settings.table_config, db),
        setup=DynamoSetup(settings.table_config, db),
        vault=SecretsVault(client("secretsmanager")),
        connectors=LambdaConnectors(settings.adapter_prefix, client("lambda")),
        arrivals=S3Arrivals(settings.bucket_bodies, client("s3")),
        limits=DynamoLimits(settings.table_limits, db),
        log=DynamoActionLog(settings.table_log, db),
        clock=clock,
        stage=settings.stage,
        webhook_base=settings.webhook_base.rstrip("/"),
        internal_hosts=frozenset(each.strip() for each in settings.internal_hosts.split(",") if each.strip()),
        public=public,
        policy=default_policy(),
        adapters=adapters(),
        tools=tuple(catalog().values()),
        identity_key=identity_key(settings.secret_identity, clock),
    )


def public(host: str) -> bool:
    """Whether a host name leads to public addresses only; a name that leads nowhere does not."""
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False
    addresses = {str(each[4][0]).partition("%")[0] for each in found}
    return bool(addresses) and all(ipaddress.ip_address(each).is_global for each in addresses)
