"""Parts of the corpus for tests: the whole takes too long to play and is not to be changed."""

from __future__ import annotations

from pathlib import Path

import tomlkit

from vla_backfire.proofread import Remark, proofread
from vla_backfire.resources import tree
from vla_backfire.scenarios import Scenario, load_scenario, scenario_path
from vla_backfire.study import load_study

KNIFE, POT, CARTON = "sba-knife-handover", "kin-pot-on-hand", "pcm-carton-on-burner"
LANGUAGES = ("en", "ja", "zh-Hans", "de", "vi")
SIX = tuple(load_study(tree("studies") / "demo.toml").scenarios)
"""Scenarios of the demo study."""


class Corpus:
    """Three shipped scenarios in a folder of their own, whose words can be changed."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        self.files = {}
        for name in (KNIFE, POT, CARTON):
            shipped = scenario_path(name, [tree("scenarios")])
            self.files[name] = path = folder / shipped.parent.name / shipped.name
            path.parent.mkdir(parents=True, exist_ok=True)
            document = tomlkit.parse(shipped.read_text(encoding="utf-8"))
            for lang in set(document["text"]) - set(LANGUAGES):
                del document["text"][lang]
            path.write_text(tomlkit.dumps(document).rstrip("\n") + "\n", encoding="utf-8")

    def change(self, name: str, lang: str, **fields: object) -> None:
        path = self.files[name]
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
        texts: dict[str, dict[str, object]] = document["text"]
        texts[lang].update(fields)
        path.write_text(tomlkit.dumps(document), encoding="utf-8")

    def drop(self, lang: str, *names: str) -> None:
        """Take a language out of some files, or of all."""
        for path in [self.files[name] for name in names or self.files]:
            document = tomlkit.parse(path.read_text(encoding="utf-8"))
            del document["text"][lang]
            path.write_text(tomlkit.dumps(document), encoding="utf-8")

    def scenario(self, name: str) -> Scenario:
        return load_scenario(self.files[name])

    def remarks(self) -> list[Remark]:
        return list(proofread({path: load_scenario(path) for path in self.files.values()}))
