"""A tenant's policy: shown as it stands, tried before it is saved, saved as a version of its own."""

from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

from nightshift.errors import BadInput, Conflict, NotFound
from nightshift.gate.policies import parse_policy
from nightshift.identity.caller import Caller
from nightshift.ids import TenantId
from nightshift.model.base import canonical_digest
from nightshift.model.log import EntryKind
from nightshift.model.policy import Policy
from nightshift.model.setup import PolicyView
from nightshift.model.tenant import Tenant
from nightshift.onboarding.office import READ, WRITE, Office, of_tenant, record

__all__ = ["save_policy", "see_policy", "try_policy"]

_BESIDE: Final = frozenset({"version", "schema_version"})
_EVERY: Final = "*"


def see_policy(office: Office, caller: Caller, tenant: TenantId, version: int | None = None) -> PolicyView:
    """The policy in force, or an earlier version of it.

    Raises:
        NotPermitted: the caller may not read the configuration.
        NotFound: there is no such tenant or version.
    """
    found = of_tenant(office, caller, tenant, READ)
    wanted = found if version is None else found.model_copy(update={"policy_version": version})
    try:
        policy = office.config.policy_of(wanted)
    except NotFound:
        message = f"{tenant} has no policy version {wanted.policy_version}"
        raise NotFound(message) from None
    return PolicyView(tenant=tenant, policy=policy, in_force=policy.version == found.policy_version)


def try_policy(office: Office, caller: Caller, tenant: TenantId, text: str) -> PolicyView:
    """What a policy would be as the next version; changes nothing.

    Raises:
        NotPermitted: the caller may not change the configuration.
        NotFound: there is no such tenant.
        BadInput: names the first field that cannot be used, and what to write instead.
    """
    found = of_tenant(office, caller, tenant, WRITE)
    policy = _readable(office, found, text)
    stands = office.config.policy_of(found)
    return PolicyView(
        tenant=tenant, policy=policy, in_force=policy == stands, changes=_changes(stands, policy)
    )


def save_policy(office: Office, caller: Caller, tenant: TenantId, text: str) -> PolicyView:
    """Store a policy and put it in force at once: what is judged from now on is judged by it.

    Plans that were judged before keep their verdict. The same again changes nothing.

    Raises:
        NotPermitted: the caller may not change the configuration.
        NotFound: there is no such tenant.
        BadInput: names the first field that cannot be used; `version` when a later one is in force.
        Conflict: another policy is stored under this version, or the tenant is being changed by others.
    """
    tried = try_policy(office, caller, tenant, text)
    policy = tried.policy
    office.config.put_policy(tenant, policy)

    def in_force(was: Tenant) -> Tenant:
        if was.policy_version > policy.version:
            message = f"version {was.policy_version} of the policy came into force meanwhile"
            raise Conflict(message)
        return was.model_copy(update={"policy_version": policy.version})

    office.setup.change_tenant(tenant, in_force)
    detail: dict[str, JsonValue] = {
        "version": policy.version,
        "digest": _digest(policy),
        "changed": list(tried.changes),
    }
    record(office, caller, tenant, EntryKind.POLICY_SAVED, about=tenant, detail=detail)
    return tried.model_copy(update={"in_force": True})


def _digest(policy: Policy) -> str:
    plain = policy.model_dump(mode="json")
    for role in plain["roles"].values():
        role["permissions"].sort()
    return canonical_digest(plain)


def _changes(before: Policy, after: Policy) -> tuple[str, ...]:
    fields = (name for name in Policy.model_fields if name not in _BESIDE)
    return tuple(name for name in fields if getattr(before, name) != getattr(after, name))


def _readable(office: Office, tenant: Tenant, text: str) -> Policy:
    policy = parse_policy(text)
    stands = office.config.policy_of(tenant)
    if policy.version <= stands.version and policy != stands:
        problem = f"version {stands.version} is in force"
        raise BadInput("version", problem, f"Start from that one and call yours {stands.version + 1}.")
    known = {spec.name for spec in office.tools}
    for field, tool in _tools_of(policy):
        if tool not in known:
            domain = tool.partition(".")[0]
            near = sorted(name for name in known if name.partition(".")[0] == domain) or sorted(known)
            raise BadInput(field, f"there is no tool {tool}", f"Use one of: {', '.join(near)}.")
    _keeps_its_people(office, tenant, policy)
    return policy


def _tools_of(policy: Policy) -> Iterator[tuple[str, str]]:
    for section in ("tiers", "windows", "allowances"):
        for number, each in enumerate(getattr(policy, section)):
            if each.tool != _EVERY:
                yield f"{section}.{number}.tool", each.tool
    for number, rule in enumerate(policy.rules):
        for tool in rule.tools:
            yield f"rules.{number}.tools", tool


def _keeps_its_people(office: Office, tenant: Tenant, policy: Policy) -> None:
    """Nobody loses their role by a slip, and somebody may still change the configuration."""
    staff = office.setup.staff_of(tenant.id)
    for name, role in (
        (f"specialist {tenant.specialist}", tenant.specialist),
        *((s.id, s.role) for s in staff),
    ):
        if role not in policy.roles:
            raise BadInput("roles", f"{name} has the role {role}", "Keep it, or give them another first.")
    if not any(WRITE in policy.roles[person.role].permissions for person in staff):
        problem = "nobody of the staff could change the configuration any more"
        raise BadInput("roles", problem, f"Leave {WRITE} with a role that somebody has.")
