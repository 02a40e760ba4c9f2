"""An inbox as tools for LangChain and LangGraph: `pip install daimon-email[langchain]`."""

from __future__ import annotations

from langchain_core.tools import StructuredTool

from daimon_email._agent_tools import MailTools
from daimon_email.client import DaimonClient


def tools(client: DaimonClient, inbox_id: str) -> list[StructuredTool]:
    """Return tools to wait for, list, read, send and answer e-mail in one inbox, by its id or its address.

    What a mail says is fenced as untrusted data; errors of the API are answers that say what to do next. Give the
    client the inbox's own key: it reaches nothing else.
    """
    return [
        StructuredTool.from_function(each, name=each.__name__, parse_docstring=True)
        for each in MailTools(client, inbox_id).all()
    ]
