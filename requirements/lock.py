"""Writes the locks from the dependency groups of `pyproject.toml`; with `--check` only compares them.

One file with hashes for `all`, which a developer installs, and for each group that is a layer. What is
pinned stays pinned; `--upgrade` takes the newest that the groups allow.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "requirements"
LAYERS = ("base", "http", "identity", "expressions", "mail", "seal")
OPTIONS = (
    "--quiet",
    "--universal",
    "--python-version",
    "3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-header",
)
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
    pins = folder / "all.txt"
    if not upgrade:
        pins.write_text(_now("all.txt"), encoding="utf-8")  # uv keeps what stands in the file it writes
    _uv("all", "--output-file", str(pins))
    wanted = {"all.txt": pins.read_text(encoding="utf-8")}
    for group in LAYERS:
        wanted[f"{group}.txt"] = _uv(group, "--constraints", str(pins), "--no-annotate")
    block = re.search(r"^uv==(?:.*\\\n)+.*\n", wanted["all.txt"], re.MULTILINE)
    if block is None:
        sys.exit("locks: the group `all` holds no uv")
    wanted["uv.txt"] = block.group() + UV_NOTE
    return wanted


def _uv(group: str, *options: str) -> str:
    command = [
        str(Path(sys.executable).with_name("uv")),
        "pip",
        "compile",
        "--group",
        f"pyproject.toml:{group}",
    ]
    made = subprocess.run(
        [*command, *OPTIONS, *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if made.returncode:
        sys.exit(f"locks: uv could not resolve the group {group}:\n{made.stderr}")
    return made.stdout


if __name__ == "__main__":
    main()
