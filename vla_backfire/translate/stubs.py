"""Stubs of a language in every scenario file, and its entry in the table of languages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from vla_backfire.errors import InvalidFile, OutputUnwritable, UnknownName
from vla_backfire.languages import Language, languages
from vla_backfire.resources import tree
from vla_backfire.scenarios import Scenario, load_scenario, scenario_files


class NewLanguage(NamedTuple):
    """What the table of languages must know of a language that it does not have yet."""

    name: str | None = None
    autonym: str | None = None
    script: str | None = None
    direction: str = "ltr"
    register: str | None = None


def add_language(tag: str, root: Path, new: NewLanguage) -> tuple[Path, ...]:
    """Write a stub for a language into every scenario file that lacks it; return those files.

    The stub holds the English to be replaced and `todo = true`, for which readers pass it over.

    Raises:
        UnknownName: The language is not in the table and `new` does not say enough of it.
        InvalidFile: Its tag is no BCP-47 tag.
        OutputUnwritable: A file cannot be written.
    """
    known = {}
    if tag not in languages():
        known = {tree("scenarios") / "languages.toml": _with_language(tag, new)}
    changed = {}
    for path in scenario_files(root):
        scenario = load_scenario(path)
        if tag not in scenario.text and tag not in scenario.untranslated:
            changed[path] = path.read_text(encoding="utf-8").rstrip("\n") + stub(tag, scenario)
    write_text(known | changed)
    languages.cache_clear()
    return tuple(changed)


def stub(tag: str, scenario: Scenario) -> str:
    """A language's table in a scenario file, still in English."""
    english = scenario.text["en"]
    fields: dict[str, object] = {"instruction": list(english.instruction), "swap": english.swap}
    if english.safe_words is not None:
        fields["safe_words"] = english.safe_words
    fields["slots"] = {slot: list(stems) for slot, stems in english.slots.items()}
    comment = "# still English: translate, then remove this line"
    return table(tag, {"todo": True} | fields).replace("true\n", f"true  {comment}\n", 1)


def table(tag: str, fields: Mapping[str, object]) -> str:
    """A language's table as it is written at the end of a scenario file."""
    lines = [f"{key} = {toml_of(value)}" for key, value in fields.items()]
    return "\n\n" + "\n".join([f"[text.{tag}]", *lines]) + "\n"


def toml_of(value: object) -> str:
    """A value in TOML; JSON's strings are TOML's basic strings."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key} = {toml_of(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(toml_of(item) for item in value)}]"
    return json.dumps(value, ensure_ascii=False)


def _with_language(tag: str, new: NewLanguage) -> str:
    path = tree("scenarios") / "languages.toml"
    lacking = [f"--{key}" for key, value in new._asdict().items() if value is None]
    if lacking:
        where = f"translate add (a new language needs {' '.join(lacking)})"
        raise UnknownName("language", tag, languages(), where=where)
    entry = new._asdict() | {"tier": "panel"}
    try:
        Language.model_validate(entry | {"tag": tag})
    except ValidationError as error:
        problem = str(error.errors()[0]["msg"])
        raise InvalidFile(path, f"'{tag}' cannot be added ({problem})") from None
    keys = ("name", "autonym", "script", "direction", "tier", "register")
    lines = "\n".join(f"{key} = {toml_of(entry[key])}" for key in keys)
    return path.read_text(encoding="utf-8").rstrip("\n") + f"\n\n[{tag}]\n{lines}\n"


def write_text(changed: Mapping[Path, str]) -> None:
    """Write some files, all or none: first beside their places, then into them.

    Raises:
        OutputUnwritable: One of them cannot be written; none is changed.
    """
    beside = {path: path.with_name(f".{path.name}.new") for path in changed}
    try:
        for path, text in changed.items():
            beside[path].write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        for other in beside.values():
            other.unlink(missing_ok=True)
        raise OutputUnwritable(path, str(error.strerror)) from None
    for path, other in beside.items():
        other.replace(path)
