"""An agent that knows nothing but `next_steps`: from the first request to a verification code that came by mail."""

import re
import smtplib
import threading
import time
from email.message import EmailMessage
from typing import Any

import httpx

from serving import Serving

CALL = re.compile(r"\b(GET|POST) (/[\w/{}.?=&-]*[\w}])")
MOST_STEPS = 12


class Follower:
    """Does what the last answer's steps say, and keeps what it is told to keep."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._done: set[str] = set()
        self.inbox: str | None = None

    def follow(self, first: str) -> str:
        """Begin with a call and follow the steps until an answer has a code in it."""
        waiting = [first]
        for _ in range(MOST_STEPS):
            call = waiting.pop(0)
            answer = self._call(call)
            result = answer.get("result")
            if isinstance(result, dict) and result.get("codes"):
                return str(result["codes"][0]["code"])
            if result is None and "result" in answer:  # nothing came in time: the same again, as its step says
                assert "same request again" in answer["next_steps"][0]
                waiting.insert(0, call)
                continue
            self._done.add(call)
            waiting = [found for found in self._calls_in(answer) if found not in self._done] + waiting
        raise AssertionError(f"no code after {MOST_STEPS} steps")

    def _call(self, call: str) -> dict[str, Any]:
        method, _, path = call.partition(" ")
        answer: dict[str, Any] = self._http.request(method, path).json()
        result = answer.get("result")
        if isinstance(result, dict):
            for step in answer["next_steps"]:  # "Save account_api_key now; it is only returned once."
                if (saved := re.match(r"Save (account_api_key)", step)) and saved[1] in result:
                    self._http.headers["Authorization"] = f"Bearer {result[saved[1]]}"
            self.inbox = result.get("email") or self.inbox
        return answer

    def _calls_in(self, answer: dict[str, Any]) -> list[str]:
        """Return the calls that the steps name; the one that waits goes first."""
        found = [" ".join(match.groups()) for step in answer["next_steps"] for match in CALL.finditer(step)]
        return sorted(found, key=lambda call: "/wait" not in call)


def test_steps_lead_to_a_verification_code(running: Serving) -> None:
    """Beginning with a request that is refused for want of a key."""
    with httpx.Client(base_url=running.api, timeout=60) as http:
        follow(running, Follower(http))


def follow(running: Serving, agent: Follower) -> None:
    """Let the agent go, and bring a mail to the address that it takes."""

    def deliver() -> None:
        while agent.inbox is None:
            time.sleep(0.05)
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "shop@example.com", agent.inbox, "Confirm your address"
        mail.set_content("Your verification code is 735201.")
        with smtplib.SMTP("127.0.0.1", running.smtp_port, timeout=30) as smtp:
            smtp.send_message(mail)

    shop = threading.Thread(target=deliver, daemon=True)
    shop.start()
    assert agent.follow("GET /v1/inboxes") == "735201"
    shop.join()
