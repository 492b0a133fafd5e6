"""`make check`: every check, all of them also when one fails; ends with 1 and their names."""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
SPELLED = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs",
    "layers",
    "functions",
    "stacks",
    "demo",
    "drills",
    "local",
)
CHECKS: dict[str, list[str]] = {
    "format": [str(BIN / "ruff"), "format", "--check", "--quiet", "."],
    "lint": [str(BIN / "ruff"), "check", "--quiet", "."],
    "imports": [str(BIN / "lint-imports"), "--no-logo"],
    "spelling": [str(BIN / "codespell"), *SPELLED],
    "catalog": [sys.executable, "-m", "build.catalog", "--check"],
    "schema": [sys.executable, "-m", "build.plan_schema", "--check"],
    "playbooks": [sys.executable, "-m", "build.playbooks", "--check"],
    "onboarding": [sys.executable, "-m", "build.onboarding", "--check"],
    "guarantees": [sys.executable, "-m", "build.guarantees", "--check"],
    "locks": [sys.executable, "requirements/lock.py", "--check"],
    "types": [str(BIN / "mypy")],
}


def main() -> None:
    """Run all; print what failed."""
    failed = []
    for name, command in CHECKS.items():
        started = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        said = "FAILED" if done.returncode else "ok"
        print(f"{name:11} {said:6} {time.monotonic() - started:.1f} s", flush=True)
        if done.returncode:
            failed.append(name)
            print((done.stdout + done.stderr).rstrip(), flush=True)
    if failed:
        sys.exit(f"check: {', '.join(failed)} failed")


if __name__ == "__main__":
    main()
