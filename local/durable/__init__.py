"""What survives the server: tables by a journal, bodies as files, everything else as it was last changed."""

import fcntl
import os
from pathlib import Path

__all__ = ["StateInUse", "environment", "install"]


class StateInUse(Exception):
    """Another server works on this state directory."""


def environment(data: Path) -> dict[str, str]:
    """Variables that ministack reads once, when it is imported."""
    return {
        "PERSIST_STATE": "1",
        "STATE_DIR": str(data / "services"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(data / "s3"),
    }


def install(data: Path, *, sync: bool = False, restore_to: float | None = None) -> None:
    """Make ministack keep its state in this folder, and go on from what is there.

    Args:
        data: the folder; one server at a time.
        sync: whether a write also reaches the disk itself, for the day the power fails.
        restore_to: epoch seconds; tables are put back to how they were then.

    Raises:
        StateInUse: another server holds it.
        DamagedJournal: it cannot be read.
        RestorePointGone: nothing is kept from so long ago.
    """
    from local.durable.items import DurableTables  # noqa: PLC0415 - ministack reads `environment` first
    from local.durable.journal import Journal  # noqa: PLC0415
    from local.durable.services import DurableServices  # noqa: PLC0415

    data.mkdir(parents=True, exist_ok=True)
    _hold(data / "lock")
    journal, image = Journal.open(data / "journal", sync=sync, until=restore_to)
    tables = DurableTables(journal)
    tables.install()
    DurableServices(data / "services", tables, journal, image).install()


def _hold(lock: Path) -> None:
    """Until the process ends, however it ends."""
    handle = os.open(lock, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise StateInUse(f"another server works on {lock.parent}") from error
