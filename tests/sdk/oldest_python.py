"""Runs the Python client's tests on the oldest Python and httpx that it takes: `python tests/sdk/oldest_python.py`.

By hand, as neither the machine nor PyPI has one: it is unpacked from Debian 11's packages into `build/`, and nothing is
installed. apt checks their signatures. The server runs on the Python that runs this. Arguments are pytest's.
"""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "python3.9"
PREFIX = BUILD / "root"
PYTHON = BUILD / "python"
SITE = BUILD / "site"

ARCHIVES = ("debian bullseye", "debian-security bullseye-security")
PACKAGES = (
    "python3.9", "python3.9-minimal", "libpython3.9-minimal", "libpython3.9-stdlib", "python3-distutils",
    "libssl1.1", "libffi7", "libmpdec3", "python-pip-whl",
)  # fmt: skip
OLDEST = ("httpx==0.27.0",)
NEEDED = (
    "pytest",
    "pytest-asyncio",
    "pytest-timeout",
    "backports.asyncio.runner",
    "msgspec",
    "standardwebhooks",
    "trio",
)

# What needs a newer Python, or is no test of the client at run time.
NOT_FOR_3_9 = (
    "test_agent_tools",
    "test_generated",
    "test_notebook",
    "test_typing",
    "test_typescript",
    "test_runtimes",
    "test_browser",
    "test_oldest_python",
)
INI = """[pytest]
asyncio_mode = auto
filterwarnings = error
timeout = 120
markers = slow
"""
# Without what the tests below lend to it; types are there at run time, too.
IMPORT = """
import importlib, pkgutil, typing, daimon_email
for module in pkgutil.walk_packages(daimon_email.__path__, "daimon_email."):
    if module.name == "daimon_email.openai_agents":
        continue  # that SDK needs a newer Python
    for value in vars(importlib.import_module(module.name)).values():
        if isinstance(value, type) and value.__module__ == module.name == "daimon_email.models":
            typing.get_type_hints(value)
assert daimon_email.langchain.tools(daimon_email.DaimonClient("dm_x", "http://daimon.test"), "inbox_1")
"""
# The tests themselves are written for the server's Python.
CONFTEST = """
import asyncio
import builtins
import datetime
from backports.asyncio.runner import Runner

def strict(*given, strict=False, zip=zip):
    given = [list(each) for each in given]
    assert not strict or len({len(each) for each in given}) < 2
    return zip(*given)

asyncio.Runner = Runner
builtins.zip = strict
datetime.UTC = datetime.timezone.utc
"""


def main() -> int:
    """Bring the interpreter if it is not here, install the client with its own pip, run the tests."""
    if not PYTHON.exists():
        unpack(download())
        write_program(PYTHON, f"env PYTHONHOME={PREFIX}/usr LD_LIBRARY_PATH={libraries()} {PREFIX}/usr/bin/python3.9")
    install()
    subprocess.run([PYTHON, "-W", "error", "-c", IMPORT], env=os.environ | {"PYTHONPATH": str(SITE)}, check=True)
    folder = BUILD / "tests"
    copy_tests(folder)
    return subprocess.run(
        [PYTHON, "-m", "pytest", "-q", *sys.argv[1:]], cwd=folder, env=os.environ | {"PYTHONPATH": f"{SITE}:{folder}"}
    ).returncode


def download() -> list[Path]:
    """Fetch Debian's packages, by an apt with a state and sources of its own."""
    for name in ("lists/partial", "archives/partial", "packages"):
        (BUILD / "apt" / name).mkdir(parents=True, exist_ok=True)
    apt, keyring = BUILD / "apt", "/usr/share/keyrings/debian-archive-keyring.gpg"
    lines = [f"deb [signed-by={keyring}] http://deb.debian.org/{each} main" for each in ARCHIVES]
    (apt / "sources.list").write_text("\n".join(lines) + "\n")
    (apt / "status").touch()
    options = {
        "Dir::State": apt, "Dir::State::lists": apt / "lists", "Dir::State::status": apt / "status",
        "Dir::Cache": apt, "Dir::Etc::sourcelist": apt / "sources.list", "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null", "APT::Sandbox::User": "", "Acquire::Languages": "none",
    }  # fmt: skip
    own = [argument for name, value in options.items() for argument in ("-o", f"{name}={value}")]
    for command in (["update"], ["download", *PACKAGES]):
        subprocess.run(["apt-get", "-qq", *own, *command], cwd=apt / "packages", check=True)
    return sorted((apt / "packages").glob("*.deb"))


def unpack(packages: list[Path]) -> None:
    """Unpack them, without what they would do to a system that they are installed on."""
    for package in packages:
        subprocess.run(["dpkg-deb", "-x", package, PREFIX], check=True)


def libraries() -> str:
    """Return the folder of the unpacked libraries."""
    return str(next((PREFIX / "usr/lib").glob("*-linux-gnu")))


def install() -> None:
    """Install what a user would: the client, with what it depends on, by the pip of this Python."""
    shutil.rmtree(SITE, ignore_errors=True)
    wheels = ":".join(map(str, (PREFIX / "usr/share/python-wheels").glob("*.whl")))
    pip(wheels, "pip")  # Debian's is of 2020
    pip(str(SITE), *OLDEST, *NEEDED, f"{ROOT}/sdk/python[langchain]")


def pip(path: str, *what: str) -> None:
    """Install into the folder of this Python's packages."""
    said = {"PYTHONPATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--upgrade", "--target", SITE, *what]
    subprocess.run(command, env=os.environ | said, check=True)


def copy_tests(folder: Path) -> None:
    """Copy the client's tests, so that 3.9 can read them; the command `daimon` is that of this Python."""
    shutil.rmtree(folder, ignore_errors=True)
    tests = ROOT / "tests"
    shutil.copytree(tests / "sdk/seed_samples", folder / "tests/sdk/seed_samples")
    for file in (*(tests / "sdk").glob("*.py"), tests / "e2e/serving.py", tests / "npm.py"):
        if file.stem not in NOT_FOR_3_9:
            copy = folder / file.relative_to(ROOT)
            copy.parent.mkdir(exist_ok=True)
            copy.write_text(readable(file.read_text("utf-8")), "utf-8")
    (folder / "sdk/python").mkdir(parents=True)
    samples = (ROOT / "sdk/python/README.md").read_text("utf-8").split("```")
    kept = [each for each in samples if "from agents import" not in each]  # the Agents SDK needs a newer one
    (folder / "sdk/python/README.md").write_text("```".join(kept), "utf-8")
    (folder / "pytest.ini").write_text(INI + "pythonpath = tests\n")
    (folder / "tests/conftest.py").write_text(CONFTEST)
    write_program(folder / "daimon", f"env -u PYTHONHOME -u PYTHONPATH -u LD_LIBRARY_PATH {sys.executable} -m daimon")


def readable(source: str) -> str:
    """Return a module whose annotations are not evaluated, and which starts the server by the command beside it."""
    docstring_ends = ast.parse(source).body[0].end_lineno if source else 0
    lines = source.splitlines(keepends=True)
    lines.insert(docstring_ends or 0, "from __future__ import annotations\n")
    text = "".join(lines)
    text = text.replace('sys.executable, "-m", "daimon"', f'"{BUILD}/tests/daimon"')
    return text.replace("from daimon.config import CLIENT_VARIABLES", "CLIENT_VARIABLES = frozenset()")


def write_program(path: Path, command: str) -> None:
    """Write a program that runs a command with its own arguments."""
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    path.chmod(0o755)


if __name__ == "__main__":
    sys.exit(main())
