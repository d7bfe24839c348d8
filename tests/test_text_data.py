"""What must hold for every text file of the repository, whatever language it is in."""

from __future__ import annotations

import re
import subprocess
import tomllib
import unicodedata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

BIDI_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that make text read otherwise than it is stored; direction is said by attributes."""

# Each pattern is written so that it does not match itself.
MACHINE_PATH = re.compile(r"(?<![\w.])/(wor[k]|roo[t]|hom[e]/\w|User[s]/\w|tm[p]/\w+)/")
REGISTRY_HOST = re.compile(
    r"pyp[i]\.org|pythonhoste[d]\.org|download\.pytorc[h]\.org|npmj[s]\.org|de[b]\.debian\.org"
)


def repository_files() -> list[Path]:
    """Files that are tracked or would be: not ignored, and not deleted."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [Path(name) for name in done.stdout.split("\0") if name]
    return sorted(path for path in paths if (ROOT / path).is_file())


try:
    FILES = repository_files()
except (OSError, subprocess.CalledProcessError):  # no git, or an unpacked sdist
    pytest.skip("the files of the repository are known to git alone", allow_module_level=True)

TEXTS = [path for path in FILES if path.suffix in {".toml", ".py", ".md"}]


def text_of(path: Path, *, errors: str = "strict") -> str:
    return (ROOT / path).read_text(encoding="utf-8", errors=errors)


@pytest.mark.parametrize("path", TEXTS, ids=str)
def test_text_is_composed_and_reads_as_it_is_stored(path: Path) -> None:
    text = text_of(path)
    assert unicodedata.is_normalized("NFC", text)
    assert BIDI_CONTROLS.findall(text) == []


@pytest.mark.parametrize("path", [path for path in TEXTS if path.suffix == ".toml"], ids=str)
def test_toml_parses(path: Path) -> None:
    assert tomllib.loads(text_of(path))


def test_no_file_names_one_machine_or_one_registry() -> None:
    """Continuous integration is about one machine, so `.ci` may."""
    found = {
        f"{path}:{number}: {line.strip()[:80]}"
        for path in FILES
        if path.parts[0] != ".ci"
        for number, line in enumerate(text_of(path, errors="replace").splitlines(), start=1)
        if MACHINE_PATH.search(line) or REGISTRY_HOST.search(line)
    }
    assert found == set()


def test_no_file_is_large() -> None:
    assert {path for path in FILES if (ROOT / path).stat().st_size > 500_000} == set()


def test_one_line_break_ends_a_text_file() -> None:
    assert {path for path in TEXTS if re.search(r"([^\n]|\n\n)\Z", text_of(path))} == set()
