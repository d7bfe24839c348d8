"""The command line ends with the right code, in one line and without a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from tests.recorded import Found, record
from vla_backfire import Run
from vla_backfire.cli import main
from vla_backfire.episodes import Cell
from vla_backfire.errors import LedgerMismatch
from vla_backfire.ledger import Ledger
from vla_backfire.resources import ENVS_VARIABLE, tree
from vla_backfire.scenarios import scenario_path
from vla_backfire.study import load_study

TINY = """
name = "tiny"
question = "Is it safe?"
policies = ["scripted/backfire"]
languages = ["en", "de"]
scenarios = ["sba-knife-handover"]
arms = ["hazard", "benign"]
repeats = 1
competence_repeats = 1
profile = "fast"
"""
PROGRAM = (sys.executable, "-c", "from vla_backfire.cli import main; main()")


class Ended(NamedTuple):
    code: int
    out: str
    err: str


class CommandLine:
    """Runs the command line in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> Ended:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, *self._capsys.readouterr())


@pytest.fixture
def vla_backfire(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return written(tmp_path / "tiny.toml", TINY)


def written(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def is_one_line(text: str) -> bool:
    return text.count("\n") == 1 and text.startswith("vla-backfire: ")


def alone(*arguments: str | Path, stdin: int = subprocess.DEVNULL, env: str = "") -> Ended:
    """Runs it as a program of its own."""
    done = subprocess.run(
        [*PROGRAM, *arguments],
        stdin=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, **({"PYTHONIOENCODING": env} if env else {})},
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


# -- mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runn"], "'runn'"),
        (["list", "--nope"], "--nope"),
        (["list", "nope"], "'policies', 'scenarios', 'languages'"),
        (["verify"], "RUN"),
        (["export", "x", "--format", "xml"], "'jsonl'"),
        (["run", "absent.toml"], "absent.toml: cannot be read (No such file or directory)"),
        (["run", "."], "cannot be read (Is a directory)"),
        (["run", "tiny.toml", "--scenarios", "absent"], "absent: is not a folder of scenario fil"),
        (["report", "absent"], "no run is here; start one with `vla-backfire run`"),
        (["export", "absent"], "no run is here"),
        (["verify", "absent"], "no run is here"),
        (["grade", "absent"], "no run is here"),
        (["render"], "say exactly one of --world, --prop, --scenario and"),
        (["render", "--world", "kichen"], "no scenario or world named 'kichen'; did you mean 'kit"),
        (["render", "--world", "kitchen/te"], "kitchen: no layout named 'te'; did you mean 'tea'"),
        (["render", "--world", "lab", "--camera", "agentvew"], "did you mean 'agentview'"),
        (["render", "--prop", "mugg"], "no prop recipe named 'mugg'; did you mean 'mug'"),
        (["render", "--prop", "mug", "--out", "no/mug.png"], "no/mug.png"),
        (["render", "--prop", "mug", "--out", "mug.what"], "end its name in .png or .jpg"),
        (["render", "--prop", "mug", "--envs", "absent"], "is not a folder of worlds and props"),
        (["new", "world", "My-Yard"], "use small letters, digits and underscores"),
        (["new", "scene", "yard"], "'world', 'prop'"),
        (["new", "scenario", "yard"], "'yard' is no id; use <family>-<small-letters"),
        (["new", "scenario", "sbb-tea"], "no family named 'SBB'; did you mean 'SBA'?"),
        (["render", "--scenario", "sba-tea"], "no scenario named 'sba-tea'"),
        (["check", "--only", "sba-tea"], "no scenario named 'sba-tea'"),
        (["check", "--solve", "--only", "sba-tea"], "no scenario named 'sba-tea'"),
        (["translate", "export", "jp"], "no language named 'jp'; there are: ar, de, en"),
        (["translate", "add", "uk"], "a new language needs --name --autonym --script --register"),
        (["translate", "import", "absent.po"], "absent.po: cannot be read (No such file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_does_not_exist_is_answered_in_one_line_with_code_2(
    vla_backfire: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    written(tmp_path / "tiny.toml", TINY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ENVS_VARIABLE, "")  # --envs sets it
    ended = vla_backfire(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err)
    assert said in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.toml"]


def test_a_new_world_and_a_new_prop_work_at_once_and_are_not_overwritten(
    vla_backfire: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVS_VARIABLE, "")
    mine = tmp_path / "mine"
    for kind in ("world", "prop"):
        assert vla_backfire("new", kind, "yard", "--out", mine).code == 0
        again = vla_backfire("new", kind, "yard", "--out", mine)
        assert again.code == 2
        assert "exists already" in again.err
    edited = (
        (mine / "yard" / "world.toml").read_text().replace('recipe = "apple"', 'recipe = "yard"')
    )
    (mine / "yard" / "world.toml").write_text(edited)
    for kind in ("world", "prop"):
        picture = tmp_path / f"{kind}.png"
        ended = vla_backfire("render", f"--{kind}", "yard", "--envs", mine, "--out", picture)
        assert (ended.code, ended.out) == (0, f"{picture}\n")
        with Image.open(picture) as image:
            assert image.size == ((448, 336) if kind == "world" else (448, 448))
            assert len(image.convert("RGB").getcolors(2**20) or []) > 500, "it shows something"


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("repeats", "repeets", "no key named 'repeets'; did you mean 'repeats'?"),
        ("backfire", "backfir", "no policy named 'scripted/backfir'; did you mean 'scripted/bac"),
        ('"de"', '"zh-hans"', "no language named 'zh-hans'; did you mean 'zh-Hans'?"),
        ("[", "", "is not valid TOML"),
    ],
)
def test_a_mistake_in_a_study_is_answered_in_one_line_with_the_near_miss(
    vla_backfire: CommandLine, study: Path, tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    written(study, TINY.replace(right, wrong, 1))
    ended = vla_backfire("run", study, "--out", tmp_path / "run")
    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err)
    assert f"{study}: " in ended.err
    assert said in ended.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("title", "titel", "titel: no key named 'titel'; did you mean 'title'?"),
        ("[text.zh-Hans]", "[text.zh-hans]", "no language named 'zh-hans'; did you mean 'zh-Hans"),
    ],
)
def test_a_mistake_in_a_scenario_of_ones_own_is_answered_with_file_and_place(
    vla_backfire: CommandLine,
    study: Path,
    tmp_path: Path,
    right: str,
    wrong: str,
    said: str,
) -> None:
    shipped = scenario_path("sba-knife-handover", [tree("scenarios")]).read_text(encoding="utf-8")
    mine = shipped.replace('"sba-knife-handover"', '"mine"').replace(right, wrong, 1)
    path = written(tmp_path / "own" / "sba" / "mine.toml", mine)
    ended = vla_backfire("run", study, "--scenarios", tmp_path / "own")
    assert ended.code == 2
    assert is_one_line(ended.err)
    assert f"{path}: " in ended.err
    assert said in ended.err
    checked = vla_backfire("check", "--scenarios", tmp_path / "own")
    assert checked.code == 2
    assert (
        checked.err
        == "vla-backfire: the check failed: 1 errors; mend the files in the lines above\n"
    )
    assert f"error: {path}: {said}" in checked.out


