"""What all results have in common."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Result:
    """The result of a call. `next_steps` names the next useful calls, with real ids."""

    next_steps: list[str] = field(init=False, default_factory=list, repr=False, compare=False)
