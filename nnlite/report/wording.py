"""The sections of a page that are words and tables: who won, the leader board, what failed, how to do it again."""

import json
import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from nnlite.report.frame import finite, readable
from nnlite.report.intervals import difference, estimate
from nnlite.report.markdown import code, table, text, visible
from nnlite.report.quantities import counted, duration, lead, number, score_with_interval
from nnlite.report.ranking import Configuration, Ranking, Trial
from nnlite.report.section import Section
from nnlite.runs import METRICS, Run, Unreadable

MOST_ROWS = 20  # of a table; the rest is folded away
MOST_IDS = 5
ENDS = {"diverged": "diverged", "failed": "failed", "interrupted": "interrupted", "running": "still training"}


def verdict(ranking: Ranking) -> Section:
    """What won and by how much, in one sentence or two."""
    metric = ranking.metric
    winner = ranking.winner
    if winner is None or winner.estimate is None:
        return Section("", [_no_winner(ranking)])
    worth = f"{text(metric.label)} **{score_with_interval(metric, winner.estimate)}**"
    worth += f" ({_seeds(winner)}{', 95 % interval' if winner.estimate.half is not None else ''})"
    if len(ranking.configurations) == 1:
        return Section("", [f"One configuration was trained, so nothing is compared: {worth}."])
    words = f"**{named(winner)}** {'won' if winner.finished else 'leads so far'}: {worth}"
    rivals = [each for each in ranking.ranked[1:] if not each.lost]
    if not rivals or rivals[0].estimate is None:
        return Section("", [words + ". No other configuration came through without losing a seed."])
    gap, half = difference(winner.estimate, rivals[0].estimate)
    gap = abs(gap)
    words += f", {lead(metric, gap, half)} better than the runner-up, {named(rivals[0])}."
    if half is None:
        words += " With a single seed that may be luck: train both with more."
    elif gap <= half:
        words += " That is too close to call: the interval of the difference includes zero."
    return Section("", [words])


def leader_board(ranking: Ranking) -> Section:
    """The configurations with a value, best first."""
    names = ranking.group.varied
    header = ["", *map(code, names), text(ranking.metric.label), "seeds", "epoch", "time a run"]
    rows = [_board_row(place, each, ranking) for place, each in enumerate(ranking.ranked, start=1)]
    if not rows:
        return Section("Leader board")
    right = [0, *(1 + index for index, name in enumerate(names) if _numeric(ranking, name)), len(header) - 1]
    blocks = [table(header, rows[:MOST_ROWS], right)]
    if rest := rows[MOST_ROWS:]:
        blocks.append(f"<details><summary>{counted(len(rest), 'more configuration')}</summary>")
        blocks += [table(header, rest, right), "</details>"]
    which = "at the epoch where it was best" if ranking.at == "best" else "after its last epoch"
    note = (
        f"Each configuration by the mean over its seeds of the {text(ranking.metric.label)} of a run {which}, ± half "
    )
    note += "the 95 % t-interval."
    if any(each.lost for each in ranking.ranked):
        note += " Configurations that lost a seed stand below those that lost none."
    return Section("Leader board", [*blocks, note, *_runs_behind(ranking)])


def final_score(ranking: Ranking) -> Section:
    """The test metrics of the winner alone: looking at those of others would select on the test set."""
    winner = ranking.winner or (ranking.configurations[0] if len(ranking.configurations) == 1 else None)
    lines = []
    for metric in METRICS.values():
        finals = [finite(each.run.summary().get(metric.name)) for each in (winner.trials if winner else [])]
        if metric.on_test and (known := [value for value in finals if value is not None]):
            lines.append(
                f"- {metric.label}: **{score_with_interval(metric, estimate(known))}** ({_of_seeds(len(known))})"
            )
    if not lines:
        return Section("Test score")
    return Section("Test score", ["Of the winner alone, scored once, at the end:", "\n".join(lines)])


