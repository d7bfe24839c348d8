"""Out to translators and back in: an import changes what the translator changed, or nothing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import tomli
from pydantic import ValidationError

from vla_backfire.errors import InvalidFile, UnknownName
from vla_backfire.languages import language
from vla_backfire.scenarios import Scenario, Text, load_scenario, scenario_files
from vla_backfire.translate.formats import csv_text, po_text, read_sheet
from vla_backfire.translate.sheet import (
    Entry,
    Kind,
    entries_of,
    fields_of,
    sheet_of,
    split_stems,
    wordings,
)
from vla_backfire.translate.stubs import table, toml_of, write_text

UNREVIEWED = "unreviewed by a native speaker"
REVIEWED = "reviewed by a native speaker"

MOST_REASONS = 12
"""Reasons against a file that are told at once."""

Source = Literal["human", "machine"]


class Imported(NamedTuple):
    """What an import changed: files, and how many texts a native speaker was named for."""

    changed: tuple[Path, ...]
    n_untranslated: int
    n_unsigned: int


def export_sheet(lang: str, root: Path, *, kind: Kind = "forward", format_: str = "po") -> str:
    """A language's sheet as the text of a PO or CSV file.

    Raises:
        UnknownName: The language is not in the table.
    """
    language(lang, where="translate export")
    sheet = sheet_of(lang, kind, root)
    return po_text(sheet) if format_ == "po" else csv_text(sheet)


def import_sheet(
    path: Path, root: Path, *, source: Source = "human", reviewer: str | None = None
) -> Imported:
    """Bring a translator's file into the scenario files, whole or not at all.

    What differs from the file is replaced, and with it goes what rested on it: a changed sentence
    loses its back-translation, a changed or unsigned text its review. Comments, order and every
    other byte of the scenario files stay.

    Args:
        path: A .po or .csv file that `export_sheet` wrote and somebody worked on.
        root: Folder of the scenario files.
        source: Who translated what is new in it.
        reviewer: The native speaker who vouches for every text that is not marked fuzzy.

    Raises:
        UnknownName: A language that is not in the table.
        InvalidFile: The file is broken, does not fit the corpus or would break it.
        OutputUnwritable: A scenario file cannot be written; none is changed.
    """
    sheet = read_sheet(path)
    language(sheet.lang, where=str(path))
    if sheet.lang == "en":
        raise InvalidFile(path, "is English, which is authored and not translated")
    by_scenario: dict[str, dict[str, Entry]] = defaultdict(dict)
    for entry in sheet.entries:
        name, _, place = entry.key.partition("/")
        by_scenario[name][place] = entry
    files = {file: load_scenario(file) for file in scenario_files(root)}
    known = {scenario.id for scenario in files.values()}
    reasons = [str(UnknownName("scenario", n, known)) for n in by_scenario if n not in known]
    changed: dict[Path, str] = {}
    n_untranslated = n_unsigned = 0
    for file, scenario in files.items():
        entries = by_scenario.get(scenario.id, {})
        wrong = list(_misfits(scenario, sheet.lang, sheet.kind, entries))
        reasons += wrong
        if wrong or not any(entry.text for entry in entries.values()):
            n_untranslated += bool(entries) and not wrong
            continue
        before = scenario.text.get(sheet.lang)
        if sheet.kind == "back":
            fields = _back_fields(before, entries)
        else:
            fields = _forward_fields(scenario, before, entries, source, reviewer)
            n_unsigned += _is_signed(entries) and "reviewer" not in fields
        if before is None or fields != _stored(before):
            changed[file] = _edited(file.read_text(encoding="utf-8"), sheet.lang, fields)
            reasons += _breaks(changed[file], scenario.id)
    if reasons:
        more = f"; and {len(reasons) - MOST_REASONS} more" if len(reasons) > MOST_REASONS else ""
        said = "; ".join(reasons[:MOST_REASONS])
        raise InvalidFile(path, f"was not imported, nothing was changed: {said}{more}")
    write_text(changed)
    return Imported(tuple(changed), n_untranslated, n_unsigned)


def _misfits(
    scenario: Scenario, lang: str, kind: Kind, entries: Mapping[str, Entry]
) -> Iterator[str]:
    """Why some entries cannot be entries of this scenario as it stands."""
    expected = {e.key.partition("/")[2]: e for e in entries_of(scenario, lang, kind)}
    for place, entry in entries.items():
        if place not in expected:
            yield str(UnknownName("place", place, expected, where=scenario.id))
        elif entry.source != expected[place].source:
            what = "English" if kind == "forward" else "sentence"
            yield f"{entry.key} translates another {what} than the present one; export it anew"
    there = {place for place, entry in entries.items() if entry.text}
    if not there:
        return
    optional = {p for p in expected if p.startswith("instruction.") and int(p[12:]) >= 2}
    lacking = [place for place in expected if place not in there | optional]
    if lacking:
        yield f"{scenario.id} is translated in part, {', '.join(lacking)} is empty"


def _is_signed(entries: Mapping[str, Entry]) -> bool:
    return all(entry.is_reviewed for entry in entries.values() if entry.text)


def _forward_fields(
    scenario: Scenario,
    before: Text | None,
    entries: Mapping[str, Entry],
    source: Source,
    reviewer: str | None,
) -> dict[str, Any]:
    """The table of a language as it is to be."""
    places = {place: entry.text for place, entry in entries.items()}
    slots = {
        place.removeprefix("slots."): split_stems(text)
        for place, text in places.items()
        if place.startswith("slots.")
    }
    fields: dict[str, Any] = {"instruction": list(wordings(places)), "swap": places["swap"]}
    if "safe_words" in places:
        fields["safe_words"] = places["safe_words"]
    if slots:
        fields["slots"] = slots
    stored = _stored(before) if before is not None else {}
    own = fields_of(before) if before is not None else {}
    same = {place for place, text in places.items() if own.get(place, "") == text}
    said_anew = any(place not in same for place in places if not place.startswith("slots"))
    for field in ("mixed", "found"):
        _put(fields, field, stored.get(field))
    if all(place in same for place in places if place.startswith("instruction")):
        _put(fields, "back", stored.get("back"))
    for place in ("swap", "safe_words"):
        if place in same:
            _put(fields, f"{place}_back", stored.get(f"{place}_back"))
    fields["source"] = source if said_anew else stored["source"]
    fields |= _review(stored, said_anew, _is_signed(entries), reviewer)
    revised = said_anew or (_is_signed(entries) and reviewer is not None)
    fields["of"] = scenario.digest_of_english() if revised else stored.get("of")
    return fields


def _review(
    stored: Mapping[str, Any], said_anew: bool, signed: bool, reviewer: str | None
) -> dict[str, str]:
    """What is said of a review: somebody's new one, the present one while it holds, or none."""
    if signed and reviewer is not None:
        return {"review": REVIEWED, "reviewer": reviewer}
    was_signed = "reviewer" in stored
    if said_anew or (was_signed and not signed):
        return {"review": UNREVIEWED}
    return {key: stored[key] for key in ("review", "reviewer") if key in stored}


