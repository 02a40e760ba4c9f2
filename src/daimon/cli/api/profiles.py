"""Profiles: servers and keys under names, in a file that only its owner reads; the environment goes before it."""

import argparse
import contextlib
import getpass
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from daimon.cli.api.calling import Connection
from daimon.cli.parsing import BadUsage, Commands, command, group

DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT = "default"

Profiles = dict[str, dict[str, Any]]


def add(commands: Commands) -> None:
    """Add the commands about profiles."""
    login = command(commands, "login", _login, "keep a key in a profile; it is read from standard input")
    login.add_argument("--profile", default=DEFAULT, help=f"its name ({DEFAULT})")
    login.add_argument("--base-url", metavar="URL", help=f"the API's ($DAIMON_BASE_URL, {DEFAULT_URL})")
    profiles = group(commands, "profiles", "servers and keys under names")
    listed = command(profiles, "list", _list, "list the profiles; their keys are not shown")
    listed.add_argument("--json", action="store_true", help="print JSON")
    command(profiles, "remove", _remove, "forget a profile").add_argument("name")


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say which server and which key."""
    parser.add_argument("--profile", metavar="NAME", help="whose server and key ($DAIMON_PROFILE)")
    parser.add_argument(
        "--base-url", dest="base_url", metavar="URL", help=f"the API's ($DAIMON_BASE_URL, {DEFAULT_URL})"
    )


def connection(profile: str | None, base_url: str | None) -> Connection:
    """Return where to call and with which key. Raises BadUsage for a profile that is not there.

    A profile that is named goes before `DAIMON_API_KEY` and `DAIMON_BASE_URL`, and these before the default profile.
    """
    named = profile or os.environ.get("DAIMON_PROFILE")
    known = _read()
    if named and named not in known:
        raise BadUsage(f"there is no profile {named!r}; `daimon login --profile {named}` makes it")
    kept = known.get(named or DEFAULT, {})
    if named:
        url, key = base_url or kept.get("base_url"), kept.get("api_key")
    else:
        key = os.environ.get("DAIMON_API_KEY")
        url = base_url or os.environ.get("DAIMON_BASE_URL")
        if key is None:
            key, url = kept.get("api_key"), url or kept.get("base_url")
    if key is not None and not (key.isascii() and key.isprintable()):
        raise BadUsage("the key has characters in it that no key has")
    return Connection(_checked(url or DEFAULT_URL), key or None)


def keep(name: str, base_url: str, api_key: str) -> Path:
    """Keep a server and a key under a name; return where."""
    path = _path()
    known = _read() | {name: {"base_url": base_url, "api_key": api_key}}
    _write(path, known)
    return path


def _path() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "daimon" / "profiles.json"


def _read() -> Profiles:
    path = _path()
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadUsage(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise BadUsage(f"{path} does not hold profiles")
    return found


def _write(path: Path, known: Profiles) -> None:
    """Replace the file in one step; nobody else may read it at any moment."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, made = tempfile.mkstemp(dir=path.parent)  # with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(known, file, indent=1)
        Path(made).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(made).unlink()
        raise


def _checked(url: str) -> str:
    if not url.startswith(("http://", "https://")) or not url.isascii() or " " in url:
        raise BadUsage(f"{url!r} is not a URL such as {DEFAULT_URL}")
    return url.rstrip("/")


def _login(arguments: argparse.Namespace) -> None:
    key = getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline()
    key = key.strip()
    if not (key and key.isascii() and key.isprintable()):
        raise BadUsage("that is no key")
    url = _checked(arguments.base_url or os.environ.get("DAIMON_BASE_URL") or DEFAULT_URL)
    path = keep(arguments.profile, url, key)
    print(f"The key for {url} is kept as {arguments.profile!r} in {path}.")


def _list(arguments: argparse.Namespace) -> None:
    from daimon.operate.output import as_json, as_table

    rows = [{"name": name, "base_url": each.get("base_url")} for name, each in sorted(_read().items())]
    print(as_json(rows) if arguments.json else as_table(rows, ("name", "base_url")))


def _remove(arguments: argparse.Namespace) -> None:
    known = _read()
    if known.pop(arguments.name, None) is None:
        raise BadUsage(f"there is no profile {arguments.name!r}")
    _write(_path(), known)
