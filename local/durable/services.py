"""Every other service on disk: its state is saved whenever a call has changed it, before the answer."""

import ast
import hashlib
import json
import re
import sys
from collections.abc import Callable
from copy import deepcopy
from http import HTTPStatus
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import persistence
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import cloudformation, lambda_svc, s3
from typing_extensions import override

from local.durable.items import DurableTables
from local.durable.journal import Image, Journal
from local.operations import operation

__all__ = ["DurableServices", "SavedStateUnreadable"]

_READS = re.compile(
    "Get|List|Describe|Head|Lookup|Search|Select|Query|Scan|Test|Validate|Simulate|Estimate|Filter|BatchGet|"
    "Check|Detect|OPTIONS|GET|HEAD"
)
# What these do is in the journal, in files, or gone with the server by design.
_NOT_SAVED: dict[str, re.Pattern[str]] = {
    "dynamodb": re.compile("PutItem|UpdateItem|DeleteItem|Batch|Transact|Execute"),
    "sqs": re.compile("SendMessage|ReceiveMessage|DeleteMessage|ChangeMessage|PurgeQueue|POST"),
    "states": re.compile("Start|Stop|SendTask|Redrive"),
    "lambda": re.compile("Invoke"),
    "logs": re.compile("PutLogEvents|CreateLogStream|StartQuery"),
    "events": re.compile("PutEvents"),
    "monitoring": re.compile("PutMetricData"),
    "s3": re.compile("PutObject$|DeleteObjects?$|CopyObject|PostObject|.*Multipart|UploadPart"),
    "kms": re.compile("Encrypt|Decrypt|ReEncrypt|Sign|Verify|Generate"),
    "sns": re.compile("Publish"),
    "sesv2": re.compile("Send"),
    "ses": re.compile("Send"),
    "sts": re.compile(""),
    "execute-api": re.compile(""),
}


class SavedStateUnreadable(Exception):
    """A service's file cannot be read; the message names it."""


class DurableServices:
    """Writes ministack's own per-service state files, one at a time and whole."""

    def __init__(self, folder: Path, tables: DurableTables, journal: Journal, image: Image) -> None:
        self._folder = folder
        self._tables = tables
        self._journal = journal
        self._image = image
        self._deploying = False
        self._blobs = _Blobs(folder / "blobs")

    def install(self) -> None:
        """Load what is there, save after calls, and let ministack itself do neither.

        Raises:
            SavedStateUnreadable: a file is damaged.
        """
        app._load_persisted_state = lambda: None  # its lifespan would go on after an error
        app.save_all = lambda _: None
        self._load()
        self.save_before_the_answer()

    def save_before_the_answer(self) -> None:
        """Ministack saves when it ends, if it ends well. `test_what_was_made_is_there_after_kill_9`."""
        theirs = app._dispatch_service_request

        async def saving(
            method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any], request: str
        ) -> Any:
            answer = await theirs(method, path, headers, body, query, request)
            if answer[0] < HTTPStatus.BAD_REQUEST:
                self._after(*operation(method, path, headers, body, query))
            return answer

        app._dispatch_service_request = saving

    def _after(self, service: str, action: str) -> None:
        if service == "cloudformation":
            self._after_deploying(action)
            return
        passing = _NOT_SAVED.get(service)
        if _READS.match(action) or (passing and passing.match(action)):
            return
        known = app.SERVICE_REGISTRY.get(service)
        if known:
            for name in (known["module"], *known.get("sub_modules", ())):
                self._save(_STATE_FILES.get(name, name), name)

    def _after_deploying(self, action: str) -> None:
        """A stack is made in the background; it is there for its maker once described as complete."""
        if not _READS.match(action):
            self._deploying = True
        running = any("IN_PROGRESS" in stack["StackStatus"] for stack in cloudformation._stacks.all_values())
        if self._deploying and not running:
            self._deploying = False
            for key, name in app._state_map.items():
                self._save(key, name)

    def _save(self, key: str, module_name: str) -> None:
        module = sys.modules.get(f"ministack.services.{module_name}")
        if module is None or not hasattr(module, "get_state"):
            return
        state = _SPECIAL.get(key, _as_they_do)(module)
        data = json.dumps(state, default=self._blobs.encoded)
        path = self._folder / f"{key}.json"
        scratch = path.with_suffix(".new")
        scratch.write_text(data, encoding="utf-8")
        scratch.replace(path)

    def _load(self) -> None:
        for key, module_name in app._state_map.items():
            path = self._folder / f"{key}.json"
            if not path.exists():
                continue
            try:
                text = path.read_text(encoding="utf-8")
                state = json.loads(text, object_hook=self._blobs.decoded)
                app._get_module(module_name).load_persisted_state(state)
            except Exception as error:
                raise SavedStateUnreadable(f"{path}: {error}") from error
        self._blobs.forget_unused()
        self._tables.load(self._image)
        remember_small_facts(self._journal, self._image)


