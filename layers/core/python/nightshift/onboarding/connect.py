"""Connecting a channel: checked, its credentials tried at the vendor, stored, its webhooks registered."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import JsonValue

from nightshift.errors import BadInput, Misconfigured, NotFound, Rejected, WireError
from nightshift.identity.caller import Caller
from nightshift.ids import ChannelId, TenantId
from nightshift.model.adapter import AdapterSpec
from nightshift.model.hook import Hook, HookState
from nightshift.model.log import EntryKind
from nightshift.model.setup import ConnectChannel, Connected, RotateSecret
from nightshift.model.tenant import Channel, Tenant
from nightshift.onboarding.address import base_url, mailboxes
from nightshift.onboarding.channels import line_of
from nightshift.onboarding.office import WRITE, Office, of_tenant, one_channel, record
from nightshift.ports.setup import AddressOwner
from nightshift.tools.onboard import Account

__all__ = ["connect", "rotate"]

_ORDERS = "orders.get"
_REPLIES = "messaging.reply"
_PAYMENTS = "payments.get"


def connect(
    office: Office, caller: Caller, tenant: TenantId, channel: ChannelId, asked: ConnectChannel
) -> Connected:
    """Connect a channel: check it, try its credentials at the vendor, store it, have the vendor call us.

    Nothing is stored of a channel whose credentials do not work: a new one is not there afterwards, and
    one that was connected keeps its working secret (the new one waits beside it, unused, and the next try
    replaces it). The same call again mends whatever a broken-off one left undone. Tools stay as they were:
    of a new channel, all in shadow mode.

    Raises:
        NotPermitted: the caller may not change the configuration.
        BadInput: a field cannot be used, or the vendor does not accept the credentials.
        Retryable: the vendor, or AWS, did not answer; nothing is stored.
    """
    found = of_tenant(office, caller, tenant, WRITE)
    spec = _adapter(office, asked.adapter)
    before = _before(office, tenant, channel)
    candidate = _candidate(office, spec, before, asked, tenant=tenant, channel=channel)
    _check_secret(spec, asked.secret)
    _check_addresses(office, candidate)
    version = office.vault.stage(candidate.secret_ref, asked.secret) if spec.secret_fields else None
    account = _tried(office, candidate, version)
    unknown = set(spec.learned_fields) - set(asked.secret)
    if version is not None and unknown:
        version = _learnt(office, spec, candidate, asked.secret, version=version)
    for name, owner in _claims(candidate).items():
        office.setup.claim_address(name, owner)
    if version is not None:
        office.vault.promote(candidate.secret_ref, version)
    stored = office.setup.change_channel(
        tenant, channel, lambda was: candidate.model_copy(update={"live_tools": _live(was)})
    )
    _give_it_its_part(office, found, stored)
    hooks, faults = _hooks(office, stored, version)
    missing = tuple(sorted(set(spec.scopes) - account.scopes)) if account.scopes else ()
    detail: dict[str, JsonValue] = {"adapter": stored.adapter, "account": stored.account}
    detail["missing_scopes"] = list(missing)
    record(office, caller, tenant, EntryKind.CHANNEL_CONNECTED, about=channel, detail=detail)
    return Connected(
        channel=line_of(office, stored),
        account_name=account.name,
        missing_scopes=missing,
        hooks=hooks,
        addresses=stored.addresses,
        problems=(*account.remarks, *_scope_problems(missing), *faults),
    )


def rotate(
    office: Office, caller: Caller, tenant: TenantId, channel: ChannelId, asked: RotateSecret
) -> Connected:
    """Try new credentials of a connected channel and put them in force; as `connect`, all else unchanged.

    Raises:
        NotPermitted: the caller may not change the configuration.
        NotFound: there is no such channel.
        BadInput: the secret cannot be used, or the vendor does not accept it.
    """
    of_tenant(office, caller, tenant, WRITE)
    stands = one_channel(office, tenant, channel)
    again = ConnectChannel(
        adapter=stands.adapter,
        account=stands.account,
        base_url=stands.base_url,
        secret=asked.secret,
        addresses=stands.addresses[1:],
    )
    return connect(office, caller, tenant, channel, again)


def _adapter(office: Office, name: str) -> AdapterSpec:
    spec = office.adapters.get(name)
    if spec is None or not spec.onboards:
        known = ", ".join(sorted(each.name for each in office.adapters.values() if each.onboards))
        raise BadInput("adapter", f"there is no adapter {name} that can be connected", f"One of: {known}.")
    return spec


def _before(office: Office, tenant: TenantId, channel: ChannelId) -> Channel | None:
    try:
        return office.config.channel(tenant, channel)
    except NotFound:
        return None


def _live(was: Channel | None) -> frozenset[str]:
    return was.live_tools if was is not None else frozenset()


def _candidate(
    office: Office,
    spec: AdapterSpec,
    before: Channel | None,
    asked: ConnectChannel,
    *,
    tenant: TenantId,
    channel: ChannelId,
) -> Channel:
    account = asked.account.strip().lower() if spec.addresses else asked.account.strip()
    for field, was, now in (
        ("adapter", before and before.adapter, spec.name),
        ("account", before and before.account, account),
    ):
        if was is not None and was != now:
            fix = "Give the other one a channel of its own: cases and effects name this one."
            raise BadInput(field, f"this channel is connected to {was}", fix)
    url = base_url(spec, asked.base_url, account, internal=office.internal_hosts)
    _check_public(office, url)
    ref = f"nightshift/{office.stage}/{spec.name}/{tenant}/{channel}" if spec.secret_fields else ""
    return Channel(
        id=channel,
        tenant=tenant,
        adapter=spec.name,
        account=account,
        base_url=url,
        secret_ref=ref,
        addresses=mailboxes(spec, account, asked.addresses),
    )


def _check_public(office: Office, url: str) -> None:
    host = urlsplit(url).hostname or ""
    if host and host not in office.internal_hosts and not office.public(host):
        problem = f"{host} does not lead to a public address"
        raise BadInput("base_url", problem, "Name the store's host as customers see it.")


def _check_secret(spec: AdapterSpec, secret: Mapping[str, str]) -> None:
    known = {
        *spec.secret_fields,
        *spec.secret_optional,
        *(f for each in spec.secret_instead.values() for f in each),
    }
    instead = {name for name, others in spec.secret_instead.items() if set(others) <= set(secret)}
    needed = set(spec.secret_fields) - set(spec.learned_fields) - instead
    fix = f"{spec.name} needs {', '.join(sorted(needed)) or 'no secret'}."
    for name in sorted(set(secret) - known):
        raise BadInput(f"secret.{name}", f"{spec.name} knows no such field", fix)
    for name in sorted(needed - set(secret)):
        raise BadInput(f"secret.{name}", "it is missing", fix)


def _claims(channel: Channel) -> dict[str, AddressOwner]:
    """Whose the channel's mailboxes are to be, and their domains.

    A domain belongs to one tenant: the AWS account may send from all of them, and nobody may write in
    another's name.
    """
    tenant, every = channel.tenant, ChannelId("*")
    whole = AddressOwner(tenant=tenant, channel=every)
    domains = {f"@{each.partition('@')[2]}": whole for each in channel.addresses}
    return dict.fromkeys(channel.addresses, AddressOwner(tenant=tenant, channel=channel.id)) | domains


def _check_addresses(office: Office, channel: Channel) -> None:
    for name, ours in _claims(channel).items():
        owner = office.setup.address_owner(name)
        if owner is not None and owner != ours:
            whose = f"the channel {owner.channel}" if owner.tenant == ours.tenant else "another tenant"
            raise BadInput("addresses", f"{name} belongs to {whose}", "Leave it out.")


def _tried(office: Office, channel: Channel, version: str | None) -> Account:
    try:
        account = office.connectors.check(channel, version)
    except (Misconfigured, Rejected) as exc:
        fix = "Check the credentials and the account; nothing was changed."
        raise BadInput("secret", f"the vendor does not accept it: {exc}", fix) from exc
    if account.account.lower() != channel.account.lower():
        fix = "Give the credentials of that account, or the account of these credentials."
        raise BadInput("account", f"the credentials belong to {account.account}", fix)
    return account


def _give_it_its_part(office: Office, tenant: Tenant, channel: Channel) -> None:
    """The first channel that looks up orders or payments, or answers customers, is the one that does."""

    def part(was: Tenant) -> Tenant:
        serves = {tool.name for tool in office.tools if channel.adapter in tool.adapters}
        return was.model_copy(
            update={
                "order_channel": was.order_channel or (channel.id if _ORDERS in serves else None),
                "payment_channel": was.payment_channel or (channel.id if _PAYMENTS in serves else None),
                "reply_channel": was.reply_channel or (channel.id if _REPLIES in serves else None),
            }
        )

    office.setup.change_tenant(tenant.id, part)


def _learnt(
    office: Office, spec: AdapterSpec, channel: Channel, secret: Mapping[str, str], *, version: str
) -> str:
    """A version of the secret that also has what the vendor tells when it registers webhooks."""
    made = office.connectors.ensure(channel, version, office.webhook(channel))
    learnt = {name: made.learned[name] for name in spec.learned_fields if name in made.learned}
    whole = {**learnt, **secret}
    for name in spec.learned_fields:
        if name not in whole:
            problem = "the vendor calls us already and tells it only once"
            raise BadInput(f"secret.{name}", problem, "Copy it from the vendor's settings.")
    return office.vault.stage(channel.secret_ref, whole)


def _hooks(office: Office, channel: Channel, version: str | None) -> tuple[tuple[Hook, ...], tuple[str, ...]]:
    """The registrations, and in a sentence each what is not right about them.

    The channel is stored by now, so that a failure here is told and not raised.
    """
    url = office.webhook(channel)
    if not url:
        return (), ()
    try:
        made = office.connectors.ensure(channel, version, url)
    except WireError as exc:
        return (), (f"The vendor's webhooks could not be registered ({exc}): connect the channel again.",)
    bad = [each for each in made.hooks if each.state in {HookState.MISSING, HookState.WRONG}]
    return made.hooks, tuple(f"The webhook {each.topic} is {each.state}. {each.problem}" for each in bad)


def _scope_problems(missing: tuple[str, ...]) -> tuple[str, ...]:
    if not missing:
        return ()
    return (f"The credentials lack {', '.join(missing)}: what needs them will fail until they are granted.",)
