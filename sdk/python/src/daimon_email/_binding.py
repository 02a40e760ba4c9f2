"""From a call's flow to a method of a client, with the same parameters, types and docstring."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Callable

Call = Callable[..., Any]


def bind(call: Call, run: Call) -> Call:
    """Return a method that runs a call's flow on its object: `run(self, flow)`."""

    @functools.wraps(call)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return run(self, call(self._config, *args, **kwargs))

    shown = inspect.signature(call)
    _config, *parameters = shown.parameters.values()
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    returned = str(shown.return_annotation)
    returned = returned[len("Flow[") : -1] if returned.startswith("Flow[") else returned
    returned = returned.replace("Listing[", "Page[").replace("Following", "EventStream")
    method.__signature__ = shown.replace(  # type: ignore[attr-defined]
        parameters=[own, *parameters],
        return_annotation=returned,
    )
    return method
