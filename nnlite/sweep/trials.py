"""Trials: a sweep, expanded into what is actually trained, each with an id made of its own content.

The id is a hash of the resolved configuration, the seed and the dataset's checksum, and of nothing else: the same trial
has the same id in every sweep file, on every machine and in every order, and so is never trained twice in a folder.
"""

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from nnlite.data import Dataset
from nnlite.errors import InputError
from nnlite.models import Hyperparameters
from nnlite.sweep.spaces import Configuration, Space
from nnlite.sweep.spec import Objective, Sweep

ID_LENGTH = 12  # hex digits; among 10,000 runs, two share an id with a probability of 2e-7


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
        swept: which of them the sweep varies, in this configuration.
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
        return describe(self.config.model_dump(mode="json"), self.swept, self.seed)


def make_trials(sweep: Sweep, dataset: Dataset, configurations: Iterable[Configuration]) -> list[Trial]:
    """A trial of each configuration with each seed: all with the first seed, then all with the second, and so on.

    Raises:
        InputError: the dataset is too small to hold so many images out.
    """
    listed = list(configurations)
    _check_validation(sweep, dataset, {each.config.validation for each in listed})
    by_configuration = [trials_of(sweep, dataset, each) for each in listed]
    trials: dict[str, Trial] = {}
    for trial in itertools.chain.from_iterable(zip(*by_configuration, strict=True)):
        # Two budgets of the same training are one trial, of the larger budget.
        if trial.id not in trials or trials[trial.id].config.epochs < trial.config.epochs:
            trials[trial.id] = trial
    return list(trials.values())


def trials_of(sweep: Sweep, dataset: Dataset, configuration: Configuration) -> list[Trial]:
    """The trials of one configuration, one for each seed."""
    return [
        Trial(sweep.name, sweep.model, dataset, configuration.config, seed, sweep.objective, configuration.swept)
        for seed in sweep.seeds
    ]


def single(sweep: Sweep, dataset: Dataset) -> Trial:
    """The one trial of the fixed values alone, as far as they exist, with the first seed."""
    config = Space(sweep.model, sweep.fixed, when=sweep.spaces[0].when).configuration({}).config
    _check_validation(sweep, dataset, {config.validation})
    return Trial(sweep.name, sweep.model, dataset, config, sweep.seeds[0], sweep.objective)


def _check_validation(sweep: Sweep, dataset: Dataset, counts: Iterable[int]) -> None:
    for count in counts:
        try:
            dataset.split(count)
        except InputError as error:
            raise InputError(f"{sweep.source}: {error}") from None


def describe(config: Mapping[str, object], swept: Iterable[str], seed: int) -> str:
    """What sets a trial apart, of which a log holds the `config`, the `swept` names and the `seed`."""
    return " ".join([*(f"{name}={_short(config.get(name))}" for name in swept), f"seed={seed}"])


def _short(value: object) -> str:
    return json.dumps(value, separators=(",", ":")).strip('"')
