"""What a user can get wrong: one class per mistake, each says what to do next.

Constructors take facts, write the sentence and keep the facts as attributes. The command line
prints the sentence on one line and exits with `exit_code`; nothing here is ever a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class BackfireError(Exception):
    """Base of every mistake that a user can make."""

    exit_code = 2


class UnknownName(BackfireError):
    """A name that nothing here answers to."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, where: str = "") -> None:
        self.kind, self.name, self.known = kind, name, tuple(sorted(known))
        close = get_close_matches(name, self.known, n=1)
        if close:
            hint = f"did you mean '{close[0]}'?"
        elif self.known:
            hint = f"there are: {', '.join(self.known)}"
        else:
            hint = f"there is no {kind} at all"
        prefix = f"{where}: " if where else ""
        super().__init__(f"{prefix}no {kind} named '{name}'; {hint}")


class AmbiguousName(BackfireError):
    """Two installed packages offer the same name."""

    def __init__(self, kind: str, name: str, packages: Iterable[str]) -> None:
        self.kind, self.name, self.packages = kind, name, tuple(sorted(packages))
        super().__init__(
            f"{kind} '{name}' is offered by {' and '.join(self.packages)}; uninstall one of them"
        )


class InvalidFile(BackfireError):
    """A data file that cannot be used as it stands."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}")


class InvalidScenario(InvalidFile):
    """A scenario file that contradicts itself, its world or its languages."""


class InvalidWorld(InvalidFile):
    """A world or prop recipe that cannot be built."""


class InvalidStudy(InvalidFile):
    """A study that asks for something that cannot be run."""


class ActionMismatch(BackfireError):
    """A policy and a world that do not speak the same actions or observations."""

    def __init__(self, policy: str, rows: Iterable[tuple[str, str, str]]) -> None:
        self.policy, self.rows = policy, tuple(rows)
        table = "; ".join(f"{what}: policy {has}, world {wants}" for what, has, wants in self.rows)
        super().__init__(f"policy '{policy}' does not fit the world ({table})")


class LedgerMismatch(BackfireError):
    """A run folder that belongs to something else than what was asked for."""

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        self.path, self.problem, self.remedy = path, problem, remedy
        super().__init__(f"{path}: {problem}; {remedy}")


class OutputUnwritable(BackfireError):
    """A place where results should go, and cannot."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(
            f"cannot write to {path} ({reason}); choose another place with --out or free it"
        )


class Unavailable(BackfireError):
    """Something of the machine that is needed and missing."""

    def __init__(self, what: str, remedy: str) -> None:
        self.what, self.remedy = what, remedy
        super().__init__(f"{what}; {remedy}")


class CheckFailed(BackfireError):
    """Data files that do not pass; what is wrong with them was said line by line."""

    def __init__(self, n_errors: int, n_warnings: int, *, strict: bool) -> None:
        self.n_errors, self.n_warnings = n_errors, n_warnings
        counted = f"{n_errors} errors" + (f" and {n_warnings} warnings" if strict else "")
        super().__init__(f"the check failed: {counted}; mend the files in the lines above")


class RunFellShort(BackfireError):
    """The run ended, and less came out than was asked for."""

    exit_code = 1
