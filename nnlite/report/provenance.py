"""The sections of a page that say where it comes from: what failed or conflicts, how it was run, how to do it again."""

import json
import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from nnlite.report.cells import finite, readable
from nnlite.report.groups import can_be_refitted
from nnlite.report.markdown import code, table, text, visible
from nnlite.report.ranking import Ranking
from nnlite.report.section import Section
from nnlite.report.triage import EXPLAINED, Cause, causes
from nnlite.runs import Conflict, Run, Unreadable
from nnlite.runs.commands import refit_command, repeat_command
from nnlite.runs.comparison import exactly
from nnlite.runs.fingerprint import fingerprint
from nnlite.runs.quantities import counted, duration, number

MOST_IDS = 5
ENDS = {"diverged": "diverged", "failed": "failed", "interrupted": "interrupted", "running": "still training"}


def losses(ranking: Ranking) -> Section:
    """What diverged, failed, was pruned or is not finished, by cause, and what explains it."""
    rows = []
    for cause in causes(ranking):
        ids = sorted(trial.run.id for _, trial in cause.members)
        more = f" and {len(ids) - MOST_IDS} more" if len(ids) > MOST_IDS else ""
        shown = ", ".join(map(code, ids[:MOST_IDS])) + more
        status = text(ENDS.get(cause.status, cause.status))
        rows.append([status, text(cause.error) or "-", str(len(ids)), _explained(cause), shown])
    if not rows:
        return Section("What did not finish")
    return Section("What did not finish", [table(["", "why", "runs", "what explains it", "which"], rows, [2])])


def _explained(cause: Cause) -> str:
    """In words, such as: all 11 have learning_rate > 0.3, and none of the other 25."""
    if cause.status not in EXPLAINED:
        return "-"
    if not cause.others:
        return "it came to all"
    rule = cause.rule
    if rule is None:
        shared = ", ".join(f"{code(name)} {text(number(readable(value)))}" for name, value in cause.shared.items())
        share = "they share none"
        if shared:
            also = f"{cause.sharing or 'none'} of the other {len(cause.others)}"
            share = f"{'it has' if len(cause.members) == 1 else 'they share'} {shared}, with {also}"
        return f"no single hyperparameter; {share}"
    count = len(cause.members)
    who = "it has" if count == 1 else f"{'both' if count == 2 else f'all {count}'} have"
    also = "none" if rule.also == 0 else str(rule.also)
    return f"{who} {code(rule.name)} {text(rule)}, and {also} of the other {len(cause.others)}"


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
        ["epochs trained", _epochs(runs)],
        ["training time", duration(sum(known)) + ", all runs together" if known else "-"],
        ["computers", str(len(hosts)) if hosts else "-"],
        *(["reference classifier", code(each)] for each in _distinct(run.start.get("reference") for run in runs)),
        ["threads a run", ", ".join(_distinct(run.start.get("threads") for run in runs)) or "-"],
        *([name, text(", ".join(values))] for name, values in _versions(runs)),
        *(["system", text(each)] for each in _distinct(run.start.get("platform") for run in runs)),
        *(["instructions that NumPy uses", text(each)] for each in _distinct(run.start.get("simd") for run in runs)),
    ]
    blocks = [table(["", ""], rows)]
    if len(_distinct([fingerprint(run.start), run.start.get("git")] for run in runs)) > 1:
        blocks.append(
            "**Mixed versions:** not all of these runs were made by the same code, libraries and reference classifier, "
            "on the same kind of processor."
        )
    if fixed := group.fixed():
        listed = "\n".join(f"{_key(name)} = {_literal(value)}" for name, value in fixed.items() if value is not None)
        blocks += ["The same in all runs:", f"```toml\n{listed}\n```"]
    return Section("How it was run", blocks)


def commands(ranking: Ranking) -> Section:
    """What to type to train all of it, or the winner alone, again."""
    blocks = []
    group = ranking.group
    if typed := _distinct(_command_of(run) for run in group.runs):
        blocks += ["All of it:", _shell(typed)]
    winner = ranking.winner
    if winner and (trial := ranking.best_trial([winner])):
        log = _typed(trial.run.folder.log)
        blocks += [
            f"The winner's best seed, {trial.run.seed}, into a folder of its own:",
            _shell([repeat_command(log)]),
        ]
        if refits := group.refits_of(trial.run):
            blocks += ["Its refits:", _shell(_distinct(_command_of(run) for run in refits))]
        elif can_be_refitted(ranking.metric):
            blocks += [
                "The same, refitted: trained anew on all training images, also those that were held out to choose by:",
                _shell([refit_command(log)]),
            ]
    return Section("Do it again", blocks)


def _epochs(runs: list[Run]) -> str:
    """How many there were; where runs were pruned, of how many."""
    trained = sum(len(run.epochs) for run in runs)
    budgets = [finite(run.config.get("epochs")) for run in runs]
    if all(run.status != "pruned" for run in runs) or None in budgets:
        return str(trained)
    return f"{trained} of {sum(budget or 0 for budget in budgets):.0f}: pruning saved the others"


def _command_of(run: Run) -> str | None:
    """What trained the run; logs of version 0.1 may name the sweep file alone."""
    command, spec = run.start.get("command"), run.start.get("spec")
    if isinstance(command, str):
        return command
    return f"nnlite sweep {shlex.quote(spec)}" if isinstance(spec, str) else None


def left_out(unreadable: list[Unreadable], runs: list[Run]) -> Section:
    """The logs that told nothing, and the lines that had to be skipped."""
    lines = [f"- {code('/'.join(each.folder.path.parts[-2:]))}: {text(each.reason)}" for each in unreadable]
    for run in runs:
        shown = run.bad_lines[:MOST_IDS]
        lines += [f"- {code(run.id)}, line {bad.number}, skipped: {text(bad.reason)}" for bad in shown]
        if (more := len(run.bad_lines) - MOST_IDS) > 0:
            lines.append(f"- {code(run.id)}: {counted(more, 'more line')} skipped")
    return Section("Left out", ["\n".join(lines)] if lines else [])


def conflicts(found: list[Conflict]) -> Section:
    """The runs that have two results under one id."""
    if not found:
        return Section("Conflicts")
    shown = [_conflict(each) for each in found[:MOST_IDS]]
    if (more := len(found) - MOST_IDS) > 0:
        shown.append(f"- and {more} more: {', '.join(code(each.run) for each in found[MOST_IDS:])}")
    words = "The same training gave different numbers, of which one result alone was counted:"
    return Section("Conflicts", [words, "\n".join(shown)])


def _conflict(found: Conflict) -> str:
    first, second = exactly(found.difference.one), exactly(found.difference.other)
    if found.one is found.other:
        return f"- {code(found.run)}: {text(found.difference.place)} is {first}, and later in the same log {second}"
    one, other = (code("/".join(run.folder.path.parts[-3:])) for run in (found.one, found.other))
    return f"- {code(found.run)}: {text(found.difference.place)} is {first} in {one}, but {second} in {other}"


def _versions(runs: list[Run]) -> list[tuple[str, list[str]]]:
    """Each library with the versions that were used, and the commits."""
    tables = [run.start.get("versions") for run in runs]
    known = [each for each in tables if isinstance(each, dict)]
    names = dict.fromkeys(name for each in known for name in each)
    listed = [(text(name), _distinct(each.get(name) for each in known)) for name in names]
    commits = _distinct(run.start.get("git") for run in runs)
    return [*listed, *([("commit", commits)] if commits else [])]


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