@pytest.mark.parametrize("out", ["tiny.toml", "tiny.toml/run", "/dev/null/run"])
def test_a_place_where_nothing_can_be_written_is_answered_in_one_line(
    vla_backfire: CommandLine, study: Path, tmp_path: Path, out: str
) -> None:
    ended = vla_backfire("run", study, "--out", tmp_path / out)
    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err)
    assert "choose another place with --out or free it" in ended.err


def test_a_negative_number_of_workers_is_refused(vla_backfire: CommandLine, study: Path) -> None:
    ended = vla_backfire("run", study, "--workers", "-1")
    assert ended.code == 2
    assert is_one_line(ended.err)
    assert "--workers" in ended.err


def test_no_verb_at_all_shows_the_verbs_and_no_complaint(vla_backfire: CommandLine) -> None:
    ended = vla_backfire()
    assert (ended.code, ended.err) == (2, "")
    assert all(verb in ended.out for verb in ("demo", "run", "list", "check", "report", "verify"))


# -- looking about --------------------------------------------------------------------------------


def test_listing_shows_every_kind_in_lines(vla_backfire: CommandLine) -> None:
    ended = vla_backfire("list")
    assert (ended.code, ended.err) == (0, "")
    for name in ("scripted/backfire", "sba-knife-handover", "zh-Hans", "kitchen", "verbal"):
        assert f"  {name}" in ended.out
    assert vla_backfire("list", "graders").out == "action\nverbal\n"


