"""For whom a proxy speaks, by `/mcp` as by the API."""

from dataclasses import replace
from ipaddress import ip_network

from daimon.api.services import Services

from .conftest import bearer, serving
from .teamwork import Team

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "create_inbox", "arguments": {}}}


async def test_a_client_does_not_choose_its_address(services: Services) -> None:
    """A proxy may write a line of its own after one that the client sent: what the proxy says is believed."""
    async with serving(replace(services, trusted_proxies=[ip_network("127.0.0.0/8")])) as edge:
        team = await Team.opened(edge)
        wish = {"scope": "account", "allowed_networks": ["198.51.100.0/24"]}
        made = await team.result("POST", "/v1/keys", wish)
        headers = [*bearer(made["api_key"]).items(), ("accept", "application/json, text/event-stream")]
        forwarded = [("x-forwarded-for", "192.0.2.66"), ("x-forwarded-for", "198.51.100.7")]
        heard = await edge.http.post("/mcp", json=CALL, headers=[*headers, *forwarded])
        assert not heard.json()["result"]["isError"], heard.text
        refused = await edge.http.post("/mcp", json=CALL, headers=[*headers, *reversed(forwarded)])
        assert refused.status_code == 403, refused.text
