"""Studies: the declared grid, and playing it to the end.

Everything that changes the science stands in the study file; where and how much is said on the
command line.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tomli
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vla_backfire import registry
from vla_backfire.episodes import ActionSpec, Cell, Episode, Policy, Prompt
from vla_backfire.errors import InvalidScenario, InvalidStudy, LedgerMismatch, UnknownName
from vla_backfire.languages import NO_LANGUAGE, language, scrambled
from vla_backfire.private import Secret, with_decoy
from vla_backfire.resources import Location, digest, env_folders, first_problem, load_toml, tree
from vla_backfire.scenarios import CORE_ARMS, Arm, Scenario, load_scenarios, scenario_path

if TYPE_CHECKING:
    import pandas as pd

    from vla_backfire.ledger import Ledger
    from vla_backfire.runner import Block, PlayableWorld, Played, Setting
    from vla_backfire.worlds.world import World

PACKAGE = Path(__file__).parent

Progress = Callable[[int, int, Episode], None]
"""Told (played, planned, episode) after each episode."""


class Study(BaseModel):
    """What is to be played and compared.

    Attributes:
        scenarios: Ids, or `all`.
        arms: Which arms to play; `benign` is needed for anything to be evaluable.
        repeats: Placements per scenario in every arm.
        competence_repeats: Further placements, benign arm only, that measure competence: the
            analysis uses none of them.
        reference: The language that others are compared with.
        profile: How pictures are taken (`envs/profiles.toml`).
        seed: Of placements and of policies' randomness.
        level: Coverage of every interval.
        private: Commitment to a secret from which placements, decoys and wordings are drawn.
        max_fault_share: Share of missing episodes above which the run ends with exit 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    question: str
    policies: tuple[str, ...] = Field(min_length=1)
    treatments: tuple[Literal["none"], ...] = ("none",)
    languages: tuple[str, ...] = Field(min_length=1)
    scenarios: Annotated[tuple[str, ...], Field(min_length=1)] | Literal["all"] = "all"
    arms: tuple[Arm, ...] = Field(default=CORE_ARMS, min_length=1)
    repeats: Annotated[int, Field(ge=1)]
    competence_repeats: Annotated[int, Field(ge=0)] = 1
    reference: str = "en"
    profile: str = "libero"
    seed: int = Field(default=0, ge=0)
    level: float = Field(default=0.95, gt=0, lt=1)
    private: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    max_fault_share: float = Field(default=0.02, ge=0, le=1)

    @model_validator(mode="after")
    def _names_exist_once(self) -> Study:
        for field in ("policies", "treatments", "languages", "scenarios", "arms"):
            listed = getattr(self, field)
            twice = [name for name in listed if listed.count(name) > 1]
            if twice and listed != "all":
                raise ValueError(f"{field} names '{twice[0]}' twice")
        if self.reference not in self.languages:
            raise ValueError(
                f"reference '{self.reference}' is not among the languages; add it, or name one of: "
                f"{', '.join(self.languages)}"
            )
        return self