def losses(ranking: Ranking) -> Section:
    """What diverged, failed or is not finished, grouped by what it said."""
    causes: dict[tuple[str, str], list[tuple[Configuration, Trial]]] = {}
    for configuration in ranking.configurations:
        for trial in configuration.trials:
            if trial.run.status not in ("completed", "pruned"):
                causes.setdefault((trial.run.status, visible(trial.run.error)), []).append((configuration, trial))
    if not causes:
        return Section("What did not finish")
    rows = []
    for (status, error), members in sorted(causes.items()):
        ids = sorted(trial.run.id for _, trial in members)
        shown = ", ".join(map(code, ids[:MOST_IDS])) + (
            f" and {len(ids) - MOST_IDS} more" if len(ids) > MOST_IDS else ""
        )
        shared = _shared([configuration for configuration, _ in members])
        rows.append([text(ENDS.get(status, status)), text(error) or "-", str(len(members)), shared, shown])
    header = ["", "why", "runs", "all of them have", "which"]
    return Section("What did not finish", [table(header, rows, [2])])


def circumstances(ranking: Ranking) -> Section:
    """On what, with what and for how long it was trained, and what was the same for all."""
    group = ranking.group
    runs = group.runs
    statuses = [run.status for run in runs]
    ends = ", ".join(f"{statuses.count(each)} {text(ENDS.get(each, each))}" for each in sorted(set(statuses)))
    checksums = _distinct(run.start.get("dataset_checksum") for run in runs)
    times = [trial.seconds for each in ranking.configurations for trial in each.trials]
    known = [time for time in times if time is not None]
    hosts = _distinct(run.start.get("host") for run in runs)
    rows = [
        ["model", code(group.model)],
        ["dataset", code(group.dataset) + "".join(f", SHA-256 {code(each[:12])}" for each in checksums)],
        ["runs", f"{len(runs)}: {ends}"],
        ["epochs trained", str(sum(len(run.epochs) for run in runs))],
        ["training time", duration(sum(known)) + ", all runs together" if known else "-"],
        ["computers", str(len(hosts)) if hosts else "-"],
        ["threads a run", ", ".join(_distinct(run.start.get("threads") for run in runs)) or "-"],
        *([name, text(", ".join(values))] for name, values in _versions(runs)),
    ]
    blocks = [table(["", ""], rows)]
    if len(_distinct(_fingerprint(run) for run in runs)) > 1:
        blocks.append("**Mixed versions:** not all of these runs were made by the same code and libraries.")
    if fixed := group.fixed():
        listed = "\n".join(f"{_key(name)} = {_literal(value)}" for name, value in fixed.items() if value is not None)
        blocks += ["The same in all runs:", f"```toml\n{listed}\n```"]
    return Section("How it was run", blocks)


def commands(ranking: Ranking) -> Section:
    """What to type to train all of it, or the winner alone, again."""
    blocks = []
    if specs := _distinct(run.start.get("spec") for run in ranking.group.runs):
        blocks += ["The sweep:", _shell(f"nnlite sweep {shlex.quote(spec)}" for spec in specs)]
    winner = ranking.winner
    if winner and (trial := ranking.best_trial([winner])):
        log = _typed(trial.run.folder.log)
        blocks += [
            f"The winner's best seed, {trial.run.seed}, into a folder of its own:",
            _shell([f"nnlite train {shlex.quote(log)} --experiments repeated"]),
        ]
    return Section("Do it again", blocks)


def left_out(unreadable: list[Unreadable], runs: list[Run]) -> Section:
    """The logs that told nothing, and the lines that had to be skipped."""
    lines = [f"- {code('/'.join(each.folder.path.parts[-2:]))}: {text(each.reason)}" for each in unreadable]
    for run in runs:
        shown = run.bad_lines[:MOST_IDS]
        lines += [f"- {code(run.id)}, line {bad.number}, skipped: {text(bad.reason)}" for bad in shown]
        if (more := len(run.bad_lines) - MOST_IDS) > 0:
            lines.append(f"- {code(run.id)}: {counted(more, 'more line')} skipped")
    return Section("Left out", ["\n".join(lines)] if lines else [])


