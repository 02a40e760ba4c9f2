"""Every setting, declared once: its name, what it takes, its default and its line in the reference.

`http_port` is the variable `DAIMON_HTTP_PORT` and the flag `--http-port`. A flag wins over the environment.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from daimon import config_values as values
from daimon.config_values import HostPort

PREFIX = "DAIMON_"

# Read by the clients (contract §8); a shell that has them may well start a server too.
CLIENT_VARIABLES = frozenset({"DAIMON_API_KEY", "DAIMON_BASE_URL", "DAIMON_PROFILE", "DAIMON_WEBHOOK_SECRET"})


class BadSetting(Exception):
    """A setting is not known, or its value makes no sense."""


@dataclass(frozen=True, slots=True)
class Spec:
    """How one setting is read and shown."""

    read: Callable[[str], Any]
    default: str | None  # may name settings above it in braces
    doc: str
    mask: Callable[[str], str] | None = None
    later: bool = False  # a setting of work to come: known, checked, without effect


def _masked(_: str) -> str:
    return values.MASK


def _tiers(text: str) -> str:
    """Read the changed tier figures: JSON, or the path of a file that holds it."""
    from daimon.quotas.tiers import read_tiers

    changes = text if text.lstrip().startswith("{") else values.readable_file(text).read_text("utf-8")
    read_tiers(changes)
    return changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator chose."""

    data_dir: Annotated[
        Path, Spec(values.directory, "./data", "Where the embedded database, the secret key and the logs are kept.")
    ]
    database_url: Annotated[
        str | None,
        Spec(
            values.url("postgresql", "postgres"),
            None,
            "A PostgreSQL (15 or newer) to use; unset, an embedded one is started in the data directory.",
            mask=values.without_password,
        ),
    ]
    secret_key: Annotated[
        str | None,
        Spec(
            values.secret(32),
            None,
            "Seals what must not be read from the database, 32 characters or more; unset, one is made on the "
            "first start and kept in the data directory with mode 0600. Required with `DAIMON_DATABASE_URL`, "
            "and the same for all processes.",
            mask=_masked,
        ),
    ]

    http_host: Annotated[str, Spec(values.host, "127.0.0.1", "Address that the API listens on.")]
    http_port: Annotated[int, Spec(values.port, "8080", "Port that the API listens on; 0 takes a free one.")]
    smtp_host: Annotated[
        str, Spec(values.host, "127.0.0.1", "Address that the SMTP receiver and submission listen on.")
    ]
    smtp_port: Annotated[int, Spec(values.port, "2525", "Port that the SMTP receiver listens on; 0 takes a free one.")]
    submission_port: Annotated[
        int, Spec(values.port, "2587", "Port for mail submission by SMTP, with STARTTLS; 0 takes a free one.")
    ]
    submission_tls_port: Annotated[
        int | None,
        Spec(
            values.port,
            None,
            "Port for mail submission that begins with TLS, as 465 does; unset, there is none; 0 takes a free one.",
        ),
    ]
    metrics_host: Annotated[str, Spec(values.host, "127.0.0.1", "Address that the metrics are served on.")]
    metrics_port: Annotated[
        int, Spec(values.port, "9464", "Port for metrics in the Prometheus format; 0 takes a free one.")
    ]
    public_url: Annotated[
        str,
        Spec(
            values.web_url,
            "http://{http_host}:{http_port}",
            "How clients reach the API, as it stands in links and answers.",
        ),
    ]
    service_domain: Annotated[
        str, Spec(values.domain, "daimon.email", "Domain of the inboxes that do not name one of their own.")
    ]
    trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...],
        Spec(
            values.networks,
            "",
            "Addresses and networks, separated by commas, whose `X-Forwarded-For` and PROXY headers are believed.",
        ),
    ]

    max_message_bytes: Annotated[
        int, Spec(values.whole(65_536, 268_435_456), "26214400", "Largest mail that is taken, in bytes.")
    ]
    smtp_hostname: Annotated[str, Spec(values.domain, "{service_domain}", "Name in the SMTP greeting.")]
    mx_hosts: Annotated[
        tuple[str, ...],
        Spec(
            values.domains,
            "{smtp_hostname}",
            "Names, separated by commas, that the MX records of custom domains point at: the first two are used.",
        ),
    ]
    smtp_max_connections: Annotated[
        int, Spec(values.whole(1, 100_000), "1000", "SMTP connections in all, for each SMTP process.")
    ]
    smtp_max_connections_per_ip: Annotated[
        int, Spec(values.whole(1, 100_000), "50", "SMTP connections from one address, for each SMTP process.")
    ]
    smtp_timeout_scale: Annotated[float, Spec(values.positive, "1", "Factor on the time-outs of RFC 5321 §4.5.3.2.")]
    authenticate_mail: Annotated[
        bool,
        Spec(
            values.switch,
            "true",
            "Ask DNS who received mail is from (SPF, DKIM, DMARC, ARC). Off where all mail comes by a relay that does.",
        ),
    ]
    smtp_proxy_protocol: Annotated[
        bool,
        Spec(
            values.switch,
            "false",
            "Expect a PROXY protocol v2 header on SMTP connections from trusted proxies, but not before TLS.",
        ),
    ]
    tls_cert: Annotated[
        Path | None,
        Spec(
            values.readable_file,
            None,
            "Certificate chain for STARTTLS and submission in PEM; unset, one is made and signed by itself.",
        ),
    ]
    tls_key: Annotated[Path | None, Spec(values.readable_file, None, "Private key of that certificate in PEM.")]

    free_creates_per_hour: Annotated[
        int,
        Spec(
            values.whole(0, 1_000_000_000),
            "10",
            "Inboxes that one address may create without a key in an hour; 0 is no limit.",
        ),
    ]
    reserved_usernames: Annotated[
        tuple[str, ...],
        Spec(
            values.words,
            "postmaster,abuse,hostmaster,webmaster,security,mailer-daemon,root,daemon,noreply,no-reply",
            "Usernames, separated by commas, that nobody may take on the service domain.",
        ),
    ]
    tiers: Annotated[
        str | None,
        Spec(
            _tiers,
            None,
            'Changes to the tier figures: JSON such as `{"free": {"max_inboxes": 100}}`, or the path of a '
            "file with it.",
        ),
    ]

    abuse_guard: Annotated[
        bool,
        Spec(
            values.switch,
            "true",
            "Put accounts under review that bounce, annoy or send one text to many. Off where only you send.",
        ),
    ]

    api_processes: Annotated[int, Spec(values.whole(1, 64), "1", "API processes that `daimon serve` runs.")]
    smtp_processes: Annotated[int, Spec(values.whole(1, 64), "1", "SMTP processes that `daimon serve` runs.")]
    workers: Annotated[int, Spec(values.whole(1, 64), "1", "Worker processes that `daimon serve` runs.")]
    log_level: Annotated[
        str, Spec(values.one_of("debug", "info", "warning", "error"), "info", "Least level that is logged.")
    ]

    dns_resolver: Annotated[
        HostPort | None, Spec(values.host_port, None, "DNS resolver as host:port; unset, the system's.")
    ]
    smtp_relay: Annotated[
        HostPort | None,
        Spec(
            values.host_port,
            None,
            "Server as host:port that outgoing mail is handed to; unset, it goes to the recipients' own.",
        ),
    ]
    allow_private_networks: Annotated[
        bool, Spec(values.switch, "false", "Let outgoing SMTP connect to private addresses.")
    ]
    allow_insecure_webhooks: Annotated[
        bool, Spec(values.switch, "false", "Let webhooks use plain HTTP and loopback addresses.")
    ]
    blob_url: Annotated[
        str | None,
        Spec(
            values.url("s3", "gs", "az"),
            None,
            "Where the octets of mails are kept, such as `s3://bucket`; unset, in the database.",
            later=True,
        ),
    ]
    stripe_secret_key: Annotated[
        str | None,
        Spec(
            values.secret(),
            None,
            "Stripe's secret key, or one restricted to what billing needs; unset, there is no billing.",
            mask=_masked,
        ),
    ]
    stripe_webhook_secret: Annotated[
        str | None,
        Spec(
            values.secret(),
            None,
            "What Stripe signs its webhooks to `/stripe/webhook` with. Given together with the secret key.",
            mask=_masked,
        ),
    ]
    stripe_meters: Annotated[
        tuple[str, ...],
        Spec(
            values.some_of("received", "sent", "bounced", "stored_bytes"),
            "",
            "What Stripe's Billing Meters are told of, separated by commas: `received`, `sent`, `bounced`, "
            "`stored_bytes`; unset, of nothing.",
        ),
    ]
    stripe_api_base: Annotated[
        str | None, Spec(values.web_url, None, "Another address for Stripe's API, such as a stand-in's for tests.")
    ]

    @property
    def secret(self) -> bytes:
        """The secret key, once there is one."""
        assert self.secret_key is not None, "the supervisor hands it on"
        return self.secret_key.encode()

    @property
    def database(self) -> str:
        """The database's URL, once there is one."""
        assert self.database_url is not None, "the supervisor hands it on"
        return self.database_url


