"""The command line: each verb calls one function of the library.

Flags say where and how much; all that changes the science is in the study file. Exit codes: 0 done,
1 finished but something asked for fell short, 2 wrong input, 130 interrupted and resumable.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.exceptions import TyperException

from vla_backfire import progress
from vla_backfire.errors import BackfireError, OutputUnwritable, RunFellShort

INTERRUPTED = 130
"""Exit code after Ctrl-C; the run can be resumed."""

app = typer.Typer(
    name="vla-backfire",
    help="Is a robot policy that is safe in English still safe in another language?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Out = Annotated[Path, typer.Option("--out", help="Folder of the run; made if need be.")]
Workers = Annotated[
    int | None, typer.Option(min=0, help="Simulating processes; one a core unless said.")
]
Scenarios = Annotated[
    list[Path] | None,
    typer.Option("--scenarios", help="Folder of scenario files beside the shipped ones."),
]
Envs = Annotated[
    list[Path] | None,
    typer.Option("--envs", help="Folder of worlds and props beside the shipped ones."),
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]


class Listable(StrEnum):
    """What `list` can list."""

    policies = "policies"
    scenarios = "scenarios"
    languages = "languages"
    worlds = "worlds"
    graders = "graders"


class Kind(StrEnum):
    """What `new` can begin."""

    scenario = "scenario"
    world = "world"
    prop = "prop"
    private_seed = "private-seed"


class Sheet(StrEnum):
    """Contact sheets of `render`."""

    props = "props"
    worlds = "worlds"
    scenarios = "scenarios"


class SheetFormat(StrEnum):
    """Formats of `translate export`."""

    po = "po"
    csv = "csv"


class Translator(StrEnum):
    """Who translates."""

    human = "human"
    machine = "machine"


class Format(StrEnum):
    """Formats of `export`."""

    jsonl = "jsonl"
    csv = "csv"


def main(argv: list[str] | None = None) -> None:
    """Run the command line; ends by SystemExit with the code."""
    _prepare_streams()
    try:
        code = app(argv, standalone_mode=False)
        _print("", end="")
    except BackfireError as error:
        _say(f"vla-backfire: {error}")
        sys.exit(error.exit_code)
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
    except TyperException as error:
        if said := error.format_message().replace("Value error, ", ""):
            _say(f"vla-backfire: {said} (see vla-backfire --help)")
        sys.exit(2)
    if code == INTERRUPTED:
        _say("vla-backfire: interrupted; what was played is kept, the same command goes on")
    sys.exit(code if isinstance(code, int) else 0)


@app.command()
def demo(
    out: Out = Path("runs/demo"),
    workers: Workers = None,
) -> None:
    """Play the demo study with scripted policies and write its report."""
    _play(_shipped_study("demo"), out, workers, ())


@app.command()
def run(
    study: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="What to play.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the run; runs/<name> unless said.")
    ] = None,
    workers: Workers = None,
    scenarios: Scenarios = None,
    envs: Envs = None,
    private_seed: Annotated[
        Path | None, typer.Option("--private-seed", help="File with a private study's secret.")
    ] = None,
) -> None:
    """Play a study, or go on with it; then grade it and write its report."""
    _use_envs(envs)
    _play(study, out or Path("runs") / study.stem, workers, scenarios or (), private_seed)


@app.command("list")
def list_(
    what: Annotated[Listable | None, typer.Argument(help="All of it unless said.")] = None,
) -> None:
    """List what there is."""
    from vla_backfire.listing import listing

    for kind in [what] if what else list(Listable):
        if what is None:
            _print(f"{kind.value}:")
        for line in listing(kind.value):
            _print(line if what else f"  {line}")


@app.command()
def check(
    scenarios: Scenarios = None,
    envs: Envs = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ID", help="These scenarios alone.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    solve: Annotated[
        bool, typer.Option("--solve", help="Play every goal with the scripted expert instead.")
    ] = False,
    repeats: Annotated[int, typer.Option(min=1, help="Of --solve.")] = 10,
    workers: Workers = None,
) -> None:
    """Check every data file, every scene and every text; --solve plays them."""
    _use_envs(envs)
    from vla_backfire.check import check_everything, check_solvable

    roots, chosen = tuple(scenarios or ()), tuple(only or ())
    if solve:
        n_workers = (os.cpu_count() or 1) if workers is None else max(1, workers)
        lines = check_solvable(roots, only=chosen, repeats=repeats, workers=n_workers)
    else:
        lines = check_everything(roots, only=chosen, strict=strict)
    for line in lines:
        _print(line)


@app.command()
def grade(run_folder: RunFolder) -> None:
    """Grade a run anew; earlier findings stay in its record."""
    from vla_backfire.grading import grade_run
    from vla_backfire.ledger import Ledger
    from vla_backfire.study import Run

    run = Run(run_folder)
    with Ledger.open(run_folder) as ledger:
        n_graded = grade_run(ledger, run.scenarios, again=True)
    _print(f"graded {n_graded} episodes")


@app.command()
def report(
    run_folder: RunFolder,
    out: Annotated[
        Path | None, typer.Option("--out", help="The page; RUN/report.html unless said.")
    ] = None,
) -> None:
    """Write a run's page and print its table."""
    _report(run_folder, out)


