"""Where the server is and who asks: from arguments, else from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from daimon_email._version import __version__

DEFAULT_BASE_URL = "https://api.daimon.email"
DEFAULT_TIMEOUT = 30.0
DEFAULT_MAX_RETRIES = 4


@dataclass(frozen=True)
class Config:
    """What every request of one client has in common."""

    base_url: str
    headers: dict[str, str]
    timeout: float
    max_retries: int


def configure(api_key: str | None, base_url: str | None, timeout: float, max_retries: int) -> Config:
    """Return the configuration. Raises ValueError for a base URL or a key that cannot be right."""
    url = (base_url or os.environ.get("DAIMON_BASE_URL") or DEFAULT_BASE_URL).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"base_url must be a URL such as {DEFAULT_BASE_URL}, not {url!r}")
    headers = {"User-Agent": f"daimon-email-python/{__version__}", "Accept": "application/json"}
    if api_key is not None and not api_key.strip():  # the environment's may reach further than was meant
        raise ValueError("api_key is empty; leave it out to take DAIMON_API_KEY, or to ask without one")
    key = (api_key or os.environ.get("DAIMON_API_KEY") or "").strip()
    if key:
        if not key.isascii() or not key.isprintable():
            raise ValueError("api_key holds characters that no key has")
        headers["Authorization"] = f"Bearer {key}"
    return Config(url, headers, timeout, max_retries)
