"""Code on disk: unzipped functions and layers, and what the managed runtime brings along."""

import hashlib
import io
import os
import re
import shutil
import threading
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

__all__ = ["PackageCache", "managed_runtime"]


class PackageCache:
    """Unzips each archive once, into a directory named by its content."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, Path] = {}

    def unzip(self, key: str, data: bytes) -> Path:
        """The directory of an archive; `key` names its content within this process."""
        known = self._known.get(key)
        if known:
            return known
        target = self._root / hashlib.sha256(data).hexdigest()[:32]
        if not target.is_dir():
            scratch = target.with_name(f"{target.name}.{os.getpid()}.{threading.get_ident()}")
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                archive.extractall(scratch)
            try:
                scratch.rename(target)
            except OSError:  # another thread or process was first
                shutil.rmtree(scratch, ignore_errors=True)
        self._known[key] = target
        return target


def managed_runtime(root: Path) -> Path:
    """A folder linking to boto3 and awslambdaric with their requirements: AWS's /var/runtime.

    Functions run without site-packages, so a module missing in a layer is missing here too.
    """
    root.mkdir(parents=True, exist_ok=True)
    for name, source in _top_level_entries(["boto3", "awslambdaric"]):
        link = root / name
        if not link.is_symlink():
            try:
                link.symlink_to(source)
            except FileExistsError:  # another server on the same cache
                continue
    return root


def _top_level_entries(distributions: list[str]) -> Iterator[tuple[str, Path]]:
    waiting, seen = list(distributions), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        distribution = metadata.distribution(name)
        for entry in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            yield entry, Path(str(distribution.locate_file(entry)))
        needed = [line for line in distribution.requires or () if "extra ==" not in line]
        waiting.extend(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in needed)
