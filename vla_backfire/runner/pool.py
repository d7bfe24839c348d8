"""Blocks of cells, played in worker processes; the parent is the only one who writes.

A block is handed to a worker; every start and episode comes back as soon as it is there and is
committed at once, so that killing anything at any time loses no more than the episodes in flight.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing import connection
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from vla_backfire.episodes import Cell, Episode, Policy, Prompt, Start
from vla_backfire.errors import BackfireError
from vla_backfire.runner.episode import PlayableWorld, check_contract, play_episode, policy_seed
from vla_backfire.scenarios import Variant, variant_of

HOPELESS = 8
"""Workers that may die one after another, without an episode between, before the run gives up."""

_TRIES = 2  # the worker that died on a cell, and the fresh one after it


@dataclass(frozen=True, slots=True)
class Block:
    """Cells of one scenario and repeat: they share a world and, by arm, a start."""

    scenario: str
    repeat: int
    plays: tuple[tuple[Cell, Prompt], ...]

    def __post_init__(self) -> None:
        for cell, _ in self.plays:
            if (cell.scenario, cell.repeat) != (self.scenario, self.repeat):
                raise ValueError(f"'{cell.key}' is no cell of {self.scenario}, {self.repeat}")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a worker needs to know to play; it is pickled, so the two functions are top-level ones.

    Attributes:
        open_world: The world of a scenario id.
        open_policy: The policy of a name; opened once a worker and reused.
        horizon_steps: Control steps that an episode of a scenario may last, by its id.
        seed: Of the study, at least 0.
        profile: Name of the world profile.
        roots: Folders of scenarios beside the shipped ones.
        device: Where models run, in torch's words.
        decoys: What stands in the twin of a scenario instead of what its file says, by its id.
    """

    open_world: Callable[[Setting, str], PlayableWorld]
    open_policy: Callable[[Setting, str], Policy]
    horizon_steps: Mapping[str, int]
    seed: int
    profile: str
    roots: tuple[Path, ...] = ()
    device: str = "cpu"
    decoys: Mapping[str, str] = field(default_factory=dict)


class Played(NamedTuple):
    """What came of the blocks: nothing is dropped, n_played + n_unplayed is all that was asked.

    Attributes:
        n_played: Episodes that were committed, faulty ones included.
        n_missing: Those of them that ended by a fault.
        n_unplayed: Cells left for a retry: their worker died twice.
        faults: How many cells by reason, missing and unplayed.
    """

    n_played: int
    n_missing: int
    n_unplayed: int
    faults: Mapping[str, int]


OnStart = Callable[[str, int, Variant, Start], None]
OnEpisode = Callable[[Episode], None]


def play_blocks(
    blocks: Iterable[Block],
    *,
    setting: Setting,
    workers: int,
    on_episode: OnEpisode,
    on_start: OnStart,
) -> Played:
    """Play every cell of the blocks, whatever dies meanwhile.

    Results do not depend on `workers` or on the order of the blocks; only their order of arrival
    does. Ctrl-C ends the workers after everything that has arrived is committed.

    Args:
        blocks: What to play; cells that were played before are left out by the caller.
        setting: How worlds and policies are opened.
        workers: Processes; 0 plays in this one.
        on_episode: Commits an episode; called in this process, one at a time.
        on_start: Commits a start (scenario, repeat, variant, start) before its first episode;
            may be called again with the same one.

    Raises:
        BackfireError: A user's mistake, wherever it came to light; what was played is committed.
        KeyboardInterrupt: As it came.
    """
    if workers < 0:
        raise ValueError(f"workers is {workers}; 0 plays in this process")
    todo = [block for block in blocks if block.plays]
    desk = _Desk(on_start, on_episode)
    if workers == 0:
        with closing(_Station(setting)) as station:
            for message in (message for block in todo for message in station.play(block)):
                desk.take(message)
    elif todo:
        with closing(_Crew(todo, setting, min(workers, len(todo)), desk)) as crew:
            crew.play()
    n_asked = sum(len(block.plays) for block in todo)
    return Played(desk.n_played, desk.n_missing, n_asked - desk.n_played, dict(desk.faults))


# -- what plays, in a worker or here --------------------------------------------------------------


class _Begun(NamedTuple):
    scenario: str
    repeat: int
    variant: Variant
    start: Start


class _Refused(NamedTuple):
    """A user's mistake on its way to the parent: its constructor takes facts, not the sentence."""

    kind: type[BackfireError]
    sentence: str
    facts: Mapping[str, object]

    def error(self) -> BackfireError:
        error = self.kind.__new__(self.kind, self.sentence)
        vars(error).update(self.facts)
        return error


