"""The command that looks into one run: `show`. It draws its curves, and tells what is known of it."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlite.cli.options import EXPERIMENTS, Columns, DataDir, Experiments, Json, Shape, Sort, Top
from nnlite.cli.output import answer, answer_fields, answer_json, answer_table, one_line, room_for, say, terminal_width
from nnlite.cli.plot import NEEDED, Curve, plot
from nnlite.cli.references import Reference, run_named
from nnlite.cli.tabulating import MISSING, Table, answer_as, format_asked, plain
from nnlite.errors import NothingFoundError
from nnlite.queries import Change, Epochs, Moment, changes, moments
from nnlite.queries.epochs import EPOCH
from nnlite.runs import Metric, Run, Status, metric_named
from nnlite.runs.commands import repeat_command
from nnlite.runs.fingerprint import fingerprint
from nnlite.runs.metrics import COMMON_METRICS
from nnlite.runs.quantities import counted, duration, score, size

WITHOUT_A_TERMINAL = 80  # characters, the width of a plot
WIDEST, BESIDE = 100, 116  # characters: of one plot, and from which on two stand side by side
PLACE = ("git", "host")
TIME = slice(0, 19)  # of ISO 8601: to the second
NO_RESULTS = ("best_epoch", "epochs", "total_seconds", *(metric.name for metric in COMMON_METRICS))
LOSSES = {"classifier": ("val_loss", "train_loss"), "gan": ("generator_loss", "discriminator_loss")}


def show(
    reference: Reference,
    experiments: Experiments = EXPERIMENTS,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", help="Draw this one; may be repeated. Default: the objective and the losses."),
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="CONDITION", help='Epochs alone, such as "val_acc > 0.97".')
    ] = None,
    sort: Sort = None,
    columns: Columns = None,
    top: Top = None,
    program: Annotated[
        bool, typer.Option("--program", help="Print its training step instead, as the NumPy program that it is.")
    ] = False,
    data: DataDir = None,
    shape: Shape = None,
    as_json: Json = False,
) -> None:
    """Show one run: curves, metrics, configuration, history and files; or, if asked for epochs, a table of these."""
    chosen = format_asked(shape, as_json)
    run = run_named(reference, experiments)
    if program:
        source = _program(run, data)
        if chosen == "json":
            answer_json("nnlite.program/1", run=run.id, program=source)
        else:
            answer(source.rstrip())
        return
    epochs = Epochs(run)
    tells_all = chosen == "table" and all(option is None for option in (where, sort, columns, top))
    lines: Iterable[dict[str, Any]] = () if tells_all else epochs.select(where, sort, top)
    lines = lines if where is None else list(lines)
    names = epochs.columns(columns)
    curves = [(epochs.metric(name),) for name in metric] if metric else _default_curves(run, epochs)
    if chosen == "json":
        answer_json("nnlite.show/1", **_fields(run, ({name: line.get(name) for name in names} for line in lines)))
    elif not tells_all:
        answer_as("table" if chosen == "table" else chosen, _table(epochs, list(lines), names))
    else:
        _tell(run, curves)
    if bad := run.bad_lines:
        say(
            f"{run.folder.log}: {counted(len(bad), 'line')} skipped, the first of them {bad[0].number}: {bad[0].reason}"
        )
    if not lines and where is not None:
        raise NothingFoundError(f"none of the {counted(len(run.epochs), 'epoch')} of {run.id} is such")


def _program(run: Run, data: Path | None) -> str:
    """The program of a training step of `run`, which takes a step of it to tell; nothing is logged."""
    from nnlite.cli.preparation import prepare  # noqa: PLC0415 - trainings take long to load
    from nnlite.sweep.verify import dataset_of_run, trial_of_run  # noqa: PLC0415 - as above
    from nnlite.sweep.worker import make_training  # noqa: PLC0415 - as above

    dataset = dataset_of_run(run, data, say)
    trial = trial_of_run(run, dataset)
    prepare(trial.model, dataset)
    return make_training(trial).program()


def _table(epochs: Epochs, lines: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Table:
    """These columns of these epochs."""
    metrics = {name: epochs.metric(name) for name in names if name != EPOCH}

    def text(name: str, value: Any) -> str:
        if value is None:
            return MISSING
        return score(metrics[name], value) if name in metrics else str(value)

    rows = [[line[name] for name in names] for line in lines]
    texts = [[text(name, line[name]) for name in names] for line in lines]
    return Table(names, rows, texts, frozenset(range(len(names))))


def _default_curves(run: Run, epochs: Epochs) -> list[tuple[Metric, ...]]:
    """The objective, and the losses in one plot, as far as they were logged."""
    objective = run.objective
    losses = tuple(epochs.metric(name) for name in LOSSES.get(run.model, ()) if name in epochs.metrics)
    return [(objective,), *([losses] if losses and losses != (objective,) else [])]


def _tell(run: Run, curves: Sequence[tuple[Metric, ...]]) -> None:
    """The whole page."""
    budget = run.config.get("epochs")
    of = f" of {budget}" if isinstance(budget, int) and budget != len(run.epochs) else ""
    time = f" in {duration(run.training_seconds)}" if run.training_seconds is not None else ""
    answer(f"{run.sweep}/{run.id}: {run.model} on {run.dataset}, seed {run.seed}")
    answer(f"{run.status}, {len(run.epochs)}{of} epochs{time}{': ' + one_line(run.error) if run.error else ''}\n")
    _draw(run, curves)
    _tell_metrics(run)
    _tell_configuration(run)
    answer("history")
    answer_fields(_history(moments(run), run.status))
    answer("\nenvironment")
    answer_fields(fingerprint(run.start) | {name: str(run.start[name]) for name in PLACE if run.start.get(name)})
    answer("\nfiles in " + str(run.folder.path))
    answer_fields({name: size(count) for name, count in _files(run).items()})
    answer(f"\nrepeat it: {repeat_command(run.folder.log)}")


def _draw(run: Run, curves: Sequence[tuple[Metric, ...]]) -> None:
    if not run.epochs:
        return
    width = terminal_width() or WITHOUT_A_TERMINAL
    beside = width >= BESIDE and len(curves) > 1
    epochs = run.whole.column(EPOCH)
    plots = [
        plot(
            [Curve(metric.name, list(zip(epochs, run.numbers(metric.name), strict=True))) for metric in one],
            partial(score, one[0]),
            width=(width - 4) // 2 if beside else min(width, WIDEST),
            unicode=_shows_braille(),
        )
        for one in curves
    ]
    step = 2 if beside else 1
    for first in range(0, len(plots), step):
        pair = plots[first : first + step]
        for row in range(max(map(len, pair))):
            cells = [lines[row] if row < len(lines) else "" for lines in pair]
            answer("    ".join(f"{cell:<{(width - 4) // 2}}" for cell in cells).rstrip() if beside else cells[0])
        answer("")


def _tell_metrics(run: Run) -> None:
    rows = []
    for name in run.metric_names():
        metric = run.objective if name == run.objective.name else metric_named(name, [name])
        best, last = run.value(metric), run.value(metric, at="last")
        if name in NO_RESULTS or best is None or last is None:
            continue
        at_end = not best.epoch  # measured once, by the weights of the best epoch
        rows.append(
            [
                name,
                score(metric, best.value),
                "at the end" if at_end else str(best.epoch),
                "" if at_end else score(metric, last.value),
            ]
        )
    if not rows:
        return
    header = ["metric", "best", "epoch", "last"]
    if room_for(header, rows):
        answer_table(header, rows, right=(1, 2, 3))
    else:
        fields = {name: f"{best}, {f'epoch {when}' if when.isdecimal() else when}" for name, best, when, _ in rows}
        answer_fields(fields, indent=0)
    answer("")


def _tell_configuration(run: Run) -> None:
    changed = changes(run)
    if changed:
        answer("configuration beside the defaults")
        answer_fields({each.name: _change(each) for each in changed})
    names = {each.name for each in changed}
    rest = {
        name: plain(value) for name, value in run.config.items() if name not in names | {"seed"} and value is not None
    }
    if rest:
        answer("defaults" if changed else "configuration, all defaults")
        answer_fields(rest)
    answer("")


def _change(change: Change) -> str:
    return plain(change.value) + (f"  (default {plain(change.default)})" if change.default is not None else "")


def _history(story: Sequence[Moment], status: Status) -> dict[str, str]:
    """What befell the run, by time; an attempt that logged no end of its own was killed, or is still going on."""
    told: dict[str, str] = {}
    for moment, following in zip_longest(story, story[1:]):
        words = {"start": "started", "resume": f"resumed after epoch {moment.epochs}"}
        text = words.get(moment.event, f"{moment.event} after {counted(moment.epochs, 'epoch')}")
        ended = following.event not in words if following else status != "interrupted"
        if moment.event in words and not ended:
            text += ", and was killed"
        text += f": {one_line(moment.error)}" if moment.error else ""
        time = moment.time[TIME].replace("T", " ")
        told[time] = f"{told[time]}; {text}" if time in told else text
    return told


def _files(run: Run) -> dict[str, int]:
    """What is there, by name, with its bytes; a folder by all that is in it."""
    folder = run.folder
    places = (folder.log, folder.checkpoint, folder.best, folder.animation, folder.samples)
    found = {}
    for place in places:
        if place.is_dir():
            pictures = list(place.glob("*.png"))
            found[f"{place.name}/, {counted(len(pictures), 'picture')}"] = sum(each.stat().st_size for each in pictures)
        elif place.exists():
            found[place.name] = place.stat().st_size
    return found


def _shows_braille() -> bool:
    try:
        NEEDED.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _fields(run: Run, lines: Iterable[dict[str, Any]]) -> dict[str, Any]:
    objective = run.objective
    values = {
        name: {at: vars(value) if (value := run.value(metric, at=at)) else None for at in ("best", "last")}
        for name in run.metric_names()
        if (metric := objective if name == objective.name else metric_named(name, [name]))
    }
    return {
        "run": run.id,
        "sweep": run.sweep,
        "model": run.model,
        "dataset": run.dataset,
        "seed": run.seed,
        "status": run.status,
        "error": run.error or None,
        "objective": {"metric": objective.name, "direction": objective.direction},
        "seconds": run.training_seconds,
        "config": run.config,
        "changed": [asdict(each) for each in changes(run)],
        "environment": fingerprint(run.start) | {name: run.start.get(name) for name in PLACE},
        "metrics": values,
        "epochs": lines,
        "history": [asdict(each) for each in moments(run)],
        "files": _files(run),
        "folder": str(run.folder.path),
        "repeat": repeat_command(run.folder.log),
    }
