"""NOTIFY, sent after the commit it tells of and in a transaction of its own.

A transaction that notifies holds a lock of the whole server until its commit is flushed to disk, so commits could no
longer share a flush. A notification is only a hint: it may be lost with the process that would have sent it, so
whoever waits for one also looks for himself now and then.
"""

import asyncio

from daimon.db.engine import OUTAGES, Database
from daimon.kit.errors import Unavailable
from daimon.kit.log import Log

PAUSE_SECONDS = 0.003  # the first rings at once; under load, what is rung in so short a time goes out together
_WORDS = 120  # in one payload, which holds 8,000 bytes at most; the longest words are two ids

_log = Log(__name__)


class Ringer:
    """Rings one channel. What is rung while a notification is on its way goes out together with the next."""

    def __init__(self, db: Database, channel: str, *, pause: float = PAUSE_SECONDS) -> None:
        self._db = db
        self._channel = channel
        self._pause = pause
        self._words: dict[str, None] = {}
        self._sending: asyncio.Task[None] | None = None

    def ring(self, *words: str) -> None:
        """Wake the listeners of the channel; they hear the words, separated by blanks; without words, none does."""
        self._words.update(dict.fromkeys(words))
        if self._words and self._sending is None:
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        try:
            while self._words:
                words = list(self._words)[:_WORDS]
                for word in words:
                    del self._words[word]
                async with self._db.read() as db:
                    await db.execute("select pg_notify($1, $2)", self._channel, " ".join(words))
                await asyncio.sleep(self._pause)
        except (Unavailable, *OUTAGES) as error:
            _log.warning("ring.lost", channel=self._channel, error=repr(error))
        finally:
            self._sending = None
