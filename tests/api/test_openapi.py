"""The OpenAPI document and the pages made from the registry: valid, committed, true."""

from pathlib import Path

import msgspec
import pytest
from openapi_spec_validator import validate

from daimon.api import openapi, reference
from daimon.api.answer import Octets
from daimon.api.catalog import OPERATIONS
from daimon.api.operation import Operation

from .conftest import Edge

ROOT = Path(__file__).parents[2]
_NAMED = {each.name: each for each in OPERATIONS}


def test_the_committed_document_is_the_codes() -> None:
    """A change of the API is made on purpose: `python -m daimon.api.openapi > openapi.json`."""
    assert (ROOT / "openapi.json").read_bytes() == openapi.encode(openapi.document(OPERATIONS))


def test_the_document_is_valid() -> None:
    """OpenAPI 3.1, by the specification's own schema."""
    validate(msgspec.json.decode(openapi.encode(openapi.document(OPERATIONS))))


@pytest.mark.parametrize("name", ["errors.md", "endpoints.md"])
def test_the_committed_reference_is_the_codes(name: str) -> None:
    """`python -m daimon.api.reference docs/reference` renews it."""
    committed = (ROOT / "docs" / "reference" / name).read_text("utf-8")
    assert committed == reference.pages(OPERATIONS)[name]


def test_every_operation_is_in_the_document_once() -> None:
    """Nothing is served that is not described, under a name of its own."""
    paths = openapi.document(OPERATIONS)["paths"]
    described = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert described == {(each.method, each.path) for each in OPERATIONS}
    assert len(_NAMED) == len(OPERATIONS)


@pytest.mark.parametrize("each", OPERATIONS, ids=_NAMED)
def test_an_example_is_what_the_types_say(each: Operation) -> None:
    """Body and result of an example can be read as the operation's own types, and none is missing."""
    if each.body and each.example.body is not None:
        each.body.read(msgspec.json.encode(each.example.body), b"application/json")
    if each.result is not Octets:
        assert each.example.result is not None
        msgspec.convert(each.example.result, each.result)
        fields = getattr(each.result, "__struct_fields__", ())
        assert set(each.example.result) <= set(fields) or not fields


@pytest.mark.parametrize("each", OPERATIONS, ids=_NAMED)
def test_an_operation_is_described(each: Operation) -> None:
    """Its docstring begins with a sentence, and its parameters are those of its path."""
    assert each.summary
    assert all(f"{{{name}}}" in each.path for name, _ in each.params)


def test_every_error_of_an_operation_is_documented() -> None:
    """Each error that a client can be told has its row."""
    documented = reference.every_error()
    for each in OPERATIONS:
        assert set(openapi.errors_of(each)) <= documented


async def test_the_document_is_served_with_the_public_url(edge: Edge) -> None:
    """/openapi.json differs from the committed document in `servers` alone."""
    served = (await edge.http.get("/openapi.json")).json()
    assert served["servers"] == [{"url": "http://daimon.test"}]
    committed = msgspec.json.decode(openapi.encode(openapi.document(OPERATIONS)))
    assert served | {"servers": None} == committed | {"servers": None}


async def test_docs_need_nothing_else(edge: Edge) -> None:
    """One page of HTML, without scripts and without other servers, that names every operation."""
    page = await edge.http.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script" not in page.text
    assert "src=" not in page.text
    for each in OPERATIONS:
        assert f'id="{each.name}"' in page.text
