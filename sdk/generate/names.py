"""What operations, models, enums and errors are called in the SDKs: a rule, and the short list of its exceptions."""

from __future__ import annotations

import re

# Operations that the rule would misname: operationId -> (resource, method). Resource "" is the client itself.
METHODS = {
    "whoami": ("", "whoami"),
    "send_message": ("messages", "send"),
    "report_leaked_key": ("keys", "report_leaked"),
    "request_recovery": ("account", "request_recovery"),
    "download_attachment": ("messages", "download"),
    "put_splits": ("billing", "set_splits"),
}
# Operations whose methods are written by hand, because there is more to them than a request and an answer.
BY_HAND = {"wait_for_message", "stream_events", "download_attachment"}
# Operations that no SDK has, and why. Pages for people (their answer is HTML) are left out, too.
LEFT_OUT = {
    "open_stream": "the WebSocket tells what `events.stream` tells",
    "hear_stripe": "only Stripe calls it",
}
# Where the items of a page stand that has several lists.
ITEMS = {"SplitReportView": "lines"}
# Formats besides JSON that an answer can be asked for in: what `format` says, and what that is.
FORMATS = {"text/csv": ("csv", "As a table of all lines, in CSV (RFC 4180).")}
# Body fields whose own fields are given directly: operationId -> field.
FLATTENED = {"claim_message": "filter"}
# Parameters that the API lets be left out, but that mean nothing then.
NEEDED = {("remove_thread_labels", "label")}
# Resources that extend what is written by hand.
WITH_HANDS = {"account", "messages", "events", "webhooks"}
# What `repr` does not show: fields whose names end so, and others by which whoever has them may do something.
SECRETS = ("api_key", "secret", "invitation_url")
MORE_SECRETS = {("Download", "url"), ("Portal", "url"), ("UpgradeLink", "url")}
# What only some of those who send an object tell: (model, field) -> what it is.
ADDED = {("Event", "webhook_id"): "The webhook that was told; in its requests alone."}

MODELS = {
    "ClaimView": "Lease",
    "SentView": "SentMessage",
    "RecipientView": "SentRecipient",
    "SmtpView": "SmtpSettings",
    "Tested": "TestedWebhook",
    "RecordView": "DomainRecord",
    "TryView": "DeliveryAttempt",
    "GrantIn": "GrantInput",
    "PodLimitsBody": "PodLimitsInput",
    "PodLimitsPatch": "PodLimitsInput",
    "NewAttachment": "File",
    "daimon.outbound.models.DeliveryStatus": "RecipientStatus",
    "daimon.webhooks.models.DeliveryStatus": "DeliveryStatus",
    "Action": "RuleAction",
    "Level": "RuleLevel",
    "Reason": "SuppressionReason",
    "Purpose": "RecordPurpose",
    "Basis": "CostBasis",
    "Method": "SplitMethod",
    "State": "SubscriptionState",
    "WeightsBody": "SplitWeights",
}
# Errors whose classes are written by hand.
ERRORS_BY_HAND = {"UsernameTaken"}
# Errors that no operation has: (code, status, what it says).
MORE_ERRORS = [("ENDPOINT_NOT_FOUND", 404, "The server has no such endpoint: it may be older than this client.")]
# The class of each status; those of its codes extend it.
STATUS_CLASSES = {
    400: "BadRequest", 401: "Unauthenticated", 402: "PaymentRequired", 403: "Forbidden", 404: "NotFound",
    408: "RequestTimeout", 409: "Conflict", 410: "Gone", 413: "PayloadTooLarge", 415: "UnsupportedMediaType",
    422: "ValidationFailed", 426: "UpgradeRequired", 429: "RateLimited", 500: "ServerError", 503: "ServerError",
}  # fmt: skip
ERRORS = {"RATE_LIMIT_EXCEEDED": "RateLimited", "INTERNAL": "ServerError"}


def method_of(operation: str, verb: str, path: str, tag: str, resources: set[str], alone: bool) -> tuple[str, str]:
    """Return the resource and the method of an operation.

    The resource is the operation's tag, if the path goes through it, else the last resource that it goes through. What
    follows in the path names the method (`…/rotate-key` -> `rotate_key`, `…/attachments/{id}` -> `attachment`); where
    nothing follows, the first word of the operationId does (`list_inboxes` -> `list`), and where one path can be called
    in several ways, both (`add_member`). `alone`: the path knows no other HTTP method.
    """
    if operation in METHODS:
        return METHODS[operation]
    segments = [segment for segment in path.split("/") if segment not in ("", "v1")]
    through = [segment for segment in segments if segment in resources]
    resource = tag if tag in segments or not through else through[-1]
    rest = segments[segments.index(resource) + 1 :] if resource in segments else segments
    first_word = operation.partition("_")[0]
    parts = re.findall(r"[^/{}]+(?:/[^/{}]+)*", re.sub(r"\{[^}]*\}", "{}", "/".join(rest)))
    if not parts:
        return resource, first_word
    noun = re.sub(r"\.\w+$", "", parts[-1].strip("/")).replace("/", "_").replace("-", "_")  # `/openapi.json`
    if rest[-1].startswith("{"):
        noun = singular(noun)
    return resource, noun if verb == "get" or (verb == "post" and alone) else f"{first_word}_{noun}"


def model_name(schema: str) -> str:
    """Return the public name of a schema: `InboxView` -> `Inbox`, `InboxCreated` -> `CreatedInbox`."""
    if schema in MODELS:
        return MODELS[schema]
    last = schema.rpartition(".")[2]
    if last.endswith("View"):
        return last[: -len("View")]
    for participle in ("Created", "Rotated"):
        if last.endswith(participle) and last != participle:
            return participle + last[: -len(participle)]
    return last


def input_name(schema: str) -> str:
    """Return the public name of a schema of what is sent within a body: what is received may have the same."""
    name = model_name(schema)
    return name if name.endswith("Input") else f"{name}Input"


def error_name(code: str) -> str:
    """Return the class of an error code: `INBOX_NOT_FOUND` -> `InboxNotFound`."""
    return ERRORS.get(code) or pascal(code.lower())


def singular(noun: str) -> str:
    """Return the singular of a noun of this API."""
    if noun.endswith("ies"):
        return noun[:-3] + "y"
    return noun[:-2] if noun.endswith("xes") else noun.removesuffix("s")


def camel(name: str) -> str:
    """Return snake_case in camelCase. Raises ValueError for a name that would not come back as it was."""
    first, *rest = name.split("_")
    turned = first + "".join(word.capitalize() for word in rest)
    if re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), turned) != name:
        raise ValueError(f"{name} does not survive camelCase")
    return turned


def pascal(name: str) -> str:
    """Return snake_case in PascalCase."""
    return "".join(word.capitalize() for word in name.split("_"))
