"""What the layout promises, read from the source: walls, sizes, tenants."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py")) + sorted((ROOT / "sdk" / "python" / "src").rglob("*.py"))
EVERYTHING = SOURCES + sorted((ROOT / "tests").rglob("*.py")) + sorted((ROOT / "benchmarks").rglob("*.py"))
LONGEST_FILE = 500


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", EVERYTHING, ids=_name)
def test_a_file_is_one_idea(path: Path) -> None:
    """No file has 500 lines."""
    assert len(path.read_text("utf-8").splitlines()) < LONGEST_FILE


def test_imports_go_downward_only() -> None:
    """The contracts of import-linter in pyproject.toml hold."""
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


def _repositories() -> Iterator[tuple[str, ast.ClassDef]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Repository"):
                yield f"{_name(path)}:{node.name}", node


REPOSITORIES = dict(_repositories())


@pytest.mark.parametrize("name", REPOSITORIES)
def test_a_repository_is_born_scoped(name: str) -> None:
    """It cannot be made without a connection and a Scope, so a query without a tenant does not exist."""
    made = [node for node in REPOSITORIES[name].body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    assert made, "it has no __init__"
    parameters = {each.arg: ast.unparse(each.annotation) for each in made[0].args.args[1:] if each.annotation}
    assert "Scope" in parameters.values()
    assert "Connection" in parameters.values()
    assert not made[0].args.defaults


def test_there_are_repositories() -> None:
    """The test above looks at something."""
    assert len(REPOSITORIES) >= 5


@pytest.mark.parametrize("path", sorted((ROOT / "src" / "daimon" / "mail").rglob("*.py")), ids=_name)
def test_mail_reads_neither_clock_nor_environment(path: Path) -> None:
    """`mail` is a library of pure functions: it could be published alone."""
    imported = {
        name.partition(".")[0] for node in ast.walk(ast.parse(path.read_text("utf-8"))) for name in _imported(node)
    }
    assert not imported & {"os", "time", "asyncio", "socket", "asyncpg", "uvicorn"}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


@pytest.mark.parametrize("path", sorted((ROOT / "src" / "daimon").rglob("*.py")), ids=_name)
def test_a_users_url_is_opened_by_one_door(path: Path) -> None:
    """Nothing but `kit.safe_http` has an HTTP client; what the terminal's user names himself, `cli` may open."""
    if "safe_http" in path.parts or "cli" in path.parts or "operate" in path.parts:
        return
    tree = ast.parse(path.read_text("utf-8"))
    imported = {name for node in ast.walk(tree) for name in _imported(node)}
    clients = {"aiohttp", "httpx", "requests", "urllib3", "urllib.request", "http.client", "websockets.client"}
    assert not {name for name in imported if name in clients or name.partition(".")[0] in clients}


@pytest.mark.parametrize("path", sorted((ROOT / "src" / "daimon").rglob("*.py")), ids=_name)
def test_stripe_is_known_to_billing_alone(path: Path) -> None:
    """Nothing else imports its package."""
    tree = ast.parse(path.read_text("utf-8"))
    imported = {name.partition(".")[0] for node in ast.walk(tree) for name in _imported(node)}
    assert "stripe" not in imported or "billing" in path.parts


def test_without_stripe_nothing_waits_for_its_package() -> None:
    """It takes half a second to import: no role and no command does so unless it is configured."""
    program = "import sys, daimon.cli, daimon.bootstrap.api, daimon.bootstrap.worker; print('stripe' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_no_operation_writes_in_an_undeclared_way() -> None:
    """Only the operation layer opens transactions for HTTP: a handler works in the one it is lent."""
    for path in sorted((ROOT / "src" / "daimon" / "api").glob("*.py")):
        if path.name != "app.py":
            assert ".transaction()" not in path.read_text("utf-8"), path.name
