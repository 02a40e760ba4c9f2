"""Where the server is and who asks: from arguments, else from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from math import isfinite
from urllib.parse import urlsplit

from daimon_email._version import __version__

DEFAULT_BASE_URL = "https://api.daimon.email"
DEFAULT_TIMEOUT = 30.0
DEFAULT_MAX_RETRIES = 4


@dataclass(frozen=True)
class Config:
    """What every request of one client has in common."""

    base_url: str
    headers: dict[str, str] = field(repr=False)  # tracebacks show what functions were called with
    timeout: float
    max_retries: int


def configure(api_key: str | None, base_url: str | None, timeout: float, max_retries: int) -> Config:
    """Return the configuration. Raises ValueError for what cannot be right."""
    headers = {"User-Agent": f"daimon-email-python/{__version__}", "Accept": "application/json"}
    key = _key(api_key)
    if key:
        headers["Authorization"] = f"Bearer {key}"
    if not isinstance(timeout, (int, float)) or not isfinite(timeout) or timeout <= 0:
        raise ValueError(f"timeout must be a number of seconds above 0, not {timeout!r}")
    if not isinstance(max_retries, int) or max_retries < 0:
        raise ValueError(f"max_retries must be a whole number, 0 or more, not {max_retries!r}")
    return Config(_url(base_url), headers, timeout, max_retries)


def _url(given: str | None) -> str:
    url = str(given or os.environ.get("DAIMON_BASE_URL") or DEFAULT_BASE_URL).strip().rstrip("/")
    if not _is_of_server(url):  # what was given is not repeated: it may be a key
        raise ValueError(f"base_url must be a URL such as {DEFAULT_BASE_URL}, without user name, query and fragment")
    return url.removesuffix("/v1").rstrip("/")  # each path begins with it


def _is_of_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if not parts.hostname or " " in url or not port_is_right:
        return False
    return parts.scheme in ("http", "https") and "@" not in parts.netloc and not parts.query and not parts.fragment


def _key(given: str | None) -> str:
    if given is not None and not isinstance(given, str):
        raise ValueError("api_key must be a str")
    if given is not None and not given.strip():  # the environment's may reach further than was meant
        raise ValueError("api_key is empty; leave it out to take DAIMON_API_KEY, or to ask without one")
    key = (given or os.environ.get("DAIMON_API_KEY") or "").strip()
    if not key.isascii() or not key.isprintable():
        raise ValueError("api_key holds characters that no key has")
    return key
