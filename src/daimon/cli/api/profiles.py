"""Profiles: servers and keys under names, in a file that only its owner reads; the environment goes before it."""

import argparse
import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from daimon.cli.parsing import BadUsage

DEFAULT_URL = "http://127.0.0.1:8080"
DEFAULT = "default"
_USED = "used"  # marks the profile that `daimon profiles use` chose

Profiles = dict[str, dict[str, Any]]


class Connection(NamedTuple):
    """Where the API is, which key to show, and of which profile that is, if of one."""

    base_url: str
    api_key: str | None
    profile: str | None = None


def add_connection(parser: argparse._ActionsContainer) -> None:
    """Add the flags that say which server and which key."""
    parser.add_argument("--profile", metavar="NAME", help="whose server and key; default: $DAIMON_PROFILE")
    add_base_url(parser)


def add_base_url(parser: argparse._ActionsContainer) -> None:
    """Add the flag that says which server."""
    told = f"the API's address; default: $DAIMON_BASE_URL, or {DEFAULT_URL}"
    parser.add_argument("--base-url", dest="base_url", metavar="URL", help=told)


def connection(profile: str | None, base_url: str | None, *, default: bool = True) -> Connection:
    """Return where to call and with which key. Raises BadUsage for a profile that is not there.

    A profile that is named goes before `DAIMON_API_KEY` and `DAIMON_BASE_URL`, and these before the one in use, which
    counts by `default` alone.
    """
    named = profile or os.environ.get("DAIMON_PROFILE")
    key = None if named else os.environ.get("DAIMON_API_KEY") or None
    url = base_url or (None if named else os.environ.get("DAIMON_BASE_URL"))
    if key is None and (named or default):
        known = read()
        if named and named not in known:
            raise BadUsage(f"there is no profile {named!r}; `daimon login --profile {named}` makes it")
        name = named or used(known)
        kept = known.get(name, {})
        key = kept.get("api_key")
        if key and not base_url:
            _check_same(name, kept.get("base_url") or DEFAULT_URL, url)
        url = url or kept.get("base_url")
    else:
        name = None
    if key is not None and not (key.isascii() and key.isprintable()):
        raise BadUsage("the key has characters in it that no key has")
    return Connection(checked_url(url or DEFAULT_URL), key or None, name if key else None)


def _check_same(name: str, kept: str, url: str | None) -> None:
    """Raise BadUsage if the environment names another server than that of a profile, whose key it would be told."""
    if url and checked_url(url) != checked_url(kept):
        raise BadUsage(
            f"the key of the profile {name!r} is for {kept}, and DAIMON_BASE_URL is another server: unset it, give"
            f" --profile {name} or --base-url, or set DAIMON_API_KEY"
        )


def with_key(profile: str | None, base_url: str | None) -> Connection:
    """Return the same for a command that needs a key. Raises BadUsage if there is none."""
    found = connection(profile, base_url)
    if found.api_key is None:
        raise BadUsage("there is no key: set DAIMON_API_KEY, or keep one by `daimon login`")
    return found


def checked_url(url: str) -> str:
    """Return the address of an API. Raises BadUsage for what is none."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        good = parts.scheme in ("http", "https") and bool(host) and parts.port != 0
    except (ValueError, UnicodeError):
        good = False
    if not good or not url.isascii() or not url.isprintable() or " " in url or parts.query or parts.fragment:
        raise BadUsage(f"{url!r} is not a URL such as {DEFAULT_URL}")
    if "@" in parts.netloc:
        raise BadUsage("a URL with a name and a password in it is not taken: a key goes into a profile")
    return url.rstrip("/").removesuffix("/v1").rstrip("/")  # each path begins with it


def used(known: Profiles) -> str:
    """Return the name of the profile that counts when none is named."""
    return next((name for name, each in known.items() if each.get(_USED)), DEFAULT)


def keep(name: str, base_url: str, api_key: str) -> Path:
    """Keep a server and a key under a name; return where. Raises BadUsage if that cannot be."""
    with _changed() as known:
        known[name] = {**known.get(name, {}), "base_url": base_url, "api_key": api_key}
    return path()


def use(name: str) -> None:
    """Let a profile count when none is named. Raises BadUsage for one that is not there."""
    with _changed() as known:
        _must_be(name, known)
        for each, kept in known.items():
            kept.pop(_USED, None)
            if each == name:
                kept[_USED] = True


def remove(name: str) -> None:
    """Forget a profile. Raises BadUsage for one that is not there."""
    with _changed() as known:
        _must_be(name, known)
        del known[name]


def check_writable() -> None:
    """Raise BadUsage if nothing can be kept, before something comes that has to be."""
    with _changed():
        pass


def path() -> Path:
    """Return where profiles are kept. Raises BadUsage where nobody has a home."""
    home = os.environ.get("XDG_CONFIG_HOME")
    try:
        return (Path(home) if home else Path.home() / ".config") / "daimon" / "profiles.json"
    except RuntimeError:
        raise BadUsage("there is no home directory: set HOME or XDG_CONFIG_HOME") from None


def read() -> Profiles:
    """Return all profiles. Raises BadUsage for a file that holds none."""
    where = path()
    try:
        with where.open(encoding="utf-8") as file:
            _close_to_others(file.fileno())
            found = json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise BadUsage(f"{where} cannot be read: {error}") from error
    if not isinstance(found, dict) or not all(map(_is_profile, found.values())):
        raise BadUsage(f"{where} does not hold profiles; mend it, or move it away and call `daimon login`")
    return found


def _close_to_others(handle: int) -> None:
    """Take away what others may do to a file of keys, such as one that was copied from elsewhere."""
    with contextlib.suppress(OSError):
        if os.fstat(handle).st_mode & 0o077:
            os.fchmod(handle, 0o600)


def _is_profile(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(value.get(name), (str, type(None))) for name in ("base_url", "api_key")
    )


def _must_be(name: str, known: Profiles) -> None:
    if name not in known:
        there = f"there are {', '.join(sorted(known))}" if known else "there is none"
        raise BadUsage(f"there is no profile {name!r}; {there}")


@contextlib.contextmanager
def _changed() -> Iterator[Profiles]:
    """Give the profiles to be changed, and write what became of them; other commands wait for that."""
    import fcntl

    where = path()
    try:
        where.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = os.open(where.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            known = read()
            yield known
            _write(where.resolve(), known)  # behind a link, such as of a collection of dotfiles
        finally:
            os.close(held)
    except OSError as error:
        raise BadUsage(f"{where} cannot be written: {error.strerror or error}") from error


def _write(where: Path, known: Profiles) -> None:
    """Replace the file in one step; nobody else may read it at any moment."""
    import tempfile

    handle, made = tempfile.mkstemp(dir=where.parent, prefix=".profiles")  # with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(known, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        Path(made).replace(where)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(made).unlink()
        raise