def test_the_version_is_one_word(vla_backfire: CommandLine) -> None:
    ended = vla_backfire("--version")
    assert (ended.code, len(ended.out.split())) == (0, 1)


# -- streams --------------------------------------------------------------------------------------


def test_a_reader_that_has_gone_is_no_error_worth_a_word() -> None:
    with subprocess.Popen(
        [*PROGRAM, "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 1


def test_a_full_disk_under_the_standard_output_is_said_in_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*PROGRAM, "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert is_one_line(done.stderr)
    assert "cannot write to the standard output (No space left on device)" in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_closed_stream_is_no_error(closed: str) -> None:
    script = f'exec "$0" -c "$1" list languages {closed}'
    done = subprocess.run(
        ["sh", "-c", script, PROGRAM[0], PROGRAM[2]], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert ("zh-Hans" in done.stdout) == (closed != ">&-")


def test_a_terminal_with_few_letters_still_shows_every_language() -> None:
    ended = alone("list", "languages", env="ascii")
    assert (ended.code, ended.err) == (0, "")
    assert "ja  Japanese  \\u65e5" in ended.out


# -- runs -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny study, really played in this process."""
    folder = tmp_path_factory.mktemp("played")
    written(folder / "tiny.toml", TINY)
    with pytest.raises(SystemExit) as ended:
        main(["run", str(folder / "tiny.toml"), "--out", str(folder / "run"), "--workers", "0"])
    assert ended.value.code == 0
    return folder


def test_a_run_that_is_finished_says_so_and_plays_nothing(
    vla_backfire: CommandLine, played: Path
) -> None:
    before = vla_backfire("export", played / "run")
    ended = vla_backfire("run", played / "tiny.toml", "--out", played / "run")
    assert ended.code == 0
    assert ended.err == f"{played / 'run'} is finished; nothing was left to play\n"
    assert "6 of 6 episodes played, 0 missing." in ended.out
    assert f"report: {played / 'run' / 'report.html'}" in ended.out
    assert vla_backfire("export", played / "run") == before


def test_the_planted_answer_stands_in_the_table_and_on_the_page(
    vla_backfire: CommandLine, played: Path, tmp_path: Path
) -> None:
    """The policy refuses in English and complies in German; one scenario supports no claim."""
    ended = vla_backfire("report", played / "run", "--out", tmp_path / "page.html")
    assert (ended.code, ended.err) == (0, "")
    assert (tmp_path / "page.html").stat().st_size > 10_000
    lines = ended.out.splitlines()
    [english] = [line.split() for line in lines if line.startswith("  en English")]
    [german, *_] = [line.split() for line in lines if line.startswith("  de German")]
    assert english[2:] == ["(0.00)", "not", "evaluable", "1", "0.00", "(1.00)", "0.00", "1.00", "-"]
    assert german[2:] == ["(1.00)", "not", "evaluable", "1", "0.00", "(0.00)", "0.00", "1.00", "-"]


def test_a_run_can_be_verified_graded_again_and_exported(
    vla_backfire: CommandLine, played: Path
) -> None:
    ended = vla_backfire("verify", played / "run")
    assert (ended.code, ended.err) == (0, "")
    assert all(line.startswith("ok") for line in ended.out.splitlines())
    before = vla_backfire("export", played / "run").out
    assert vla_backfire("grade", played / "run").out == "graded 6 episodes\n"
    assert vla_backfire("export", played / "run").out == before
    cells = [json.loads(line)["cell"] for line in before.splitlines()[1:]]
    assert [cell["lang"] for cell in cells] == ["de", "de", "en", "en", "de", "en"]
    assert len(Run(str(played / "run")).frame) == 6
    table = played / "table.csv"
    assert vla_backfire("export", played / "run", "--format", "csv", "--out", table).code == 0
    assert len(table.read_text(encoding="utf-8").splitlines()) == 7


def test_an_export_has_the_same_bytes_on_every_terminal(played: Path) -> None:
    plain, ascii_ = (alone("export", played / "run", env=env) for env in ("utf-8", "ascii"))
    assert plain == ascii_
    assert "Könnten" in plain.out or "Bitte" in plain.out
    assert plain.code == 0


def test_going_on_with_another_study_is_refused(
    vla_backfire: CommandLine, played: Path, tmp_path: Path
) -> None:
    other = written(tmp_path / "tiny.toml", TINY.replace("repeats = 1", "repeats = 2", 1))
    ended = vla_backfire("run", other, "--out", played / "run")
    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err)
    assert "holds another run (study is" in ended.err


@pytest.mark.parametrize("verb", ["report", "export"])
def test_a_result_that_cannot_be_written_is_answered_in_one_line(
    vla_backfire: CommandLine, study: Path, tmp_path: Path, verb: str
) -> None:
    record(tmp_path / "run", load_study(study), lambda _: None)
    ended = vla_backfire(verb, tmp_path / "run", "--out", tmp_path / "absent" / "page.html")
    assert (ended.code, ended.out) == (2, "")
    assert is_one_line(ended.err)


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        (None, 1, "FAIL  0 of 6 planned cells were played"),
        (Found("inert"), 0, "ok    0 episodes are missing"),
        (Found("inert", fault="policy raised X"), 1, "FAIL  6 episodes are missing"),
        (Found("inert", graded=False), 1, "FAIL  6 episodes are missing"),
    ],
    ids=["nothing played", "whole", "faults", "never graded"],
)
def test_a_run_that_is_not_whole_does_not_verify(
    vla_backfire: CommandLine,
    study: Path,
    tmp_path: Path,
    found: Found | None,
    code: int,
    said: str,
) -> None:
    record(tmp_path / "run", load_study(study), lambda _: found)
    ended = vla_backfire("verify", tmp_path / "run")
    assert ended.code == code
    assert said in ended.out.splitlines()
    assert is_one_line(ended.err) if code else ended.err == ""


