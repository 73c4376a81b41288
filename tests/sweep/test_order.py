"""The order in which trials are begun: the dearest first, so that nobody waits for long for the last of them."""

import itertools
from dataclasses import dataclass

import pytest

from nnlite.sweep import expand, make_plan, run_trials
from nnlite.sweep.order import dearest_first, expected_cost
from nnlite.sweep.strategy import Task


@dataclass(frozen=True)
class Seeded:
    """What has a seed."""

    seed: int


@dataclass(frozen=True)
class Piece:
    """What has a trial, of which only the seed counts here."""

    trial: Seeded
    seconds: float


def seconds_of(piece):
    return piece.seconds


def time_taken(pieces, workers):
    """When the last of `pieces` is done if each is begun as soon as a worker is free."""
    free = [0.0] * workers
    for piece in pieces:
        free[free.index(min(free))] += piece.seconds
    return max(free)


def test_the_seeds_stay_in_turn_and_among_each_seeds_trials_the_dearest_comes_first():
    pieces = [Piece(Seeded(seed), seconds) for seed in (7, 3) for seconds in (1.0, 4.0, 2.0)]
    ordered = dearest_first(pieces, seconds_of)
    assert [(each.trial.seed, each.seconds) for each in ordered] == [(7, 4), (7, 2), (7, 1), (3, 4), (3, 2), (3, 1)]


def test_what_costs_the_same_keeps_its_order():
    pieces = [Piece(Seeded(0), 1.0) for _ in range(5)]
    assert all(one is other for one, other in zip(dearest_first(pieces, seconds_of), pieces, strict=True))


@pytest.mark.parametrize(("workers", "lengths"), [(2, (1.0, 1.0, 2.0, 4.0)), (3, (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0))])
def test_one_seeds_trials_end_within_four_thirds_of_the_best_time_in_whatever_order_they_come(workers, lengths):
    """Graham's bound; in the worst order it is more than that."""
    best = max(sum(lengths) / workers, *lengths)
    taken = [
        [time_taken(each, workers) for each in (pieces, dearest_first(pieces, seconds_of))]
        for pieces in ([Piece(Seeded(0), length) for length in order] for order in set(itertools.permutations(lengths)))
    ]
    assert max(dearest for _, dearest in taken) <= 4 / 3 * best
    assert max(as_they_come for as_they_come, _ in taken) > 4 / 3 * best


@pytest.mark.parametrize(
    ("cheap", "dear"),
    [
        ({"hidden": [16]}, {"hidden": [32]}),
        ({"hidden": [32]}, {"hidden": [32, 32]}),
        ({"epochs": 2}, {"epochs": 3}),
        ({"batch_size": 100}, {"batch_size": 10}),
        ({"validation": 600}, {"validation": 100}),
    ],
    ids=str,
)
def test_a_wider_deeper_longer_or_more_often_updated_network_is_dearer(trial, cheap, dear):
    few, many = (expected_cost(Task(each, each.config.epochs)) for each in (trial(**cheap), trial(**dear)))
    assert few < many


class Beginnings:
    """A listener that keeps the widths of the networks whose training it hears begin."""

    def __init__(self):
        self.widths = []

    def started(self, trial, _folder):
        """Keep that."""
        self.widths.extend(trial.config.hidden)

    def planned(self, _tasks):
        """Hear nothing."""

    def ended(self, _trial, _folder, outcome):
        """It went well."""
        assert outcome.status == "completed"

    def refresh(self):
        """Hear nothing."""


@pytest.mark.parametrize(("jobs", "widths"), [(1, [4, 64, 16]), (2, [64, 16, 4])])
def test_two_workers_begin_with_the_dearest_and_one_keeps_to_the_file(sweep_of, digits, tmp_path, jobs, widths):
    trials = expand(sweep_of("[fixed]\nepochs = 1\n[grid]\nhidden = [[4], [64], [16]]\n"), digits)
    beginnings = Beginnings()
    run_trials(make_plan(trials, tmp_path / "runs"), jobs, {}, beginnings)
    assert beginnings.widths == widths
