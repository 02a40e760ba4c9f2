"""Load on an HTTP server by `wrk` (Debian's package), with a script for requests that are not a plain GET."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

_POST = """
wrk.method = "POST"
wrk.body = "{}"
wrk.headers["Content-Type"] = "application/json"
"""


def install() -> None:
    """Install wrk, if it is missing and we may."""
    if shutil.which("wrk"):
        return
    if os.geteuid() != 0:
        raise SystemExit("this benchmark needs Debian's package wrk; install it, or run as root")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "install", "-y", "-qq", "wrk"], check=True, env=environment, stdout=subprocess.DEVNULL)


def requests_per_second(url: str, *, key: str, seconds: int, connections: int = 16, post: bool = False) -> float:
    """Return the requests a second that were answered 2xx. It fails if any was answered otherwise."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Authorization: Bearer {key}"]
    with tempfile.TemporaryDirectory() as directory:
        if post:
            script = Path(directory, "post.lua")
            script.write_text(_POST)
            command += ["-s", str(script)]
        shown = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in shown or "Socket errors" in shown:
        raise RuntimeError(shown)
    found = re.search(r"Requests/sec:\s+([\d.]+)", shown)
    assert found
    return float(found[1])