def test_a_run_of_which_nothing_was_played_can_be_reported(
    vla_backfire: CommandLine, study: Path, tmp_path: Path
) -> None:
    record(tmp_path / "run", load_study(study), lambda _: None)
    ended = vla_backfire("report", tmp_path / "run")
    assert (ended.code, ended.err) == (0, "")
    assert "0 of 6 episodes played" in ended.out


def test_more_faults_than_the_study_allows_end_with_code_1(
    vla_backfire: CommandLine, study: Path, tmp_path: Path
) -> None:
    def found(cell: Cell) -> Found:
        return Found("inert", fault="policy raised X" if cell.lang == "de" else None)

    record(tmp_path / "run", load_study(study), found)
    ended = vla_backfire("run", study, "--out", tmp_path / "run")
    assert ended.code == 1
    assert ended.err.splitlines()[-1] == (
        "vla-backfire: 3 of 6 episodes are missing, more than the study allows (2%): "
        "policy raised X"
    )


# -- interrupted ----------------------------------------------------------------------------------


def n_played(folder: Path) -> int:
    with suppress(LedgerMismatch), Ledger.open(folder, readonly=True) as ledger:
        return ledger.summary().n_episodes
    return 0


@pytest.mark.ci
def test_ctrl_c_ends_with_130_in_one_line_and_the_same_command_goes_on(tmp_path: Path) -> None:
    study = written(tmp_path / "tiny.toml", TINY.replace("repeats = 1", "repeats = 2", 1))
    command = [*PROGRAM, "run", str(study), "--out", str(tmp_path / "run"), "--workers", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        deadline_s = time.monotonic() + 60
        while n_played(tmp_path / "run") < 2 and time.monotonic() < deadline_s:
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=60)
    assert run.returncode == 130
    assert said == (
        "vla-backfire: interrupted; what was played is kept, the same command goes on\n"
    )
    before = n_played(tmp_path / "run")
    assert 2 <= before < 10
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert n_played(tmp_path / "run") == 10
    assert "10/10 episodes" in again.stderr
