"""An inbox as tools for the OpenAI Agents SDK: `pip install daimon-email[openai-agents]`."""

from __future__ import annotations

from agents import Tool, function_tool

from daimon_email._agent_tools import MailTools
from daimon_email.client import DaimonClient


def tools(client: DaimonClient, inbox_id: str) -> list[Tool]:
    """Return tools to wait for, list, read, send and answer e-mail in one inbox, by its id or its address.

    What a mail says is fenced as untrusted data; errors of the API are answers that say what to do next. Give the
    client the inbox's own key: it reaches nothing else. A call runs in a thread, so waiting holds nothing up.
    """
    return [function_tool(each, docstring_style="google") for each in MailTools(client, inbox_id).all()]