@app.command()
def export(
    run_folder: RunFolder,
    format_: Annotated[Format, typer.Option("--format", help="jsonl is canonical.")] = Format.jsonl,
    out: Annotated[
        Path | None, typer.Option("--out", help="A file; the screen unless said.")
    ] = None,
) -> None:
    """Write a run's episodes and findings: equal runs, equal bytes."""
    from vla_backfire.export import export_text

    text = export_text(run_folder, format_.value)
    if out is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # equal bytes on any terminal
        _print(text, end="")
    else:
        _write(out, text)
        _print(str(out))


@app.command()
def verify(run_folder: RunFolder) -> None:
    """Check that a run's starts agree as the design demands and that nothing is missing."""
    from vla_backfire.verify import verify_run

    short = False
    for passed, line in verify_run(run_folder):
        _print(f"{'ok  ' if passed else 'FAIL'}  {line}")
        short |= not passed
    if short:
        raise RunFellShort(f"{run_folder} does not hold; see the lines marked FAIL")


translate = typer.Typer(
    help="Translate the scenarios: what is done, stubs, files for translators' tools.",
    no_args_is_help=True,
)
app.add_typer(translate, name="translate")

Corpus = Annotated[
    Path | None,
    typer.Option("--scenarios", help="Folder of scenario files; those of this checkout if unsaid."),
]


@translate.command("status")
def translate_status(
    langs: Annotated[list[str] | None, typer.Argument(metavar="[LANG]...")] = None,
    scenarios: Corpus = None,
) -> None:
    """Show scenarios by languages with the state of review of each text."""
    from vla_backfire.translate import status_lines

    for line in status_lines((scenarios or _corpus(),), tuple(langs or ())):
        _print(line)


@translate.command("add")
def translate_add(
    lang: Annotated[str, typer.Argument(help="BCP-47 tag, such as uk.")],
    scenarios: Corpus = None,
    name: Annotated[str | None, typer.Option(help="Of a new language, in English.")] = None,
    autonym: Annotated[str | None, typer.Option(help="Of a new language, in itself.")] = None,
    script: Annotated[str | None, typer.Option(help="ISO 15924 code, such as Cyrl.")] = None,
    direction: Annotated[str, typer.Option(help="ltr or rtl.")] = "ltr",
    register: Annotated[str | None, typer.Option(help="The polite form that is used.")] = None,
) -> None:
    """Write a stub for a language into every scenario file that lacks it."""
    from vla_backfire.translate import NewLanguage, add_language

    new = NewLanguage(name, autonym, script, direction, register)
    changed = add_language(lang, _editable(scenarios), new)
    _print(f"{len(changed)} files have a stub for {lang}")
    _print(f"next: vla-backfire translate export {lang} --out {lang}.po")


@translate.command("export")
def translate_export(
    lang: Annotated[str, typer.Argument(help="BCP-47 tag.")],
    format_: Annotated[SheetFormat | None, typer.Option("--format", help="po or csv.")] = None,
    back: Annotated[
        bool, typer.Option("--back", help="To be translated back: the sentences, no English.")
    ] = False,
    scenarios: Corpus = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="A file; the screen unless said.")
    ] = None,
) -> None:
    """Write a language's sentences for a translator: PO for Poedit or Weblate, or CSV."""
    from vla_backfire.translate import export_sheet

    ending = out.suffix.removeprefix(".") if out is not None else ""
    chosen = format_.value if format_ else (ending if ending in ("po", "csv") else "po")
    kind: Literal["back", "forward"] = "back" if back else "forward"
    text = export_sheet(lang, scenarios or _corpus(), kind=kind, format_=chosen)
    if out is None:
        _print(text, end="")
    else:
        _write(out, text)
        _print(str(out))


