"""What there is, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from vla_backfire import registry
from vla_backfire.languages import languages
from vla_backfire.resources import env_folders, load_toml
from vla_backfire.scenarios import shipped_scenarios


def listing(kind: str) -> Iterator[str]:
    """One line for each policy, scenario, language, world or grader."""
    match kind:
        case "policies" | "graders":
            yield from registry.names("policies" if kind == "policies" else "graders")
        case "scenarios":
            for scenario in shipped_scenarios().values():
                langs = ", ".join(scenario.text)
                yield f"{scenario.id}  {scenario.family}  {scenario.title}  [{langs}]"
        case "languages":
            for tag, language in languages().items():
                yield f"{tag}  {language.name}  {language.autonym}  {language.tier}"
        case "worlds":
            for root in env_folders():
                for path in sorted(root.glob("[!_]*/world.toml")):
                    world = load_toml(path)
                    layouts = ", ".join(world.get("layouts", {}))
                    yield f"{path.parent.name}  {world.get('title', '')}  [{layouts}]"