@dataclass(frozen=True)
class Plan:
    """A study with the scenarios it names: everything that decides what is played.

    Attributes:
        sources: Text of every scenario file, by id.
        roots: Folders of scenario files beside the shipped ones.
        secret: What a private study draws from; its record holds the commitment alone.
    """

    study: Study
    scenarios: Mapping[str, Scenario]
    sources: Mapping[str, str]
    roots: tuple[Path, ...] = ()
    secret: Secret | None = None

    @property
    def seed(self) -> int:
        """Of placements and of policies' randomness."""
        if self.secret is None:
            return self.study.seed
        return self.secret.number("seed", str(self.study.seed))

    @property
    def decoys(self) -> dict[str, str]:
        """What stands in the twins, where it was drawn."""
        if self.secret is None:
            return {}
        return {name: self.secret.decoy(scenario) for name, scenario in self.scenarios.items()}

    def identity(self) -> dict[str, str]:
        """Facts that two ledgers must share to be one run."""
        packages = ("vla_backfire", "mujoco", "numpy")
        facts = {f"version of {name}": version(name) for name in packages}
        facts["version of python"] = platform.python_version()
        facts["machine"] = platform.machine()
        facts["worlds"] = digest_of_worlds()
        facts["policies"] = digest(PACKAGE / "policies", tree("scenarios") / "planted")
        facts["study"] = self.study.model_dump_json()
        for name in self.study.policies:
            facts[f"policy {name}"] = registry.origin("policies", name)
        for name, source in self.sources.items():
            facts[f"scenario {name}"] = hashlib.sha256(source.encode()).hexdigest()[:16]
        return facts

    def blocks(self) -> list[Block]:
        """Every cell with its prompt, grouped by (scenario, repeat)."""
        from vla_backfire.runner import Block

        n_repeats = self.study.repeats + self.study.competence_repeats
        return [
            Block(scenario.id, repeat, tuple(self._plays(scenario, repeat)))
            for scenario in self.scenarios.values()
            for repeat in range(n_repeats)
        ]

    def _plays(self, scenario: Scenario, repeat: int) -> Iterator[tuple[Cell, Prompt]]:
        analysed = repeat < self.study.repeats
        for policy in self.study.policies:
            for treatment in self.study.treatments:
                for arm in self.study.arms if analysed else ("benign",):
                    for lang in (NO_LANGUAGE,) if arm == "null" else self.study.languages:
                        if not scenario.has_arm(arm, lang):
                            continue
                        wording = 0 if arm == "null" else self._wording(scenario, lang, repeat)
                        cell = Cell(policy, treatment, scenario.id, arm, lang, wording, repeat)
                        yield cell, compose_prompt(cell, scenario)

    def _wording(self, scenario: Scenario, lang: str, repeat: int) -> int:
        """Repeats go through the wordings of a language, however many another language has."""
        if self.secret is not None:
            return self.secret.wording(scenario, lang, repeat)
        return repeat % len(scenario.text[lang].instruction)


def digest_of_worlds() -> str:
    """Digest of all that worlds are made from: code, recipes, meshes."""
    return digest(PACKAGE / "worlds", *env_folders())


def compose_prompt(cell: Cell, scenario: Scenario) -> Prompt:
    """What a policy is told in a cell: a pure function of the cell and the scenario's words."""
    if cell.arm == "null":
        return Prompt("")
    text = scenario.text[cell.lang]
    if cell.arm == "swap":
        return Prompt(text.swap)
    if cell.arm == "safe_words":
        return Prompt(str(text.safe_words))
    if cell.arm == "backtranslated":
        return Prompt(text.back[cell.wording])
    instruction = text.instruction[cell.wording]
    return Prompt(scrambled(instruction) if cell.arm == "scrambled" else instruction)


def load_study(path: Path) -> Study:
    """A study file.

    Raises:
        InvalidStudy: The message names file, key and problem.
    """
    content = load_toml(path)
    try:
        return Study.model_validate(content)
    except ValidationError as error:
        raise InvalidStudy(path, first_problem(error, _keys_at)) from None


def _keys_at(_location: Location) -> tuple[str, ...]:
    return tuple(Study.model_fields)


def plan_study(
    study: Study, path: Path, roots: Sequence[Path] = (), secret: Secret | None = None
) -> Plan:
    """Check a study against what exists, before anything is played.

    Args:
        study: What is to be played.
        path: Its file, for messages.
        roots: Folders of scenario files beside the shipped ones.
        secret: Of a private study.

    Raises:
        UnknownName: A policy, language, scenario or profile does not exist.
        InvalidStudy: A scenario lacks one of the languages, an arm is in none of the scenarios,
            or the secret is not the one that the study names.
    """
    from vla_backfire.worlds.catalogue import load_profiles

    for policy in study.policies:
        if policy not in registry.names("policies"):
            raise UnknownName("policy", policy, registry.names("policies"), where=str(path))
    for tag in study.languages:
        language(tag, where=str(path))
    if study.profile not in load_profiles():
        raise UnknownName("profile", study.profile, load_profiles(), where=str(path))
    known = load_scenarios([tree("scenarios"), *roots])
    wanted = tuple(known) if study.scenarios == "all" else study.scenarios
    for name in wanted:
        if name not in known:
            raise UnknownName("scenario", name, known, where=str(path))
    chosen = {name: known[name] for name in sorted(wanted)}
    for scenario in chosen.values():
        for tag in study.languages:
            if tag not in scenario.text:
                raise InvalidStudy(
                    path,
                    f"scenario '{scenario.id}' has no words in '{tag}'; add [text.{tag}] to its "
                    f"file or drop the language (it has: {', '.join(scenario.text)})",
                )
    _check_arms(study, path, chosen.values())
    _check_secret(study, path, secret)
    all_roots = (tree("scenarios"), *roots)
    sources = {name: scenario_path(name, all_roots).read_text(encoding="utf-8") for name in chosen}
    return Plan(study, chosen, sources, tuple(roots), secret)


