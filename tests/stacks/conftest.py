"""The templates are synthesised once, by whichever test process comes first; the others wait for them."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stacks.assembly import Assembly

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    parallel = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if parallel else base) / "stacks"
    with (folder.parent / "stacks.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "refusal.txt").exists():
            command = [sys.executable, "-m", "tests.stacks.synthesise", str(folder)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # no shell
            assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def dev(synthesised: Path) -> Assembly:
    return Assembly(synthesised / "dev")


@pytest.fixture(scope="session")
def staging(synthesised: Path) -> Assembly:
    """With every option of a deployment: mail is received, alarms and a budget tell somebody, X-Ray is on."""
    return Assembly(synthesised / "staging")


@pytest.fixture(scope="session")
def prod(synthesised: Path) -> Assembly:
    return Assembly(synthesised / "prod")
