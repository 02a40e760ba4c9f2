"""The replays of one webhook: ranges of the sequence that are walked again, one after the other."""

from dataclasses import dataclass

from daimon.feed.errors import CursorExpired
from daimon.feed.models import Told
from daimon.feed.reach import Reach
from daimon.webhooks.backlog import Backlog, OpenReplay
from daimon.webhooks.walk import Walk


@dataclass(frozen=True, slots=True)
class Repeat:
    """An event that a replay sends again."""

    told: Told
    walk: Walk
    replay: OpenReplay


class Replays:
    """What somebody asked to be sent again as if it had never been."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._current: tuple[OpenReplay, Walk] | None = None

    @property
    def is_waiting(self) -> bool:
        """Tell whether a replay is not finished."""
        return self._current is not None

    async def look(self) -> None:
        """Begin the oldest replay that is not finished, unless one is under way."""
        if self._current is None and (found := await self._backlog.replay()):
            self._current = found, Walk(found.cursor)

    async def pick(self, reach: Reach) -> Repeat | None:
        """Take the next event of a replay; None if there is none, or the last ones are still under way."""
        while self._current:
            replay, walk = self._current
            if walk.waiting:
                return Repeat(walk.begin(), walk, replay)
            if walk.read_to < replay.until:
                await self._read(replay, walk, reach)
            elif walk.settled < replay.until:
                return None
            else:
                await self._backlog.finish(replay.id)
                self._current = None
                await self.look()
        return None

    async def _read(self, replay: OpenReplay, walk: Walk, reach: Reach) -> None:
        try:
            found, walk.read_to = await self._backlog.range(replay, walk.read_to, reach)
        except CursorExpired as expired:
            found, walk.read_to = [], min(expired.oldest - 1, replay.until)
        walk.waiting.extend(found)
