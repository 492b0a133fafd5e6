"""One channel looked at from all sides; each finding says what to do."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from nightshift.errors import WireError
from nightshift.identity.caller import Caller
from nightshift.ids import ChannelId, TenantId
from nightshift.model.adapter import AdapterSpec
from nightshift.model.hook import Hook, HookState
from nightshift.model.lane import BreakerState, LaneState
from nightshift.model.setup import ChannelReport, Finding
from nightshift.model.tenant import Channel
from nightshift.onboarding.channels import line_of
from nightshift.onboarding.office import READ, Office, of_tenant, one_channel
from nightshift.ports.setup import AddressOwner
from nightshift.tools.onboard import Account

__all__ = ["examine_channel"]

_LOOKS_BACK_DAYS: Final = 7
_SKEW_SECONDS: Final = 60  # vendors that sign a stamp allow five minutes


def examine_channel(office: Office, caller: Caller, tenant: TenantId, channel: ChannelId) -> ChannelReport:
    """Look at a channel's secret, credentials, scopes, webhooks, clock, deliveries, lane and addresses.

    Raises:
        NotPermitted: the caller may not read the configuration.
        NotFound: there is no such channel.
    """
    of_tenant(office, caller, tenant, READ)
    stands = one_channel(office, tenant, channel)
    spec = office.adapters.get(stands.adapter)
    now = office.clock.now()
    findings: list[Finding] = []
    hooks: tuple[Hook, ...] = ()
    if spec is None:
        fix = "Deploy the adapter again, or leave the channel in shadow mode."
        findings.append(_bad("adapter", f"this installation has no adapter {stands.adapter}", fix))
    else:
        findings += _secret(office, spec, stands)
        asked, account = _credentials(office, spec, stands)
        findings += asked
        if account is not None:
            findings += [*_scopes(spec, account), *_clock(account), *_remarks(account)]
            registered, hooks = _webhooks(office, stands)
            findings += registered
        findings += _addresses(office, spec, stands)
    if spec is None or spec.topics or spec.addresses:
        findings.append(_arrivals(office, stands, now))
    findings += _lane(office.limits.states(tenant, [channel])[0], now)
    return ChannelReport(
        channel=line_of(office, stands),
        at=now,
        findings=tuple(findings),
        hooks=hooks,
        well=all(each.ok for each in findings),
    )


def _good(what: str, says: str) -> Finding:
    return Finding(what=what, ok=True, says=says)


def _bad(what: str, says: str, fix: str) -> Finding:
    return Finding(what=what, ok=False, says=says, fix=fix)


def _again(channel: Channel) -> str:
    return f"nightshift channel rotate {channel.tenant} {channel.id}"


def _secret(office: Office, spec: AdapterSpec, channel: Channel) -> Iterator[Finding]:
    if not spec.secret_fields:
        return
    if office.vault.present(channel.secret_ref):
        yield _good("secret", "it is there")
    else:
        yield _bad("secret", f"{channel.secret_ref} has no value", f"Run `{_again(channel)}`.")


def _credentials(
    office: Office, spec: AdapterSpec, channel: Channel
) -> tuple[tuple[Finding, ...], Account | None]:
    if not spec.onboards:
        return (), None
    try:
        account = office.connectors.check(channel, None)
    except WireError as exc:
        fix = f"Run `{_again(channel)}` with credentials that work; if the vendor is down, wait."
        return (_bad("credentials", str(exc), fix),), None
    if account.account.lower() != channel.account.lower():
        fix = f"Run `{_again(channel)}` with credentials of {channel.account}."
        return (_bad("credentials", f"they belong to {account.account}", fix),), account
    return (_good("credentials", f"the vendor accepts them for {account.name or account.account}"),), account


def _scopes(spec: AdapterSpec, account: Account) -> Iterator[Finding]:
    if not account.scopes:
        return
    missing = sorted(set(spec.scopes) - account.scopes)
    if missing:
        fix = "Grant them at the vendor; a new token may be needed."
        yield _bad("scopes", f"missing: {', '.join(missing)}", fix)
    else:
        yield _good("scopes", f"all {len(spec.scopes)} are granted")


def _clock(account: Account) -> Iterator[Finding]:
    if account.skew_seconds is None:
        return
    says = f"the vendor's clock differs by {account.skew_seconds:+.0f} s"
    if abs(account.skew_seconds) <= _SKEW_SECONDS:
        yield _good("clock", says)
    else:
        fix = "Lambda's clock is kept by AWS: ask the vendor. Signed webhooks are refused beyond 300 s."
        yield _bad("clock", says, fix)


def _remarks(account: Account) -> Iterator[Finding]:
    for remark in account.remarks:
        yield _bad("account", remark, "See the vendor's settings.")


def _webhooks(office: Office, channel: Channel) -> tuple[tuple[Finding, ...], tuple[Hook, ...]]:
    url = office.webhook(channel)
    if not url:
        return (), ()
    try:
        hooks = office.connectors.hooks(channel, url).hooks
    except WireError as exc:
        return (_bad("webhooks", str(exc), "Look again when the vendor answers."),), ()
    bad = [each for each in hooks if each.state is not HookState.RIGHT]
    if not bad:
        says = f"{len(hooks)} topics call {url}" if hooks else "the vendor is told by hand where to call"
        return (_good("webhooks", says),), hooks
    fix = f"Run `{_again(channel)}`: it registers what is missing and mends what is wrong."
    says = ", ".join(f"{each.topic} is {each.state}" for each in bad)
    return (_bad("webhooks", says, fix),), hooks


def _addresses(office: Office, spec: AdapterSpec, channel: Channel) -> Iterator[Finding]:
    if not spec.addresses:
        return
    ours = AddressOwner(tenant=channel.tenant, channel=channel.id)
    astray = [each for each in channel.addresses if office.setup.address_owner(each) != ours]
    if astray:
        fix = f"Run `{_again(channel)}`: it claims them for this channel."
        yield _bad("addresses", f"mail to {', '.join(astray)} does not come in here", fix)
    else:
        yield _good("addresses", f"{len(channel.addresses)} lead to this channel")


def _arrivals(office: Office, channel: Channel, now: datetime) -> Finding:
    last = office.arrivals.last(channel.tenant, channel.id, now=now, days=_LOOKS_BACK_DAYS)
    if last is None:
        fix = "If the store is at work, look at its webhook log: do its calls reach us, and are they signed?"
        return _bad("deliveries", f"nothing came in for {_LOOKS_BACK_DAYS} days", fix)
    return _good("deliveries", f"the last was stored at {last:%Y-%m-%d %H:%M} UTC")


def _lane(lane: LaneState, now: datetime) -> Iterator[Finding]:
    if lane.full_at is not None and lane.full_at > now:
        wait = (lane.full_at - now).total_seconds()
        yield _good("rate", f"the budget is whole again in {wait:.0f} s")
    else:
        yield _good("rate", "the whole budget is free")
    if lane.breaker is BreakerState.CLOSED:
        yield _good("breaker", "closed")
    else:
        until = f" until {lane.open_until:%H:%M:%S} UTC" if lane.open_until else ""
        fix = "It closes by itself when the vendor answers again; look at the vendor's status page."
        yield _bad("breaker", f"{lane.breaker}{until}, opened {lane.opens} times in a row", fix)
    if lane.stopped is None:
        yield _good("writes", "they go on")
    else:
        fix = (
            "Read the sample kept under drift/ in the bodies bucket; when the adapter fits it again, "
            f"run `nightshift channel release {lane.tenant} {lane.channel}`."
        )
        yield _bad("writes", f"stopped: {lane.stopped}", fix)
