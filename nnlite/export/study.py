"""Runs as studies of Optuna, in an SQLite file: one for each sweep, dataset and model, every run a trial.

A trial's parameters are the hyperparameters that vary in its sweep, its intermediate values the objective by epoch.
Everything else that tells it from another is among its user attributes: the seed, the run, its folder, how it ended and
the other numbers at the end. Runs that diverged, failed or are not finished are failed trials. Refits, which learned
from all training images and have no value, are left out.
"""

import json
import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import URL

from nnlite.report.cells import finite, readable, writable
from nnlite.report.groups import Group, group_runs
from nnlite.runs import Run

WIDE = 10.0  # a range of that factor or more was meant in factors
STATES = {"completed": TrialState.COMPLETE, "pruned": TrialState.PRUNED}


def write(runs: Sequence[Run], path: Path) -> None:
    """Write one file."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = optuna.storages.RDBStorage(URL.create("sqlite", database=str(path)).render_as_string())
    groups = group_runs(runs)
    sweeps = [group.sweep for group in groups]
    for group in groups:
        several = sweeps.count(group.sweep) > 1
        name = f"{group.sweep}, {group.model} on {group.dataset}" if several else group.sweep
        study = optuna.create_study(
            storage=storage, study_name=writable(name), direction=group.objective.direction, load_if_exists=False
        )
        study.set_user_attr("metric", writable(group.objective.name))
        distributions = {name: _distribution(group, name) for name in group.varied}
        study.add_trials([_trial(run, group, distributions) for run in group.runs])
    storage.remove_session()
    storage.engine.dispose()


def _distribution(group: Group, name: str) -> BaseDistribution:
    """What holds every value that the runs have, as far as these tell."""
    values: list[Any] = [value for run in group.runs if (value := readable(run.config.get(name))) is not None]
    if not values or any(finite(value) is None for value in values):
        kinds = {(type(value), value): value for value in values}
        return CategoricalDistribution(list(kinds.values()) or [None])
    if all(isinstance(value, int) for value in values):
        return IntDistribution(min(values), max(values))
    low, high = float(min(values)), float(max(values))
    return FloatDistribution(low, high, log=low > 0 and high >= WIDE * low)


def _trial(run: Run, group: Group, distributions: dict[str, BaseDistribution]) -> FrozenTrial:
    metric = group.objective
    curve = {line["epoch"]: value for line in run.epochs if (value := finite(line.get(metric.name))) is not None}
    measured = run.value(metric)
    state = STATES.get(run.status, TrialState.FAIL) if measured else TrialState.FAIL
    parameters: dict[str, Any] = {name: readable(run.config.get(name)) for name in distributions}
    given = {
        name: float(value) if isinstance(distributions[name], FloatDistribution) else value
        for name, value in parameters.items()
        if value is not None
    }
    began = _moment(run.start.get("time")) or datetime(1970, 1, 1)  # noqa: DTZ001 - Optuna's times have no zone
    return FrozenTrial(
        number=-1,  # the storage counts
        trial_id=-1,
        state=state,
        value=measured.value if measured and state is not TrialState.FAIL else None,
        datetime_start=began,
        datetime_complete=_moment(run.end.get("time")) or began,
        params=given,
        distributions={name: distributions[name] for name in given},
        user_attrs=_attributes(run),
        system_attrs={},
        intermediate_values=curve,
    )


def _attributes(run: Run) -> dict[str, Any]:
    about = {"run": run.id, "seed": run.seed, "status": run.status, "error": run.error, "folder": str(run.folder.path)}
    numbers = {name: value for name, value in run.summary().items() if math.isfinite(value)}
    texts = {name: writable(value) if isinstance(value, str) else value for name, value in about.items()}
    return texts | numbers | {"config": json.dumps(run.config)}


def _moment(time: object) -> datetime | None:
    """A log's time as Optuna writes times: of the place where it runs, without the zone."""
    try:
        return datetime.fromisoformat(time).astimezone().replace(tzinfo=None) if isinstance(time, str) else None
    except ValueError:
        return None
