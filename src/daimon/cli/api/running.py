"""From the flags of a command to a call, and from its answer to what is printed and to an exit code."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

from daimon.cli import failures, terminal
from daimon.cli.api import calling, pages, profiles, reading, showing, waiting
from daimon.cli.api.calling import Answer, Call
from daimon.cli.api.keeping import Keeping
from daimon.cli.api.profiles import Connection
from daimon.cli.api.progress import Progress
from daimon.cli.parsing import CALLED_WRONGLY, BadUsage

Json = dict[str, Any]

_AGAIN = (0.5, 1.5)  # seconds before a request that was lost on its way is sent again, as what it was
_LONGEST_PAUSE = 5.0  # seconds; who is told to come back later than that, is told so
_LOST = (502, 503, 504)


def run(call: Json, given: Mapping[str, Any]) -> int:
    """Make a call and print what came of it; return the exit code. Raises Failure."""
    connection = profiles.connection(given["profile"], given["base_url"])
    asked = _asked(call, given)
    if call["operation"] == "delete_account" and not given["yes"] and not terminal.can_ask():
        raise BadUsage("nobody is at a terminal to be asked: add --yes to delete the whole account")
    if call["method"] == "DELETE" and not given["yes"] and not terminal.confirm(_question(call, given)):
        terminal.say("Nothing was done.")
        return CALLED_WRONGLY
    try:
        return _run(call, given, connection, asked)
    except calling.Unreachable as error:
        raise failures.server_failed("UNREACHABLE", str(error)) from error


def _question(call: Json, given: Mapping[str, Any]) -> str:
    of = " ".join(given[name] for name in call["arguments"])
    return f"{call['help'].rstrip('.')}{f' ({of})' if of else ''}?"


def _run(call: Json, given: Mapping[str, Any], connection: Connection, asked: Call) -> int:
    def send(make: Callable[[], Call]) -> Answer:
        return _succeeded(_sent(connection, make, call["help"]))

    kept = Keeping(call, given, connection)
    if given.get("all"):
        pages.run(asked, lambda page: send(lambda: page), as_json=given["json"], show_secret=given["show_secret"])
        return 0
    if call["operation"] == "wait_for_message":
        answer = waiting.wait(asked, send, given["query:timeout"])
    elif call["octets"] or (call["links"] and given["output"]):
        answer = _succeeded(_fetched(call, given, connection, asked))
    else:
        answer = send(lambda: asked)
    return _tell(call, given, kept, answer)


def _asked(call: Json, given: Mapping[str, Any]) -> Call:
    path = call["path"]
    for name in call["arguments"]:
        path = path.replace(f"{{{name}}}", _segment(given[name]))
    query = {name: value for name in call["query"] if (value := given.get(f"query:{name}")) is not None}
    return calling.request(call["method"], path, query, _body(call, given))


def _segment(value: str) -> str:
    """Return an id or an address as a segment of a path; one that would lead elsewhere is none."""
    if value in ("", ".", ".."):
        raise BadUsage(f"{value!r} is not an id")
    return quote(value, safe="")


def _body(call: Json, given: Mapping[str, Any]) -> Json | None:
    if call["method"] == "GET" or not call["body"]:
        return None
    body = {name: value for name in call["body"] if (value := given.get(f"body:{name}")) is not None}
    return {name: _value(call["body"][name]["kind"], value) for name, value in body.items()}


def _value(kind: str, value: Any) -> Any:
    if value is reading.NULL:
        return None
    return [reading.file(path) for path in value] if kind == "files" else value


def _sent(connection: Connection, make: Callable[[], Call], doing: str) -> Answer:
    """Send a request, again if it was lost: a POST carries a key, so that it is done once. Raises Unreachable.

    A long poll is made anew for each try, as less time is left; anything else is the same each time, with its key.
    """
    with Progress(doing) as progress:
        for pause in _AGAIN:
            asked, wanted = make(), 0.0
            once = asked.method == "DELETE"  # done twice, it would say that there is nothing
            try:
                answer = calling.call(connection, asked, progress=progress.moved)
            except calling.Unreachable as error:
                if once or not _may_come_back(error):
                    raise
            else:
                wanted = answer.retry_after or 0.0
                if once or not _is_lost(answer) or wanted > _LONGEST_PAUSE:
                    return answer
            time.sleep(max(pause, wanted))
        return calling.call(connection, make(), progress=progress.moved)


def _is_lost(answer: Answer) -> bool:
    """Return whether an answer is not that of the request: a proxy's, or that an earlier try of it still runs."""
    if answer.status in _LOST:
        return True
    return isinstance(answer.content, dict) and answer.content.get("error") == "REQUEST_IN_PROGRESS"


def _may_come_back(error: calling.Unreachable) -> bool:
    """Return whether a connection was lost, rather than never made: then nothing listens there."""
    return isinstance(error.__cause__, (ConnectionResetError, BrokenPipeError, HTTPException))


def _succeeded(answer: Answer) -> Answer:
    if not answer.ok:
        raise failures.refused(answer.status, answer.content)
    return answer


def _fetched(call: Json, given: Mapping[str, Any], connection: Connection, asked: Call) -> Answer:
    """Write octets away: those of the answer, or those behind a link that it names, which needs no key."""
    with _output(given["output"]) as into, Progress(call["help"]) as progress:
        if not call["links"]:
            return calling.call(connection, asked, into=into, progress=progress.moved)
        answer = calling.call(connection, asked)
        if not answer.ok:
            return answer
        # At the base URL, which may have a path of its own: the public one may be out of reach from here.
        _, _, below = urlsplit(answer.content["result"]["url"]).path.partition("/v1/")
        link = calling.request("GET", f"/v1/{below}")
        without_key = Connection(connection.base_url, None)
        return calling.call(without_key, link, into=into, as_it_is=True, progress=progress.moved)


@contextmanager
def _output(name: str | None) -> Iterator[Callable[[str], BinaryIO]]:
    """Give what opens the place for octets, once they come. A file is there whole, or as it was before."""
    if name in (None, "-"):
        yield _standard_output
        return
    path = Path(name)
    if path.is_dir():
        raise BadUsage(f"{name} is a directory: name the file")
    if path.exists() and not path.is_file():  # such as /dev/null, which nothing may take the place of
        with _opened(path) as file:
            yield lambda _: file
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    opened: list[BinaryIO] = []

    def into(_: str) -> BinaryIO:
        opened.append(_opened(beside))
        return opened[0]

    try:
        yield into
        if opened:
            opened[0].close()
            beside.replace(path)
    finally:
        if opened:
            opened[0].close()
            beside.unlink(missing_ok=True)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("wb")
    except OSError as error:
        raise BadUsage(f"{path} cannot be written: {error.strerror}") from error


def _standard_output(kind: str) -> BinaryIO:
    """Return standard output. A terminal gets a text without what it would obey, and nothing that is no text."""
    if not terminal.is_seen():
        return sys.stdout.buffer
    if kind.startswith("text/") or kind == "message/rfc822":
        return showing.Readable()  # type: ignore[return-value]
    raise BadUsage(f"{kind} is not for a terminal: add --output FILE, or send it on by a pipe")


def _tell(call: Json, given: Mapping[str, Any], kept: Keeping, answer: Answer) -> int:
    if answer.content is None:
        return 0
    content, result = answer.content, answer.content["result"]
    shown = content if kept.keep(result) else showing.without_secrets(content)
    if given["json"]:
        print(terminal.one_line_of_json(shown))
    else:
        showing.tell(shown["result"])
        showing.tell_steps(shown)
    return failures.NOTHING_CAME if call["operation"] == "wait_for_message" and result is None else 0
