"""Translators' files come back as they went, change what was changed, and never half."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polib
import pytest

from tests.corpus import KNIFE, POT, Corpus
from vla_backfire.errors import BackfireError, InvalidFile, OutputUnwritable
from vla_backfire.languages import languages
from vla_backfire.resources import TREES, load_toml
from vla_backfire.scenarios import load_scenarios
from vla_backfire.translate import NewLanguage, add_language, export_sheet, import_sheet, stubs
from vla_backfire.translate.sheet import Kind
from vla_backfire.translate.status import letter_of, status_lines

ROOT = Path(__file__).parents[1]
FORMATS = ["po", "csv"]


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path / "scenarios")


def bytes_of(corpus: Corpus) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in corpus.files.values()}


def exported(corpus: Corpus, lang: str, *, kind: Kind = "forward", format_: str = "po") -> Path:
    path = corpus.root.parent / f"{lang}.{format_}"
    text = export_sheet(lang, corpus.root, kind=kind, format_=format_)
    path.write_text(text, encoding="utf-8")
    return path


def edited(path: Path, change: Callable[[dict[str, polib.POEntry]], None]) -> Path:
    """A PO file as a translator's tool writes it after somebody worked on it."""
    po = polib.pofile(str(path))
    change({str(entry.msgctxt): entry for entry in po})
    po.save(str(path))
    return path


# -- out and in ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["forward", "back"])
@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("lang", ["de", "vi", "ja"])
def test_a_round_trip_changes_not_a_byte(
    corpus: Corpus, lang: str, format_: str, kind: Kind
) -> None:
    before = bytes_of(corpus)
    done = import_sheet(exported(corpus, lang, kind=kind, format_=format_), corpus.root)
    assert done.changed == ()
    assert bytes_of(corpus) == before


def test_one_changed_sentence_changes_one_line_and_drops_what_rested_on_it(corpus: Corpus) -> None:
    before = corpus.files[POT].read_text(encoding="utf-8").splitlines()
    others = {path: b for path, b in bytes_of(corpus).items() if path != corpus.files[POT]}

    def change(entries: dict[str, polib.POEntry]) -> None:
        entries[f"{POT}/swap"].msgstr = "Stellen Sie den Topf bitte auf die Matte."

    done = import_sheet(edited(exported(corpus, "de"), change), corpus.root)
    assert done.changed == (corpus.files[POT],)
    after = corpus.files[POT].read_text(encoding="utf-8").splitlines()
    come = [line for line in after if line not in before]
    assert come == ['swap = "Stellen Sie den Topf bitte auf die Matte."', 'source = "human"']
    assert len(after) == len(before) - 1, "the back-translation of the swap went"
    text = corpus.scenario(POT).text["de"]
    assert text.swap_back is None
    assert text.back, "the wordings did not change"
    assert {path: b for path, b in bytes_of(corpus).items() if path in others} == others


def test_what_is_not_fuzzy_is_reviewed_once_somebody_signs_it(corpus: Corpus) -> None:
    def unfuzz(entries: dict[str, polib.POEntry]) -> None:
        for key, entry in entries.items():
            if key.startswith(POT):
                entry.flags.remove("fuzzy")

    path = edited(exported(corpus, "de"), unfuzz)
    unsigned = import_sheet(path, corpus.root)
    assert (unsigned.changed, unsigned.n_unsigned) == ((), 1)
    signed = import_sheet(path, corpus.root, reviewer="A. Muster")
    assert signed.changed == (corpus.files[POT],)
    text = corpus.scenario(POT).text["de"]
    assert (text.review, text.reviewer) == ("reviewed by a native speaker", "A. Muster")
    assert text.source == "machine", "a review is no translation"
    assert letter_of(corpus.scenario(POT), "de") == "R"
    again = import_sheet(exported(corpus, "de"), corpus.root)
    assert again.changed == (), "a signed text stays signed"

    def reword(entries: dict[str, polib.POEntry]) -> None:
        entries[f"{POT}/instruction.0"].msgstr += " Danke."
        entries[f"{POT}/instruction.0"].flags.append("fuzzy")

    import_sheet(edited(exported(corpus, "de"), reword), corpus.root)
    assert corpus.scenario(POT).text["de"].reviewer is None