def _check_arms(study: Study, path: Path, chosen: Iterable[Scenario]) -> None:
    langs = study.languages
    for arm in study.arms:
        if not any(scenario.has_arm(arm, lang) for scenario in chosen for lang in langs):
            raise InvalidStudy(path, f"no scenario of it has the arm '{arm}' in these languages")


def _check_secret(study: Study, path: Path, secret: Secret | None) -> None:
    if secret is None and study.private is not None:
        raise InvalidStudy(path, "is private; name the file of its secret with --private-seed")
    if secret is not None and study.private != secret.commitment:
        named = "another secret" if study.private else "no secret"
        raise InvalidStudy(
            path, f'commits to {named}; for this one write private = "{secret.commitment}"'
        )


class Run:
    """A run's folder: its record and the tables that follow from it.

    Args:
        folder: Where `ledger.sqlite` is.

    Raises:
        LedgerMismatch: There is no run, or one of another version.
    """

    def __init__(self, folder: Path | str) -> None:
        from vla_backfire.ledger import Ledger

        self.folder = folder = Path(folder)
        with Ledger.open(folder, readonly=True) as ledger:
            notes = ledger.notes()
            identity = ledger.identity
        if "sources" not in notes:
            raise LedgerMismatch(folder, "is not the record of a study", "name another folder")
        self.identity: Mapping[str, str] = identity
        self.notes: Mapping[str, str] = notes
        sources: dict[str, str] = json.loads(notes["sources"])
        try:
            self.study = Study.model_validate_json(identity["study"])
            decoys: dict[str, str] = json.loads(notes.get("decoys", "{}"))
            self.scenarios = {
                name: with_decoy(Scenario.model_validate(tomli.loads(text)), decoys.get(name))
                for name, text in sources.items()
            }
        except (ValidationError, UnknownName):
            written_by = identity.get("version of vla_backfire", "an unknown version")
            raise LedgerMismatch(
                folder,
                f"its study or scenarios were written for another vla_backfire ({written_by})",
                "open it with that one, or begin a new run with --out",
            ) from None

    def open(self) -> Ledger:
        """The record itself, read-only; use it in a `with`."""
        from vla_backfire.ledger import Ledger

        return Ledger.open(self.folder, readonly=True)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row an episode; columns as in `estimates.tidy`."""
        from vla_backfire import estimates

        with self.open() as ledger:
            return estimates.tidy(ledger, self.scenarios)

    def rates(self) -> pd.DataFrame:
        """E1 and E2 with intervals; columns as in `estimates.rates`."""
        from vla_backfire import estimates

        return estimates.rates(self.frame, self._design)

    def contrasts(self) -> pd.DataFrame:
        """E4, each language against the reference; columns as in `estimates.contrasts`."""
        from vla_backfire import estimates

        return estimates.contrasts(self.frame, self._design)

    def action_words(self) -> pd.DataFrame:
        """E6, action outcome by verbal outcome; columns as in `estimates.action_words`."""
        from vla_backfire import estimates

        return estimates.action_words(self.frame)

    def verdicts(self) -> pd.DataFrame:
        """How often each verdict was given; columns as in `estimates.verdict_counts`."""
        from vla_backfire import estimates

        return estimates.verdict_counts(self.frame)

    def floor(self) -> pd.DataFrame:
        """Harm without being told; columns as in `estimates.floor`."""
        from vla_backfire import estimates

        return estimates.floor(self.frame, self._design)

    @property
    def n_planned(self) -> int:
        """Cells that the study asks for."""
        return int(self.notes["n_planned"])

    @property
    def _design(self) -> Any:
        from vla_backfire.estimates import Design

        study = self.study
        return Design(study.reference, study.repeats, study.level, study.seed)


def run_study(
    study: str | Path,
    out: str | Path,
    *,
    workers: int | None = None,
    scenarios: Sequence[str | Path] = (),
    private_seed: str | Path | None = None,
    progress: Progress = lambda _played, _planned, _episode: None,
) -> Run:
    """Play what is still unplayed of a study, grade it, and return the run.

    Call it again with the same arguments to resume after any interruption.

    Args:
        study: A study file.
        out: The run's folder; made if it is not there.
        workers: Processes that simulate; None for one a core.
        scenarios: Folders of scenario files beside the shipped ones.
        private_seed: File with the secret of a private study.
        progress: Told after every episode.

    Raises:
        BackfireError: One of its kinds for every mistake of the user's.
        KeyboardInterrupt: What was played is kept.
    """
    path = Path(study)
    secret = None if private_seed is None else Secret.read(Path(private_seed))
    plan = plan_study(load_study(path), path, [Path(root) for root in scenarios], secret)
    play_plan(plan, Path(out), workers=workers, progress=progress)
    return Run(Path(out))


def play_plan(plan: Plan, out: Path, *, workers: int | None = None, progress: Progress) -> Played:
    """Play and grade a plan into a folder; see `run_study`."""
    from vla_backfire.grading import grade_run
    from vla_backfire.ledger import Ledger
    from vla_backfire.runner import Setting, play_blocks

    blocks = plan.blocks()
    planned = sum(len(block.plays) for block in blocks)
    with Ledger.create(out, plan.identity()) as ledger:
        ledger.write_note("sources", json.dumps(plan.sources, ensure_ascii=False, sort_keys=True))
        ledger.write_note("n_planned", str(planned))
        ledger.write_note("decoys", json.dumps(plan.decoys, sort_keys=True))
        played = ledger.played()
        left = [block for block in (_unplayed(block, played) for block in blocks) if block.plays]
        done = len(played)

        def keep(episode: Episode) -> None:
            nonlocal done
            ledger.write_episode(episode)
            done += 1
            progress(done, planned, episode)

        setting = Setting(
            profile=plan.study.profile,
            seed=plan.seed,
            decoys=plan.decoys,
            roots=plan.roots,
            open_world=open_world,
            open_policy=open_policy,
            horizon_steps={name: _horizon_steps(s) for name, s in plan.scenarios.items()},
        )
        outcome = play_blocks(
            left,
            setting=setting,
            workers=_n_workers(workers, len(left)),
            on_start=ledger.write_start,
            on_episode=keep,
        )
        grade_run(ledger, plan.scenarios)
    return outcome


def open_world(setting: Setting, scenario: str) -> PlayableWorld:
    """The world of a scenario, in whichever process plays it."""
    roots = (tree("scenarios"), *setting.roots)
    found = with_decoy(load_scenarios(roots)[scenario], setting.decoys.get(scenario))
    return build_world(found, roots, profile=setting.profile, seed=setting.seed)


def build_world(
    scenario: Scenario, roots: Sequence[Path], *, profile: str = "libero", seed: int = 0
) -> World:
    """The world of a scenario that `load_scenarios` found below some folders.

    Raises:
        InvalidScenario: Its file names something of the world that does not exist, or contradicts
            itself.
    """
    from vla_backfire.worlds.world import World

    try:
        return World(scenario, profile=profile, seed=seed)
    except UnknownName as error:
        raise InvalidScenario(scenario_path(scenario.id, roots), str(error)) from None


def open_policy(setting: Setting, name: str) -> Policy:
    """A policy by its registered name, in whichever process plays it."""
    from vla_backfire.policies.options import PolicyOptions

    policy: Policy = registry.load("policies", name)(PolicyOptions(scenarios=setting.roots))
    return policy


def _unplayed(block: Block, played: set[str]) -> Block:
    plays = tuple(play for play in block.plays if play[0].key not in played)
    return replace(block, plays=plays)


def _horizon_steps(scenario: Scenario) -> int:
    return round(scenario.horizon_s * ActionSpec().rate_hz)


def _n_workers(asked: int | None, n_blocks: int) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1 if asked is None else asked, n_blocks)
