"""Who wrote a text. What the server itself says is marked so in the OpenAPI document; all else may be a stranger's."""

from typing import Annotated, Any

from msgspec import Meta

WRITTEN_BY_SERVER: dict[str, Any] = {"x-written-by": "server"}

# A text of an answer that this server makes or has checked to be one: an id, a key, a link of its own, a word of a
# closed set, an address or a domain of the account. Nobody who sends a mail can choose it. MCP shows a model every
# text without this mark as what it may be: words of somebody outside.
Ours = Annotated[str, Meta(extra_json_schema=WRITTEN_BY_SERVER)]

# A number, or null where there is no limit, whose name is this server's, too: for what is counted by name.
OurNumber = Annotated[int | None, Meta(extra_json_schema=WRITTEN_BY_SERVER)]
