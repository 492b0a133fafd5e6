"""Makes `.venv` from the locks, with nothing but the standard library: `python3 requirements/install.py`.

Does nothing when `.venv` was made from these very locks. Every package is checked against its hash. uv does
the work and pip is the fall-back, so that a pip configuration that uv does not read still counts.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
LOCKS = (ROOT / "requirements" / "uv.txt", ROOT / "requirements" / "all.txt")
OLDEST = (3, 11)
OLDEST_NODE = 20
PIP_TO_UV = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
}
COMMAND = """#!{python}
import sys
from nightshift.wiring.cli import main
sys.exit(main())
"""


def main() -> None:
    """Make or leave the environment; says what it does."""
    if sys.version_info < OLDEST:
        this = ".".join(map(str, sys.version_info[:2]))
        sys.exit(f"nightshift needs Python 3.11 or newer, this is {this}: try `make PYTHON=python3.13`")
    _need_node()
    stamp = VENV / ".installed-from"
    wanted = _digest()
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    print("setup: packages from requirements/all.txt, each checked against its hash …", flush=True)
    _make()
    _install()
    _link()
    stamp.write_text(wanted, encoding="utf-8")
    print("setup: done", flush=True)


def _digest() -> str:
    content = b"".join(lock.read_bytes() for lock in LOCKS) + sys.version.encode()
    return hashlib.sha256(content).hexdigest()


def _need_node() -> None:
    node = shutil.which("node")
    if node is None:
        sys.exit("nightshift needs Node.js 20 or newer: the AWS CDK runs in it. See https://nodejs.org")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        sys.exit(f"nightshift needs Node.js {OLDEST_NODE} or newer, {node} is {version}")


def _make() -> None:
    if not (VENV / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)


def _install() -> None:
    python = str(VENV / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    subprocess.run([*pip, "--no-deps", "-r", str(LOCKS[0])], check=True)
    given = {
        uv: os.environ[name] for name, uv in PIP_TO_UV.items() if name in os.environ and uv not in os.environ
    }
    sync = [
        str(VENV / "bin" / "uv"),
        "pip",
        "sync",
        "--quiet",
        "--require-hashes",
        "--python",
        python,
        str(LOCKS[1]),
    ]
    if subprocess.run(sync, env={**os.environ, **given}, check=False).returncode:
        print("setup: uv could not; pip does it …", flush=True)
        subprocess.run([*pip, "--no-deps", "-r", str(LOCKS[1])], check=True)


def _link() -> None:
    """Put our package on the path and its command beside the others: the source is what is installed."""
    python = VENV / "bin" / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    found = subprocess.run(
        [str(python), "-c", ask], capture_output=True, text=True, check=True
    ).stdout.strip()
    (Path(found) / "nightshift.pth").write_text(f"{ROOT / 'layers' / 'core' / 'python'}\n", encoding="utf-8")
    command = VENV / "bin" / "nightshift"
    command.write_text(COMMAND.format(python=python), encoding="utf-8")
    command.chmod(0o755)


if __name__ == "__main__":
    main()
