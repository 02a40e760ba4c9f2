"""Hostile input from generators: whatever is sent, the answer is an error of ours and never a 5xx."""

import inspect
from urllib.parse import quote

import httpx
import msgspec
from hypothesis import given
from hypothesis import strategies as st

from daimon.api.body import BodyReader
from daimon.api.catalog import OPERATIONS
from daimon.api.operation import Operation
from daimon.api.query import QueryReader
from daimon.api.render import Failure
from daimon.api.router import Router
from daimon.kit.errors import DaimonError

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
)
_QUERIES = st.dictionaries(st.text(), st.text()).map(lambda given: str(httpx.QueryParams(given)).encode())
_BODIES = [each for each in OPERATIONS if each.body and each.body.struct.__struct_fields__]


def _fields(each: Operation) -> st.SearchStrategy[str]:
    assert each.body
    return st.sampled_from(each.body.struct.__struct_fields__) | st.text(max_size=5)


@given(st.data())
def test_any_json_is_read_or_refused_by_name(data: st.DataObject) -> None:
    """A body of the right names and any values becomes the Struct, or an error that is one of ours."""
    each = data.draw(st.sampled_from(_BODIES))
    assert each.body
    body = data.draw(st.dictionaries(_fields(each), _JSON, max_size=4) | _JSON)
    _read(each.body, msgspec.json.encode(body))


@given(st.sampled_from(_BODIES), st.binary())
def test_any_octets_are_read_or_refused(each: Operation, raw: bytes) -> None:
    """No octets make the reader raise anything else."""
    assert each.body
    _read(each.body, raw)
    _read(each.body, b'{"metadata": {"a": "' + raw + b'"}}')
    _read(each.body, b'{"display_name": "\\u0000' + raw + b'"}')


def _read(reader: BodyReader, raw: bytes) -> None:
    try:
        read = reader.read(raw, b"application/json")
        to_domain = getattr(read, "to_domain", None)
        assert isinstance(read, reader.struct)
        if to_domain is not None:
            to_domain()
    except DaimonError as error:
        assert 400 <= error.status < 500  # noqa: PT017 - either outcome is right, if it is one of ours
        msgspec.json.encode(Failure(error.error, error.message, error.steps, "req_", error.details))


@given(st.sampled_from(OPERATIONS), st.binary() | _QUERIES)
def test_any_query_is_read_or_refused(each: Operation, raw: bytes) -> None:
    """A query string becomes the Struct, or a 422."""
    _read_query(each.query, raw)
    for name in each.query.struct.__struct_encode_fields__:
        _read_query(each.query, f"{name}=".encode() + raw)


def _read_query(reader: QueryReader, raw: bytes) -> None:
    try:
        read = reader.read(raw)
        if hasattr(read, "to_domain") and not inspect.signature(read.to_domain).parameters:
            read.to_domain()
    except DaimonError as error:
        assert error.status in (404, 422)  # noqa: PT017 - as above
        msgspec.json.encode(error.message)


@given(st.binary() | st.text().map(lambda text: quote(text).encode()))
def test_any_path_leads_somewhere_or_to_a_404(raw: bytes) -> None:
    """Whatever stands in a path, a parameter is read or its kind's 404 raised."""
    router = Router(OPERATIONS)
    for path in (raw, b"/v1/inboxes/" + raw, b"/v1/inboxes/a@b/messages/" + raw):
        try:
            route = router.find(path)
            for each in route.operations.values():
                for (_, param), value in zip(each.params, route.values, strict=True):
                    param.read(value.decode("utf-8", "replace"))
        except DaimonError as error:
            assert error.status == 404  # noqa: PT017 - as above
