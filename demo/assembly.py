"""The synthesised templates for this machine, made anew only when something they are made of changed."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["ROOT", "NotSynthesised", "assembly"]

ROOT = Path(__file__).resolve().parents[1]
_KEPT = ROOT / ".local" / "synth"
_KEPT_ASSEMBLIES = 4
_STAND_INS = "127.0.0.1,localhost"  # a channel may name the stand-in vendors of this machine
_SOURCES = (
    "stacks",
    "statemachines",
    "functions",
    "layers/core",
    "requirements",
    "cdk.json",
    "build/layers.py",
    "build/bytecode.py",
)
_LEFT_OUT = {"__pycache__", ".DS_Store"}


class NotSynthesised(Exception):
    """The templates could not be made; the message is what the synthesis said."""


def assembly() -> Path:
    """The folder of the cloud assembly that fits the sources as they stand.

    Raises:
        NotSynthesised: the layers could not be built, or the app did not synthesise.
    """
    with _alone():
        folder = _KEPT / _digest()
        if (folder / "manifest.json").is_file():
            return folder
        made = folder.with_suffix(".new")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        _run([sys.executable, "-m", "build.layers", "--platform", "host"])
        _run(
            [sys.executable, "-m", "stacks.app"],
            NIGHTSHIFT_LAYERS="host",
            NIGHTSHIFT_INTERNAL=_STAND_INS,
            CDK_OUTDIR=str(made),
        )
        made.rename(folder)
        _forget_old()
        return folder


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One process at a time synthesises; the others find it done."""
    _KEPT.mkdir(parents=True, exist_ok=True)
    with (_KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_old() -> None:
    """Keep the newest few: another process may be deploying one that is not the newest."""
    folders = sorted((f for f in _KEPT.iterdir() if f.is_dir()), key=lambda f: f.stat().st_mtime)
    for old in folders[:-_KEPT_ASSEMBLIES]:
        shutil.rmtree(old, ignore_errors=True)


def _run(command: list[str], **settings: str) -> None:
    environment = {**os.environ, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20", **settings}
    environment |= {"JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{' '.join(command[1:])} failed:\n{(done.stdout + done.stderr)[-3000:]}"
        raise NotSynthesised(message)


def _digest() -> str:
    digest = hashlib.sha256(sys.version.encode())
    for file in sorted(_files()):
        digest.update(f"{file.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _files() -> Iterator[Path]:
    for source in _SOURCES:
        place = ROOT / source
        members = place.rglob("*") if place.is_dir() else [place]
        yield from (m for m in members if m.is_file() and not _LEFT_OUT & set(m.parts))
