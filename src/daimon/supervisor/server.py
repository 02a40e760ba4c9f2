"""The life of `daimon serve`: prepare, start, watch, stop."""

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from daimon import config
from daimon.config import Loaded, Settings
from daimon.config_values import in_url
from daimon.db.embedded import EmbeddedPostgres
from daimon.db.errors import DatabaseUnusable
from daimon.db.migrate import migrate
from daimon.supervisor import data_dir, scrapes, sockets, welcome
from daimon.supervisor.children import Pauses, RoleProcess
from daimon.supervisor.errors import CannotStart
from daimon.supervisor.metrics import Metrics, deaths
from daimon.supervisor.outages import readable_outages
from daimon.supervisor.probe import QUESTIONS, Probe
from daimon.supervisor.signals import Signals

ROLES = ("worker", "smtp", "api")
# The settings of the ports that a role listens on, in the order in which it is handed their sockets.
_PORTS = {"worker": (), "smtp": ("smtp_port", "submission_port", "submission_tls_port"), "api": ("http_port",)}
_DRAIN_SECONDS = 10.0
_NO_EVENT = 3600.0


def serve(loaded: Loaded, roles: Sequence[str]) -> None:
    """Run these roles until someone asks to stop. Raises CannotStart or DatabaseUnusable in one line."""
    settings = loaded.settings
    if settings.database_url is None and set(roles) != set(ROLES):
        raise CannotStart("one role alone needs DAIMON_DATABASE_URL: the embedded database serves one machine")
    if settings.database_url is not None and settings.secret_key is None:
        raise CannotStart("DAIMON_DATABASE_URL needs DAIMON_SECRET_KEY, the same for every process")
    with Signals() as signals, contextlib.ExitStack() as held:
        if settings.database_url is None:
            held.enter_context(data_dir.locked(settings.data_dir))
        try:
            Server(loaded, roles, signals, held).run()
        except (CannotStart, DatabaseUnusable):
            if not signals.stopping():  # else the start was given up because someone asked for that
                raise