class _Blobs:
    """Long byte strings (code, layers) as files named by content, so that a state file stays small."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._used: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    def encoded(self, value: Any) -> Any:
        """For `json.dumps`: what JSON does not know."""
        if not isinstance(value, bytes) or len(value) < _LONG_BYTES:
            return persistence._json_default(value)
        name = hashlib.sha256(value).hexdigest()
        path = self._folder / name
        if not path.exists():
            scratch = path.with_suffix(".new")
            scratch.write_bytes(value)
            scratch.replace(path)
        return {"__blob__": name}

    def decoded(self, value: dict[str, Any]) -> Any:
        """For `json.loads`: the way back."""
        name = value.get("__blob__")
        if name is None:
            return persistence._json_object_hook(value)
        self._used.add(name)
        return (self._folder / name).read_bytes()

    def forget_unused(self) -> None:
        """Remove what no state named when it was read."""
        for path in self._folder.iterdir():
            if path.name not in self._used:
                path.unlink()


def _as_they_do(module: Any) -> Any:
    return module.get_state()


def _tables_without_items(module: Any) -> Any:
    """The journal has the items."""
    everything = module._tables
    bare = AccountRegionScopedDict()
    for (account, region, name), table in everything.all_items():
        bare.set_scoped(account, region, name, {**table, "items": {}, "ItemCount": 0, "TableSizeBytes": 0})
    module._tables = bare
    try:
        return module.get_state()
    finally:
        module._tables = everything


def _queues_without_messages(module: Any) -> Any:
    """Messages go with the server; an old copy must not come back."""
    bare = AccountRegionScopedDict()
    for (account, region, url), queue in module._queues.all_items():
        bare.set_scoped(
            account, region, url, {**queue, "messages": [], "dedup_cache": {}, "fifo_seq": queue["fifo_seq"]}
        )
    return {**module.get_state(), "queues": bare}


def _functions_without_positions(module: Any) -> Any:
    """The journal has how far each stream was read."""
    return {**module.get_state(), "dynamodb_stream_positions": {}, "kinesis_positions": {}}


_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "dynamodb": _tables_without_items,
    "sqs": _queues_without_messages,
    "lambda": _functions_without_positions,
}
_LONG_BYTES = 65_536
_STATE_FILES = {module: key for key, module in app._state_map.items()}


class _Remembered(dict[Any, Any]):
    """A store of small facts; each change of it is a mark in the journal."""

    def __init__(self, name: str, journal: Journal, facts: dict[Any, Any]) -> None:
        super().__init__(facts)
        self._name = name
        self._journal = journal

    @override
    def __setitem__(self, key: Any, value: Any) -> None:
        if self.get(key) != value:
            self._journal.append({"marks": [[self._name, repr(key), value]]})
        super().__setitem__(key, value)

    @override
    def __delitem__(self, key: Any) -> None:
        self.pop(key)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[Any, Any]:
        return deepcopy(dict(self), memo)

    @override
    def pop(self, key: Any, *default: Any) -> Any:
        if key in self:
            self._journal.append({"marks": [[self._name, repr(key), None]]})
        return super().pop(key, *default)


def remember_small_facts(journal: Journal, image: Image) -> None:
    """How far streams were read, which objects are locked. `test_what_was_made_is_there_after_kill_9`."""
    stores = {
        "stream positions": lambda_svc._dynamodb_stream_positions,
        "object retention": s3._object_retention,
        "object legal hold": s3._object_legal_hold,
    }
    for name, store in stores.items():
        facts = {ast.literal_eval(key): value for key, value in image.marks.get(name, {}).items()}
        store._data = _Remembered(name, journal, facts)