@translate.command("import")
def translate_import(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .po or .csv file.")],
    scenarios: Corpus = None,
    source: Annotated[
        Translator, typer.Option("--source", help="Who translated what is new in it.")
    ] = Translator.human,
    reviewer: Annotated[
        str | None,
        typer.Option("--reviewer", help="Native speaker who vouches for what is not fuzzy."),
    ] = None,
) -> None:
    """Bring a translator's file back into the scenario files, whole or not at all."""
    from vla_backfire.translate import import_sheet

    root = _editable(scenarios)
    done = import_sheet(file, root, source=source.value, reviewer=reviewer)
    _print(f"{len(done.changed)} files were changed")
    if done.n_untranslated:
        _print(f"{done.n_untranslated} scenarios are still to be translated")
    if done.n_unsigned:
        _print(f"{done.n_unsigned} texts are not fuzzy; --reviewer NAME signs them as reviewed")


def _corpus() -> Path:
    from vla_backfire.resources import tree

    return tree("scenarios")


def _editable(scenarios: Path | None) -> Path:
    """The folder of scenario files to write into: never that of an installation."""
    root = scenarios or _corpus()
    if "_shipped" in root.parts:
        raise OutputUnwritable(
            root, "it belongs to the installed package; work in a clone, or name --scenarios"
        )
    return root


@app.command()
def new(
    kind: Annotated[Kind, typer.Argument(help="What to begin.")],
    name: Annotated[str, typer.Argument(help="Small letters, digits, underscores; or an id.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder to write below: pass it on as --envs or --scenarios."),
    ] = None,
) -> None:
    """Write a scenario, world or prop to be changed, or a secret for a private study."""
    if kind is Kind.private_seed:
        from vla_backfire.private import new_secret

        file = (out or Path()) / name
        commitment = new_secret(file).commitment
        _print(f'keep {file} to yourself\nits study says: private = "{commitment}"')
        return
    from vla_backfire.new import new_prop, new_scenario, new_world

    if kind is Kind.scenario:
        folder = out or Path("scenarios")
        path = new_scenario(name, folder)
        flag = "" if folder.resolve() == _corpus() else f" --scenarios {folder}"
        _print(f"{path}\nfill it in, then: vla-backfire check --only {name}{flag}")
        return
    folder = out or Path("envs")
    path = {Kind.world: new_world, Kind.prop: new_prop}[kind](name, folder)
    _print(f"{path}\nlook at it: vla-backfire render --{kind.value} {name} --envs {folder}")


@app.command()
def render(
    world: Annotated[
        str | None, typer.Option("--world", help="A world, <world>/<layout> or a scenario.")
    ] = None,
    prop: Annotated[str | None, typer.Option("--prop", help="A prop alone.")] = None,
    scenario: Annotated[
        str | None, typer.Option("--scenario", help="A scenario beside its twin.")
    ] = None,
    sheet: Annotated[
        Sheet | None, typer.Option("--sheet", help="All props, worlds or scenarios.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Of a sheet: these; of scenarios, ids or worlds."),
    ] = None,
    camera: Annotated[str, typer.Option(help="Of worlds.")] = "overview",
    pixels: Annotated[int, typer.Option(min=32, max=960, help="Width of each picture.")] = 448,
    out: Annotated[
        Path | None, typer.Option("--out", help="A .png or .jpg; <name>.png unless said.")
    ] = None,
    scenarios: Scenarios = None,
    envs: Envs = None,
) -> None:
    """Draw a world, a prop, a scenario with its twin, or a contact sheet of all of them."""
    _use_envs(envs)
    from vla_backfire import render as studio
    from vla_backfire.worlds.catalogue import load_prop
    from vla_backfire.worlds.studio import photograph

    if [world, prop, scenario, sheet].count(None) != 3:
        raise typer.BadParameter("say exactly one of --world, --prop, --scenario and --sheet")
    if world:
        picture = studio.picture_of_world(world, camera=camera, pixels=pixels)
    elif prop:
        picture = photograph(load_prop(prop), pixels=pixels)
    elif scenario or sheet is Sheet.scenarios:
        names = (scenario,) if scenario else tuple(only or ())
        chosen = studio.chosen_scenarios(names, tuple(scenarios or ()))
        picture = studio.sheet_of_scenarios(chosen, camera=camera, pixels=pixels)
    elif sheet is Sheet.props:
        picture = studio.sheet_of_props(only or (), pixels=pixels)
    else:
        picture = studio.sheet_of_worlds(only or (), camera=camera, pixels=pixels)
    path = out or Path(f"{(world or prop or scenario or sheet or '').replace('/', '-')}.png")
    studio.write_picture(picture, path)
    _print(str(path))


