"""Our own code with its bytecode, staged beside the third-party layers it is deployed with.

A function's file system is read-only, so that without this each cold start would compile every module anew.
The bytecode is `unchecked-hash` (PEP 552): it holds whatever time a file claims, and the same source
gives the same bytes, so that an asset changes only with its source. It is compiled by the target's own
Python; where that is not at hand the code goes without, and starts more slowly.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from uv import find_uv_bin

__all__ = ["STAGED", "compiled", "interpreter", "stage"]

ROOT: Final = Path(__file__).parents[1]

STAGED: Final = {"core": (ROOT / "layers" / "core" / "python", "python", "/opt"),
                 "code": (ROOT / "functions", "functions", "/var/task")}  # fmt: skip
"""By the folder it is staged to: where it is from, what it is called there, where Lambda mounts that."""

_LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", "*.pyc", ".DS_Store")


def interpreter(minor: str) -> str | None:
    """A Python of this version (`3.13`) on this machine, or None; nothing is downloaded."""
    if minor == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    asked = [find_uv_bin(), "python", "find", "--no-python-downloads", "--system", minor]
    found = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603  # no shell
    return found.stdout.strip() or None if found.returncode == 0 else None


def stage(folder: Path, *, python: str | None) -> bool:
    """Copy our packages below `folder` and compile them, unless they stand there as they are.

    Returns:
        Whether anything was made.
    """
    mark, source = folder / "code.staged-from", _fingerprint(python)
    if mark.is_file() and mark.read_text(encoding="utf-8") == source:
        return False
    for name, (origin, called, mount) in STAGED.items():
        made, old = folder / f".{name}.new", folder / f".{name}.old"
        shutil.rmtree(made, ignore_errors=True)
        shutil.copytree(origin, made / called, ignore=_LEFT_OUT)
        compiled(made, python=python, mount=mount)
        if (folder / name).exists():
            (folder / name).rename(old)
        made.rename(folder / name)
        shutil.rmtree(old, ignore_errors=True)
    mark.write_text(source, encoding="utf-8")
    return True


def compiled(folder: Path, *, python: str | None, mount: str) -> None:
    """Put bytecode beside every module below a folder; `mount` is where tracebacks will say it stands."""
    if python is None:
        return
    command = [python, "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    # A package may hold a module of another Python's syntax, or a template: what is never imported.
    subprocess.run(  # noqa: S603  # no shell
        [*command, "-s", str(folder), "-p", mount, str(folder)], capture_output=True, check=False
    )


def _fingerprint(python: str | None) -> str:
    digest = hashlib.sha256(f"{python} {sys.version if python == sys.executable else ''}".encode())
    for origin, _, _ in STAGED.values():
        for file in sorted(origin.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest() + "\n"
