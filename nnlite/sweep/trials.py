"""Trials: a sweep, expanded into what is actually trained, each with an id made of its own content.

The id is a hash of the resolved configuration, the seed and the dataset's checksum, and of nothing else: the same trial
has the same id in every sweep file, on every machine and in every order, and so is never trained twice in a folder.
"""

import hashlib
import itertools
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from nnlite.data import Dataset
from nnlite.errors import InputError
from nnlite.models import HYPERPARAMETERS, Hyperparameters
from nnlite.sweep.spec import Objective, Sweep

ID_LENGTH = 12  # hex digits; among 10,000 runs, two share an id with a probability of 2e-7
MOST_TRIALS = 10_000


@dataclass(frozen=True)
class Trial:
    """One training of one configuration with one seed.

    Attributes:
        sweep: the name of its sweep.
        model: a key of `HYPERPARAMETERS`.
        dataset: what it trains on.
        config: all of its hyperparameters.
        seed: of all of its random numbers.
        objective: which epoch is its best.
        swept: which hyperparameters the sweep varies.
    """

    sweep: str
    model: str
    dataset: Dataset
    config: Hyperparameters
    seed: int
    objective: Objective
    swept: tuple[str, ...] = ()

    @cached_property
    def id(self) -> str:
        """The trial's identity."""
        identity = {
            "model": self.model,
            "dataset": self.dataset.checksum,
            "config": self.config.identity(),
            "seed": self.seed,
        }
        canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:ID_LENGTH]

    def describe(self) -> str:
        """What sets this trial apart in its sweep, such as `hidden=[64] learning_rate=0.1 seed=2`."""
        fields = self.config.model_dump(mode="json")
        words = [f"{name}={_short(fields[name])}" for name in self.swept]
        return " ".join([*words, f"seed={self.seed}"])


def expand(sweep: Sweep, dataset: Dataset) -> list[Trial]:
    """Every trial of `sweep` once: all configurations with the first seed, then all with the second, and so on.

    Raises:
        InputError: there are more than `MOST_TRIALS`, or the dataset is too small to hold so many images out.
    """
    count = math.prod(len(values) for values in sweep.grid.values()) * len(sweep.seeds)
    if count > MOST_TRIALS:
        raise InputError(f"{sweep.source}: the grid has {count:,} trials; {MOST_TRIALS:,} are the most")
    fields = HYPERPARAMETERS[sweep.model]
    trials: dict[str, Trial] = {}
    for seed in sweep.seeds:
        for point in itertools.product(*sweep.grid.values()):
            config = fields.model_validate({**sweep.fixed, **dict(zip(sweep.grid, point, strict=True))})
            trial = Trial(sweep.name, sweep.model, dataset, config, seed, sweep.objective, tuple(sweep.grid))
            # Two budgets of the same training are one trial, of the larger budget.
            if trial.id not in trials or trials[trial.id].config.epochs < config.epochs:
                trials[trial.id] = trial
    _check_validation(sweep, dataset, {trial.config.validation for trial in trials.values()})
    return list(trials.values())


def single(sweep: Sweep, dataset: Dataset) -> Trial:
    """The one trial of the fixed values alone, with the first seed."""
    config = HYPERPARAMETERS[sweep.model].model_validate(dict(sweep.fixed))
    _check_validation(sweep, dataset, {config.validation})
    return Trial(sweep.name, sweep.model, dataset, config, sweep.seeds[0], sweep.objective)


def _check_validation(sweep: Sweep, dataset: Dataset, counts: Iterable[int]) -> None:
    for count in counts:
        try:
            dataset.split(count)
        except InputError as error:
            raise InputError(f"{sweep.source}: {error}") from None


def _short(value: object) -> str:
    return json.dumps(value, separators=(",", ":")).strip('"')
