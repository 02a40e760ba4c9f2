"""What all processes of a test run share: made by whichever comes first, while the others wait."""

import fcntl
import tempfile
from collections.abc import Callable
from pathlib import Path


class Once:
    """Directories under `home` that are made once."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def made(self, name: str, make: Callable[[Path], None]) -> Path:
        """Return a directory that `make` filled, now or before. If it fails, the next one tries again."""
        directory = self._home / name
        with directory.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not directory.exists():
                building = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._home))
                make(building)
                building.rename(directory)
        return directory