@app.command()
def doctor() -> None:
    """Say what this machine has and what to install."""
    from vla_backfire.doctor import diagnose

    for line in diagnose():
        _print(line)


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        _print(installed("vla_backfire"))
        raise typer.Exit


def _play(
    study: Path,
    out: Path,
    workers: int | None,
    scenarios: Sequence[Path],
    private_seed: Path | None = None,
) -> None:
    from vla_backfire.private import Secret
    from vla_backfire.study import load_study, plan_study, play_plan

    secret = Secret.read(private_seed) if private_seed else None
    plan = plan_study(load_study(study), study, tuple(scenarios), secret)
    with progress.Line(sys.stderr) as line:
        played = play_plan(plan, out, workers=workers, progress=line)
    if not played.n_played and not played.n_unplayed:
        _say(f"{out} is finished; nothing was left to play")
    _report(out, None)
    if played.n_unplayed:
        raise RunFellShort(
            f"{played.n_unplayed} cells stay unplayed because their worker died "
            f"({'; '.join(played.faults)}); the same command tries them again"
        )
    _check_faults(out, plan.study.max_fault_share)


def _use_envs(folders: list[Path] | None) -> None:
    """Let this process and its workers find worlds and props in some folders too."""
    if folders:
        from vla_backfire.resources import ENVS_VARIABLE

        before = os.environ.get(ENVS_VARIABLE)
        own = [str(folder.resolve()) for folder in folders]
        os.environ[ENVS_VARIABLE] = os.pathsep.join([*own, *([before] if before else [])])


def _check_faults(out: Path, limit: float) -> None:
    """See that no more of the whole run is missing than its study allows."""
    from vla_backfire.ledger import Ledger

    with Ledger.open(out, readonly=True) as ledger:
        summary = ledger.summary()
    if summary.n_episodes and summary.n_missing / summary.n_episodes > limit:
        raise RunFellShort(
            f"{summary.n_missing} of {summary.n_episodes} episodes are missing, more than the "
            f"study allows ({limit:.0%}): {'; '.join(summary.faults)}"
        )


def _report(run_folder: Path, out: Path | None) -> None:
    from vla_backfire.report.page import write_page
    from vla_backfire.report.text import summary_lines
    from vla_backfire.study import Run

    run = Run(run_folder)
    page = write_page(run, out or run_folder / "report.html")
    for text in summary_lines(run):
        _print(text)
    _print(f"\nreport: {page}")


def _shipped_study(name: str) -> Path:
    from vla_backfire.resources import tree

    return tree("studies") / f"{name}.toml"


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise OutputUnwritable(path, str(error.strerror)) from None


def _prepare_streams() -> None:
    """Write where somebody reads, and whatever the letters of the terminal are.

    What is written to a stream that the shell has closed goes nowhere.
    """
    sys.stdout = sys.stdout or io.StringIO()
    sys.stderr = sys.stderr or io.StringIO()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _print(line: str, *, end: str = "\n") -> None:
    """Write a line to the standard output; ends the program quietly where nobody reads it."""
    try:
        sys.stdout.write(line + end)
        sys.stdout.flush()
    except OSError as error:
        # up to Python 3.11.2 what was not written is tried again when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno == errno.EPIPE:
            raise typer.Exit(1) from None
        raise OutputUnwritable(Path("the standard output"), str(error.strerror)) from None


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
