"""Checking every data file: that it can be read, built, played and, where asked, solved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

from vla_backfire.errors import BackfireError, CheckFailed, UnknownName
from vla_backfire.graders.lexicon import lexicon_languages, read_reply
from vla_backfire.languages import languages
from vla_backfire.proofread import Remark, proofread
from vla_backfire.resources import tree
from vla_backfire.scenarios import (
    CANARY,
    Scenario,
    families,
    load_scenario,
    load_scenarios,
    scenario_files,
)
from vla_backfire.solve import Row, solve
from vla_backfire.study import build_world
from vla_backfire.worlds.catalogue import (
    load_profiles,
    load_prop,
    load_world,
    prop_names,
    world_names,
)
from vla_backfire.worlds.world import World

LEAST_OF_A_FAMILY = 4
"""Scenarios that a claim about one family needs."""


def check_everything(
    roots: Sequence[Path] = (), *, only: Collection[str] = (), strict: bool = False
) -> Iterator[str]:
    """Read every file, compile every scene, proofread every text; one line for each finding.

    Args:
        roots: Folders of scenario files beside the shipped ones.
        only: Ids: check these scenarios and nothing else.
        strict: Warnings fail too; notes never do.

    Raises:
        CheckFailed: At the end, if something is wrong with a scenario.
        BackfireError: Of the first world, prop or lexicon that cannot be used.
    """
    if not only:
        yield from _check_the_rest()
    all_roots = (tree("scenarios"), *roots)
    remarks: list[Remark] = []
    found = _read(all_roots, remarks)
    _check_names(only, [scenario.id for scenario in found.values()])
    chosen = {path: s for path, s in found.items() if not only or s.id in only}
    remarks += _compiled(chosen, all_roots)
    remarks += proofread(found, chosen)
    for path, scenario in chosen.items():
        remarks += _declared(path, scenario)
    yield from (str(r._replace(path=_shown(r.path))) for r in remarks)
    langs = {tag for scenario in chosen.values() for tag in scenario.text}
    yield f"scenarios: {len(chosen)}, in {len(langs)} languages"
    yield from _notes(chosen, whole=not only)
    counted = Counter(remark.level for remark in remarks)
    n_errors, n_warnings = counted["error"], counted["warning"]
    yield f"{n_errors} errors, {n_warnings} warnings"
    if n_errors or (strict and n_warnings):
        raise CheckFailed(n_errors, n_warnings, strict=strict)


def check_solvable(
    roots: Sequence[Path] = (),
    *,
    only: Collection[str] = (),
    repeats: int = 10,
    workers: int = 1,
) -> Iterator[str]:
    """Play every goal of every scenario with the scripted expert; one line a scenario.

    Raises:
        CheckFailed: At the end, if a scenario cannot be solved.
        BackfireError: A file cannot be used.
    """
    all_roots = (tree("scenarios"), *roots)
    found = load_scenarios(all_roots)
    _check_names(only, found)
    names = sorted(only or found)
    n_failed = 0
    with ProcessPoolExecutor(max(1, workers), mp_context=get_context("spawn")) as pool:
        chosen = [found[name] for name in names]
        for name, rows in zip(
            names, pool.map(solve, chosen, repeat(all_roots), repeat(repeats)), strict=True
        ):
            failed = [row for row in rows if not row.passed]
            n_failed += bool(failed)
            yield f"{'FAIL' if failed else 'ok  '}  {name}: {_facts(rows)}"
            for row in failed:
                yield f"      {row.what}: {row.said}"
    yield f"{len(names) - n_failed} of {len(names)} scenarios are solved in {repeats} repeats"
    if n_failed:
        raise CheckFailed(n_failed, 0, strict=False)


def _facts(rows: Sequence[Row]) -> str:
    return ", ".join(f"{row.short} {row.said}" for row in rows if row.passed)


def _check_the_rest() -> Iterator[str]:
    """Languages, lexicons, props and worlds."""
    yield f"languages: {len(languages())}"
    for lang in lexicon_languages():
        read_reply("", (lang,))
    yield f"lexicons: {', '.join(lexicon_languages())}"
    for name in prop_names():
        load_prop(name)
    yield f"props: {len(prop_names())}; profiles: {', '.join(load_profiles())}"
    layouts = [layout for name in world_names() for layout in load_world(name).layouts.values()]
    for layout in layouts:
        with closing(World(layout)) as world:
            world.start_of("benign", 0)
    yield f"worlds: {', '.join(world_names())}; {len(layouts)} layouts compile and settle"


def _read(roots: Sequence[Path], remarks: list[Remark]) -> dict[Path, Scenario]:
    """Every file that can be read; those that cannot become remarks."""
    found: dict[Path, Scenario] = {}
    ids: dict[str, Path] = {}
    for path in (path for root in roots for path in scenario_files(root)):
        try:
            scenario = load_scenario(path)
        except BackfireError as error:
            remarks.append(Remark("error", path, "", str(error).removeprefix(f"{path}: ")))
            continue
        if scenario.id in ids:
            said = f"id '{scenario.id}' is also that of {_shown(ids[scenario.id])}; rename one"
            remarks.append(Remark("error", path, "", said))
            continue
        ids[scenario.id] = path
        found[path] = scenario
    return found


def _check_names(only: Collection[str], known: Collection[str]) -> None:
    for name in only:
        if name not in known:
            raise UnknownName("scenario", name, known)


def _compiled(chosen: Mapping[Path, Scenario], roots: Sequence[Path]) -> Iterator[Remark]:
    for path, scenario in chosen.items():
        try:
            with closing(build_world(scenario, roots, profile="fast")) as world:
                world.start_of("hazard", 0)
        except BackfireError as error:
            yield Remark("error", path, "", str(error).removeprefix(f"{path}: "))


def _declared(path: Path, scenario: Scenario) -> Iterator[Remark]:
    """What a file says of itself."""
    text = path.read_text(encoding="utf-8")
    n_left = sum("FILL IN" in line for line in text.splitlines())
    if n_left:
        yield Remark("error", path, "", f"{n_left} lines still say FILL IN")
    if scenario.canary != CANARY and path.is_relative_to(tree("scenarios")):
        yield Remark("warning", path, "", f'has not the canary; write canary = "{CANARY}"')
    expected = families()[scenario.family].tag
    if scenario.gamma != expected:
        said = f"gamma = '{scenario.gamma}', but {scenario.family} is '{expected}' in families.toml"
        yield Remark("warning", path, "", said)


def _notes(chosen: Mapping[Path, Scenario], *, whole: bool) -> Iterator[str]:
    unreviewed = [
        lang
        for scenario in chosen.values()
        for lang, text in scenario.text.items()
        if text.source == "machine" and text.reviewer is None
    ]
    if unreviewed:
        n_langs = len(set(unreviewed))
        yield (
            f"note: {len(unreviewed)} texts in {n_langs} languages are by machine and unreviewed "
            "by a native speaker; claims that rest on them are exploratory"
        )
    counted = Counter(scenario.family for scenario in chosen.values())
    for family, n in sorted(counted.items()):
        if whole and n < LEAST_OF_A_FAMILY:
            yield f"note: {family} has {n} scenarios, too few for a claim about the family"


def _shown(path: Path) -> Path:
    """A path as a user at this prompt would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
