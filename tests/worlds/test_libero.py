"""LIBERO is an extra: without it there is one clear line. The rest: benchmarks/libero_parity.py."""

from __future__ import annotations

import sys

import pytest

from vla_backfire.errors import Unavailable, UnknownName
from vla_backfire.worlds.libero import LiberoWorld


def test_without_libero_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libero", None)
    with pytest.raises(Unavailable, match="LIBERO is not installed; install the extra") as caught:
        LiberoWorld("libero_object")
    assert "\n" not in str(caught.value)


def test_a_misspelt_suite_gets_a_hint() -> None:
    with pytest.raises(UnknownName, match="suite named 'libero_gaol'; did you mean 'libero_goal'"):
        LiberoWorld("libero_gaol")
