"""How much one endpoint is sent at a time: more while it answers well, less while it fails, nothing while it rests."""

from datetime import datetime

from daimon.webhooks import ladder
from daimon.webhooks.attempting import Outcome
from daimon.webhooks.models import UNHEALTHY_AFTER, WebhookStatus
from daimon.webhooks.recording import Standing

FIRST_OPEN, MOST_OPEN = 2, 8  # attempts under way at one endpoint: at first, and once it has answered well


class Pace:
    """What an endpoint can take, by what came of the attempts before."""

    def __init__(self, *, failing: bool, not_before: datetime | None) -> None:
        self._most = 1 if failing else FIRST_OPEN
        self._not_before = not_before

    def pause(self, now: datetime) -> datetime | None:
        """Return until when the endpoint is left alone; None: it is not."""
        return self._not_before if self._not_before and self._not_before > now else None

    def room(self, under_way: int, status: WebhookStatus, now: datetime) -> int:
        """Return how many attempts may begin. An unhealthy endpoint is only probed, with one."""
        if self.pause(now):
            return 0
        return (1 if status is WebhookStatus.UNHEALTHY else self._most) - under_way

    def begin_anew(self) -> None:
        """Forget what came before: it is another endpoint, or somebody says that it is well."""
        self._most, self._not_before = FIRST_OPEN, None

    def heed(self, outcome: Outcome) -> None:
        """Send more at a time to an endpoint that does well, half as much to one that fails, none where it asks so."""
        if outcome.succeeded:
            self._most = min(MOST_OPEN, self._most + 1)
        else:
            self._most = max(1, self._most // 2)
        if outcome.not_before:
            self._not_before = outcome.not_before

    def stand(self, before: WebhookStatus, standing: Standing, now: datetime) -> None:
        """Wait for the next probe where the webhook is unhealthy, and no longer where it has become well."""
        if standing.status is WebhookStatus.UNHEALTHY:
            self._not_before = ladder.next_probe(standing.failure_count - UNHEALTHY_AFTER, now)
        elif before is WebhookStatus.UNHEALTHY:
            self._not_before = None
