"""From an answer to the error that it tells of. It may be a proxy's, so nothing in it is sure to be what it should."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daimon_email._error import DaimonError, Detail
from daimon_email._retry import read_retry_after, seconds_of
from daimon_email.errors import UnexpectedAnswer  # with every class there is


def error_of(status: int, body: Any, headers: Mapping[str, str]) -> DaimonError:
    """Return the error that an answer tells of. `body` is its JSON, or None if it has none."""
    retry_after, request_id = read_retry_after(headers), headers.get("x-request-id")
    if not isinstance(body, Mapping) or not isinstance(body.get("error"), str):
        kind = _BY_STATUS.get(min(status, 500), UnexpectedAnswer)
        return kind(_unheard(status, headers), status=status, retry_after=retry_after, request_id=request_id)
    code, reason = body["error"], _of(str, body.get("code"))
    kind = _BY_REASON.get(reason) or _BY_CODE.get(code) or _BY_STATUS.get(min(status, 500), DaimonError)
    return kind(
        str(body.get("message") or code),
        status=status,
        code=code,
        reason=reason,
        next_steps=[step for step in _of(list, body.get("next_steps")) or () if isinstance(step, str)],
        details=[
            Detail(str(each.get("field")), str(each.get("message")))
            for each in _of(list, body.get("details")) or ()
            if isinstance(each, Mapping)
        ],
        retry_after=retry_after if retry_after is not None else seconds_of(body.get("retry_after")),
        current_usage=_of(Mapping, body.get("current_usage")),
        upgrade_context=_of(Mapping, body.get("upgrade_context")),
        request_id=_of(str, body.get("request_id")) or request_id,
    )


def _of(kind: type[Any] | tuple[type[Any], ...], value: Any) -> Any:
    return value if isinstance(value, kind) else None


def _unheard(status: int, headers: Mapping[str, str]) -> str:
    where = headers.get("location", "").partition("?")[0]  # what stands behind it may let somebody in
    leads = f" and leads to {where}; is the base URL right?" if where else "."
    return f"The server answered with HTTP status {status}{leads}"


def _tree(root: type[DaimonError]) -> list[type[DaimonError]]:
    return [root, *(below for child in root.__subclasses__() for below in _tree(child))]


_ALL = _tree(DaimonError)
_BY_STATUS = {kind._status: kind for kind in _ALL if "_status" in vars(kind)}
_BY_CODE = {kind._code: kind for kind in _ALL if vars(kind).get("_code")}
_BY_REASON = {kind._reason: kind for kind in _ALL if "_reason" in vars(kind) and kind is not DaimonError}
