"""The text of a setting, read. Each reader raises ValueError saying what it would have taken."""

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

MASK = "***"

_DOMAIN = re.compile(r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\Z")
_HOST = re.compile(r"[A-Za-z0-9._:%-]+\Z")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class HostPort(NamedTuple):
    """Where a server listens; written `host:port`, an IPv6 address in brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{in_url(self.host)}:{self.port}"


def host(text: str) -> str:
    """Read a host name or address to listen on."""
    bare = text.removeprefix("[").removesuffix("]")
    if not _HOST.match(bare):
        raise ValueError("give a host name or an address, such as 127.0.0.1 or ::1")
    return bare


def in_url(text: str) -> str:
    """Return a host as it stands before `:port` (RFC 3986 §3.2.2: IPv6 in brackets)."""
    return f"[{text}]" if ":" in text else text


def whole(lowest: int, highest: int) -> Callable[[str], int]:
    """Return a reader of whole numbers in a range."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not lowest <= int(text) <= highest:
            raise ValueError(f"give a whole number from {lowest} to {highest}")
        return int(text)

    return read


port = whole(0, 65535)


def positive(text: str) -> float:
    """Read a factor above 0, at most 1000."""
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", text) or not 0 < float(text) <= 1000:
        raise ValueError("give a number above 0 and up to 1000")
    return float(text)


def switch(text: str) -> bool:
    """Read yes or no."""
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError("give true or false")
    return text.lower() in _TRUE


def host_port(text: str) -> HostPort:
    """Read `host:port`."""
    wrong = "give host:port, such as 127.0.0.1:53 or [::1]:53"
    name, colon, number = text.rpartition(":")
    if not colon or not name or (":" in name) != name.startswith("["):
        raise ValueError(wrong)
    try:
        return HostPort(host(name), whole(1, 65535)(number))
    except ValueError:
        raise ValueError(wrong) from None


def domain(text: str) -> str:
    """Read a domain name; one in another script in its A-label form (RFC 5890)."""
    if not _DOMAIN.match(text.lower()):
        raise ValueError("give a domain name, such as example.com")
    return text.lower()


def directory(text: str) -> Path:
    """Read the path of a directory, made absolute."""
    if "\0" in text:
        raise ValueError("give a path")
    return Path(text).expanduser().absolute()


def domains(text: str) -> tuple[str, ...]:
    """Read domain names, separated by commas."""
    found = tuple(domain(word) for word in words(text))
    if not found:
        raise ValueError("give domain names separated by commas, such as mx1.example.com,mx2.example.com")
    return found


def readable_file(text: str) -> Path:
    """Read the path of a file that is there."""
    path = directory(text)
    try:
        path.open("rb").close()
    except OSError as error:
        raise ValueError(f"give a readable file ({error.strerror})") from error
    return path


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Read addresses and networks, separated by commas."""
    try:
        return tuple(ip_network(each, strict=False) for each in words(text))
    except ValueError:
        raise ValueError("give addresses or networks separated by commas, such as 10.0.0.0/8,::1") from None


def words(text: str) -> tuple[str, ...]:
    """Read words, separated by commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def one_of(*known: str) -> Callable[[str], str]:
    """Return a reader of one word of a few."""

    def read(text: str) -> str:
        if text.lower() not in known:
            raise ValueError(f"give one of {', '.join(known)}")
        return text.lower()

    return read


def some_of(*known: str) -> Callable[[str], tuple[str, ...]]:
    """Return a reader of words of a few, separated by commas."""

    def read(text: str) -> tuple[str, ...]:
        found = words(text)
        if unknown := [word for word in found if word not in known]:
            raise ValueError(f"{unknown[0]!r} is not one of {', '.join(known)}")
        return tuple(dict.fromkeys(found))

    return read


def secret(shortest: int = 1) -> Callable[[str], str]:
    """Return a reader of a secret with a least length."""

    def read(text: str) -> str:
        if len(text) < shortest:
            raise ValueError(f"give at least {shortest} characters")
        return text

    return read


def url(*schemes: str) -> Callable[[str], str]:
    """Return a reader of URLs with one of these schemes."""

    def read(text: str) -> str:
        try:
            parts = urlsplit(text)
            usable = parts.scheme in schemes and bool(parts.netloc or parts.query or parts.path.strip("/"))
            _ = parts.port
        except ValueError:
            usable = False
        if not usable or any(ord(each) <= 0x20 for each in text):
            raise ValueError(f"give a URL that begins with {' or '.join(f'{each}://' for each in schemes)}")
        return text

    return read


def web_url(text: str) -> str:
    """Read an http or https URL; a slash at its end is dropped."""
    found = url("http", "https")(text)
    if not urlsplit(found).hostname:
        raise ValueError("give a URL with a host, such as https://mail.example.com")
    return found.rstrip("/")


def without_password(text: str) -> str:
    """Return a URL that may be shown."""
    parts = urlsplit(text)
    netloc = parts.netloc
    if parts.password is not None:
        user, _, place = netloc.rpartition("@")
        netloc = f"{user.partition(':')[0]}:{MASK}@{place}"
    query = parts.query
    if "password" in query:
        pairs = parse_qsl(query, keep_blank_values=True)
        query = urlencode(
            [(name, MASK if "password" in name else value) for name, value in pairs], safe="/*", quote_via=quote
        )
    return urlunsplit(parts._replace(netloc=netloc, query=query))