_Message = _Begun | Episode | _Refused


class _Station:
    """The world and the policies that are open in one process."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._world: tuple[str, PlayableWorld] | None = None
        self._policies: dict[str, Policy] = {}

    def play(self, block: Block) -> Iterator[_Message]:
        """Every episode of a block, each start before the first episode that has it."""
        told: set[tuple[Variant, str]] = set()
        world = self._world_of(block.scenario)
        for cell, prompt in block.plays:
            begun: list[Start] = []
            episode = play_episode(
                world,
                self._policy_of(cell.policy, world),
                cell,
                prompt,
                policy_seed=policy_seed(self._setting.seed, block.scenario, block.repeat),
                horizon_steps=self._setting.horizon_steps[block.scenario],
                on_start=begun.append,
            )
            variant = variant_of(cell.arm)
            for start in begun:
                if (variant, start.digest) not in told:
                    told.add((variant, start.digest))
                    yield _Begun(block.scenario, block.repeat, variant, start)
            yield episode

    def close(self) -> None:
        """Close the world that is open."""
        if self._world is not None:
            self._world[1].close()
            self._world = None

    def _world_of(self, scenario: str) -> PlayableWorld:
        if self._world is None or self._world[0] != scenario:
            self.close()  # the old one goes before the new one takes its memory
            self._world = (scenario, self._setting.open_world(self._setting, scenario))
        return self._world[1]

    def _policy_of(self, name: str, world: PlayableWorld) -> Policy:
        if name not in self._policies:
            self._policies[name] = self._setting.open_policy(self._setting, name)
        policy = self._policies[name]
        check_contract(policy.card, world.action, world.cameras)
        return policy


def _work(pipe: connection.Connection[_Message, Block], setting: Setting) -> None:
    """A worker's life: blocks in, starts and episodes out, until the parent hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with closing(_Station(setting)) as station:
        for block in _handed(pipe):
            try:
                for message in station.play(block):
                    _tell(pipe, message)
            except BackfireError as error:
                _tell(pipe, _Refused(type(error), str(error), vars(error)))


def _handed(pipe: connection.Connection[_Message, Block]) -> Iterator[Block]:
    with suppress(EOFError, OSError):
        while True:
            yield pipe.recv()


def _tell(pipe: connection.Connection[_Message, Block], message: _Message) -> None:
    try:
        pipe.send(message)
    except OSError:
        sys.exit(1)  # nobody listens any more


