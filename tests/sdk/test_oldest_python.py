"""The Python client needs no Python newer than it says. `oldest_python.py` beside this runs its tests on that one."""

import subprocess
import sys
import tomllib
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "sdk" / "python"
OLDEST = tomllib.loads((PACKAGE / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"].removeprefix(">=")
TOO_NEW = {
    "a keyword": "zip([], [], strict=True)\n",
    "a name": "import datetime\nprint(datetime.UTC)\n",
    "a module": "import tomllib\n",
    "a statement": "match 1:\n    case 1:\n        pass\n",
    "a type": "from typing import Self\n",
}


def needs(*what: Path) -> "subprocess.CompletedProcess[str]":
    """Ask vermin whether the oldest Python does for files, for annotations that are evaluated, too."""
    return subprocess.run(
        [
            Path(sys.executable).with_name("vermin"),
            f"-t={OLDEST}-",
            "--violations",
            "--no-tips",
            "--eval-annotations",
            *what,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_client_needs_no_newer_one() -> None:
    """In its syntax, and in what it takes from the standard library."""
    asked = needs(PACKAGE / "src")
    assert asked.returncode == 0, asked.stdout


def test_what_is_newer_would_be_found(tmp_path: Path) -> None:
    """Whatever it is."""
    for name, source in TOO_NEW.items():
        program = tmp_path / f"{name.replace(' ', '_')}.py"
        program.write_text(source)
        assert "Target versions not met" in needs(program).stdout, name
