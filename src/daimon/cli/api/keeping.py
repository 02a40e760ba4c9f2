"""Keys that are shown once: they go into a profile, or are printed when asked for, and are never lost."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daimon.cli import failures, terminal
from daimon.cli.api import calling, profiles
from daimon.cli.api.profiles import Connection
from daimon.cli.parsing import BadUsage

Json = dict[str, Any]

# The widest first: the inbox that opens an account comes with two.
_KEYS = ("account_api_key", "pod_api_key", "inbox_api_key", "api_key")
# What gives a key a new secret, and of which scope that key is; None: one that is named.
_ROTATES = {"rotate_key": None, "rotate_account_key": "account", "rotate_pod_key": "pod", "rotate_inbox_key": "inbox"}


class Keeping:
    """What becomes of the secret that a call answers with."""

    def __init__(self, call: Json, given: Mapping[str, Any], connection: Connection) -> None:
        """Decide it before anything is done. Raises BadUsage if the secret would be neither kept nor shown."""
        self._call, self._connection = call, connection
        self._shows = bool(given["show_secret"])
        opens = call["operation"] == "create_inbox" and connection.api_key is None  # of no use without its key
        self._profile: str | None = given.get("save") or (profiles.DEFAULT if opens and not self._shows else None)
        self._own: str | None = None
        if not call["once"]:
            return
        if self._profile:
            if call["operation"] not in _ROTATES:
                _check_free(self._profile)
            _check_writable()
        elif call["once"] == "only":
            self._own = self._rotated(given)
            if not self._shows:
                _check_writable()

    def _rotated(self, given: Mapping[str, Any]) -> str | None:
        """Return the id of the key that is called with, if it is the one rotated: its profile gets the new secret.

        None for another one, which is shown. Raises BadUsage if it is not to be.
        """
        if self._call["operation"] in _ROTATES and self._connection.profile:
            answer = calling.call(self._connection, calling.request("GET", "/v1/whoami"))
            if not answer.ok:
                raise failures.refused(answer.status, answer.content)
            who, scope = answer.content["result"], _ROTATES[self._call["operation"]]
            if who["scope"] == scope if scope else who["key_id"] == given["key_id"]:
                return str(who["key_id"])
        if self._shows:
            return None
        keeps = ", or --save PROFILE to keep it" if "save" in given else ""
        raise BadUsage(f"the new secret is shown this once: add --show-secret to print it{keeps}")

    def keep(self, result: Any) -> bool:
        """Keep the secret of an answer; return whether it is to be printed."""
        key = next((result[name] for name in _KEYS if result.get(name)), None) if isinstance(result, dict) else None
        if not self._call["once"]:
            return self._shows
        if key is None:
            if not self._shows and isinstance(result, dict) and result.get("secret"):
                terminal.say(
                    "Its secret is not shown; --show-secret prints one when it is made, a rotation makes anew."
                )
            return self._shows
        if self._own is not None and self._own == (result.get("key_id") or result.get("id")):
            self._profile = self._connection.profile
        if self._profile:
            is_kept = self._kept(self._profile, key)
            return self._shows or not is_kept
        if self._call["once"] == "only":
            return True
        if not self._shows:
            terminal.say(
                "Its key is not shown; --show-secret or --save PROFILE does not lose it, a rotation makes it anew."
            )
        return self._shows

    def _kept(self, profile: str, key: str) -> bool:
        try:
            where: Path = profiles.keep(profile, self._connection.base_url, key)
        except BadUsage as error:
            terminal.say(f"The new key could not be kept, so it is shown this once: {error}")
            return False
        terminal.say(f"The new key is kept as {profile!r} in {where}.")
        return True


def _check_free(profile: str) -> None:
    """Raise BadUsage rather than to write over a key that nobody could see again."""
    if profiles.read().get(profile, {}).get("api_key"):
        raise BadUsage(
            f"there is a key in the profile {profile!r} already: name another by --save, or `daimon profiles remove`"
            f" {profile} first"
        )


def _check_writable() -> None:
    try:
        profiles.check_writable()
    except BadUsage as error:
        raise BadUsage(f"{error}, so the new key cannot be kept: --show-secret prints it") from None
