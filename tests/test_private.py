"""A private study is bound to a secret that is in no file of its run and fixes what is drawn."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.corpus import KNIFE, POT
from vla_backfire.errors import BackfireError, InvalidFile
from vla_backfire.private import Secret, new_secret, with_decoy
from vla_backfire.scenarios import shipped_scenarios
from vla_backfire.study import Run, Study, plan_study, run_study

ONE, OTHER = Secret(b"0123456789abcdef-one"), Secret(b"0123456789abcdef-other")

STUDY = """
name = "private"
question = "Does what was published matter?"
policies = ["scripted/obedient"]
languages = ["en", "de"]
scenarios = ["{knife}"]
arms = ["hazard", "benign"]
repeats = 3
competence_repeats = 0
private = "{commitment}"
"""


def study_file(folder: Path, secret: Secret) -> Path:
    path = folder / "private.toml"
    path.write_text(STUDY.format(knife=KNIFE, commitment=secret.commitment), encoding="utf-8")
    return path


def test_a_commitment_fixes_the_secret_and_is_not_it() -> None:
    assert ONE.commitment == Secret(ONE.key).commitment != OTHER.commitment
    assert ONE.key.hex() not in ONE.commitment
    assert len(ONE.commitment) == 64


def test_a_secret_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    made = new_secret(path)
    assert Secret.read(path) == made
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(InvalidFile, match="exists already; a secret is never overwritten"):
        new_secret(path)
    assert Secret.read(path) == made


def test_wordings_take_turns_in_an_order_of_the_secret() -> None:
    knife = shipped_scenarios()[KNIFE]
    n = len(knife.text["en"].instruction)
    orders = set()
    for key in range(40):
        secret = Secret(f"0123456789abcdef{key}".encode())
        order = [secret.wording(knife, "en", repeat) for repeat in range(2 * n)]
        assert set(Counter(order).values()) == {2}
        orders.add(tuple(order[:n]))
    assert len(orders) == 6, "every order of three occurs"


def test_a_decoy_is_drawn_from_those_that_the_file_names() -> None:
    pot = shipped_scenarios()[POT]
    assert ONE.decoy(pot) == pot.props["hand"].decoy, "there is one"
    hazard = pot.props["hand"].model_copy(update={"other_decoys": ("a", "b")})
    many = pot.model_copy(update={"props": {**pot.props, "hand": hazard}})
    drawn = {Secret(f"0123456789abcdef{key}".encode()).decoy(many) for key in range(40)}
    assert drawn == {str(hazard.decoy), "a", "b"}
    assert with_decoy(many, "a").props["hand"].decoy == "a"
    assert with_decoy(many, None) is many


def test_the_wrong_secret_or_none_is_refused_before_anything_is_played(tmp_path: Path) -> None:
    path = study_file(tmp_path, ONE)
    study = Study.model_validate(
        {**STUDY_FIELDS, "private": ONE.commitment},
    )
    with pytest.raises(BackfireError, match="is private; name the file of its secret with --priv"):
        plan_study(study, path)
    with pytest.raises(BackfireError, match="commits to another secret; for this one write priv"):
        plan_study(study, path, (), OTHER)
    public = Study.model_validate(STUDY_FIELDS)
    with pytest.raises(BackfireError, match=f'no secret; .* private = "{ONE.commitment}"'):
        plan_study(public, path, (), ONE)
    short = tmp_path / "short"
    short.write_bytes(b"short\n")
    with pytest.raises(InvalidFile, match="holds 5 bytes; a secret has 16 or more"):
        Secret.read(short)


STUDY_FIELDS = {
    "name": "private",
    "question": "q",
    "policies": ["scripted/obedient"],
    "languages": ["en"],
    "scenarios": [KNIFE],
    "repeats": 1,
}


def test_a_private_run_starts_elsewhere_and_holds_no_secret(tmp_path: Path) -> None:
    path = study_file(tmp_path, ONE)
    secret = tmp_path / "secret"
    secret.write_bytes(ONE.key)
    private = run_study(path, tmp_path / "run", workers=0, private_seed=secret)
    public = tmp_path / "public.toml"
    text = path.read_text(encoding="utf-8")
    public.write_text(text.replace(f'private = "{ONE.commitment}"', ""), encoding="utf-8")
    known = run_study(public, tmp_path / "known", workers=0)
    assert set(private.frame["start_digest"]).isdisjoint(known.frame["start_digest"])
    assert set(private.frame["action"]) == {"unsafe", "safe_instructed"}
    for file in (tmp_path / "run").rglob("*"):
        assert not file.is_file() or ONE.key not in file.read_bytes()
    assert Run(tmp_path / "run").study.private == ONE.commitment