def test_decomposed_text_is_composed_on_the_way_in(corpus: Corpus) -> None:
    import unicodedata

    path = exported(corpus, "vi")
    path.write_text(unicodedata.normalize("NFD", path.read_text("utf-8")), encoding="utf-8")
    assert import_sheet(path, corpus.root).changed == ()


def test_the_way_back_shows_no_english(corpus: Corpus) -> None:
    text = export_sheet("ja", corpus.root, kind="back")
    for scenario in load_scenarios([corpus.root]).values():
        assert scenario.why not in text
        assert scenario.text["en"].instruction[2] not in text
    stripped = [line for line in text.splitlines() if not line.startswith("msgstr")]
    assert "board" not in "\n".join(stripped).replace(POT, "")


# -- files that are refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (f"{POT}/swap", "kin-pot-on-foot/swap", "no scenario named 'kin-pot-on-foot'"),
        (f"{POT}/swap", f"{POT}/swop", "no place named 'swop'; did you mean 'swap'?"),
        ('msgid "Please put the pot on the mat."', 'msgid "Put it."', "translates another English"),
        ("X-Language-Tag: de", "X-Language-Tag: xx", "no language named 'xx'"),
        ("X-Language-Tag: de", "X-Language-Tag: en", "is English, which is authored"),
        ("X-Kind: forward", "X-Kind: sideways", "does not say X-Kind"),
        (f'msgctxt "{POT}/swap"', f'msgctxt "{POT}/instruction.0"', "twice; remove one"),
        (f'msgctxt "{POT}/swap"\n', "", "has a plural or no context"),
        ("auf die Matte", "auf\u202e die Matte", "holds the invisible character U+202E"),
        ("msgstr", "msgrst", "is not gettext PO"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_whole(
    corpus: Corpus, right: str, wrong: str, said: str
) -> None:
    def reword(entries: dict[str, polib.POEntry]) -> None:
        entries[f"{KNIFE}/swap"].msgstr = "Geben Sie mir bitte den Schwamm."

    path = edited(exported(corpus, "de"), reword)
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    before = bytes_of(corpus)
    with pytest.raises(BackfireError) as caught:
        import_sheet(path, corpus.root)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert bytes_of(corpus) == before


def test_a_sentence_that_is_missing_is_named(corpus: Corpus) -> None:
    def empty(entries: dict[str, polib.POEntry]) -> None:
        entries[f"{POT}/swap"].msgstr = ""

    with pytest.raises(InvalidFile, match=f"{POT} is translated in part, swap is empty"):
        import_sheet(edited(exported(corpus, "de"), empty), corpus.root)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.po", b"\xff\xfe", "is not UTF-8"),
        ("a.csv", b"a,b\n", "does not begin with language and kind"),
        ("a.csv", b'de,forward\nkey,source,text,reviewed,why\nx,"y', "is not CSV"),
        ("a.csv", b"de,forward\nkey,source,text,reviewed,why\nx,y\n", "has 2 columns, not 5"),
        ("a.txt", b"hello", "ends neither in .po nor in .csv"),
        ("a.po", b"\x00" * 9_000_000, "is larger than 8 MB"),
    ],
)
def test_what_is_no_translators_file_is_refused(
    corpus: Corpus, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidFile, match=said):
        import_sheet(path, corpus.root)


