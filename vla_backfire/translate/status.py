"""How far the corpus is translated: scenarios by languages, one letter each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from vla_backfire.languages import languages
from vla_backfire.scenarios import Scenario, load_scenarios

LETTERS = {
    "A": "author's English",
    "R": "reviewed by a native speaker",
    "h": "by a human, not reviewed by a native speaker",
    "m": "by machine, not reviewed by a native speaker",
    "b": "by machine, and not translated back yet",
    "s": "stale: made from another English",
    "t": "to do: a stub",
    ".": "missing",
}
"""What the letters of the matrix mean, the best state first."""


def status_lines(roots: Sequence[Path], langs: Sequence[str] = ()) -> Iterator[str]:
    """The matrix with a row for each scenario, totals for each language, and what letters mean.

    Args:
        roots: Folders of scenario files.
        langs: Columns; unless said, every language of the table that some scenario has.
    """
    scenarios = load_scenarios(roots)
    used = {lang for s in scenarios.values() for lang in (*s.text, *s.untranslated)}
    columns = tuple(langs) or tuple(tag for tag in languages() if tag in used)
    width = max((len(name) for name in scenarios), default=0)
    widths = [max(3, len(tag)) for tag in columns]
    yield " " * width + "  " + " ".join(t.rjust(w) for t, w in zip(columns, widths, strict=True))
    counted: dict[str, Counter[str]] = {tag: Counter() for tag in columns}
    for name, scenario in scenarios.items():
        letters = [letter_of(scenario, tag) for tag in columns]
        for tag, letter in zip(columns, letters, strict=True):
            counted[tag][letter] += 1
        cells = (letter.rjust(w) for letter, w in zip(letters, widths, strict=True))
        yield f"{name.ljust(width)}  {' '.join(cells)}"
    total: Counter[str] = sum(counted.values(), Counter())
    yield ""
    for letter, meaning in LETTERS.items():
        if total[letter]:
            yield f"{letter}  {total[letter]:5d}  {meaning}"
    complete = [tag for tag, found in counted.items() if not set(found) & set("bst.")]
    n = len(scenarios)
    yield f"complete and current: {len(complete)} of {len(columns)} languages in {n} scenarios"


def letter_of(scenario: Scenario, lang: str) -> str:
    """The state of one scenario in one language, a key of `LETTERS`."""
    if lang in scenario.untranslated:
        return "t"
    if lang not in scenario.text:
        return "."
    text = scenario.text[lang]
    if lang == "en":
        return "A"
    if text.of != scenario.digest_of_english():
        return "s"
    if text.reviewer is not None:
        return "R"
    if text.source == "human":
        return "h"
    return "m" if text.back else "b"
