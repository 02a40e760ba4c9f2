"""The TypeScript client as it is published, on the oldest Node that it promises, on Deno and on Bun: what they find."""

import json
import shutil
from pathlib import Path

import pytest

from e2e.serving import Serving
from npm import PACKAGE, PATIENCE, RUNTIMES, npm, run
from once import Once

from .walking import STEPS, Peer, given

pytestmark = [pytest.mark.slow, pytest.mark.timeout(PATIENCE)]

BINARIES = RUNTIMES / "node_modules"
PROGRAMS_AT = {"node": "node-linux-*/bin/node", "deno": "@deno/linux-*/deno", "bun": "@oven/bun-linux-*/bin/bun"}
COMMANDS = {
    "node 18, import": ["node", "--no-warnings", "esm.mjs"],
    "node 18, require": ["node", "--no-warnings", "cjs.cjs"],
    "deno": ["deno", "run", "--no-prompt", "--allow-net", "--allow-read", "esm.mjs"],
    "bun, import": ["bun", "run", "esm.mjs"],
    "bun, require": ["bun", "run", "cjs.cjs"],
}


def program(name: str) -> Path:
    """Return a runtime's program: npm brings that of this machine alone."""
    [found] = BINARIES.glob(PROGRAMS_AT[name])
    return found


@pytest.fixture(scope="session")
def runtimes(once: Once) -> None:
    """Bring the runtimes: their packages are the programs themselves, so no script of theirs need run."""
    once.made("runtimes", _install)


def _install(_: Path) -> None:
    lock, installed = RUNTIMES / "package-lock.json", BINARIES / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", where=RUNTIMES)


@pytest.mark.usefixtures("runtimes")
@pytest.mark.parametrize("name", COMMANDS)
def test_the_walk(name: str, project: Path, served: Serving, answering: Peer) -> None:
    """Every kind of call, as a module and as CommonJS, with a file from a path; Deno lends no environment."""
    (project / "report.bin").write_bytes(bytes(range(256)))
    told = given(served, answering, name.replace(" ", "").replace(",", "-")) | {"path": "report.bin"}
    runtime, *arguments = COMMANDS[name]
    said = run(program(runtime), *arguments, json.dumps(told), where=project, DENO_NO_UPDATE_CHECK="1")
    assert json.loads(said) == STEPS


# How a program of each kind looks the package's types up, and which globals it has.
PROGRAMS: dict[str, dict[str, object]] = {
    "node, both kinds of modules": {"module": "NodeNext", "types": [], "lib": ["ES2022", "DOM", "DOM.Iterable"]},
    "bun": {"module": "Preserve", "moduleResolution": "Bundler", "types": ["bun"], "lib": ["ESNext"]},
}


@pytest.mark.usefixtures("runtimes")
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_types_of_what_is_packed(name: str, project: Path, tmp_path: Path) -> None:
    """`tsc --strict` takes what is right and finds each mistake that test/types.ts says there is."""
    (tmp_path / "node_modules").symlink_to(project / "node_modules")
    files = [tmp_path / "user.mts", *([tmp_path / "user.cts"] if "both" in name else [])]
    for file in files:
        shutil.copy(PACKAGE / "test/types.ts", file)
    options = {"strict": True, "noEmit": True, "target": "ES2022", "typeRoots": [str(BINARIES / "@types")]}
    config = {"compilerOptions": options | PROGRAMS[name], "files": [file.name for file in files]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(config))
    run(PACKAGE / "node_modules/.bin/tsc", "--project", tmp_path, where=tmp_path)


@pytest.mark.usefixtures("runtimes")
def test_the_types_are_right_for_deno(project: Path) -> None:
    """`deno check`, the same."""
    shutil.copy(PACKAGE / "test/types.ts", project)
    run(program("deno"), "check", "types.ts", where=project, DENO_NO_UPDATE_CHECK="1")