def test_a_full_disk_changes_no_file(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second file cannot be written; the first one was not put in place yet."""

    def reword(entries: dict[str, polib.POEntry]) -> None:
        for name in (POT, KNIFE):
            entries[f"{name}/instruction.0"].msgstr += " Danke."

    path = edited(exported(corpus, "de"), reword)
    before = bytes_of(corpus)
    write, written = Path.write_text, []

    def write_once(self: Path, *args: object, **options: object) -> int:
        written.append(self)
        if len(written) > 1:
            raise OSError(28, "No space left on device")
        return write(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "write_text", write_once)
    with pytest.raises(OutputUnwritable, match="No space left on device"):
        import_sheet(path, corpus.root)
    assert bytes_of(corpus) == before
    assert not list(corpus.root.rglob(".*"))


# -- stubs and status ------------------------------------------------------------------------------


def test_a_stub_is_passed_over_until_it_is_translated(corpus: Corpus) -> None:
    corpus.drop("vi")
    assert len(add_language("vi", corpus.root, NewLanguage())) == 3
    assert add_language("vi", corpus.root, NewLanguage()) == (), "the second time there is nothing"
    scenario = corpus.scenario(POT)
    assert scenario.untranslated == ("vi",)
    assert "vi" not in scenario.text
    assert letter_of(scenario, "vi") == "t"
    path = exported(corpus, "vi")
    assert all(entry.msgstr == "" for entry in polib.pofile(str(path)))

    def translate(entries: dict[str, polib.POEntry]) -> None:
        for key, entry in entries.items():
            entry.msgstr = entry.msgid if key.startswith(POT) else ""

    done = import_sheet(edited(path, translate), corpus.root, source="machine")
    assert (done.changed, done.n_untranslated) == ((corpus.files[POT],), 2)
    text = corpus.scenario(POT).text["vi"]
    assert (text.source, text.reviewer, text.back) == ("machine", None, ())
    assert text.of == corpus.scenario(POT).digest_of_english()
    assert letter_of(corpus.scenario(POT), "vi") == "b"


def test_the_matrix_has_a_letter_for_every_text(corpus: Corpus) -> None:
    corpus.change(POT, "en", swap="Please put the pot on the soft mat.")
    lines = list(status_lines([corpus.root]))
    rows = {line.split()[0]: line.split()[1:] for line in lines[1:4]}
    langs = lines[0].split()
    assert langs == [tag for tag in languages() if tag in corpus.scenario(POT).text]
    assert rows[POT] == ["A", *["s"] * (len(langs) - 1)]
    assert set(rows[KNIFE]) == {"A", "m"}
    assert lines[-1] == f"complete and current: 1 of {len(langs)} languages in 3 scenarios"


def test_a_language_that_is_not_in_the_table_must_be_described(corpus: Corpus) -> None:
    with pytest.raises(BackfireError, match="a new language needs --name --autonym --script --reg"):
        add_language("uk", corpus.root, NewLanguage())


@pytest.mark.parametrize("value", ["plain", 'quo"te', "back\\slash", "Kīngi ʻo e", "ل"])
def test_a_value_comes_back_from_toml(value: str) -> None:
    import tomli

    read = tomli.loads(stubs.table("de", {"swap": value, "slots": {"a": [value]}}))
    assert read["text"]["de"] == {"swap": value, "slots": {"a": [value]}}


# -- a twenty-first language, by the recipe alone --------------------------------------------------

UKRAINIAN = load_toml(ROOT / "tests" / "ukrainian.toml")


@pytest.mark.ci
def test_a_new_language_goes_from_a_stub_to_a_run_by_commands_alone(tmp_path: Path) -> None:
    for folder in ("vla_backfire", *TREES.values()):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )

    def run(*words: str) -> str:
        ask = "import sys; sys.path.insert(0, '.'); from vla_backfire.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", ask, *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    described = ["--name", "Ukrainian", "--autonym", "Українська", "--script", "Cyrl"]
    run("translate", "add", "uk", *described, "--register", "vy")
    assert "uk  Ukrainian  Українська  panel" in run("list", "languages")
    run("translate", "export", "uk", "--out", "uk.po")

    def translate(entries: dict[str, polib.POEntry]) -> None:
        for key, entry in entries.items():
            scenario, _, place = key.partition("/")
            entry.msgstr = UKRAINIAN.get(place, "") if scenario == POT else ""

    edited(tmp_path / "uk.po", translate)
    assert "1 files were changed" in run("translate", "import", "uk.po")
    assert " h" in next(
        line for line in run("translate", "status", "uk").splitlines() if POT in line
    )
    assert "0 errors" in run("check", "--only", POT)
    study = f"""
name = "ukrainian"
question = "Does the robot do as told in Ukrainian?"
policies = ["scripted/obedient"]
languages = ["en", "uk"]
scenarios = ["{POT}"]
arms = ["hazard", "benign"]
repeats = 2
"""
    (tmp_path / "ukrainian.toml").write_text(study, encoding="utf-8")
    said = run("run", "ukrainian.toml", "--out", "run", "--workers", "0")
    assert "uk" in said
    lines = run("export", "run").splitlines()
    assert sum(UKRAINIAN["instruction.0"] in line and '"lang":"uk"' in line for line in lines) >= 1
