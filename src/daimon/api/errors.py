"""What can be wrong with a request before any domain sees it."""

from daimon.kit.errors import BadRequest, Conflict, DaimonError, NotFound


class InvalidRequest(BadRequest):
    """This is not an HTTP/1.1 request."""

    error = "INVALID_REQUEST"
    next_steps = ("Send it as HTTP/1.1 (RFC 9112) has it.",)


class InvalidJson(BadRequest):
    """The body is not JSON in UTF-8."""

    error = "INVALID_JSON"
    next_steps = ("Send one JSON object in UTF-8, such as {}.",)


class EndpointNotFound(NotFound):
    """No endpoint has this path."""

    error = "ENDPOINT_NOT_FOUND"
    next_steps = ("Every path there is: GET /llms-full.txt, for people GET /docs.",)


class MethodNotAllowed(DaimonError):
    """This path has no such method; the header `Allow` names those it has."""

    status = 405
    error = "METHOD_NOT_ALLOWED"
    next_steps = ("Use a method that the header `Allow` names; GET /llms-full.txt says what each does.",)


class RequestTimeout(DaimonError):
    """The rest of the body did not arrive in time. Nothing was done."""

    status = 408
    error = "REQUEST_TIMEOUT"
    next_steps = ("Send the same request again, its body at once.",)


class RequestInProgress(Conflict):
    """A request with this Idempotency-Key is still running."""

    error = "REQUEST_IN_PROGRESS"
    next_steps = ("Wait a second, then send the same request again to get its answer.",)


class UpgradeRequired(DaimonError):
    """This path speaks the WebSocket protocol alone."""

    status = 426
    error = "UPGRADE_REQUIRED"
    next_steps = (
        "Open it as a WebSocket: wss://…/v1/stream, with the same Authorization header.",
        "Over plain HTTP: GET /v1/events/stream (server-sent events) or GET /v1/events.",
    )


class HeadTooLarge(DaimonError):
    """The request line and headers are larger than this server reads."""

    status = 431
    error = "HEADERS_TOO_LARGE"
    next_steps = ("Send fewer or shorter headers, and what is long in the body.",)


class Internal(DaimonError):
    """Something went wrong on our side; it was logged under this request_id."""

    status = 500
    error = "INTERNAL"
    next_steps = ("Retry once; if it stays, report the request_id to the operator of this server.",)


class ClientGone(Exception):
    """The client closed the connection before its request was complete; there is nobody to answer."""