SPECS: Mapping[str, Spec] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(Settings, include_extras=True).items()
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """The effective settings, and where each came from."""

    settings: Settings
    origins: Mapping[str, str]


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def flag(name: str) -> str:
    """Return the flag of a setting."""
    return "--" + name.replace("_", "-")


def load(environment: Mapping[str, str], flags: Mapping[str, str | None] | None = None) -> Loaded:
    """Read the settings; a variable or flag that is empty is as good as unset. Raises BadSetting in one line."""
    _refuse_unknown(environment)
    found: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, spec in SPECS.items():
        text, origin = _text_of(name, environment, flags or {})
        origins[name] = origin or "default"
        if text is None and spec.default is not None:
            text = spec.default.format_map({each: _in_template(value) for each, value in found.items()})
        found[name] = _read(spec, text, origin or variable(name)) if text is not None else None
    settings = Settings(**found)
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise BadSetting("DAIMON_TLS_CERT and DAIMON_TLS_KEY are given together or not at all")
    if (settings.stripe_secret_key is None) != (settings.stripe_webhook_secret is None):
        raise BadSetting("DAIMON_STRIPE_SECRET_KEY and DAIMON_STRIPE_WEBHOOK_SECRET are given together or not at all")
    return Loaded(settings, origins)


def as_environment(settings: Settings) -> dict[str, str]:
    """Return the variables from which `load` makes these settings again, for a child process."""
    return {variable(name): text for name in SPECS if (text := _write(getattr(settings, name)))}


