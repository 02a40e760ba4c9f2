"""From an answer to the error that it tells of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daimon_email._error import DaimonError, Detail
from daimon_email.errors import UnexpectedAnswer  # with every class there is


def error_of(status: int, body: Any, request_id: str | None, retry_after: float | None) -> DaimonError:
    """Return the error that an answer tells of. `body` is its JSON, or None if it has none."""
    if not isinstance(body, Mapping) or not isinstance(body.get("error"), str):
        kind = _BY_STATUS.get(min(status, 500), UnexpectedAnswer)
        return kind(f"The server answered with HTTP status {status}.", status=status, request_id=request_id)
    code, reason = body["error"], body.get("code")
    kind = _BY_REASON.get(reason) or _BY_CODE.get(code) or _BY_STATUS.get(min(status, 500), DaimonError)
    return kind(
        str(body.get("message") or code),
        status=status,
        code=code,
        reason=reason,
        next_steps=body.get("next_steps") or (),
        details=[Detail(str(each.get("field")), str(each.get("message"))) for each in body.get("details") or ()],
        retry_after=retry_after if retry_after is not None else body.get("retry_after"),
        current_usage=body.get("current_usage"),
        upgrade_context=body.get("upgrade_context"),
        request_id=body.get("request_id") or request_id,
    )


def _tree(root: type[DaimonError]) -> list[type[DaimonError]]:
    return [root, *(below for child in root.__subclasses__() for below in _tree(child))]


_ALL = _tree(DaimonError)
_BY_STATUS = {kind._status: kind for kind in _ALL if "_status" in vars(kind)}
_BY_CODE = {kind._code: kind for kind in _ALL if vars(kind).get("_code")}
_BY_REASON = {kind._reason: kind for kind in _ALL if "_reason" in vars(kind) and kind is not DaimonError}
