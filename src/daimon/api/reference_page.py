"""`/docs`: the reference as one page of HTML that needs nothing else, neither a script nor another server."""

from collections.abc import Sequence
from html import escape
from typing import Any

import msgspec

from daimon.api.openapi import document, errors_of
from daimon.api.operation import Operation

_STYLE = """
:root { color-scheme: light dark }
:root { --ink: #1d2125; --dim: #626f86; --paper: #fff; --line: #dcdfe4; --code: #f7f8f9; --mark: #0c66e4 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dee4ea; --dim: #9fadbc; --paper: #16191d; --line: #2f353b; --code: #1d2125; --mark: #85b8ff }
}
* { box-sizing: border-box }
body { margin: 0; color: var(--ink); background: var(--paper); font: 16px/1.55 system-ui, sans-serif;
  display: flex; flex-wrap: wrap }
nav { flex: 1 0 15rem; max-width: 20rem; padding: 1.5rem; border-right: 1px solid var(--line); font-size: .875rem }
nav ul { list-style: none; margin: 0 0 1rem; padding: 0 }
main { flex: 3 1 30rem; min-width: 0; max-width: 60rem; padding: 1.5rem 2.5rem 6rem }
a { color: var(--mark); text-decoration: none } a:hover { text-decoration: underline }
h1 { margin-top: 0 } h2 { margin-top: 3rem } h3 { margin: 2.5rem 0 .25rem; font-size: 1.1rem }
code, pre { font: .85rem/1.5 ui-monospace, monospace }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 6px;
  padding: .75rem 1rem; overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
td, th { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line) }
.dim { color: var(--dim) } .verb { color: var(--mark); font-weight: 600 }
section { border-bottom: 1px solid var(--line); padding-bottom: 1rem }
"""


def render(operations: Sequence[Operation], public_url: str) -> str:
    """Return the whole page."""
    info = document(operations)["info"]
    tags = dict.fromkeys(each.tag for each in operations)
    groups = {tag: [each for each in operations if each.tag == tag] for tag in tags}
    about = "".join(f"<p>{_prose(part)}</p>" for part in info["description"].split("\n\n"))
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<title>daimon API</title><style>{_STYLE}</style>"
        f"<nav>{''.join(_menu(tag, group) for tag, group in groups.items())}</nav>"
        f"<main><h1>daimon API <small class=dim>{escape(info['version'])}</small></h1>{about}"
        "<p>A key goes into the header <code>Authorization: Bearer …</code>. "
        'For machines: <a href="/openapi.json">openapi.json</a>.</p>'
        f"{''.join(_group(tag, group, public_url) for tag, group in groups.items())}</main></html>"
    )


def _menu(tag: str, group: Sequence[Operation]) -> str:
    links = "".join(f'<li><a href="#{each.name}">{escape(each.summary)}</a>' for each in group)
    return f"<b>{escape(tag)}</b><ul>{links}</ul>"


def _group(tag: str, group: Sequence[Operation], public_url: str) -> str:
    return f"<h2>{escape(tag)}</h2>{''.join(_operation(each, public_url) for each in group)}"


def _operation(each: Operation, public_url: str) -> str:
    verb = f"<span class=verb>{each.method}</span> {escape(each.path)}"
    return (
        f'<section id="{each.name}"><h3><code>{verb}</code></h3>'
        f"<p>{_prose(each.summary)}. {_prose(each.description)} <span class=dim>{escape(_needs(each))}</span></p>"
        f"{_parameters(each)}{_call(each, public_url)}{_answer(each)}{_errors(each)}</section>"
    )


def _needs(each: Operation) -> str:
    if each.reach is None:
        return "No key."
    widths = {"account": "Account key", "pod": "Account or pod key", "inbox": "Any key"}
    key = widths[each.reach] + (" or none" if each.anonymous else "")
    return f"{key}, permission {each.permission}." if each.permission else f"{key}."


def _parameters(each: Operation) -> str:
    rows = [(name, param.description) for name, param in each.params]
    rows += [(f"?{field.encode_name}", _type_of(field)) for field in msgspec.structs.fields(each.query.struct)]
    if each.body:
        rows += [(field.encode_name, _type_of(field)) for field in msgspec.structs.fields(each.body.struct)]
    cells = "".join(f"<tr><td><code>{escape(name)}</code><td>{_prose(text)}" for name, text in rows)
    return f"<table>{cells}</table>" if rows else ""


def _type_of(field: msgspec.structs.FieldInfo) -> str:
    schema = msgspec.json.schema(field.type)
    options = [option for option in schema.get("anyOf", [schema]) if option != {"type": "null"}]
    first: dict[str, Any] = options[0]
    kind = ", ".join(f"`{value}`" for value in first["enum"] if value) if "enum" in first else first.get("type", "")
    bounds = [f"{word} {first[name]}" for name, word in _BOUNDS if name in first]
    parts = [kind, *bounds, first.get("description", ""), "required" if field.required else ""]
    return "; ".join(part for part in parts if part)


_BOUNDS = (("minimum", "from"), ("maximum", "to"), ("minLength", "at least"), ("maxLength", "at most"))


def _call(each: Operation, public_url: str) -> str:
    path = each.path
    for name, param in each.params:
        path = path.replace(f"{{{name}}}", param.example)
    lines = [f"curl -X {each.method} {public_url}{path}"]
    if each.reach is not None and not each.anonymous:
        lines.append('-H "Authorization: Bearer $DAIMON_API_KEY"')
    if each.example.body is not None:
        body = msgspec.json.encode(each.example.body).decode()
        lines += ['-H "Content-Type: application/json"', f"-d '{body}'"]
    return f"<pre>{escape(' ' + chr(92) + chr(10) + '  ').join(map(escape, lines))}</pre>"


def _answer(each: Operation) -> str:
    if each.example.result is None:
        return f"<p class=dim>{each.status}, {escape(each.content_type)}</p>"
    shown = msgspec.json.format(msgspec.json.encode({"result": each.example.result, "next_steps": []}), indent=2)
    return f"<details><summary>{each.status}</summary><pre>{escape(shown.decode())}</pre></details>"


def _errors(each: Operation) -> str:
    errors = {error.error: error for error in errors_of(each)}.values()
    rows = "".join(
        f"<tr><td>{error.status}<td><code>{error.error}</code><td>{_prose(error().message)}" for error in errors
    )
    return f"<details><summary>Errors</summary><table>{rows}</table></details>"


def _prose(text: str) -> str:
    """Return text as HTML; what stands in backticks becomes code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
