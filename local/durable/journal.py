"""An append-only journal in segments: each begins with a whole image and goes on with what changed.

A line is a JSON object with the moment `at` (epoch seconds) and any of
`items` [[table, pk, sk, item or null], …] · `replaced` {table: {pk: {sk: item}}} ·
`streams` {table: [record, …]} · `dropped` {table: records gone before} ·
`marks` [[store, key, value or null], …].
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["DamagedJournal", "Image", "Journal", "Line", "RestorePointGone"]

Line = dict[str, Any]
Items = dict[str, dict[str, Any]]

_KEPT_SEGMENTS = 8
_COMPACT_BYTES = 4_000_000
_STREAM_SECONDS = 24 * 3600
_FORMAT = 1


class DamagedJournal(Exception):
    """A line that is not the last one cannot be read; the message names file and line."""


class RestorePointGone(Exception):
    """The journal does not reach back so far; the message names the oldest moment it holds."""


@dataclass
class Image:
    """What a journal says so far.

    Attributes:
        tables: the items of each table by partition and sort key.
        streams: the records of each table's stream that may still be read.
        dropped: how many records of each stream came before those.
        marks: small facts of other stores: store → key → value.
    """

    tables: dict[str, Items] = field(default_factory=dict)
    streams: dict[str, list[Any]] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    marks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def apply(self, line: Line) -> None:
        """Take in one line."""
        self.tables.update(line.get("replaced", {}))
        for table, pk, sk, item in line.get("items", ()):
            self._set(table, pk, sk, item)
        for table, records in line.get("streams", {}).items():
            self.streams.setdefault(table, []).extend(records)
        self.dropped.update(line.get("dropped", {}))
        for store, key, value in line.get("marks", ()):
            if value is None:
                self.marks.get(store, {}).pop(key, None)
            else:
                self.marks.setdefault(store, {})[key] = value

    def _set(self, table: str, pk: str, sk: str, item: Any) -> None:
        partitions = self.tables.setdefault(table, {})
        if item is not None:
            partitions.setdefault(pk, {})[sk] = item
        elif pk in partitions:
            partitions[pk].pop(sk, None)
            if not partitions[pk]:
                del partitions[pk]

    def forget_old_records(self, before: float) -> None:
        """Drop stream records older than that."""
        for table, records in self.streams.items():
            old = sum(record["dynamodb"]["ApproximateCreationDateTime"] < before for record in records)
            del records[:old]
            self.dropped[table] = self.dropped.get(table, 0) + old

    def lines(self) -> Iterator[Line]:
        """Lines that make this image from nothing."""
        for table, items in self.tables.items():
            yield {"replaced": {table: items}}
        yield {"streams": self.streams, "dropped": self.dropped}
        yield {"marks": [[s, key, value] for s, marks in self.marks.items() for key, value in marks.items()]}


class Journal:
    """The open end of the newest segment."""

    def __init__(self, path: Path, *, sync: bool) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._sync = sync
        self._lock = threading.Lock()

    def append(self, line: Line) -> None:
        """On disk (with `sync` also through the disk's cache) when this returns.

        Raises:
            OSError: it could not be written.
        """
        data = _encoded({"at": time.time(), **line})
        with self._lock:
            if os.write(self._file, data) != len(data):
                raise OSError("the journal took only a part of a line")
            if self._sync:
                os.fdatasync(self._file)

    def close(self) -> None:
        """No more lines."""
        os.close(self._file)

    @classmethod
    def open(cls, folder: Path, *, sync: bool = False, until: float | None = None) -> tuple["Journal", Image]:
        """Read what is there and go on from it, or from how the tables were at the moment `until`.

        A last line that was cut off is dropped: its call was never answered.

        Raises:
            DamagedJournal: it cannot be read.
            RestorePointGone: nothing is kept from before `until`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob("*.new"):
            unfinished.unlink()
        segments = _segments(folder)
        if not segments:
            return cls(_begin(folder, 1, Image()), sync=sync), Image()
        newest = segments[-1]
        reading = _read(newest, lambda _: True)
        os.truncate(newest, reading.whole)
        image = reading.image
        if until is not None:
            image = _restored(segments, image, until)
        if until is not None or newest.stat().st_size > max(_COMPACT_BYTES, 2 * reading.opening):
            image.forget_old_records(time.time() - _STREAM_SECONDS)
            newest = _begin(folder, int(newest.stem) + 1, image)
            for old in _segments(folder)[:-_KEPT_SEGMENTS]:
                old.unlink()
        return cls(newest, sync=sync), image


def _restored(segments: list[Path], latest: Image, until: float) -> Image:
    """Tables as they were; streams begin anew; what belongs to other services stays as it is."""
    reaching = [path for path in segments if _header(path)["at"] <= until]
    if not reaching:
        oldest = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(_header(segments[0])["at"]))
        raise RestorePointGone(f"the journal begins at {oldest}")
    then = _read(reaching[-1], lambda line: bool(line["at"] <= until)).image
    return Image(tables=then.tables, marks={k: v for k, v in latest.marks.items() if k != "stream positions"})


def _segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.segment"))


def _begin(folder: Path, number: int, image: Image) -> Path:
    """A new segment; it appears whole or not at all."""
    path = folder / f"{number:08}.segment"
    scratch = path.with_suffix(".new")
    at = time.time()
    with scratch.open("wb") as file:
        lines = list(image.lines())
        file.write(_encoded({"at": at, "format": _FORMAT, "image": len(lines)}))
        for line in lines:
            file.write(_encoded({"at": at, **line}))
        file.flush()
        os.fsync(file.fileno())
    scratch.rename(path)
    return path


def _encoded(line: Line) -> bytes:
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _header(path: Path) -> Line:
    with path.open("rb") as file:
        header: Line = json.loads(file.readline())
    if header.get("format") != _FORMAT:
        raise DamagedJournal(f"{path}: written by another version; delete the state directory")
    return header


@dataclass
class _Reading:
    """A segment read: its image, the bytes its opening takes, and those of all whole lines."""

    image: Image = field(default_factory=Image)
    opening: int = 0
    whole: int = 0


def _read(path: Path, wanted: Callable[[Line], bool]) -> _Reading:
    reading = _Reading()
    opening = _header(path)["image"] + 1
    with path.open("rb") as file:
        for number, raw in enumerate(file):
            if not raw.endswith(b"\n"):
                break
            try:
                line = json.loads(raw)
            except ValueError as error:
                raise DamagedJournal(f"{path}, line {number + 1}: {error}") from error
            reading.whole += len(raw)
            reading.opening += len(raw) if number < opening else 0
            if number < opening or wanted(line):
                reading.image.apply(line)
    return reading
