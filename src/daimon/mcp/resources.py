"""Inboxes and threads as resources: listed, read, and their names completed."""

import re
from urllib.parse import unquote

import mcp_types as types
from mcp.shared.exceptions import MCPError

from daimon.mcp import answers
from daimon.mcp.calling import Api, Context
from daimon.mcp.mails import Shown, shown
from daimon.mcp.operations import Json

_INBOX = "daimon://inboxes/{inbox_id}"
_THREAD = f"{_INBOX}/threads/{{thread_id}}"
_NAMED = re.compile(r"daimon://inboxes/([^/?#]{1,320})(?:/threads/(thr_[0-9a-f]{32}))?")
_MOST = 20
_READ: dict[bool, list[tuple[str, Json]]] = {  # what is read of an inbox, and what of a thread
    False: [("get_inbox", {}), ("list_inbox_threads", {"limit": _MOST})],
    True: [("get_thread", {}), ("list_messages", {"include": "body", "limit": _MOST})],
}
_TEMPLATES = (
    (_INBOX, "inbox", "Inbox", "An inbox, by its id or its address, and its newest threads."),
    (_THREAD, "thread", "Thread", "A conversation with its newest mails."),
)
_COMPLETED = 100  # the most that the protocol takes


class Resources:
    """What a key reaches, as resources."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def listed(self, context: Context, params: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
        """Return a page of inboxes."""
        who = await self._api.who(context)
        if who is None:
            return types.ListResourcesResult(resources=[])
        if who.inbox_id:  # an inbox's key lists none, and reaches the one
            inbox = await self._api.read(context, "get_inbox", {"inbox_id": who.inbox_id})
            return types.ListResourcesResult(resources=[_resource(inbox.json["result"])])
        cursor = {"cursor": params.cursor} if params and params.cursor else {}
        page = await self._api.read(context, "list_inboxes", {"limit": 100, **cursor})
        inboxes, next_cursor = page.json["result"]["inboxes"], page.json["result"]["next_cursor"]
        return types.ListResourcesResult(resources=[_resource(each) for each in inboxes], next_cursor=next_cursor)

    async def templates(self, _: Context, __: types.PaginatedRequestParams | None) -> types.ListResourceTemplatesResult:
        """Return how resources are named."""
        return types.ListResourceTemplatesResult(
            resource_templates=[
                types.ResourceTemplate(
                    uri_template=template, name=name, title=title, description=told, mime_type="text/plain"
                )
                for template, name, title, told in _TEMPLATES
            ]
        )

    async def read(self, context: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        """Return what an inbox or a thread holds, as text. Raises MCPError."""
        named = _NAMED.fullmatch(str(params.uri))
        if named is None:
            raise MCPError(types.INVALID_PARAMS, f"There is no resource {str(params.uri)[:200]!r}; {_THREAD} is one.")
        where = {"inbox_id": unquote(named[1])} | ({"thread_id": named[2]} if named[2] else {})
        said = [
            text
            for name, more in _READ[named[2] is not None]
            for text in await self._texts(context, name, where | more)
        ]
        content = types.TextResourceContents(uri=str(params.uri), mime_type="text/plain", text="\n\n".join(said))
        return types.ReadResourceResult(contents=[content])

    async def complete(self, context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        """Return how an inbox's address or a thread's id may go on."""
        if not isinstance(params.ref, types.ResourceTemplateReference) or await self._api.who(context) is None:
            return _completed([])
        begun, known = params.argument.value, (params.context.arguments if params.context else None) or {}
        if params.argument.name == "inbox_id":
            return _completed(await self._addresses(context, begun))
        if params.argument.name == "thread_id" and known.get("inbox_id"):
            return _completed(
                [each for each in await self._threads(context, known["inbox_id"]) if each.startswith(begun)]
            )
        return _completed([])

    async def _addresses(self, context: Context, begun: str) -> list[str]:
        who = await self._api.who(context)
        if who is not None and who.inbox_id:
            inbox = (await self._api.read(context, "get_inbox", {"inbox_id": who.inbox_id})).json["result"]
            return [inbox["email"]] if inbox["email"].startswith(begun.lower()) else []
        username = begun.lower().partition("@")[0]
        page = await self._api.read(
            context, "list_inboxes", {"limit": _COMPLETED} | ({"q": username} if username else {})
        )
        found = [each["email"] for each in page.json["result"]["inboxes"]]
        return [each for each in found if each.startswith(begun.lower())]

    async def _threads(self, context: Context, inbox_id: str) -> list[str]:
        page = await self._api.read(context, "list_inbox_threads", {"inbox_id": inbox_id, "limit": _COMPLETED})
        return [each["id"] for each in page.json["result"]["threads"]]

    async def _texts(self, context: Context, name: str, arguments: Json) -> list[str]:
        answer = await self._api.read(context, name, arguments)
        told, _ = shown(answer.json["result"], Shown.THREAD)
        return answers.texts(self._api.operations[name], answer.telling(told), self._api.steps.for_tools)


def _resource(inbox: Json) -> types.Resource:
    return types.Resource(
        uri=f"daimon://inboxes/{inbox['id']}",
        name=inbox["email"],
        description=f"An inbox with {inbox['message_count']} mails, {inbox['unread_count']} unread.",
        mime_type="text/plain",
    )


def _completed(values: list[str]) -> types.CompleteResult:
    return types.CompleteResult(completion=types.Completion(values=values[:_COMPLETED], has_more=False))
