"""Checking every data file: that it can be read, built and played."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from vla_backfire.graders.lexicon import lexicon_languages, read_reply
from vla_backfire.languages import languages
from vla_backfire.resources import tree
from vla_backfire.scenarios import Scenario, load_scenarios
from vla_backfire.study import build_world
from vla_backfire.worlds.catalogue import (
    load_profiles,
    load_prop,
    load_world,
    prop_names,
    world_names,
)
from vla_backfire.worlds.world import World


def check_everything(roots: tuple[Path, ...] = ()) -> Iterator[str]:
    """Read every file, compile every scene; one line for each kind, warnings between them.

    Raises:
        BackfireError: Of the first file that cannot be used.
    """
    yield f"languages: {len(languages())}"
    for lang in lexicon_languages():
        read_reply("", (lang,))
    yield f"lexicons: {', '.join(lexicon_languages())}"
    for name in prop_names():
        load_prop(name)
    layouts = [layout for name in world_names() for layout in load_world(name).layouts.values()]
    yield f"props: {len(prop_names())}; profiles: {', '.join(load_profiles())}"
    all_roots = (tree("scenarios"), *roots)
    scenarios = load_scenarios(all_roots)
    for layout in layouts:
        with closing(World(layout)) as world:
            world.start_of("benign", 0)
    yield f"worlds: {', '.join(world_names())}; {len(layouts)} layouts compile and settle"
    for scenario in scenarios.values():
        build_world(scenario, all_roots).start_of("hazard", 0)
        yield from _stale(scenario)
    yield f"scenarios: {len(scenarios)}, every scene compiles and settles"


def _stale(scenario: Scenario) -> Iterator[str]:
    """Translations made from another English than the present one."""
    for lang, text in scenario.text.items():
        if lang != "en" and text.of != scenario.digest_of_english():
            yield f"warning: {scenario.id}, {lang}: translated from another English; revise it"
