"""An account's ownership over HTTP: its verified address, recovery, deletion and export."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec import UNSET

from daimon.accounts import service as accounts
from daimon.accounts.errors import AccountDeleted, AccountNotFound, AccountSuspended, LinkInvalid
from daimon.accounts.models import Account
from daimon.api import ownership_examples as examples
from daimon.api.account import full_view
from daimon.api.account_schema import AccountView
from daimon.api.answer import Answer, Octets, Streamed
from daimon.api.links import LinkInPath, as_json, refused, takes_json
from daimon.api.operation import Lend, operation
from daimon.api.ownership_schema import (
    AccountPatch,
    DeletedAccount,
    RecoveredAccount,
    RecoveryAccepted,
    RecoveryRequest,
    deleted_view,
    deletion_state,
    email_state,
)
from daimon.api.page import page
from daimon.api.request import Request
from daimon.audit.models import Change
from daimon.keys.models import KeyScope
from daimon.kit.ids import Kind, show
from daimon.lifecycle import deletion, email, export, links, recovery
from daimon.lifecycle.errors import ExportRunning, TooLateToRestore, TooManyMails
from daimon.lifecycle.links import Purpose

_TAG = "account"
_HTML = "text/html"


@operation(
    "PATCH",
    "/v1/account",
    tag=_TAG,
    reach=KeyScope.ACCOUNT,
    unrestricted=True,
    errors=(AccountNotFound, AccountSuspended, AccountDeleted, TooManyMails),
    example=examples.PATCH_ACCOUNT,
)
async def update_account(request: Request, body: AccountPatch) -> Answer[AccountView]:
    """Set or remove the operator's e-mail address.

    A new address is unverified until the link that is sent to it is followed; a verified one can get the account back
    when its keys are lost. null removes it. The same unverified address again gets a new link.
    """
    if body.operator_email is not UNSET:
        await _change_email(request, body.operator_email)
    return Answer(await full_view(request), ["See the account: GET /v1/account"])


@operation("GET", "/verify-email/{token}", tag=_TAG, reach=None, content_type=_HTML)
async def show_email_verification(request: Request, token: LinkInPath) -> Octets:
    """Show the page that confirms an operator's address.

    It changes nothing: whoever looks at a link before its reader does, such as a mail scanner, does no harm.
    """
    if not await links.works(request.db, Purpose.EMAIL, token, now=request.now):
        return refused(request, LinkInvalid())
    return page(
        "Confirm your e-mail address",
        "A confirmed address can get the account back when its keys are lost.",
        button="Confirm the address",
    )


@operation("POST", "/verify-email/{token}", tag=_TAG, reach=None, content_type=_HTML)
async def verify_email(request: Request, token: LinkInPath) -> Octets:
    """Confirm an operator's address; the link works once.

    Answers with a page, or with JSON to a request that accepts `application/json`.
    """
    try:
        account = await email.verify(request.db, token, now=request.now)
    except LinkInvalid as error:
        return refused(request, error)
    shown_id = show(Kind.ACCOUNT, account.account_id)
    request.change = Change(shown_id, after=email_state(account), account_id=account.account_id)
    if takes_json(request):
        return as_json(Answer({"account_id": shown_id} | email_state(account)))
    return page("Thank you", f"{account.operator_email} is confirmed as the operator's address of {shown_id}.")


@operation(
    "POST",
    "/v1/account/recovery",
    tag=_TAG,
    reach=None,
    status=202,
    example=examples.ASK_FOR_RECOVERY,
)
async def request_recovery(request: Request, body: RecoveryRequest) -> Answer[RecoveryAccepted]:
    """Ask for a new account key by mail, without a key.

    The answer is the same for every address. If it is the verified address of an account, a link that works once,
    for 30 minutes, is sent to it for each such account, the newest 10.
    """
    address = email.read_email(body.email, "email")
    await recovery.ask(request.db, address, client=request.client, now=request.now)
    return Answer(RecoveryAccepted(), ["If the address is known here, read its mail within 30 minutes."])


@operation("GET", "/recover/{token}", tag=_TAG, reach=None, content_type=_HTML)
async def show_recovery(request: Request, token: LinkInPath) -> Octets:
    """Show the page that recovers an account. It changes nothing."""
    if not await links.works(request.db, Purpose.RECOVERY, token, now=request.now):
        return refused(request, LinkInvalid())
    return page(
        "Get your account back",
        "You are shown a new account key, once. All account keys that there are stop working at once; keys of pods, "
        "inboxes and members work as before.",
        button="Revoke the old keys and show a new one",
    )


@operation("POST", "/recover/{token}", tag=_TAG, reach=None, content_type=_HTML)
async def recover_account(request: Request, token: LinkInPath) -> Octets:
    """Recover an account: revoke its account keys and show a new one, this once.

    Every owner and the operator's address are told. Answers with a page, or with
    `{"result": {"account_id", "account_api_key"}}` to a request that accepts `application/json`.
    """
    try:
        account, key = await recovery.recover(request.db, token, now=request.now)
    except LinkInvalid as error:
        return refused(request, error)
    request.after_commit = request.services.keys.forget
    shown_id = show(Kind.ACCOUNT, account.account_id)
    after = {"account_keys": "revoked", "key_id": show(Kind.KEY, key.key_id)}
    request.change = Change(shown_id, after=after, account_id=account.account_id)
    if takes_json(request):
        steps = ["Save account_api_key now; it is only shown once.", "See the account: GET /v1/account"]
        return as_json(Answer(RecoveredAccount(shown_id, key.secret), steps))
    return page(
        "Your account is yours again",
        f"This is the new key of {shown_id}. Save it now: it is not shown again. The old account keys are revoked.",
        secret=key.secret,
    )


@operation(
    "DELETE",
    "/v1/account",
    tag=_TAG,
    reach=KeyScope.ACCOUNT,
    owner=True,
    when_closed=True,
    errors=(AccountNotFound,),
    example=examples.DELETE_ACCOUNT,
)
async def delete_account(request: Request) -> Answer[DeletedAccount]:
    """Delete the account: its addresses refuse mail at once, and everything is erased after 30 days.

    Until then every key still reads, and POST /v1/account/restore takes it back. Sent again, it changes nothing.
    """
    before = request.principal.account
    deleted = await deletion.request(request.db, before, now=request.now)
    if deleted.deleted_at == request.now:
        _note_deletion(request, before=before, after=deleted)
    view = deleted_view(deleted)
    steps = [
        f"Until {view.erased_at}, take it back: POST /v1/account/restore",
        "Save what is in it: GET /v1/account/export",
    ]
    return Answer(view, steps)


@operation(
    "POST",
    "/v1/account/restore",
    tag=_TAG,
    reach=KeyScope.ACCOUNT,
    owner=True,
    when_closed=True,
    errors=(AccountNotFound, TooLateToRestore),
    example=examples.RESTORE_ACCOUNT,
)
async def restore_account(request: Request) -> Answer[AccountView]:
    """Take a deletion back: inboxes, addresses and keys are again as they were.

    An account that is not deleted stays as it is.
    """
    before = await accounts.get(request.db, request.principal.scope)
    restored = await deletion.restore(request.db, before, now=request.now)
    if before.deleted_at is not None:
        _note_deletion(request, before=before, after=restored)
    return Answer(await full_view(request), ["List the inboxes: GET /v1/inboxes"])


@operation(
    "GET",
    "/v1/account/export",
    tag=_TAG,
    reach=KeyScope.ACCOUNT,
    owner=True,
    lend=Lend.NOTHING,
    errors=(ExportRunning,),
    content_type="application/zip",
)
async def export_account(request: Request) -> Streamed:
    """Download everything in the account as one ZIP archive.

    It holds `account.json`, `pods.json`, `members.json`, `teams.json`, `keys.json` (without secrets), `inboxes.json`,
    `usage.json`, `audit.jsonl`, `events.jsonl`, and an mbox file for each inbox that holds mail. It is made while it
    is sent: what changes meanwhile may be in it or not. A transfer that breaks off ends without the last chunk.
    """
    scope = request.principal.scope
    chunks = export.archive(request.services.db, scope, now=request.now)
    first = await anext(chunks)  # what can be refused is refused here, while there is a status to say it by
    shown_id = show(Kind.ACCOUNT, scope.account_id)
    request.read = Change(shown_id, after={"exported": "the whole account"})
    name = f"{shown_id}-{request.now:%Y-%m-%d}.zip"
    headers = [
        (b"content-disposition", f'attachment; filename="{name}"'.encode()),
        (b"cache-control", b"no-store"),
    ]
    return Streamed(_resumed(first, chunks), "application/zip", headers)


async def _resumed(first: bytes, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(chunks):
        yield first
        async for chunk in chunks:
            yield chunk


async def _change_email(request: Request, wish: str | None) -> None:
    address = None if wish is None else email.read_email(wish, "operator_email")
    before, after = await email.change(
        request.db, request.principal.scope, address, public_url=request.services.public_url, now=request.now
    )
    if before != after:
        shown_id = show(Kind.ACCOUNT, before.account_id)
        request.change = Change(shown_id, before=email_state(before), after=email_state(after))


def _note_deletion(request: Request, *, before: Account, after: Account) -> None:
    request.after_commit = request.services.keys.forget
    shown_id = show(Kind.ACCOUNT, after.account_id)
    request.change = Change(shown_id, before=deletion_state(before), after=deletion_state(after))
