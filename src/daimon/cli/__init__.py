"""The command `daimon`. What a command needs is imported when it runs, so that help comes at once.

`program` runs one, `registry` knows every word, `parsing` how commands are declared, `failures` what is said and
returned when one does not do what was asked; a module a group of commands. Those that call the API are in `api`.
"""

import signal

TYPE_CHECKING = False  # as `typing` has it, which takes a while to import
if TYPE_CHECKING:
    from collections.abc import Sequence


class EndedAtOnce:
    """While modules are loaded, Ctrl-C ends the process at once: half of one is no place to go on from."""

    def __enter__(self) -> None:
        self._before = signal.getsignal(signal.SIGINT)
        self._set(signal.SIG_DFL)

    def __exit__(self, *_: object) -> None:
        self._set(signal.default_int_handler)

    def _set(self, handler: "signal._HANDLER") -> None:
        if self._before is signal.default_int_handler:  # whoever chose another means it
            try:
                signal.signal(signal.SIGINT, handler)
            except ValueError:  # in another thread than the main one, which alone is interrupted
                return


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run one command and return its exit code."""
    with EndedAtOnce():
        from daimon.cli import program
    return program.main(argv)