class Server:
    """One running server. What it takes is given back through `held`, in reverse order."""

    def __init__(self, loaded: Loaded, roles: Sequence[str], signals: Signals, held: contextlib.ExitStack) -> None:
        self._loaded = loaded
        self._roles = [each for each in ROLES if each in roles]
        self._signals = signals
        self._held = held
        self._began = time.monotonic()
        self._listeners: dict[str, socket.socket] = {}  # by the port's setting
        self._postgres: EmbeddedPostgres | None = None
        self._postgres_pauses = Pauses()
        self._children: list[RoleProcess] = []
        self._handed = b""

    def run(self) -> None:
        """Prepare, start, watch and stop."""
        self._bind()
        settings = self._with_secret(self._with_ports())
        self._load_roles()
        settings = self._start_database(settings)
        self._begin(settings)
        if self._await_ready():
            greet(welcome.text(settings, self._roles, seconds=time.monotonic() - self._began))
        self._watch()
        say("stopping")

    # Prepare

    def _bind(self) -> None:
        settings = self._loaded.settings
        for role in self._roles:
            host = settings.http_host if role == "api" else settings.smtp_host
            for name in _PORTS[role]:
                port = getattr(settings, name)
                if port is not None:
                    listener = sockets.listen(host, port, setting=config.variable(name))
                    self._listeners[name] = self._held.enter_context(listener)
        self._scraped = self._held.enter_context(
            sockets.listen(settings.metrics_host, settings.metrics_port, setting="DAIMON_METRICS_PORT")
        )

    def _with_ports(self) -> Settings:
        """Put in the ports that the system chose where 0 was asked for."""
        settings, origins = self._loaded.settings, self._loaded.origins
        ports: dict[str, Any] = {name: sockets.port_of(listener) for name, listener in self._listeners.items()}
        settings = replace(settings, **ports, metrics_port=sockets.port_of(self._scraped))
        if origins["public_url"] == "default":
            settings = replace(settings, public_url=f"http://{in_url(settings.http_host)}:{settings.http_port}")
        return settings

    def _with_secret(self, settings: Settings) -> Settings:
        if settings.secret_key is not None:
            return settings
        return replace(settings, secret_key=data_dir.secret_key(settings.data_dir))

    def _start_database(self, settings: Settings) -> Settings:
        if settings.database_url is None:
            self._postgres = EmbeddedPostgres(settings.data_dir)
            self._postgres_pauses.started()
            self._postgres.start(give_up=self._signals.stopping)
            settings = replace(settings, database_url=self._postgres.url)
        with readable_outages(settings.database):
            asyncio.run(migrate(settings.database))
        return settings

    # Start

    def _load_roles(self) -> None:
        """Start the roles' processes, which load while the database starts."""
        settings = self._loaded.settings
        copies = {"api": settings.api_processes, "smtp": settings.smtp_processes, "worker": settings.workers}
        self._held.callback(self._stop_postgres)  # after the roles, as what is held is given back in reverse
        self._held.callback(self._stop_roles)
        for role in self._roles:
            listeners = [self._listeners[name] for name in _PORTS[role] if name in self._listeners]
            for _ in range(copies[role]):
                child = RoleProcess(role, listeners)
                child.start()
                self._children.append(child)

    def _begin(self, settings: Settings) -> None:
        """Let the roles work."""
        self._handed = json.dumps(config.as_environment(settings)).encode() + b"\n"
        for child in self._children:
            child.begin(self._handed)
        seen_from_here = settings.database if "worker" in self._roles else None
        metrics = Metrics([child.board for child in self._children], seen_from_here)
        scrapes.serve(self._scraped, metrics.text)

    def _await_ready(self) -> bool:
        """Wait until every role answers; False if asked to stop meanwhile. Raises CannotStart if one dies."""
        with contextlib.ExitStack() as probes:
            waiting = [
                probes.enter_context(contextlib.closing(Probe(name, each, self._loaded.settings)))
                for name, each in self._listeners.items()
                if name in QUESTIONS
            ]
            while waiting and not self._signals.stopping():
                for child in self._children:
                    if death := child.death():
                        raise CannotStart(f"{death} before it was ready")
                waiting = [each for each in waiting if not each.answered()]
                self._signals.wait(0.01)
        return not self._signals.stopping()

    # Watch

    def _watch(self) -> None:
        while not self._signals.stopping():
            self._note_deaths()
            self._restart_due()
            self._signals.wait(self._next_due())

    def _note_deaths(self) -> None:
        """Note the children that ended, and when each is due again."""
        for child in self._children:
            if death := child.death():
                deaths.inc(child.role)
                say(f"{death}; starting it again {_when(child.pauses.failed())}")
        if self._postgres and self._postgres.has_ended():
            say(f"PostgreSQL ended; starting it again {_when(self._postgres_pauses.failed())}")

    def _restart_due(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.pid is None and child.pauses.due <= now:
                child.start()
                child.begin(self._handed)
        if self._postgres and self._postgres.pid is None and self._postgres_pauses.due <= now:
            self._restart_postgres(self._postgres)

    def _restart_postgres(self, postgres: EmbeddedPostgres) -> None:
        self._postgres_pauses.started()
        try:
            postgres.start(give_up=self._signals.stopping)
        except DatabaseUnusable as error:
            say(f"{error}; trying again {_when(self._postgres_pauses.failed())}")
        else:
            say("PostgreSQL is back")

    def _next_due(self) -> float:
        dues = [child.pauses.due for child in self._children if child.pid is None]
        if self._postgres and self._postgres.pid is None:
            dues.append(self._postgres_pauses.due)
        return max(0.0, min(dues) - time.monotonic()) if dues else _NO_EVENT

    # Stop

    def _stop_postgres(self) -> None:
        if self._postgres:
            self._postgres.stop(hurry=self._signals.hurried)

    def _stop_roles(self) -> None:
        """Let every role finish what it does; kill those that take too long, or all at a second request."""
        for child in self._children:
            child.ask_to_stop()
        deadline = time.monotonic() + _DRAIN_SECONDS
        while any(child.pid for child in self._children):
            for child in self._children:
                child.death()
            if self._signals.hurried() or time.monotonic() > deadline:
                break
            self._signals.wait(0.05)
        for child in self._children:
            child.kill()


def say(text: str) -> None:
    """Tell the person at the terminal, who may be gone."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"daimon: {text}\n")
        sys.stderr.flush()


def greet(text: str) -> None:
    """Write the welcome to standard output, which has nothing else, for people and for programs that wait for it."""
    if sys.stdout is None:  # it was closed before the start, and its number may be another's now
        return
    # Not sys.stdout itself: what that could not write it would try again at the exit, and make of it a failure.
    with contextlib.suppress(OSError), open(sys.stdout.fileno(), "w", closefd=False) as stream:
        stream.write(f"{text}\n")


def _when(pause: float) -> str:
    return f"in {pause:g} s" if pause else "now"