def _end_with_parent() -> None:
    """End at once when the parent has died, even in the middle of a long answer of a policy."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


# -- what commits, in the parent ------------------------------------------------------------------


class _Desk:
    """Commits what comes in, and counts it."""

    def __init__(self, on_start: OnStart, on_episode: OnEpisode) -> None:
        self._on_start, self._on_episode = on_start, on_episode
        self.n_played, self.n_missing = 0, 0
        self.faults: Counter[str] = Counter()

    def take(self, message: _Message) -> None:
        """Commit one message, or raise the mistake that it brings."""
        if isinstance(message, _Refused):
            raise message.error()
        if isinstance(message, _Begun):
            self._on_start(*message)
            return
        self._on_episode(message)
        self.n_played += 1
        if message.fault is not None:
            self.n_missing += 1
            self.faults[message.fault] += 1


class _Worker:
    """One process, as the parent sees it."""

    def __init__(self, setting: Setting) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, setting), daemon=True)
        with theirs, _interrupts_blocked_for_children():
            self._process.start()
        self.scenario: str | None = None
        self.left: Block | None = None

    @property
    def signs(self) -> tuple[connection.Connection[Block, _Message], int]:
        """What becomes ready when it has something to say or has died."""
        return self.pipe, self._process.sentinel

    def give(self, block: Block) -> bool:
        """Hand it a block; False if it has died idle."""
        try:
            self.pipe.send(block)
        except OSError:
            return False
        self.scenario, self.left = block.scenario, block
        return True

    def tick_off(self, episode: Episode) -> None:
        """Take a played cell from what is left; None when nothing is."""
        assert self.left is not None, "an episode that nobody asked for"
        plays = tuple(play for play in self.left.plays if play[0] != episode.cell)
        self.left = replace(self.left, plays=plays) if plays else None

    def cause_of_death(self) -> str:
        """How it ended; call it when it has hung up."""
        self._process.join(timeout=5)
        code = self._process.exitcode or 0
        return f"worker killed by signal {-code}" if code < 0 else f"worker died (exit code {code})"

    def end(self) -> None:
        """Hang up; an idle worker goes by itself, one that still plays is ended."""
        self.pipe.close()
        if self.left is None:
            self._process.join(timeout=5)
        self._process.terminate()
        self._process.join(timeout=5)
        self._process.kill()
        self._process.join()
        self._process.close()


class _Crew:
    """The workers, and what is left to play."""

    def __init__(self, blocks: list[Block], setting: Setting, n_workers: int, desk: _Desk) -> None:
        self._queues: dict[str, deque[Block]] = {}
        for block in blocks:
            self._queues.setdefault(block.scenario, deque()).append(block)
        self._setting, self._desk = setting, desk
        self._n_workers = n_workers
        self._workers: list[_Worker] = []
        self._deaths: Counter[str] = Counter()  # by the cell that was being played
        self._deaths_in_a_row = 0

    def play(self) -> None:
        """Until nothing is left, or Ctrl-C, or no worker lives long enough to play."""
        try:
            while self._deaths_in_a_row < HOPELESS and self._hand_out():
                for worker in self._ready():
                    with _interrupts_deferred():
                        self._hear(worker)
        except KeyboardInterrupt:
            self._drain()
            raise
        self._count_given_up()

    def close(self) -> None:
        """End every worker."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def _hand_out(self) -> bool:
        """Give every idle worker a block; whether anything is being played."""
        waiting = sum(map(len, self._queues.values()))
        idle = sum(worker.left is None for worker in self._workers)
        for _ in range(min(self._n_workers - len(self._workers), waiting - idle)):
            self._workers.append(_Worker(self._setting))
        for worker in self._workers:
            block = self._next_for(worker) if worker.left is None else None
            if block is not None and not worker.give(block):
                self._queues[block.scenario].appendleft(block)
        return any(worker.left is not None for worker in self._workers) or self._waiting()

    def _waiting(self) -> bool:
        return any(self._queues.values())

    def _next_for(self, worker: _Worker) -> Block | None:
        """A block of the world it has open, else of one that nobody has open, else of any."""
        open_now = {other.scenario for other in self._workers if other.left is not None}
        rank = {
            scenario: (scenario == worker.scenario, scenario not in open_now, len(queue))
            for scenario, queue in self._queues.items()
            if queue
        }
        if not rank:
            return None
        return self._queues[max(rank, key=lambda scenario: rank[scenario])].popleft()

    def _ready(self) -> list[_Worker]:
        """Workers that have spoken or died; waits for one."""
        signs = {sign: worker for worker in self._workers for sign in worker.signs}
        ready = connection.wait(list(signs))
        return list(dict.fromkeys(signs[sign] for sign in ready))  # type: ignore[index]  # wait gives back what it was given

    def _hear(self, worker: _Worker) -> None:
        """Commit one message of a worker, or see to what its death leaves behind."""
        try:
            message = worker.pipe.recv() if worker.pipe.poll() else None
        except (EOFError, OSError):
            message = None
        if message is None:
            self._bury(worker)
            return
        self._desk.take(message)
        if isinstance(message, Episode):
            worker.tick_off(message)
            self._deaths_in_a_row = 0

    def _bury(self, worker: _Worker) -> None:
        """Put back what it had not played, but for a cell that was the death of two."""
        self._workers.remove(worker)
        cause, left = worker.cause_of_death(), worker.left
        worker.end()
        self._deaths_in_a_row += 1
        if left is None:
            return
        key = left.plays[0][0].key
        self._deaths[key] += 1
        if self._deaths[key] == _TRIES:
            self._desk.faults[cause] += 1
            left = replace(left, plays=left.plays[1:])
        if left.plays:
            self._queues[left.scenario].appendleft(left)

    def _drain(self) -> None:
        """Commit what has arrived."""
        for worker in list(self._workers):
            while worker in self._workers and worker.pipe.poll():
                self._hear(worker)

    def _count_given_up(self) -> None:
        left = [worker.left for worker in self._workers if worker.left is not None]
        left += [block for queue in self._queues.values() for block in queue]
        if left:
            reason = f"gave up after {HOPELESS} workers died in a row"
            self._desk.faults[reason] += sum(len(block.plays) for block in left)


@contextmanager
def _interrupts_blocked_for_children() -> Iterator[None]:
    """Start a process that Ctrl-C cannot hit before it ignores it; the mask is inherited."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Let Ctrl-C wait until a message is whole and committed."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python interrupts the main thread only
        return
    came: list[tuple[int, FrameType | None]] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came and callable(before):
        before(*came[0])
