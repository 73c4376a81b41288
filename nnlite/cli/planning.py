"""What `--dry-run` prints: every trial and how it stands, what else is in the folder, and what training will take."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from nnlite.cli.output import answer, answer_table, say
from nnlite.runs.quantities import MINUTE, counted, size
from nnlite.sweep import Plan, Sweep
from nnlite.sweep.estimate import Estimate, Remainder, estimate
from nnlite.sweep.survey import ChangedDefault, Standing, Survey, survey

MOST_LISTED = 5


def print_plan(plan: Plan, sweep: Sweep, most: int, jobs: int, experiments: Path) -> None:
    """Print what a sweep would do.

    Args:
        plan: of the sweep.
        sweep: its file.
        most: how many trials there will be at most.
        jobs: how many trials would train at a time.
        experiments: the folder of all sweeps, whose logs may tell what an epoch takes.
    """
    found = survey(plan, sweep.named)
    _answer_trials(plan, found)
    expected = _expected(found, jobs, experiments)
    answer(_summary(found, expected, _further(plan, found, most), at_most=sweep.pruning is not None))


def plan_fields(plan: Plan, sweep: Sweep, most: int, jobs: int, experiments: Path) -> dict[str, Any]:
    """The same as the fields of a JSON document."""
    found = survey(plan, sweep.named)
    expected = _expected(found, jobs, experiments)
    fields = _fields(plan, found, expected, at_most=sweep.pruning is not None)
    return {"further_trials": _further(plan, found, most), **fields}


def _further(plan: Plan, found: Survey, most: int) -> int:
    """How many trials may follow that depend on results."""
    return max(0, most - len(found.standings)) if not plan.foreseen else 0


def _expected(found: Survey, jobs: int, experiments: Path) -> Estimate | None:
    left = [Remainder(standing.trial, standing.epochs_left) for standing in found.standings if standing.pending]
    return estimate(left, jobs, experiments, say) if left else None


def _answer_trials(plan: Plan, found: Survey) -> None:
    answer_table(
        ["run", "trial", "epochs", "state"],
        [
            [each.trial.id, each.trial.describe(), str(each.trial.config.epochs), _state(each)]
            for each in found.standings
        ],
    )
    for line in _changed_lines(found.changed):
        answer(line)
    if found.others:
        ids = [run.folder.name for run in found.others]
        shown = ", ".join(ids[:MOST_LISTED]) + (f" and {len(ids) - MOST_LISTED} more" if len(ids) > MOST_LISTED else "")
        answer(f"{counted(len(ids), 'run')} in {plan.folder} that the file does not name: {shown}")


def _state(standing: Standing) -> str:
    match standing.state:
        case "to go on":
            text = f"to go on from epoch {standing.epochs}"
        case "failed":
            text = "failed before, --retry-failed trains it again"
        case "diverged":
            text = "diverged before"
        case state:
            text = state
    return f"{text}: {standing.why}" if standing.why else text


def _changed_lines(changed: list[ChangedDefault]) -> list[str]:
    """A line for each way in which defaults have changed, with how many trials that made new."""
    groups: dict[str, list[ChangedDefault]] = {}
    for each in changed:
        ways = ", ".join(_change(name, *values) for name, values in each.changes.items())
        groups.setdefault(ways, []).append(each)
    return [
        f"{counted(len(members), 'trial')} new by what the file does not name: {ways} "
        f"({members[0].trial.id} was {members[0].run.id})"
        for ways, members in groups.items()
    ]


def _change(name: str, before: object, now: object) -> str:
    was = "not known" if before is None else json.dumps(before)
    return f"{name} is {json.dumps(now)} by default and was {was}"


def _summary(found: Survey, expected: Estimate | None, further: int, *, at_most: bool) -> str:
    """Such as "72 trials, 41 ± 6 min with 2 workers, 190 MB of files, 150 MB of memory a worker, 9 done already"."""
    count = Counter(standing.state for standing in found.standings)
    parts = [counted(len(found.standings), "trial")]
    parts += [f"up to {further} more that depend on their results"] if further else []
    if expected:
        left = sum(standing.pending for standing in found.standings)
        bound = "at most " if at_most else ""  # nobody knows how many of the epochs pruning will save
        parts += [f"{left} to train", f"{bound}{_time(expected)} with {counted(expected.workers, 'worker')}"]
        parts += [f"{bound}{size(expected.disk)} of files"]
        parts += [f"{size(expected.memory)} of memory a worker"] if expected.memory else []
    parts += [f"{count['done']} done already"] if count["done"] else []
    parts += [f"{count[state]} {state} before" for state in ("pruned", "failed", "diverged", "skipped") if count[state]]
    return ", ".join(parts)


def _time(expected: Estimate) -> str:
    if expected.seconds is None or expected.margin is None:
        return "a time that could not be measured"
    for unit, seconds in (("h", 60 * MINUTE), ("min", MINUTE)):
        if expected.seconds >= 2 * seconds:
            digits = 0 if expected.margin >= seconds else 1
            return f"{expected.seconds / seconds:.{digits}f} ± {expected.margin / seconds:.{digits}f} {unit}"
    return f"{expected.seconds:.0f} ± {max(1.0, expected.margin):.0f} s"


def _fields(plan: Plan, found: Survey, expected: Estimate | None, *, at_most: bool) -> dict[str, Any]:
    return {
        "folder": str(plan.folder),
        "trials": [
            {
                "run": each.trial.id,
                "folder": str(plan.run_folder(each.trial).path),
                "status": each.state,
                "epochs_done": each.epochs,
                "why": each.why or None,
                "seed": each.trial.seed,
                "config": each.trial.config.model_dump(mode="json"),
            }
            for each in found.standings
        ],
        "changed_defaults": [
            {
                "run": each.trial.id,
                "was": each.run.id,
                "changes": {name: {"was": was, "is": now} for name, (was, now) in each.changes.items()},
            }
            for each in found.changed
        ],
        "others": [{"run": run.id, "folder": str(run.folder.path), "status": run.status} for run in found.others],
        "estimate": expected
        and {
            "at_most": at_most,
            "seconds": expected.seconds,
            "margin_seconds": expected.margin,
            "workers": expected.workers,
            "disk_bytes": expected.disk,
            "memory_bytes_a_worker": expected.memory,
            "kinds": dict(expected.kinds),
        },
    }
