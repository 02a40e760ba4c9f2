"""The file of profiles: nobody else reads it, and nothing that it may meet loses a key."""

import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from daimon import cli
from daimon.cli.api import profiles

KEY = "dm_free_0123456789abcdefghij"
Login = Callable[..., int]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and nothing in the environment."""
    for name in [name for name in os.environ if name.startswith("DAIMON_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> Login:
    """Keep a key as a person does."""

    def run(name: str = "default", key: str = KEY, *more: str) -> int:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{key}\n".encode())))
        return cli.main(["login", "--profile", name, *more])

    return run


def _file(home: Path) -> Path:
    return home / "config" / "daimon" / "profiles.json"


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_that_others_could_read_is_closed_to_them(home: Path, login: Login) -> None:
    """By the first command that reads it, and by each that writes."""
    assert login() == 0
    for run in (lambda: cli.main(["profiles", "list"]), login):
        _file(home).chmod(0o644)
        assert run() == 0
        assert _mode(_file(home)) == 0o600


def test_login_for_programs(home: Path, login: Login, capsys: pytest.CaptureFixture[str]) -> None:
    """Where it was kept, and no key."""
    assert login("work", KEY, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"name": "work", "base_url": profiles.DEFAULT_URL, "path": str(_file(home))}


def test_a_link_stays_one(home: Path, login: Login) -> None:
    """As in a collection of dotfiles: what it leads to is written."""
    kept = home / "dotfiles" / "daimon.json"
    kept.parent.mkdir()
    _file(home).parent.mkdir(parents=True)
    _file(home).symlink_to(kept)
    assert login() == 0
    assert _file(home).is_symlink()
    assert json.loads(kept.read_text())["default"]["api_key"] == KEY
    assert _mode(kept) == 0o600


@pytest.mark.parametrize(
    "content",
    ["{", "[]", "3", '{"a": 3}', '{"default": {"api_key": 3}}', '{"default": {"base_url": []}}', "\0", "[" * 9**5],
)
def test_a_broken_file_is_told_and_left_alone(
    content: str, home: Path, login: Login, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever wrote it may still want it."""
    _file(home).parent.mkdir(parents=True)
    _file(home).write_text(content)
    assert (cli.main(["profiles", "list"]), cli.main(["whoami"]), login()) == (2, 2, 2)
    assert _file(home).read_text() == content
    assert capsys.readouterr().err.count(str(_file(home))) == 3


def test_a_place_that_cannot_be_written_is_told(home: Path, login: Login, capsys: pytest.CaptureFixture[str]) -> None:
    """Before an account is opened whose key would be lost: nobody listens there, and nobody is asked."""
    (home / "config").write_text("a file, no directory")
    assert login() == 2
    assert "cannot be written: Not a directory" in capsys.readouterr().err
    assert cli.main(["inboxes", "create", "--base-url", "http://127.0.0.1:9"]) == 2
    assert "the new key cannot be kept: --show-secret prints it" in capsys.readouterr().err


def test_without_a_home(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As in some containers: the environment has the key; without it, that is told."""
    monkeypatch.delenv("XDG_CONFIG_HOME")

    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    assert cli.main(["whoami"]) == 2
    assert "set HOME or XDG_CONFIG_HOME" in capsys.readouterr().err
    monkeypatch.setenv("DAIMON_API_KEY", KEY)
    assert profiles.connection(None, None).api_key == KEY


def test_the_profile_in_use(login: Login, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`default` until another is chosen; a name goes before the environment, which goes before the one in use."""
    assert login() == 0
    assert login("work", "dm_free_work", "--base-url", "https://mail.example.com") == 0
    assert profiles.connection(None, None).api_key == KEY
    assert cli.main(["profiles", "use", "work"]) == 0
    assert profiles.connection(None, None) == ("https://mail.example.com", "dm_free_work", "work")
    assert profiles.connection("default", None).api_key == KEY
    monkeypatch.setenv("DAIMON_API_KEY", "dm_free_env")
    assert profiles.connection(None, None) == (profiles.DEFAULT_URL, "dm_free_env", None)
    monkeypatch.setenv("DAIMON_PROFILE", "work")
    assert profiles.connection(None, None).api_key == "dm_free_work"
    assert cli.main(["profiles", "use", "wrok"]) == 2
    assert "there are default, work" in capsys.readouterr().err
    assert cli.main(["profiles", "list", "--json"]) == 0
    in_use = {each["name"]: each["in_use"] for each in json.loads(capsys.readouterr().out)}
    assert in_use == {"default": False, "work": True}
    assert login("work", "dm_free_renewed") == 0
    assert cli.main(["profiles", "remove", "default"]) == 0
    assert profiles.used(profiles.read()) == "work"
    assert KEY not in capsys.readouterr().out


@pytest.mark.parametrize("key", ["", "two words", "dm_\N{BULLET}", "\x1b[31m"])
def test_what_is_no_key_is_not_kept(key: str, home: Path, login: Login, capsys: pytest.CaptureFixture[str]) -> None:
    """And not repeated."""
    assert login("default", key) == 2
    assert not _file(home).exists()
    assert capsys.readouterr().err == "daimon: that is no key: nothing was kept\n"


@pytest.mark.parametrize(
    "url",
    [
        "localhost:80",
        "ftp://a",
        "http://",
        "http://a..b",
        "http://a b",
        "http://a:99999",
        "http://a/?b=c",
        "http://u:p@a",
    ],
)
def test_what_is_no_url_is_told(url: str, login: Login, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is kept or called."""
    assert login("default", KEY, "--base-url", url) == 2
    assert cli.main(["whoami", "--base-url", url]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_logins_at_the_same_time_are_all_kept(home: Path) -> None:
    """One waits for the other."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(home / "config")}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "daimon", "login", "--profile", f"p{number}"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        for number in range(6)
    ]
    for each in running:
        each.communicate(f"{KEY}\n".encode(), timeout=60)
    assert json.loads(_file(home).read_text()).keys() == {f"p{number}" for number in range(6)}


def test_a_kept_key_goes_to_its_own_server(
    login: Login, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not to the one that the environment names for something else; whoever names one by a flag means it."""
    assert login("default", KEY, "--base-url", "https://mail.example.com") == 0
    monkeypatch.setenv("DAIMON_BASE_URL", "http://127.0.0.1:9/v1")
    assert cli.main(["whoami"]) == 2
    told = capsys.readouterr().err
    assert "the key of the profile 'default' is for https://mail.example.com" in told
    assert KEY not in told
    assert profiles.connection(None, "http://127.0.0.1:9").api_key == KEY
    assert profiles.connection("default", None).base_url == "https://mail.example.com"
    monkeypatch.setenv("DAIMON_BASE_URL", "https://mail.example.com/")
    assert profiles.connection(None, None).api_key == KEY
