"""What the package offers: the same to both kinds of programs, typed, and an error class for every code."""

import inspect
import pickle
import re
import subprocess
import sys
import urllib.request
from functools import cached_property
from typing import Any

import msgspec
import pytest

import daimon_email
from daimon_email import AsyncDaimonClient, DaimonClient, errors
from daimon_email._error_of import _BY_STATUS, error_of
from daimon_email.resources import Api
from e2e.serving import Serving, environment

WITHOUT_A_CLASS = (431,)  # what no call of this client can cause
RESOURCES = sorted(name for name, value in vars(Api).items() if isinstance(value, cached_property))


def methods(resource: object) -> dict[str, str]:
    """Return the signatures of an object's public methods, as if nothing were asynchronous."""
    return {
        name: _blocking(str(inspect.signature(getattr(resource, name))))
        for name in dir(resource)
        if not name.startswith("_") and callable(getattr(resource, name)) and name not in ("close", "aclose")
    }


def _blocking(signature: str) -> str:
    return re.sub(r"AsyncPages\[(.+), \w+\]", r"\1", signature).replace("Async", "")


def test_both_clients_have_the_same_calls() -> None:
    """Names, parameters and defaults; the signature is what `help` shows."""
    with DaimonClient(base_url="http://daimon.test") as blocking:
        asynchronous = AsyncDaimonClient(base_url="http://daimon.test")
        assert methods(blocking) == methods(asynchronous)
        assert len(RESOURCES) > 15
        for name in RESOURCES:
            ours = methods(getattr(blocking, name))
            assert ours == methods(getattr(asynchronous, name))
            assert all(getattr(getattr(blocking, name), each).__doc__ for each in ours)


def test_every_error_code_has_a_class_of_its_status(served: Serving) -> None:
    """What the server's reference names can be caught by name; what it answers outside of it, by status."""
    with urllib.request.urlopen(served.api + "/openapi.json") as response:
        paths = msgspec.json.decode(response.read())["paths"]
    answers = [each for path in paths.values() for op in path.values() for each in op["responses"].items()]
    codes = {(int(status), code) for status, each in answers if int(status) >= 400 for code in _codes(each)}
    assert len(codes) > 15
    for status, code in sorted(codes):
        kind = type(error_of(status, {"error": code}, {}))
        assert kind._code == code or status in WITHOUT_A_CLASS, f"{code} has no class"
        assert issubclass(kind, _BY_STATUS.get(min(status, 500), errors.DaimonError))


def test_every_error_is_called_by_where_it_is_caught() -> None:
    """Tracebacks and pickles name no module that is nobody's business."""
    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    assert len(kinds) > 60
    assert {kind.__module__ for kind in kinds} == {"daimon_email.errors"}
    refused = pickle.loads(pickle.dumps(errors.UsernameTaken("taken", details=[errors.Detail("username", "ada-2")])))
    assert refused.suggestions == ["ada-2"]


def _codes(response: dict[str, Any]) -> list[str]:
    codes: list[str] = response["content"]["application/json"]["schema"]["allOf"][1]["properties"]["error"]["enum"]
    return codes


def test_every_public_name_is_exported() -> None:
    """`__all__` holds every error and model."""
    for module in (errors, daimon_email.models):
        public = {
            name
            for name, value in vars(module).items()
            if inspect.isclass(value) and value.__module__.startswith(daimon_email.__name__) and name[0] != "_"
        }
        assert public <= set(daimon_email.__all__)
    assert sorted(daimon_email.__all__, key=str.lower) == sorted(set(daimon_email.__all__), key=str.lower)


def test_the_base_url_and_key_come_from_the_environment(served: Serving) -> None:
    """Arguments win over the environment."""
    code = (
        "from daimon_email import DaimonClient as C;"
        "c = C(); print(c._config.base_url, c._config.headers['Authorization']);"
        "c = C('k', 'http://b/'); print(c._config.base_url, c._config.headers['Authorization'], c)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(DAIMON_BASE_URL=f"{served.api}/", DAIMON_API_KEY=" dm_free_x "),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.splitlines()
    assert shown == [f"{served.api} Bearer dm_free_x", "http://b Bearer k DaimonClient(base_url='http://b')"]


@pytest.mark.parametrize(
    "arguments", [{"base_url": "localhost:8080"}, {"api_key": "a\nb"}, {"api_key": "ключ"}, {"api_key": " "}]
)
def test_a_configuration_that_cannot_work_is_refused_at_once(arguments: dict[str, str]) -> None:
    """Not at the first call, deep in the HTTP library."""
    with pytest.raises(ValueError, match=next(iter(arguments))):
        DaimonClient(**arguments)
