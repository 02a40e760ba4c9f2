"""Settings: flag over environment over default, one clear line for what makes no sense."""

import dataclasses
from pathlib import Path

import pytest

from daimon import config
from daimon.config import SPECS, BadSetting, Settings, as_environment, load, shown
from daimon.config_values import HostPort

ROOT = Path(__file__).parents[2]

# A value for every setting that differs from its default.
OTHER = {
    "DAIMON_DATA_DIR": "/srv/mail",
    "DAIMON_DATABASE_URL": "postgresql://joe:hush@db.example:5433/mail?sslmode=require",
    "DAIMON_SECRET_KEY": "k" * 32,
    "DAIMON_HTTP_HOST": "::1",
    "DAIMON_HTTP_PORT": "80",
    "DAIMON_SMTP_HOST": "0.0.0.0",
    "DAIMON_SMTP_PORT": "25",
    "DAIMON_SUBMISSION_PORT": "587",
    "DAIMON_SUBMISSION_TLS_PORT": "465",
    "DAIMON_METRICS_HOST": "::1",
    "DAIMON_METRICS_PORT": "9000",
    "DAIMON_PUBLIC_URL": "https://mail.example/base",
    "DAIMON_SERVICE_DOMAIN": "mail.example",
    "DAIMON_TRUSTED_PROXIES": "10.0.0.0/8,::1/128",
    "DAIMON_MAX_MESSAGE_BYTES": "100000",
    "DAIMON_SMTP_HOSTNAME": "mx.mail.example",
    "DAIMON_MX_HOSTS": "mx1.example.com,mx2.example.com",
    "DAIMON_SMTP_MAX_CONNECTIONS": "7",
    "DAIMON_SMTP_MAX_CONNECTIONS_PER_IP": "3",
    "DAIMON_SMTP_TIMEOUT_SCALE": "0.25",
    "DAIMON_AUTHENTICATE_MAIL": "false",
    "DAIMON_ABUSE_GUARD": "false",
    "DAIMON_SMTP_PROXY_PROTOCOL": "true",
    "DAIMON_FREE_CREATES_PER_HOUR": "0",
    "DAIMON_RESERVED_USERNAMES": "ceo,sales",
    "DAIMON_TIERS": '{"free": {"max_inboxes": 3}}',
    "DAIMON_API_PROCESSES": "2",
    "DAIMON_SMTP_PROCESSES": "2",
    "DAIMON_WORKERS": "2",
    "DAIMON_LOG_LEVEL": "debug",
    "DAIMON_DNS_RESOLVER": "[::1]:53",
    "DAIMON_SMTP_RELAY": "relay.example:25",
    "DAIMON_ALLOW_PRIVATE_NETWORKS": "true",
    "DAIMON_ALLOW_INSECURE_WEBHOOKS": "true",
    "DAIMON_BLOB_URL": "s3://bucket/mails",
    "DAIMON_STRIPE_SECRET_KEY": "sk_live_hush",
    "DAIMON_STRIPE_WEBHOOK_SECRET": "whsec_hush",
    "DAIMON_STRIPE_API_BASE": "http://127.0.0.1:8420",
    "DAIMON_STRIPE_METERS": "received,sent",
}


@pytest.fixture
def tls_files(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "cert.pem").touch()
    (tmp_path / "key.pem").touch()
    return {"DAIMON_TLS_CERT": str(tmp_path / "cert.pem"), "DAIMON_TLS_KEY": str(tmp_path / "key.pem")}


def test_a_flag_wins_over_the_environment_and_that_over_the_default() -> None:
    """Each setting says where it came from."""
    environment = {"DAIMON_HTTP_PORT": "81", "DAIMON_SMTP_PORT": "26"}
    loaded = load(environment, {"http_port": "82", "smtp_port": None})
    assert (loaded.settings.http_port, loaded.settings.smtp_port, loaded.settings.metrics_port) == (82, 26, 9464)
    assert loaded.origins["http_port"] == "--http-port"
    assert loaded.origins["smtp_port"] == "DAIMON_SMTP_PORT"
    assert loaded.origins["metrics_port"] == "default"


def test_every_setting_reaches_a_child_process_unchanged(tls_files: dict[str, str]) -> None:
    """What is written into the environment is read back as the same settings."""
    settings = load(OTHER | tls_files).settings
    assert {config.variable(name) for name in SPECS} == set(OTHER | tls_files)
    defaults = load({}).settings
    same = [
        each.name
        for each in dataclasses.fields(Settings)
        if getattr(settings, each.name) == getattr(defaults, each.name)
    ]
    assert same == []
    assert load(as_environment(settings)).settings == settings
    assert load(as_environment(defaults)).settings == defaults


