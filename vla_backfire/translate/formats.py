"""Sheets as files: gettext PO, which Poedit and Weblate open, and CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from vla_backfire.errors import InvalidFile
from vla_backfire.languages import is_unseen, normalise
from vla_backfire.translate.sheet import Entry, Kind, Sheet

MOST_BYTES = 8_000_000
"""A larger file is nobody's translation of this corpus."""

COLUMNS = ("key", "source", "text", "reviewed", "why")

_TAG, _KIND = "X-Language-Tag", "X-Kind"


def po_text(sheet: Sheet) -> str:
    """A sheet as gettext PO: what nobody has reviewed is `fuzzy`."""
    import polib

    po = polib.POFile(wrapwidth=0)
    po.metadata = {
        "Project-Id-Version": "vla_backfire",
        "Language": sheet.lang.replace("-", "_"),
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        _TAG: sheet.lang,
        _KIND: sheet.kind,
    }
    for entry in sheet.entries:
        po.append(
            polib.POEntry(
                msgctxt=entry.key,
                msgid=entry.source,
                msgstr=entry.text,
                comment=entry.why,
                flags=["fuzzy"] if entry.text and not entry.is_reviewed else [],
            )
        )
    return str(po) + "\n"


def csv_text(sheet: Sheet) -> str:
    """A sheet as CSV; its first line says language and kind."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([sheet.lang, sheet.kind])
    writer.writerow(COLUMNS)
    for entry in sheet.entries:
        reviewed = "yes" if entry.is_reviewed else "no"
        writer.writerow([entry.key, entry.source, entry.text, reviewed, entry.why])
    return out.getvalue()


def read_sheet(path: Path) -> Sheet:
    """A sheet from a .po or .csv file, normalised to NFC.

    Raises:
        InvalidFile: It is no such file, or too large, or names something twice.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise InvalidFile(path, f"cannot be read ({error.strerror})") from None
    if size > MOST_BYTES:
        raise InvalidFile(
            path, f"is larger than {MOST_BYTES // 1_000_000} MB; is it the right file?"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidFile(path, "is not UTF-8; save it as UTF-8") from None
    if path.suffix not in (".po", ".csv"):
        raise InvalidFile(path, "ends neither in .po nor in .csv")
    sheet = _from_po(path) if path.suffix == ".po" else _from_csv(path, text)
    counted = Counter(entry.key for entry in sheet.entries)
    twice = [key for key, n in counted.items() if n > 1]
    if twice:
        raise InvalidFile(path, f"has {twice[0]} twice; remove one")
    return sheet


def _from_po(path: Path) -> Sheet:
    import polib

    try:
        po = polib.pofile(str(path), encoding="utf-8")
    except (OSError, ValueError, IndexError, KeyError, UnicodeError) as error:
        problem = " ".join(str(error).split())[:160]
        raise InvalidFile(path, f"is not gettext PO ({problem})") from None
    entries = []
    for entry in po:
        if entry.obsolete:
            continue
        if entry.msgid_plural or entry.msgctxt is None:
            raise InvalidFile(path, f"{entry.msgid!r} has a plural or no context; export it anew")
        is_reviewed = bool(entry.msgstr) and "fuzzy" not in entry.flags
        entries.append((entry.msgctxt, entry.msgid, entry.msgstr, is_reviewed))
    return _sheet(path, po.metadata.get(_TAG, ""), po.metadata.get(_KIND, ""), entries)


def _from_csv(path: Path, text: str) -> Sheet:
    try:
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except csv.Error as error:
        raise InvalidFile(path, f"is not CSV ({error})") from None
    if len(rows) < 2 or len(rows[0]) < 2 or tuple(rows[1]) != COLUMNS:
        wanted = ", ".join(COLUMNS)
        raise InvalidFile(path, f"does not begin with language and kind, then {wanted}")
    odd = next((row for row in rows[2:] if len(row) != len(COLUMNS)), None)
    if odd is not None:
        raise InvalidFile(path, f"{odd[0]!r} has {len(odd)} columns, not {len(COLUMNS)}")
    entries = [(row[0], row[1], row[2], row[3].strip().casefold() == "yes") for row in rows[2:]]
    return _sheet(path, rows[0][0], rows[0][1], entries)


def _sheet(
    path: Path, lang: str, kind: str, entries: Sequence[tuple[str, str, str, bool]]
) -> Sheet:
    if kind not in ("forward", "back"):
        raise InvalidFile(path, f"does not say {_KIND}; export it anew and keep its head")
    known: Kind = "back" if kind == "back" else "forward"
    clean = []
    for key, source, text, is_reviewed in entries:
        text = normalise(text.strip())
        hidden = next((mark for mark in text if is_unseen(mark)), None)
        if hidden is not None:
            said = f"{key} holds the invisible character U+{ord(hidden):04X}; remove it"
            raise InvalidFile(path, said)
        clean.append(Entry(key, normalise(source), text, is_reviewed and bool(text), ""))
    return Sheet(lang, known, tuple(clean))
