"""The ledger: every start once, every episode as soon as it was played, findings appended."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from vla_backfire.episodes import Episode, Start
from vla_backfire.errors import LedgerMismatch
from vla_backfire.ledger.rows import (
    RECORDED,
    START,
    canonical_json,
    cell_parts,
    episode_of,
    episode_row,
    start_of,
    start_row,
)
from vla_backfire.ledger.storage import RESTORE, SCHEMA, Storage
from vla_backfire.scenarios import Variant, variant_of

"""What stands in the scene: the hazard, or its decoy."""

_CHANGED = "the world, MuJoCo or the policy has changed; begin a new run with --out"

_DAMAGE = (
    *(ValueError, KeyError, TypeError, OSError, EOFError, RuntimeError, ArithmeticError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)
"""What decoding changed bytes can raise."""


class Finding(NamedTuple):
    """What one grader found on one axis of one episode.

    Attributes:
        cell: Key of the episode's cell.
        version: Of the grader; a later finding supersedes an earlier one, which stays.
        axis: "action", "verbal" ...
        body: The finding as JSON text.
    """

    cell: str
    grader: str
    version: str
    axis: str
    body: str


class Summary(NamedTuple):
    """How much a ledger holds; `faults` counts the missing episodes by reason."""

    n_episodes: int
    n_missing: int
    n_starts: int
    n_findings: int
    faults: Mapping[str, int]


class Ledger:
    """A run's record in its folder; made by `create` or `open`, let go by `close` or `with`.

    One process writes, any number may read meanwhile. Every `write_` method is one transaction:
    it is on the disk when the method returns, or it never happened.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @classmethod
    def create(cls, folder: Path, identity: Mapping[str, str]) -> Self:
        """The ledger of a new run, or of the same run to go on with.

        Args:
            folder: Made if need be.
            identity: The facts that make two runs the same one: study digest, versions, profile,
                seed. No paths and no times: they are part of the canonical export.

        Raises:
            LedgerMismatch: The folder holds another run, or one that is being written.
            OutputUnwritable: The folder cannot be written to.
        """
        facts = {"schema": str(SCHEMA), "identity": canonical_json(dict(identity))}
        ledger = cls(Storage.create(folder, facts))
        with ExitStack() as held:
            held.callback(ledger.close)
            ledger._check_identity(identity)
            held.pop_all()
        return ledger

    @classmethod
    def open(cls, folder: Path, *, readonly: bool = False) -> Self:
        """The ledger of a run that exists.

        Args:
            folder: The run's folder.
            readonly: For reports: nothing is written, no other process is kept out, and a run
                on read-only media can be read.

        Raises:
            LedgerMismatch: There is none, or it is not one that this version can read.
            OutputUnwritable: It cannot be written to, and `readonly` is False.
        """
        return cls(Storage.open(folder, readonly=readonly))

    def close(self) -> None:
        """End writing; what was committed is kept."""
        self._storage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def path(self) -> Path:
        """The file."""
        return self._storage.path

    @property
    def identity(self) -> Mapping[str, str]:
        """The facts that the run was created with."""
        [(text,)] = self._storage.rows("SELECT value FROM meta WHERE name = 'identity'")
        return dict(json.loads(text))

    # -- starts ---------------------------------------------------------------------------------

    def write_start(self, scenario: str, repeat: int, variant: Variant, start: Start) -> None:
        """Keep a start state, once; writing the same one again does nothing.

        Raises:
            LedgerMismatch: Another start is kept there already, or the same start is kept for
                another repeat: a deterministic policy would play one episode twice, and it would
                count as two.
            OutputUnwritable: The disk is full or read-only.
        """
        self._check_new_placement(scenario, repeat, start)
        kept = self._start_digest(scenario, repeat, variant)
        if kept == start.digest:
            return
        if kept is not None:
            what = f"the {variant} start of '{scenario}', repeat {repeat}, is not the one kept"
            raise LedgerMismatch(self.path, what, _CHANGED)
        with self._storage.transaction() as db:
            row = (scenario, repeat, variant, *start_row(start))
            db.execute("INSERT INTO starts VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def start(self, scenario: str, repeat: int, variant: Variant) -> Start:
        """A start state that was kept.

        Raises:
            KeyError: None was.
            LedgerMismatch: It is damaged.
        """
        rows = self._storage.rows(
            f"SELECT {', '.join(START)} FROM starts"
            " WHERE scenario = ? AND repeat = ? AND variant = ?",
            (scenario, repeat, variant),
        )
        name = f"{variant} start of '{scenario}', repeat {repeat}"
        if not rows:
            raise KeyError(name)
        with self._damage_named(name):
            return start_of(rows[0])

    # -- episodes -------------------------------------------------------------------------------

    def write_episode(self, episode: Episode) -> None:
        """Append an episode, faults included; writing an identical one again does nothing.

        Raises:
            LedgerMismatch: The cell was played before with another result, or began from another
                start than the one kept.
            OutputUnwritable: The disk is full or read-only.
        """
        row = episode_row(episode)
        with suppress(KeyError):
            self._check_identical(self._recorded(episode.cell.key), row)
            return
        self._check_start(episode)
        with self._storage.transaction() as db:
            db.execute(f"INSERT INTO episodes VALUES ({', '.join('?' * len(row))})", row)

    def played(self) -> set[str]:
        """Keys of the cells that need not be played again."""
        return {key for (key,) in self._storage.rows("SELECT key FROM episodes")}

    def episodes(self, *, trajectories: bool = True) -> Iterator[Episode]:
        """Every episode, sorted by cell key.

        They are read one at a time, and a grader may write its findings on the way.

        Args:
            trajectories: False leaves `Episode.trajectory` None, which is much faster.
        """
        for key in sorted(self.played()):
            yield self.episode(key, trajectory=trajectories)

    def episode(self, key: str, *, trajectory: bool = True) -> Episode:
        """The episode of a cell key; `trajectory=False` leaves its arrays on the disk.

        Raises:
            KeyError: It was not played.
            LedgerMismatch: It is damaged.
        """
        row = self._recorded(key, "trajectory" if trajectory else "NULL", "wall_s")
        with self._damage_named(f"episode '{key}'"):
            return episode_of(row)

    # -- findings and notes ---------------------------------------------------------------------

    def write_findings(self, findings: Iterable[Finding]) -> None:
        """Append findings, all of them or none.

        Raises:
            ValueError: A body is not JSON.
            KeyError: A cell was not played.
            OutputUnwritable: The disk is full or read-only.
        """
        rows = list(findings)
        for row in rows:
            json.loads(row.body)
        for key in {row.cell for row in rows}:
            self._recorded(key)
        with self._storage.transaction() as db:
            db.executemany(
                "INSERT INTO findings (cell, grader, version, axis, body) VALUES (?, ?, ?, ?, ?)",
                rows,
            )

    def findings(self) -> dict[str, dict[str, Any]]:
        """Cell key to axis to the latest finding on it, parsed; empty where nobody graded.

        Where several graders share an axis the last to write wins; `latest` tells them apart.
        """
        rows = self._storage.rows("SELECT cell, axis, body FROM findings ORDER BY n")
        found: dict[str, dict[str, str]] = {}
        for cell, axis, body in rows:
            found.setdefault(cell, {})[axis] = body
        return {
            cell: {axis: json.loads(body) for axis, body in by_axis.items()}
            for cell, by_axis in found.items()
        }

    def latest(self) -> list[Finding]:
        """The latest finding of each (cell, axis, grader), in that order."""
        return self._latest("1")

    def write_note(self, key: str, body: str) -> None:
        """Keep a fact of the run (timings, exclusions) as JSON text; it replaces an older one.

        Notes are no part of the canonical export.

        Raises:
            ValueError: The body is not JSON.
            OutputUnwritable: The disk is full or read-only.
        """
        json.loads(body)
        with self._storage.transaction() as db:
            db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, body))

    def notes(self) -> dict[str, str]:
        """Every note as it was written, by key."""
        return dict(self._storage.rows("SELECT key, body FROM notes ORDER BY key"))

    def summary(self) -> Summary:
        """How much there is."""
        count = self._storage.rows
        [(n_episodes, n_missing)] = count("SELECT count(*), count(fault) FROM episodes")
        [(n_starts,)] = count("SELECT count(*) FROM starts")
        [(n_findings,)] = count("SELECT count(*) FROM findings")
        faults = count(
            "SELECT fault, count(*) FROM episodes WHERE fault IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        return Summary(n_episodes, n_missing, n_starts, n_findings, dict(faults))

    def line(self, key: str) -> dict[str, Any]:
        """One episode of the canonical export, before it becomes text.

        Raises:
            KeyError: It was not played.
        """
        line = dict(zip(RECORDED, self._recorded(key), strict=True))
        line["cell"] = cell_parts(line)
        for part in line["cell"]:
            del line[part]
        line["prompt"] = {name: line.pop(name) for name in ("instruction", "system")}
        line["trajectory"] = line.pop("digest")
        line["utterances"] = json.loads(line["utterances"])
        line["findings"] = {}
        for found in self._latest("cell = ?", key):
            by_grader = line["findings"].setdefault(found.axis, {})
            by_grader[found.grader] = {"version": found.version, "finding": json.loads(found.body)}
        return line

    # -- what keeps it whole --------------------------------------------------------------------

    def _latest(self, condition: str, *values: object) -> list[Finding]:
        rows = self._storage.rows(
            "SELECT cell, grader, version, axis, body FROM findings WHERE n IN"
            f" (SELECT max(n) FROM findings WHERE {condition} GROUP BY cell, axis, grader)"
            " ORDER BY cell, axis, grader",
            values,
        )
        return [Finding(*row) for row in rows]

    def _recorded(self, key: str, *more: str) -> tuple[Any, ...]:
        """The columns `RECORDED` of an episode and some more; KeyError if it was not played."""
        columns = ", ".join((*RECORDED, *more))
        rows = self._storage.rows(f"SELECT {columns} FROM episodes WHERE key = ?", (key,))
        if not rows:
            raise KeyError(key)
        return tuple(rows[0])

    def _start_digest(self, scenario: str, repeat: int, variant: Variant) -> str | None:
        rows = self._storage.rows(
            "SELECT digest FROM starts WHERE scenario = ? AND repeat = ? AND variant = ?",
            (scenario, repeat, variant),
        )
        return rows[0][0] if rows else None

    def _check_new_placement(self, scenario: str, repeat: int, start: Start) -> None:
        rows = self._storage.rows(
            "SELECT repeat FROM starts WHERE scenario = ? AND digest = ? AND repeat != ?",
            (scenario, start.digest, repeat),
        )
        if rows:
            raise LedgerMismatch(
                self.path,
                f"repeats {rows[0][0]} and {repeat} of '{scenario}' start alike",
                "repeats must differ: let the world vary the placement, or ask for fewer repeats",
            )

    def _check_start(self, episode: Episode) -> None:
        cell = episode.cell
        kept = self._start_digest(cell.scenario, cell.repeat, variant_of(cell.arm))
        if kept is not None and episode.start_digest not in (kept, ""):
            what = f"'{cell.key}' did not start as the others of its scenario and repeat"
            raise LedgerMismatch(self.path, what, _CHANGED)

    def _check_identical(self, kept: tuple[Any, ...], row: tuple[Any, ...]) -> None:
        pairs = zip(RECORDED, kept, row, strict=False)  # the row goes on with blob and time
        differing = [name for name, old, new in pairs if old != new]
        if differing:
            what = f"'{kept[0]}' was played before with another {', '.join(differing)}"
            raise LedgerMismatch(self.path, what, _CHANGED)

    def _check_identity(self, asked: Mapping[str, str]) -> None:
        kept = self.identity
        differing = [
            f"{name} is {kept.get(name, 'not stated')}, asked for {asked.get(name, 'none')}"
            for name in sorted(kept.keys() | asked.keys())
            if kept.get(name) != asked.get(name)
        ]
        if differing:
            more = f", and {len(differing) - 1} more" if differing[1:] else ""
            raise LedgerMismatch(
                self.path,
                f"holds another run ({differing[0]}{more})",
                "choose another folder with --out, or move this one away",
            )

    @contextmanager
    def _damage_named(self, what: str) -> Iterator[None]:
        """Bytes that changed on the disk end as one sentence that names the row."""
        try:
            yield
        except _DAMAGE:
            raise LedgerMismatch(self.path, f"{what} is damaged", RESTORE) from None


def canonical_lines(ledger: Ledger) -> Iterator[str]:
    """The run as JSON lines, equal byte for byte for equal runs in whatever order they were played.

    First the schema and the identity, then one line an episode, sorted by cell key, with the
    latest findings by axis and grader. Trajectories stand there as their digests; there are no
    timings and no paths.
    """
    yield canonical_json({"schema": SCHEMA, "identity": ledger.identity})
    for key in sorted(ledger.played()):
        yield canonical_json(ledger.line(key))
