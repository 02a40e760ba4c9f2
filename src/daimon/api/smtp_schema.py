"""Where and how mail is submitted by SMTP, as clients read it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from daimon.api.services import Submission
from daimon.kit.written import Ours
from daimon.outbound.models import MOST_RECIPIENTS


class SmtpView(msgspec.Struct, frozen=True):
    """What a mail program or a library is told to send by."""

    host: Ours
    port: Annotated[int, Meta(description="Begins in the clear; STARTTLS comes before AUTH.")]
    security: Literal["starttls"]
    tls_port: Annotated[int | None, Meta(description="Begins with TLS, as port 465 does; null where there is none.")]
    username: Ours
    password_hint: Ours
    auth_mechanisms: list[Ours]
    from_hint: Ours
    max_message_bytes: int
    max_recipients: int


def smtp_view(submission: Submission, *, username: str, key: str, sender: str) -> SmtpView:
    """Return the settings for one user."""
    return SmtpView(
        host=submission.host,
        port=submission.port,
        security="starttls",
        tls_port=submission.tls_port,
        username=username,
        password_hint=key,
        auth_mechanisms=["PLAIN", "LOGIN"],
        from_hint=sender,
        max_message_bytes=submission.max_message_bytes,
        max_recipients=MOST_RECIPIENTS,
    )
