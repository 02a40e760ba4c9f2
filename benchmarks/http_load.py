"""Load on an HTTP server by `wrk` (Debian's package), with a script for requests that are not a plain GET."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

_POST = """
wrk.method = "POST"
wrk.body = "{}"
wrk.headers["Content-Type"] = "application/json"
"""


# Requests in turn over several keys and bodies.
_TURNS = """
local keys, bodies, n = {%s}, {%s}, 0
request = function()
   n = n + 1
   local headers = {["Authorization"] = "Bearer " .. keys[n %% #keys + 1], ["Content-Type"] = "application/json"}
   return wrk.format("%s", nil, headers, bodies[n %% #bodies + 1])
end
"""


def install() -> None:
    """Install wrk, if it is missing and we may."""
    if shutil.which("wrk"):
        return
    if os.geteuid() != 0:
        raise SystemExit("this benchmark needs Debian's package wrk; install it, or run as root")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "install", "-y", "-qq", "wrk"], check=True, env=environment, stdout=subprocess.DEVNULL)


def turns_per_second(
    url: str,
    *,
    keys: Sequence[str],
    seconds: int,
    method: str = "GET",
    bodies: Sequence[str] = ("",),
    connections: int = 16,
) -> float:
    """Return the requests a second that were answered 2xx, sent with each key and each body in turn."""
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory, "turns.lua")
        script.write_text(_TURNS % (", ".join(map(_lua, keys)), ", ".join(map(_lua, bodies)), method))
        return _rate(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url])


def _lua(text: str) -> str:
    return f"[[{text}]]"


def requests_per_second(url: str, *, key: str, seconds: int, connections: int = 16, post: bool = False) -> float:
    """Return the requests a second that were answered 2xx. It fails if any was answered otherwise."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Authorization: Bearer {key}"]
    with tempfile.TemporaryDirectory() as directory:
        if post:
            script = Path(directory, "post.lua")
            script.write_text(_POST)
            command += ["-s", str(script)]
        return _rate([*command, url])


def _rate(command: Sequence[str]) -> float:
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in shown or "Socket errors" in shown:
        raise RuntimeError(shown)
    found = re.search(r"Requests/sec:\s+([\d.]+)", shown)
    assert found
    return float(found[1])
