"""Third-party layers from the dependency groups of `pyproject.toml`, without Docker.

    python -m build.layers --platform host      for the local stack: this machine and this Python
    python -m build.layers --platform lambda    for AWS: arm64, the runtime of `stacks/limits.py`

`make locks` writes what they are made of. A layer that was built from the same lock for the same
platform is left alone.
"""

import argparse
import hashlib
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from build.bytecode import compiled, interpreter, stage
from stacks.limits import ARCHITECTURE, PYTHON

__all__ = ["GROUPS", "PLATFORMS", "BuildFailed", "Built", "build", "lock_of", "main"]

ROOT: Final = Path(__file__).parents[1]
OUTPUT: Final = ROOT / "build" / "layers"

GROUPS: Final = ("base", "http", "identity", "expressions", "mail", "seal")
"""The groups that are layers."""

# The other requirements, 14 MB, serve only its command line (see nightshift/expressions.py).
_ALONE: Final = {"expressions": {"common-expression-language"}}

_PIN: Final = re.compile(r"([a-z0-9-]+)==")

_WHEELS_OF: Final = {"arm64": "aarch64-manylinux2014", "x86_64": "x86_64-manylinux2014"}

PLATFORMS: Final = ("host", "lambda")


class BuildFailed(Exception):
    """A layer could not be made; the message is what uv said."""


@dataclass(frozen=True)
class Built:
    """A layer on disk: its folder, its size in bytes, and whether this call made it."""

    group: str
    folder: Path
    size: int
    fresh: bool


def lock_of(group: str) -> Path:
    """The requirement file, with hashes, that a layer is built from."""
    return ROOT / "requirements" / f"{group}.txt"


def build(group: str, *, target: str, output: Path = OUTPUT) -> Built:
    """Build one layer into `output/<target>/<group>/python`, unless it is there already.

    Raises:
        BuildFailed: a wheel is missing, a hash is wrong, or the lock is.
    """
    folder = output / target / group
    mark = folder.with_name(f"{group}.built-from")
    source = _fingerprint(group, target)
    if folder.is_dir() and mark.is_file() and mark.read_text(encoding="utf-8") == source:
        return Built(group, folder, _size(folder), fresh=False)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{group}-") as scratch:
        python = Path(scratch) / group / "python"
        wanted = Path(scratch) / "requirements.txt"
        wanted.write_text(_wanted(group), encoding="utf-8")
        _install(wanted, python, target)
        for leftover in (python / "bin", python / ".lock"):  # console scripts are no use in a layer
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)
        compiled(python.parent, python=_interpreter(target), mount="/opt")
        shutil.rmtree(folder, ignore_errors=True)
        python.parent.rename(folder)
    mark.write_text(source, encoding="utf-8")
    return Built(group, folder, _size(folder), fresh=True)


def _wanted(group: str) -> str:
    """The part of a group's lock that its layer holds: nothing that the layer `base` brings already."""
    pinned = _pinned(group)
    if group in _ALONE:
        pinned = {name: lines for name, lines in pinned.items() if name in _ALONE[group]}
    elif group != "base":
        base = _pinned("base")
        pinned = {name: lines for name, lines in pinned.items() if name not in base}
    return "".join(pinned.values())


def _pinned(group: str) -> dict[str, str]:
    """The lines of each package in a lock, hashes and all."""
    found: dict[str, str] = {}
    name = ""
    for line in lock_of(group).read_text(encoding="utf-8").splitlines(keepends=True):
        if match := _PIN.match(line):
            name = match[1]
        if name and not line.lstrip().startswith("#"):
            found[name] = found.get(name, "") + line
    return found


def _wheels_for(target: str) -> list[str]:
    if target == "host":
        return ["--python", sys.executable]
    return ["--python-platform", _WHEELS_OF[ARCHITECTURE], "--python-version", PYTHON]


def _interpreter(target: str) -> str | None:
    return sys.executable if target == "host" else interpreter(PYTHON)


def _fingerprint(group: str, target: str) -> str:
    """What a layer's content follows from."""
    host = f"{sysconfig.get_platform()} {platform.python_version()}"
    where = host if target == "host" else f"{ARCHITECTURE} {PYTHON}"
    bytecode = "with bytecode" if _interpreter(target) else "without bytecode"
    return f"{where} {bytecode} {hashlib.sha256(_wanted(group).encode()).hexdigest()}\n"


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _install(wanted: Path, into: Path, target: str) -> None:
    command = [find_uv_bin(), "pip", "install", "--quiet", "--target", str(into), *_wheels_for(target)]
    command += ["--requirements", str(wanted), "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  # no shell
    if done.returncode:
        message = f"{wanted.name} for {target}: {done.stderr.strip()}"
        raise BuildFailed(message)


def main(arguments: Sequence[str] | None = None) -> None:
    """Build all layers for one platform, and say what was made."""
    parser = argparse.ArgumentParser(
        prog="python -m build.layers", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--platform", choices=PLATFORMS, default="lambda")
    given = parser.parse_args(arguments)
    for group in GROUPS:
        built = build(group, target=given.platform)
        state = "built" if built.fresh else "as it was"
        sys.stdout.write(f"{given.platform}/{group}: {built.size / 1e6:.1f} MB, {state}\n")
    python = _interpreter(given.platform)
    fresh = stage(OUTPUT / given.platform, python=python)
    bytecode = f"bytecode by {python}" if python else f"no bytecode: no Python {PYTHON} on this machine"
    sys.stdout.write(f"{given.platform}/core, code: {'staged' if fresh else 'as they were'}, {bytecode}\n")


if __name__ == "__main__":
    main()
