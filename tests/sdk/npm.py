"""npm, as a user of the TypeScript client runs it."""

import os
import subprocess
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "sdk" / "typescript"
RUNTIMES = PACKAGE / "test" / "runtimes"


def npm(*arguments: str, where: Path = PACKAGE, **variables: str) -> None:
    """Run a command of npm's; what it said is shown if it fails."""
    run("npm", *arguments, where=where, npm_config_update_notifier="false", **variables)


def run(*command: str | Path, where: Path, **variables: str) -> str:
    """Run a program, and return what it said on its standard output; all of it is shown if it fails."""
    done = subprocess.run(
        command,
        cwd=where,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-8000:]
    return done.stdout
