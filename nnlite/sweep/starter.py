"""A sweep file to start from: short where it decides something, and complete in its comments."""

import json
import math
import re
from typing import Any, get_args

from nnlite.models import HYPERPARAMETERS
from nnlite.runs.metrics import DEFAULT_OBJECTIVE, METRICS

LONGEST_NAME = 64
COMMENT_AT = 34  # the column that comments begin at
FIXED: dict[str, dict[str, Any]] = {"classifier": {"epochs": 5}, "gan": {"epochs": 10}}
GRID: dict[str, dict[str, list[Any]]] = {
    "classifier": {"learning_rate": [0.1, 0.3, 1.0], "hidden": [[64], [128]]},
    "gan": {"learning_rate": [0.0005, 0.001], "discriminator_skip": [0, 3]},
}
TRIALS_A_POINT = 8
HEAD = """\
# `nnlite sweep FILE -n` says what this would train; without -n it trains it, and goes on where it was stopped.
name = "{name}"
model = "{model}"
dataset = "mnist"                 # mnist | fashion-mnist | a folder of IDX files
seeds = 3                         # every configuration is trained with seeds 0, 1, 2; or a list
"""
TABLES = """
# [objective]                     # what to select by; this is the default
# metric = "{metric}"
# direction = "{direction}"

# [search]                        # samples, crossed with the grid; a hyperparameter stands in one table alone
# strategy = "tpe"                # random | tpe: learns from the results; random is the default
# trials = {trials:<22} # configurations in all, before seeds: a multiple of the grid's {points}
# start_with = [{{ momentum = 0.9 }}] # points that are tried first
# learn_from = ["other_sweep"]    # of tpe: sweeps whose results it knows from the start
# momentum = {{ low = 0.0, high = 0.95 }}
# weight_decay = {{ low = 1e-6, high = 1e-3, log = true }}

# [pruning]                       # stops early what falls behind
# strategy = "halving"            # halving | median | asha

# [limits]
# timeout = "2h"                  # wall time of a trial
# stall = "10m"                   # no new epoch for so long
# total = "8h"                    # wall time of a call, after which no further trial starts
# retries = 1                     # of a trial that failed
"""


def starter(name: str, model: str) -> str:
    """The text of a sweep file for one of the models in `HYPERPARAMETERS`, called `name` as far as that is allowed."""
    fields = HYPERPARAMETERS[model].model_fields
    fixed, grid = FIXED[model], GRID[model]
    lines = [HEAD.format(name=_allowed(name), model=model)]
    lines.append(_commented("[fixed]", "what all trials share; remove the # before what shall not be the default"))
    for key, field in fields.items():
        if key in grid:
            continue
        choices = " | ".join(get_args(field.annotation)) if isinstance(field.default, str) else ""
        meaning = f"{field.description}: {choices}" if choices else field.description or ""
        # What has no default of its own follows the learning rate.
        value = fixed.get(key, fields["learning_rate"].default if field.default is None else field.default)
        lines.append(_commented(f"{'' if key in fixed else '# '}{key} = {json.dumps(value)}", meaning))
    lines += ["", _commented("[grid]", "every combination of these")]
    lines += [
        _commented(f"{key} = {json.dumps(values)}", fields[key].description or "") for key, values in grid.items()
    ]
    points = math.prod(map(len, grid.values()))
    objective = METRICS[DEFAULT_OBJECTIVE[model]]
    tables = TABLES.format(
        metric=objective.name, direction=objective.direction, trials=TRIALS_A_POINT * points, points=points
    )
    return "\n".join(lines) + "\n" + tables


def _commented(line: str, comment: str) -> str:
    return f"{line:<{COMMENT_AT - 1}} # {comment}"


def _allowed(name: str) -> str:
    """`name` as a sweep may be called: a letter or digit, then letters, digits and . _ - alone."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._-")[:LONGEST_NAME] or "sweep"
