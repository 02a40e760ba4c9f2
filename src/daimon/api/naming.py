"""Errors whose next steps name what a request was about, so that a script can follow them as they stand."""

import re
from urllib.parse import unquote

from daimon.api.request import Request
from daimon.kit.errors import DaimonError

# Steps are the server's own words (kit/written.py): of a path they take what is an id, or an address in a narrow form.
_NAMES = re.compile(r"[a-z]+_[0-9a-f]{32}|[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")


def with_ids(error: DaimonError, request: Request) -> DaimonError:
    """Put what the path names into the places that the steps have for it, such as `{inbox_id}`."""
    if not any("{" in step for step in error.steps):
        return error
    return error.about(**_named(request.route, request.raw_path.decode("latin-1")))


def _named(route: str, path: str) -> dict[str, str]:
    segments = zip(route.split("/"), map(unquote, path.split("/")), strict=False)
    return {name.strip("{}"): value for name, value in segments if name.startswith("{") and _NAMES.fullmatch(value)}
