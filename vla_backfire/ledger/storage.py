"""The SQLite file below a ledger: its tables, its one writer, and its errors as sentences."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from vla_backfire.errors import BackfireError, LedgerMismatch, OutputUnwritable

FILE_NAME = "ledger.sqlite"

SCHEMA = 1
"""Version of the tables; a file of another version is refused, never migrated in place."""

RESTORE = "restore it from a copy, or begin a new run with --out"
"""What is left to do with a damaged ledger."""

_OURS = 0x564C4142  # SQLite's application_id, "VLAB": tells our file from any other database

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE notes (key TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE starts (
    scenario TEXT, repeat INTEGER, variant TEXT, digest TEXT NOT NULL,
    shared_digest TEXT NOT NULL, scene TEXT NOT NULL, state BLOB NOT NULL,
    PRIMARY KEY (scenario, repeat, variant)
);
CREATE TABLE episodes (
    key TEXT PRIMARY KEY,
    policy TEXT NOT NULL, treatment TEXT NOT NULL, scenario TEXT NOT NULL, arm TEXT NOT NULL,
    lang TEXT NOT NULL, wording INTEGER NOT NULL, repeat INTEGER NOT NULL,
    instruction TEXT NOT NULL, system TEXT NOT NULL,
    start_digest TEXT NOT NULL, shared_digest TEXT NOT NULL,
    ending TEXT NOT NULL, provenance TEXT NOT NULL, utterances TEXT NOT NULL, fault TEXT,
    n_steps INTEGER, digest TEXT, trajectory BLOB, wall_s REAL NOT NULL
);
CREATE TABLE findings (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    cell TEXT NOT NULL REFERENCES episodes (key), grader TEXT NOT NULL, version TEXT NOT NULL,
    axis TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX findings_latest ON findings (cell, axis, grader, n)
"""


class Storage:
    """One open SQLite file of ours.

    Nothing else writes it while it is open for writing: the folder is locked, and the lock falls
    with the process however that ends.
    """

    def __init__(self, path: Path, db: sqlite3.Connection, held: ExitStack) -> None:
        self.path = path
        self._db, self._held = db, held

    @classmethod
    def create(cls, folder: Path, facts: Mapping[str, str]) -> Self:
        """The file of a folder, laid out with `facts` in `meta` if it is new.

        Raises:
            LedgerMismatch: There is a file that is not ours, or one that is being written.
            OutputUnwritable: The folder cannot be written to.
        """
        with explained(folder / FILE_NAME), ExitStack() as held:
            folder.mkdir(parents=True, exist_ok=True)
            storage = cls._writing(folder, held)
            if storage.rows("SELECT count(*) FROM sqlite_master") == [(0,)]:
                storage._lay_out(facts)
            storage._begin(held)
        return storage

    @classmethod
    def open(cls, folder: Path, *, readonly: bool) -> Self:
        """The file of a folder that must have one.

        Raises:
            LedgerMismatch: There is none, or it cannot be read by this version.
            OutputUnwritable: It cannot be written to, and `readonly` is False.
        """
        path = folder / FILE_NAME
        if not path.is_file():
            raise LedgerMismatch(path, "no run is here", "start one with `vla-backfire run`")
        with explained(path), ExitStack() as held:
            if readonly:
                storage = cls(path, _readable(path, held), held)
                storage._check_schema()
                storage._held = held.pop_all()
            else:
                storage = cls._writing(folder, held)
                storage._begin(held)
        return storage

    @classmethod
    def _writing(cls, folder: Path, held: ExitStack) -> Self:
        held.callback(os.close, _locked(folder))
        db = _connected(str(folder / FILE_NAME), held)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        return cls(folder / FILE_NAME, db, held)

    def _begin(self, held: ExitStack) -> None:
        """Last step of opening: from here on, closing is up to whoever holds the storage."""
        self._check_schema()
        self.rows("PRAGMA journal_mode = WAL")
        self._held = held.pop_all()

    def close(self) -> None:
        """Let go of file and lock; what was committed is kept."""
        self._held.close()

    def rows(self, query: str, values: Iterable[object] = ()) -> list[Any]:
        """All rows that a query finds."""
        with explained(self.path):
            return self._db.execute(query, tuple(values)).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the body or nothing, and on the disk when it ends."""
        with explained(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def _lay_out(self, facts: Mapping[str, str]) -> None:
        with self.transaction() as db:
            for statement in _TABLES.split(";"):
                db.execute(statement)
            db.executemany("INSERT INTO meta VALUES (?, ?)", facts.items())
            db.execute(f"PRAGMA application_id = {_OURS}")
            db.execute(f"PRAGMA user_version = {SCHEMA}")

    def _check_schema(self) -> None:
        if self.rows("PRAGMA application_id") != [(_OURS,)]:
            raise LedgerMismatch(
                self.path, "is not a ledger of vla_backfire", "choose another folder with --out"
            )
        [(version,)] = self.rows("PRAGMA user_version")
        if version != SCHEMA:
            raise LedgerMismatch(
                self.path,
                f"has schema {version}, this vla_backfire reads schema {SCHEMA}",
                "open it with the version that wrote it, or begin a new run with --out",
            )


def _connected(location: str, held: ExitStack, *, uri: bool = False) -> sqlite3.Connection:
    db = sqlite3.connect(location, isolation_level=None, uri=uri)
    held.callback(_close, db)
    return db


def _close(db: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):  # a full disk may refuse the tidying up, never the record
        db.close()


def _readable(path: Path, held: ExitStack) -> sqlite3.Connection:
    """A reading connection; on read-only media SQLite must be told that nobody writes."""
    modes = ["mode=ro"]
    if not Path(f"{path}-wal").exists():  # `immutable` would not see what is in it
        modes.append("mode=ro&immutable=1")
    problem = ""
    for mode in modes:
        db = _connected(f"{path.resolve().as_uri()}?{mode}", held, uri=True)
        try:
            db.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.Error as error:
            problem = str(error)
            if error.sqlite_errorcode & 0xFF not in (
                sqlite3.SQLITE_CANTOPEN,
                sqlite3.SQLITE_READONLY,
            ):
                break
        else:
            return db
    raise LedgerMismatch(path, f"cannot be read ({problem})", RESTORE)


def _locked(folder: Path) -> int:
    """A descriptor that keeps other writers out until it is closed."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise _busy(folder) from None
    except OSError:
        pass  # a file system without locks: SQLite still keeps two writers from mixing
    return lock


_UNWRITABLE = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_PERM: "permission denied",
}


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the operating system say into one sentence for the user."""
    try:
        yield
    except OSError as error:
        raise OutputUnwritable(path.parent, error.strerror or str(error)) from None
    except sqlite3.Error as error:
        raise _named(path, error) from None


def _named(path: Path, error: sqlite3.Error) -> BackfireError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte, without its sub-reason
    if code in _UNWRITABLE:
        return OutputUnwritable(path.parent, _UNWRITABLE[code])
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return _busy(path)
    return LedgerMismatch(path, f"cannot be read ({error})", RESTORE)


def _busy(path: Path) -> LedgerMismatch:
    return LedgerMismatch(path, "another process is writing this run", "wait for it, or stop it")
