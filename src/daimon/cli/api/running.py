"""From the flags of a command to a call, and from its answer to what is printed and to an exit code."""

import argparse
import base64
import json
import mimetypes
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

from daimon.cli.api import calling, profiles, showing
from daimon.cli.api.calling import Answer, Connection
from daimon.cli.api.progress import Progress
from daimon.cli.parsing import BadUsage

Json = dict[str, Any]
Say = Callable[[str], None]

# Beside 0 done, 1 failed and 2 called wrongly; docs/how-to/use-the-command-line.md has the table.
_EXITS = {400: 6, 401: 3, 402: 7, 403: 3, 404: 4, 409: 5, 410: 4, 413: 6, 415: 6, 422: 6, 429: 8}
SERVER_FAILED = 9
NOTHING_CAME = 10


def run(call: Json, given: Mapping[str, Any]) -> int:
    """Make a call and print what came of it; return the exit code."""
    connection = profiles.connection(given["profile"], given["base_url"])
    path = call["path"]
    for name in call["arguments"]:
        path = path.replace(f"{{{name}}}", _segment(given[name]))
    query = {name: value for name in call["query"] if (value := given.get(f"query:{name}")) is not None}
    body = _body(call, given)
    try:
        with Progress(call["help"]) as progress, ExitStack() as stack:
            into = partial(_output, stack, given)
            answer = calling.call(
                connection, call["method"], path, query=calling.shown(query), body=body,
                into=into if call["octets"] else None, progress=progress.moved,
            )  # fmt: skip
            if call["links"] and given["output"] and answer.ok:
                answer = _fetched(connection, answer.content["result"]["url"], into, progress)
    except calling.Unreachable as error:
        print(f"daimon: {error}", file=sys.stderr)
        return SERVER_FAILED
    return _tell(call, given, connection, answer)


def _segment(value: str) -> str:
    """Return an id or an address as a segment of a path; one that would lead elsewhere is none."""
    if value in ("", ".", ".."):
        raise BadUsage(f"{value!r} is not an id")
    return quote(value, safe="")


def _fetched(connection: Connection, url: str, into: Callable[[], BinaryIO], progress: Progress) -> Answer:
    """Return the answer behind a link, whose octets are written away; the link is its own permission."""
    path = urlsplit(url).path
    without_key = Connection(connection.base_url, None)
    return calling.call(
        without_key, "GET", path, query=[], body=None, into=into, as_it_is=True, progress=progress.moved
    )


def read_text(value: str) -> str:
    """Return a flag's text; `@FILE` is what is in a file, `@-` what comes on standard input."""
    if not value.startswith("@"):
        return value
    if value == "@-":
        return sys.stdin.read()
    try:
        return Path(value[1:]).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"{value[1:]} cannot be read: {error}") from None


def read_json(value: str) -> Any:
    """Return a flag's JSON, of a file too. What is none is taken as a text."""
    text = read_text(value)
    try:
        return json.loads(text)
    except ValueError:
        return text


def _body(call: Json, given: Mapping[str, Any]) -> Json | None:
    if call["method"] == "GET" or not call["body"]:
        return None
    body = {name: value for name in call["body"] if (value := given.get(f"body:{name}")) is not None}
    return {
        name: [_file(path) for path in value] if call["body"][name]["kind"] == "files" else value
        for name, value in body.items()
    }


def _file(path: str) -> Json:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise BadUsage(f"{path} cannot be read: {error}") from error
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return {"filename": Path(path).name, "content_type": kind, "content": base64.b64encode(content).decode()}


def _output(stack: ExitStack, given: Mapping[str, Any]) -> BinaryIO:
    if not given["output"]:
        return sys.stdout.buffer
    try:
        return stack.enter_context(Path(given["output"]).open("wb"))
    except OSError as error:
        raise BadUsage(f"{given['output']} cannot be written: {error}") from error


def _tell(call: Json, given: Mapping[str, Any], connection: Connection, answer: Answer) -> int:
    if not answer.ok:
        if given["json"]:
            print(json.dumps(answer.content, ensure_ascii=False))
        else:
            showing.tell_error(answer, _say)
        return _EXITS.get(answer.status, SERVER_FAILED if answer.status >= 500 else 1)
    if answer.content is None or not isinstance(answer.content, dict):
        return 0
    _keep(call, given, connection, answer.content["result"], _say)
    content = answer.content if given["show_secret"] else showing.without_secrets(answer.content)
    if given["json"]:
        print(json.dumps(content, ensure_ascii=False))
    else:
        showing.tell(content["result"])
        for step in content["next_steps"]:
            _say(showing.plain(step))
    return NOTHING_CAME if call["operation"] == "wait_for_message" and content["result"] is None else 0


def _keep(
    call: Json, given: Mapping[str, Any], connection: Connection, result: Any, say: Callable[[str], None]
) -> None:
    """Keep the key of an account that a first inbox has opened: it is shown this once."""
    if call["operation"] != "create_inbox" or not isinstance(result, dict) or not result.get("account_api_key"):
        return
    name = given.get("save") or (profiles.DEFAULT if connection.api_key is None else None)
    if name:
        path = profiles.keep(name, connection.base_url, result["account_api_key"])
        say(f"The account's key is kept as {name!r} in {path}.")


def _say(line: str) -> None:
    print(line, file=sys.stderr)
