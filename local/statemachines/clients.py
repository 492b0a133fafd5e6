"""boto3 clients for the interpreter's own calls: cached, to this server, as the machine's role."""

import hashlib
import threading
from typing import Any

import boto3
from botocore.config import Config
from ministack import app
from ministack.services import sts

from local.stats import Stats

__all__ = ["ClientFactory"]

_NEVER = 99_999_999
_make_client: Any = boto3.client  # its types know services by literal names only


class ClientFactory:
    """Stands for moto's `boto_client_for`."""

    def __init__(self, endpoint: str, stats: Stats) -> None:
        self._endpoint = endpoint
        self._stats = stats
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str, str], Any] = {}

    def client_for(self, region: str, service: str, state_credentials: Any = None) -> Any:
        """A client per region, service and role."""
        role = getattr(state_credentials, "role_arn", "") if app.AUTH else ""
        key = (region, service, role)
        found = self._clients.get(key)
        if found is None:
            with self._lock:
                found = self._clients.get(key) or self._make(region, service, role)
                self._clients[key] = found
        return found

    def _make(self, region: str, service: str, role: str) -> Any:
        client = _make_client(
            service,
            region_name=region,
            endpoint_url=self._endpoint,
            config=Config(
                parameter_validation=False,
                inject_host_prefix=False,
                max_pool_connections=100,
                retries={"total_max_attempts": 1},
                connect_timeout=_NEVER,
                read_timeout=_NEVER,
            ),
            **self._credentials(role),
        )
        client.meta.events.register("after-call", _name_the_request)
        return client

    def _credentials(self, role: str) -> dict[str, str]:
        if not role:
            self._stats.name_caller("states", "states")
            return {"aws_access_key_id": "states", "aws_secret_access_key": "test"}
        return _role_session(role, self._stats)


def _name_the_request(parsed: dict[str, Any], **_: Any) -> None:
    """The interpreter quotes the request id of an error; ministack's IAM denials have none."""
    parsed.get("ResponseMetadata", {}).setdefault("RequestId", "local")


def _role_session(role: str, stats: Stats) -> dict[str, str]:
    """A session of the state machine's role, so that its policies are enforced."""
    digest = hashlib.sha256(f"states:{role}".encode()).hexdigest()
    account, name = role.split(":")[4], role.rsplit("/", 1)[-1]
    access_key, secret, token = f"ASIA{digest[:16].upper()}", digest[16:56], digest
    sts.register_session(
        access_key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/states",
            "UserId": f"{name}:states",
            "SecretAccessKey": secret,
            "SessionToken": token,
        },
    )
    stats.name_caller(access_key, "states")
    return {"aws_access_key_id": access_key, "aws_secret_access_key": secret, "aws_session_token": token}