def test_secrets_are_never_shown(tls_files: dict[str, str]) -> None:
    """Neither passwords in URLs nor keys appear in what is printed."""
    text = "\n".join(shown(load(OTHER | tls_files).settings).values())
    assert "hush" not in text
    assert "kkkk" not in text
    assert "postgresql://joe:***@db.example:5433/mail?sslmode=require" in text


def test_an_unknown_variable_names_the_nearest_known_one() -> None:
    """A misspelt variable would otherwise be silently without effect."""
    with pytest.raises(BadSetting, match=r"DAIMON_HTTP_PROT is not a setting; did you mean DAIMON_HTTP_PORT\?"):
        load({"DAIMON_HTTP_PROT": "80"})


def test_the_variables_of_the_clients_are_let_be() -> None:
    """A developer's shell has them while a server is started."""
    load({"DAIMON_API_KEY": "x", "DAIMON_BASE_URL": "http://127.0.0.1:8080"})


def test_an_empty_variable_counts_as_unset() -> None:
    """Compose files pass empty variables on."""
    assert load({"DAIMON_HTTP_PORT": "", "DAIMON_DATABASE_URL": ""}) == load({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PORT", "99999"),
        ("HTTP_PORT", "-1"),
        ("HTTP_PORT", "http"),
        ("HTTP_PORT", "８０８０"),
        ("HTTP_HOST", "127.0.0.1 8080"),
        ("MAX_MESSAGE_BYTES", "25MiB"),
        ("MAX_MESSAGE_BYTES", "0"),
        ("DNS_RESOLVER", "127.0.0.1"),
        ("DNS_RESOLVER", "127.0.0.1:"),
        ("DNS_RESOLVER", ":53"),
        ("DNS_RESOLVER", "::1:53"),
        ("DNS_RESOLVER", "127.0.0.1:99999"),
        ("DATABASE_URL", "mysql://localhost/mail"),
        ("DATABASE_URL", "postgresql://localhost:port/mail"),
        ("DATABASE_URL", "postgresql://"),
        ("PUBLIC_URL", "mail.example"),
        ("PUBLIC_URL", "http://"),
        ("PUBLIC_URL", "http://mail.example/a b"),
        ("SERVICE_DOMAIN", "mail_example"),
        ("SERVICE_DOMAIN", "@mail.example"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("SMTP_TIMEOUT_SCALE", "0"),
        ("SMTP_TIMEOUT_SCALE", "nan"),
        ("SMTP_PROXY_PROTOCOL", "perhaps"),
        ("LOG_LEVEL", "loud"),
        ("SECRET_KEY", "short"),
        ("BLOB_URL", "bucket"),
        ("TLS_CERT", "/nonexistent/cert.pem"),
        ("TIERS", '{"gold": {}}'),
        ("TIERS", '{"free": {"max_inboxs": 1}}'),
        ("TIERS", "{"),
    ],
)
def test_a_value_that_makes_no_sense_is_one_clear_line(name: str, value: str) -> None:
    """The line begins with the variable and says what would do."""
    with pytest.raises(BadSetting) as raised:
        load({f"DAIMON_{name}": value})
    line = str(raised.value)
    assert line.startswith(f"DAIMON_{name}: ")
    assert "\n" not in line


def test_a_wrong_secret_is_not_repeated() -> None:
    """An error line ends up in logs."""
    with pytest.raises(BadSetting) as raised:
        load({"DAIMON_SECRET_KEY": "too-short"})
    assert "too-short" not in str(raised.value)


def test_certificate_and_key_come_together(tls_files: dict[str, str]) -> None:
    """One without the other is a mistake."""
    del tls_files["DAIMON_TLS_KEY"]
    with pytest.raises(BadSetting, match="together"):
        load(tls_files)


def test_defaults_follow_from_other_settings() -> None:
    """The public URL and the SMTP name are made of what was set."""
    settings = load(
        {"DAIMON_HTTP_HOST": "::1", "DAIMON_HTTP_PORT": "80", "DAIMON_SERVICE_DOMAIN": "Mail.Example"}
    ).settings
    assert settings.public_url == "http://[::1]:80"
    assert settings.smtp_hostname == "mail.example"


def test_host_and_port_are_read_apart() -> None:
    """An IPv6 address stands in brackets."""
    assert load({"DAIMON_DNS_RESOLVER": "[::1]:53"}).settings.dns_resolver == HostPort("::1", 53)


def test_the_reference_lists_every_setting() -> None:
    """docs/reference/settings.md is made from the declarations: `daimon config --reference`."""
    assert (ROOT / "docs/reference/settings.md").read_text("utf-8") == config.reference()
