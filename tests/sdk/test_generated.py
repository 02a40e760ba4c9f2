"""What is generated from openapi.json is there, whole, and not older than it."""

import json
import re
import subprocess
import sys
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from daimon_email import AsyncDaimonClient, DaimonClient

ROOT = Path(__file__).parents[2]
TYPESCRIPT = ROOT / "sdk" / "typescript" / "src"


def generate(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "sdk.generate", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def listed() -> dict[str, Any]:
    """Which method each operation is."""
    found: dict[str, Any] = json.loads(generate("--list").stdout)
    return found


def test_no_generated_file_is_stale() -> None:
    """`make sdk` after each change of the API."""
    done = generate("--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_operation_is_a_method_or_left_out_for_a_reason(listed: dict[str, Any]) -> None:
    """Those that are left out answer with a page, or by another protocol."""
    document = json.loads((ROOT / "openapi.json").read_text("utf-8"))
    every = {each["operationId"]: each for verbs in document["paths"].values() for each in verbs.values()}
    assert every.keys() == listed["methods"].keys() | listed["left_out"].keys()
    opened = {each["operationId"] for path, verbs in document["paths"].items() for each in verbs.values()
              if not path.startswith("/v1/")}  # fmt: skip
    for name, reason in listed["left_out"].items():
        content = {media for each in every[name]["responses"].values() for media in each.get("content", {})}
        assert reason
        assert (reason == "a page for people") == ("text/html" in content and name in opened)


def test_python_has_every_operation(listed: dict[str, Any]) -> None:
    """Blocking and asynchronous, each with a docstring."""
    with DaimonClient(base_url="http://daimon.test") as client:
        for way in (client, AsyncDaimonClient(base_url="http://daimon.test")):
            for operation, method in listed["methods"].items():
                found = reduce(getattr, method.split("."), way)
                assert callable(found), f"{operation} is no {method}"
                assert found.__doc__


def test_typescript_has_every_operation(listed: dict[str, Any]) -> None:
    """By the same names in camelCase; what is written by hand is in a file of its own."""
    for operation, method in listed["methods"].items():
        resource, _, name = method.rpartition(".")
        text = (TYPESCRIPT / "resources" / f"{resource or 'index'}.ts").read_text("utf-8")
        text += (TYPESCRIPT / "by-hand.ts").read_text("utf-8")
        camel = re.sub(r"_(\w)", lambda found: found[1].upper(), name)
        assert re.search(rf"^  (async )?{camel}\(", text, re.MULTILINE), f"{operation} is no {resource}.{camel}"