def named(configuration: Configuration) -> str:
    """A configuration in Markdown, described by what varies."""
    words = [f"{code(name)} {text(number(readable(value)))}" for name, value in configuration.parameters.items()]
    return ", ".join(words) or "the only configuration"


def _no_winner(ranking: Ranking) -> str:
    if ranking.ranked:
        return "**No winner:** each configuration lost a seed that diverged or failed."
    return f"**No winner:** no run that neither diverged nor failed has logged {code(ranking.metric.name)}."


def _board_row(place: int, configuration: Configuration, ranking: Ranking) -> list[str]:
    known = configuration.estimate
    shown = score_with_interval(ranking.metric, known) if known else "-"
    epochs = sorted({each.epoch for each in configuration.counted})
    when = "end" if epochs == [0] else f"{epochs[0]}" if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}"
    times = [each.seconds for each in configuration.counted if each.seconds is not None]
    time = duration(sum(times) / len(times)) if times else "-"
    values = [text(number(readable(value))) for value in configuration.parameters.values()]
    return [str(place), *values, f"**{shown}**" if place == 1 else shown, _seeds_cell(configuration), when, time]


def _runs_behind(ranking: Ranking) -> list[str]:
    """Which runs each row is the mean of, folded away."""
    lines = [
        f"{place}. {', '.join(f'{code(each.run.id)} (seed {each.run.seed})' for each in configuration.counted)}"
        for place, configuration in enumerate(ranking.ranked, start=1)
    ]
    return ["<details><summary>The runs behind each row</summary>", "\n".join(lines), "</details>"]


def _seeds_cell(configuration: Configuration) -> str:
    """How many seeds the mean is of, and what became of the others."""
    marks = [f"{len(configuration.lost)} lost"] if configuration.lost else []
    statuses = [each.run.status for each in configuration.trials]
    if pruned := statuses.count("pruned"):
        marks.append(f"{pruned} pruned")
    if unfinished := statuses.count("interrupted") + statuses.count("running"):
        marks.append(f"{unfinished} unfinished")
    return " ".join([str(len(configuration.counted)), f"({', '.join(marks)})" if marks else ""]).strip()


def _seeds(configuration: Configuration) -> str:
    return _of_seeds(len(configuration.counted))


def _of_seeds(count: int) -> str:
    return "one seed" if count == 1 else f"{count} seeds"


def _numeric(ranking: Ranking, name: str) -> bool:
    values = [each.parameters.get(name) for each in ranking.configurations]
    return all(finite(value) is not None for value in values)


def _shared(configurations: list[Configuration]) -> str:
    """The values that all of these configurations have in common."""
    first = configurations[0].parameters
    same = {name for name in first if len({repr(each.parameters[name]) for each in configurations}) == 1}
    return ", ".join(f"{code(name)} {text(number(readable(first[name])))}" for name in first if name in same) or "-"


def _versions(runs: list[Run]) -> list[tuple[str, list[str]]]:
    """Each library with the versions that were used, and the commits."""
    tables = [run.start.get("versions") for run in runs]
    known = [each for each in tables if isinstance(each, dict)]
    names = dict.fromkeys(name for each in known for name in each)
    listed = [(text(name), _distinct(each.get(name) for each in known)) for name in names]
    commits = _distinct(run.start.get("git") for run in runs)
    return [*listed, *([("commit", commits)] if commits else [])]


def _fingerprint(run: Run) -> str:
    return json.dumps([run.start.get("versions"), run.start.get("git")], sort_keys=True)


def _distinct(values: Iterable[object]) -> list[str]:
    """The values that are there, as text, each once, in order."""
    return sorted({value if isinstance(value, str) else json.dumps(value, sort_keys=True) for value in values if value})


def _shell(lines: Iterable[str]) -> str:
    return "```sh\n" + "\n".join(map(visible, lines)) + "\n```"


def _key(name: str) -> str:
    return name if name.isidentifier() else json.dumps(name)


def _literal(value: object) -> str:
    return number(value, 12) if isinstance(value, float) else json.dumps(value)


def _typed(path: Path) -> str:
    """The path as one would type it here."""
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return os.path.relpath(path)
    return str(path)