def _back_fields(before: Text | None, entries: Mapping[str, Entry]) -> dict[str, Any]:
    """The present table with other back-translations."""
    fields = _stored(before) if before is not None else {}
    places = {place: entry.text for place, entry in entries.items()}
    fields["back"] = list(wordings(places))
    fields["swap_back"] = places["swap"]
    if "safe_words" in places:
        fields["safe_words_back"] = places["safe_words"]
    return fields


def _put(fields: dict[str, Any], key: str, value: object) -> None:
    if value:
        fields[key] = value


def _stored(text: Text) -> dict[str, Any]:
    """A text as its table in the file says it."""
    return {
        key: value
        for key, value in text.model_dump(mode="json", exclude_none=True).items()
        if value not in ([], {})
    }


def _edited(text: str, lang: str, fields: Mapping[str, Any]) -> str:
    """A scenario file in which one language's table says something else."""
    import tomlkit

    document = tomlkit.parse(text)
    texts: Any = document["text"]
    if lang not in texts:
        return text.rstrip("\n") + table(lang, fields)
    own = texts[lang]
    for key in [key for key in own if key not in fields]:
        del own[key]
    for key, value in fields.items():
        if key not in own or own[key] != value:
            own[key] = tomlkit.parse(f"{key} = {toml_of(value)}")[key]
    changed = tomlkit.dumps(document).rstrip("\n") + "\n"
    return re.sub(r"(?<!\n)\n\[text\.", "\n\n[text.", changed)  # goes with a table's last line


def _breaks(edited: str, name: str) -> Iterator[str]:
    """Why a file would no longer be a scenario."""
    try:
        Scenario.model_validate(tomli.loads(edited))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        yield f"{name}: {place}: {first['msg'].removeprefix('Value error, ')}"
