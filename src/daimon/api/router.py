"""Paths to operations: one dictionary look-up a segment."""

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from daimon.api.errors import EndpointNotFound
from daimon.api.operation import Operation


class _Node:
    __slots__ = ("allow", "operations", "param", "static")

    def __init__(self) -> None:
        self.static: dict[bytes, _Node] = {}
        self.param: _Node | None = None
        self.operations: dict[str, Operation] = {}
        self.allow = b""

    def child(self, segment: str) -> "_Node":
        if segment.startswith("{"):
            self.param = self.param or _Node()
            return self.param
        return self.static.setdefault(segment.encode(), _Node())


class Route:
    """The operations of one path by method, and the values of its parameters as they stood in it."""

    __slots__ = ("allow", "operations", "values")

    def __init__(self, operations: dict[str, Operation], allow: bytes, values: list[bytes]) -> None:
        self.operations = operations
        self.allow = allow
        self.values = values


class Router:
    """Finds a path's operations. A fixed segment goes before a parameter, and there is no way back."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            self._add(operation)

    def find(self, raw_path: bytes) -> Route:
        """Return what is at a path as it came on the wire. Raises EndpointNotFound."""
        segments = raw_path.split(b"/")
        if b"%" in raw_path:  # only after the split: %2F is no separator (RFC 3986 §2.2)
            segments = [unquote_to_bytes(segment) for segment in segments]
        node, values = self._root, []
        for segment in segments[1:]:
            child = node.static.get(segment)
            if child is None:
                child = node.param
                if child is None or not segment:
                    raise EndpointNotFound
                values.append(segment)
            node = child
        if not node.operations:
            raise EndpointNotFound
        return Route(node.operations, node.allow, values)

    def _add(self, operation: Operation) -> None:
        node = self._root
        for segment in operation.path.split("/")[1:]:
            node = node.child(segment)
        node.operations[operation.method] = operation
        if operation.method == "GET":
            node.operations["HEAD"] = operation
        node.allow = ", ".join(sorted({*node.operations, "OPTIONS"})).encode()
