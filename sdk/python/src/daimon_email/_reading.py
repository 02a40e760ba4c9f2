"""From answers to results."""

from __future__ import annotations

from typing import Any, TypeVar

from daimon_email import _flow
from daimon_email._flow import Answer, Envelope, Flow, Request
from daimon_email._result import Result
from daimon_email.errors import UnexpectedAnswer

R = TypeVar("R", bound=Result)


def fetch(request: Request, model: type[R], max_retries: int) -> Flow[R]:
    """Ask, and return the result as a model."""
    answer = yield from _flow.ask(request, max_retries)
    return as_model(_flow.open_envelope(answer), model)


def fetch_maybe(request: Request, model: type[R], max_retries: int) -> Flow[R | None]:
    """Ask, and return the result as a model; None for none."""
    envelope = _flow.open_envelope((yield from _flow.ask(request, max_retries)))
    return None if envelope.result is None else as_model(envelope, model)


def fetch_octets(request: Request, max_retries: int) -> Flow[bytes]:
    """Ask, and return what came."""
    return (yield from _flow.ask(request, max_retries)).content


def fetch_text(request: Request, max_retries: int) -> Flow[str]:
    """Ask, and return the text that came."""
    return (yield from _flow.ask(request, max_retries)).content.decode()


def fetch_json(request: Request, max_retries: int) -> Flow[dict[str, Any]]:
    """Ask, and return the JSON that came."""
    answer: Answer = yield from _flow.ask(request, max_retries)
    found = _flow.read_json(answer)
    if not isinstance(found, dict):
        raise UnexpectedAnswer("The answer is no JSON object.", status=answer.status)
    return found


def as_model(envelope: Envelope[Any], model: type[R]) -> R:
    """Return the result of an envelope as a model that carries the next steps."""
    return decode(model, envelope.result, envelope.next_steps)


def decode(model: type[R], given: Any, next_steps: list[str] | None = None) -> R:
    """Return JSON as a model. Raises UnexpectedAnswer if it is something else."""
    if not isinstance(given, dict):
        raise UnexpectedAnswer(f"The answer is not a {model.__name__}.")
    try:
        return model._from_json(given, next_steps)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnexpectedAnswer(f"The answer is not a {model.__name__}: {error!r}.") from error
