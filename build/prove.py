"""Take the code behind each promise away, one at a time, and see the promise's tests fail.

`python build/prove.py [GUARANTEE ...]`. Works on copies in a temporary folder; the tree stays as it is.
Exit 1 when a test passes without the code it is there for.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from build.guarantees import marked  # noqa: E402  # after the path is set

_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".local", "cdk.out", "__pycache__", ".*_cache", ".hypothesis"
)


def prove(guarantee: str, file: str, old: str, new: str) -> str:
    """Why the promise is not proven, or nothing."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "main"
        shutil.copytree(ROOT, copy, ignore=_LEFT_OUT)
        shared = ROOT.parent / "shared"
        if shared.exists():
            (Path(folder) / "shared").symlink_to(shared)
        target = copy / file
        text = target.read_text(encoding="utf-8")
        if text.count(old) != 1:
            return f"{file} does not hold the code once"
        target.write_text(text.replace(old, new), encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": f"{copy / 'layers/core/python'}{os.pathsep}{copy}"}
        files = sorted({name.split("::")[0] for name in marked()[guarantee]})
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--guarantee", guarantee, *files]
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 1:
        return ""
    return f"pytest ended with {done.returncode}: {done.stdout[-300:]}"


def main() -> int:
    """Prove all, or those named."""
    from tests.mutations import MUTATIONS  # noqa: PLC0415  # after the path is set

    wanted = set(sys.argv[1:])
    failed = 0
    for mutation in MUTATIONS:
        if wanted and mutation.guarantee not in wanted:
            continue
        began = time.monotonic()
        why = prove(mutation.guarantee, mutation.file, mutation.old, mutation.new)
        failed += bool(why)
        verdict = f"NOT PROVEN: {why}" if why else "its test fails without it"
        sys.stdout.write(f"{mutation.guarantee:45s} {time.monotonic() - began:5.1f} s  {verdict}\n")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
