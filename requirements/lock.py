"""Writes the locks from the dependency groups of `pyproject.toml`, or with `--check` says whether they are up to date.

One file with hashes for each group in `GROUPS`: `all` is what a developer installs, the others are what the
layers hold. What is pinned stays pinned; `--upgrade` takes the newest that the groups allow.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "requirements"
GROUPS = ("all", "base", "http", "identity", "expressions")
UV_NOTE = "    # the lock of the tool that installs the rest; `make locks` copies it from all.txt\n"


def main() -> None:
    """Write, or compare and end with 1 naming the files that are out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--upgrade", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        wanted = _compile(Path(made), upgrade=given.upgrade)
    stale = [name for name, text in wanted.items() if _now(name) != text]
    if not given.check:
        for name in stale:
            (FOLDER / name).write_text(wanted[name], encoding="utf-8")
        print(f"locks: {', '.join(stale) or 'nothing'} written")
    elif stale:
        sys.exit(f"locks: {', '.join(stale)} out of date with pyproject.toml; run `make locks`")


def _now(name: str) -> str:
    path = FOLDER / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _compile(folder: Path, *, upgrade: bool) -> dict[str, str]:
    wanted: dict[str, str] = {}
    pins = folder / "pins.txt"
    if not upgrade:
        pins.write_text(_now("all.txt"), encoding="utf-8")
    for group in GROUPS:
        command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--group", f"pyproject.toml:{group}"]
        command += ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-header"]
        command += ["--constraints", str(pins)] if pins.exists() else []
        command += ["--no-annotate"] if group != "all" else []
        made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if made.returncode:
            sys.exit(f"locks: uv could not resolve the group {group}:\n{made.stderr}")
        wanted[f"{group}.txt"] = re.sub(r"\n    #   -c [^\n]*", "", made.stdout)
        if group == "all":
            pins.write_text(made.stdout, encoding="utf-8")
    block = re.search(r"^uv==(?:.*\\\n)+.*\n", wanted["all.txt"], re.MULTILINE)
    if block is None:
        sys.exit("locks: the group `all` holds no uv")
    wanted["uv.txt"] = block.group() + UV_NOTE
    return wanted


if __name__ == "__main__":
    main()
