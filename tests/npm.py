"""npm, as a user of the TypeScript client runs it."""

import os
import shutil
import subprocess
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "sdk" / "typescript"
RUNTIMES = PACKAGE / "test" / "runtimes"
PATIENCE = 900  # seconds, for a test that may have to install what others wait for, or to wait for it


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


def install_client(directory: Path) -> None:
    """Build and install the TypeScript client as docs/quick-start.md says, and pack it as it would be published.

    What is installed stays as it is when the client is built again.
    """
    from docs.pages import ROOT, samples

    (directory / "sdk").symlink_to(ROOT / "sdk")
    [commands] = [sample.text for sample in samples("docs/quick-start.md") if "npm ci" in sample.text]
    run("bash", "-euc", commands, where=directory)
    installed = directory / "node_modules/daimon-email"
    source = installed.resolve()
    installed.unlink()
    shutil.copytree(source, installed, ignore=shutil.ignore_patterns("node_modules"))
    npm("pack", f"--pack-destination={directory}")