def shown(settings: Settings) -> dict[str, str]:
    """Return every setting as text for people, without secrets."""
    result = {}
    for name, spec in SPECS.items():
        text = _write(getattr(settings, name))
        result[name] = spec.mask(text) if spec.mask and text else text
    return result


def reference() -> str:
    """Return docs/reference/settings.md."""
    lines = [
        "# Settings",
        "",
        "Each setting is an environment variable and a flag of `daimon serve` (`DAIMON_HTTP_PORT` is `--http-port`).",
        "A flag wins over the environment, an empty value counts as unset, and a variable not listed here is an error.",
        "`daimon config` prints the effective settings and where each came from. Made by `daimon config --reference`.",
        "",
        "| variable | default | meaning |",
        "|---|---|---|",
    ]
    for name, spec in SPECS.items():
        default = f"`{spec.default}`" if spec.default else "–"
        lines.append(f"| `{variable(name)}` | {default} | {spec.doc}{' Without effect yet.' if spec.later else ''} |")
    return "\n".join(lines) + "\n"


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {variable(name) for name in SPECS} | CLIENT_VARIABLES
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known:
            [nearest] = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0)
            raise BadSetting(f"{name} is not a setting; did you mean {nearest}?")


def _text_of(
    name: str, environment: Mapping[str, str], flags: Mapping[str, str | None]
) -> tuple[str | None, str | None]:
    """Return a setting's text and where it stands; (None, None) for the default."""
    if given := flags.get(name):
        return given, flag(name)
    if given := environment.get(variable(name)):
        return given, variable(name)
    return None, None


def _read(spec: Spec, text: str, origin: str) -> Any:
    try:
        return spec.read(text)
    except ValueError as error:
        value = "" if spec.mask else f" {text!r} does not do:"
        raise BadSetting(f"{origin}:{value} {error}") from None


def _write(value: object) -> str:
    """Return the text that is read as this value; nothing for None."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case HostPort():
            return str(value)
        case tuple():
            return ",".join(str(each) for each in value)
        case _:
            return str(value)


def _in_template(value: object) -> str:
    return values.in_url(_write(value))
