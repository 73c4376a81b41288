"""Pruning: who goes on and who is stopped, decided by the histories alone."""

import itertools
import math
import statistics
from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlite.errors import InputError
from nnlite.runs import Run, RunFolder
from nnlite.sweep.histories import History, contests, history_of
from nnlite.sweep.pruning import AsynchronousHalving, Halving, Median, Pruned, Step, rule_named
from nnlite.sweep.replay import simulate
from nnlite.sweep.spec import Objective

LOWER = Objective("val_loss", "minimize")
HIGHER = Objective("val_acc", "maximize")
unhurried = settings(derandomize=True, deadline=None, max_examples=60, database=None)


def curve(*values, state="completed"):
    return History(tuple(accumulate(values, min)), state)


def line(value, budget, **options):
    """A trial that has the same value after every epoch."""
    return curve(*[value] * budget, **options)


def trained(rule, curves, budget):
    """How many epochs each trial gets under the rule."""
    return [[history.epochs for history in seeds] for seeds in simulate(curves, budget, rule)]


rules = st.one_of(
    st.builds(Halving, st.integers(2, 4), st.none() | st.integers(1, 6)),
    st.builds(Median, st.integers(1, 4), st.integers(1, 6)),
)
asynchronous_rules = st.builds(AsynchronousHalving, st.integers(2, 4), st.none() | st.integers(1, 6))


@st.composite
def contest(draw, most_seeds=3):
    """The budget, and the whole curves of some configurations: few values, so that there are ties; some get lost."""
    budget, seeds, count = draw(st.tuples(st.integers(1, 8), st.integers(1, most_seeds), st.integers(1, 9)))
    size = seeds * count
    values = iter(draw(st.lists(st.integers(0, 9), min_size=size * budget, max_size=size * budget)))
    ends = iter(draw(st.lists(st.integers(0, 3 * budget), min_size=size, max_size=size)))

    def trial():
        whole = curve(*itertools.islice(values, budget))
        end = next(ends)
        return whole if end >= budget else History(whole.best[:end], "lost")

    return budget, [[trial() for _ in range(seeds)] for _ in range(count)]


# Halving


@pytest.mark.parametrize(
    ("rule", "budget", "count", "rungs"),
    [
        (Halving(), 27, 27, [1, 3, 9, 27]),
        (Halving(), 20, 9, [3, 9, 20]),  # two comparisons take nine configurations down to one
        (Halving(), 12, 6, [2, 6, 12]),
        (Halving(), 5, 8, [1, 3, 5]),
        (Halving(), 5, 100, [1, 3, 5]),  # too few epochs to come down to one
        (Halving(), 5, 1, [5]),
        (Halving(2), 8, 8, [1, 2, 4, 8]),
        (Halving(3, min_epochs=1), 20, 9, [1, 3, 9, 20]),
        (Halving(3, min_epochs=4), 20, 9, [4, 12, 20]),
        (Halving(3, min_epochs=20), 20, 9, [20]),
        (Halving(3, min_epochs=99), 20, 9, [20]),
    ],
)
def test_rungs_begin_at_the_least_and_end_with_the_budget(rule, budget, count, rungs):
    assert rule.rungs(budget, count) == rungs


def test_at_each_rung_the_best_third_goes_on():
    curves = [[line(value, 9)] for value in (4, 0, 8, 1, 7, 2, 6, 3, 5)]
    assert trained(Halving(3, 1), curves, 9) == [[1], [9], [1], [3], [1], [3], [1], [1], [1]]


def test_what_counts_is_the_best_value_so_far():
    early, late = curve(1, 9, 9), curve(2, 2, 0)
    assert trained(Halving(2, 2), [[early], [late]], 3) == [[3], [2]]


def test_the_seeds_of_a_configuration_live_and_die_together():
    lucky = [line(0, 4), line(9, 4), line(9, 4)]
    steady = [line(5, 4), line(5, 4), line(5, 4)]
    assert trained(Halving(2, 1), [lucky, steady], 4) == [[1, 1, 1], [4, 4, 4]]


def test_of_equals_the_first_in_the_file_goes_on():
    assert trained(Halving(2, 1), [[line(1, 4)] for _ in range(4)], 4) == [[4], [2], [1], [1]]


@pytest.mark.parametrize("lost", [History((0, math.inf), "lost"), History((0,), "lost"), History((), "lost")])
def test_a_configuration_that_lost_a_seed_is_the_worst(lost):
    assert trained(Halving(2, 2), [[lost, line(0, 4)], [line(9, 4), line(9, 4)]], 4)[1] == [4, 4]
    assert trained(Halving(2, 2), [[lost, line(0, 4)], [line(9, 4), line(9, 4)]], 4)[0][1] == 2


def test_what_happens_after_a_rung_does_not_change_what_was_decided_there():
    diverges = History((1, 0, 0, 0, 0, math.inf), "lost")
    curves = [[diverges], [line(5, 9)], [line(6, 9)]]
    assert trained(Halving(3, 3), curves, 9) == [[6], [3], [3]]
    assert Halving(3, 3).next_steps([[diverges], [line(5, 3, state="stopped")], [line(6, 3, state="stopped")]], 9) == []


def test_one_goes_on_even_if_all_are_lost_or_fewer_than_the_factor():
    assert trained(Halving(4, 1), [[line(2, 5)], [line(1, 5)]], 5) == [[1], [5]]
    lost = History((), "lost")
    assert trained(Halving(2, 1), [[lost, line(1, 4)], [lost, line(0, 4)]], 4) == [[0, 4], [0, 1]]


def test_a_larger_budget_takes_up_again_what_was_stopped():
    before = simulate([[line(value, 20)] for value in range(9)], 20, Halving())
    assert [seeds[0].epochs for seeds in before] == [20, 9, 9, 3, 3, 3, 3, 3, 3]
    steps = Halving().next_steps(before, 40)
    assert steps == [Step(position, 0, 5) for position in range(3, 9)]


def test_a_trial_that_came_to_the_budget_but_was_not_scored_is_asked_for_again():
    assert Halving().next_steps([[line(0, 5, state="open")]], 5) == [Step(0, 0, 5)]
    assert Halving().next_steps([[line(0, 5, state="stopped")]], 5) == [Step(0, 0, 5)]


def test_a_trial_that_was_killed_before_its_log_could_say_that_it_is_out_ends_its_log():
    curves = [[line(0, 9)], [line(1, 3, state="open")], [line(2, 5, state="open")], [line(3, 3, state="stopped")]]
    assert Halving(3, 3).next_steps(curves, 9) == [Step(1, 0, 3), Step(2, 0, 5)]


@unhurried
@given(contest(), st.integers(2, 4), st.none() | st.integers(1, 6))
def test_halving_is_a_naive_halving_of_the_whole_curves(given_contest, factor, min_epochs):
    budget, curves = given_contest
    rule = Halving(factor, min_epochs)
    alive, reached = list(range(len(curves))), {}
    for rung in rule.rungs(budget, len(curves)):
        reached |= dict.fromkeys(alive, rung)
        means = {
            each: statistics.fmean(
                math.inf if history.state == "lost" and history.epochs < rung else history.best[rung - 1]
                for history in curves[each]
            )
            for each in alive
        }
        places = sorted((means[each], each) for each in alive)[: max(1, len(alive) // factor)]
        alive = [each for mean, each in places if mean < math.inf] or [places[0][1]]
    expected = [[min(reached[each], history.epochs) for history in seeds] for each, seeds in enumerate(curves)]
    assert trained(rule, curves, budget) == expected


# The median rule


def test_the_first_generation_is_trained_to_the_end_and_the_next_is_held_to_its_median():
    curves = [[line(1, 4)], [line(3, 4)], [curve(2, 2, 2, 2)], [curve(3, 3, 0, 0)], [line(9, 4)]]
    assert trained(Median(2, 1), curves, 4) == [[4], [4], [4], [1], [1]]
    assert trained(Median(2, 3), curves, 4) == [[4], [4], [4], [4], [3]]


def test_a_step_of_a_later_generation_carries_the_medians_as_bars():
    first = [[curve(6, 4, 2)], [curve(4, 4, 0)]]
    assert Median(2, 1).next_steps([*first, [History()]], 3) == [Step(2, 0, 3, {1: 5.0, 2: 4.0})]
    assert Median(2, 2).next_steps([*first, [History()]], 3) == [Step(2, 0, 3, {2: 4.0})]


def test_a_stopped_configuration_counts_with_its_last_value_and_not_with_what_it_might_have_had():
    curves = [[line(5, 3)], [curve(9, 0, 0)], [History()]]
    (step,) = Median(1, 1).next_steps(curves, 3)
    assert step.bars == {1: 7.0, 2: 7.0}


def test_seeds_follow_one_another_and_their_mean_is_held_to_the_median():
    first = [[line(4, 3), line(4, 3)]]
    assert Median(1, 1).next_steps([*first, [History(), History()]], 3) == [Step(1, 0, 3, {1: 4.0, 2: 4.0})]
    good = curve(3, 1, 1)
    assert Median(1, 1).next_steps([*first, [good, History()]], 3) == [Step(1, 1, 3, {1: 5.0, 2: 7.0})]
    assert trained(Median(1, 1), [*first, [good, line(5, 3)]], 3)[1] == [3, 3]
    assert trained(Median(1, 1), [*first, [good, line(6, 3)]], 3)[1] == [3, 1]
    assert trained(Median(1, 1), [*first, [line(9, 3), line(0, 3)]], 3)[1] == [1, 0]


def test_no_seed_of_a_configuration_is_begun_once_one_was_lost():
    curves = [[line(4, 3)] * 2, [curve(0, 0, state="lost"), line(0, 3)]]
    assert trained(Median(1, 1), curves, 3)[1] == [2, 0]


def test_an_earlier_generation_of_lost_ones_sets_no_bar():
    assert trained(Median(1, 1), [[History((), "lost")], [line(9, 3)]], 3) == [[0], [3]]


@unhurried
@given(contest(most_seeds=2), st.integers(1, 4), st.integers(1, 6))
def test_the_median_rule_is_a_naive_one(given_contest, generation, min_epochs):
    budget, curves = given_contest

    def at(history, epochs, epoch):
        if history.state == "lost" and epochs == history.epochs < epoch:
            return math.inf
        return history.best[min(epochs, epoch) - 1] if epochs else math.inf

    expected, means = [], []  # the means by configuration, each with its epochs
    for position, seeds in enumerate(curves):
        earlier = means[: position // generation * generation]
        got = [0] * len(seeds)
        begun = 0
        for seed, history in enumerate(seeds):
            begun += 1
            for epoch in range(1, history.epochs + 1):
                got[seed] = epoch
                so_far = sum(at(each, epochs, epoch) for each, epochs in zip(seeds, got[: seed + 1], strict=False))
                if min_epochs <= epoch < budget and earlier:
                    middle = statistics.median(mean[epoch - 1] for mean in earlier)
                    if so_far / (seed + 1) > middle:
                        break
            if earlier and got[seed] < budget:
                break
        raced = list(zip(seeds, got, strict=True))[:begun]
        means.append([statistics.fmean(at(*each, epoch) for each in raced) for epoch in range(1, budget + 1)])
        expected.append(got)
    assert trained(Median(generation, min_epochs), curves, budget) == expected


# Asynchronous halving


def test_whoever_is_among_the_best_of_its_rung_so_far_goes_on_without_waiting():
    rule = AsynchronousHalving(2, 1)
    arrived = [[line(2, 1, state="stopped")], [line(3, 1, state="stopped")], [History()], [History()]]
    assert rule.next_steps(arrived, 4) == [Step(0, 0, 2), Step(2, 0, 1), Step(3, 0, 1)]


def test_whoever_has_gone_on_stays_when_better_ones_arrive():
    rule = AsynchronousHalving(2, 1)
    curves = [[line(2, 2, state="stopped")], [line(3, 1, state="stopped")], [line(0, 1, state="stopped")], [History()]]
    assert rule.next_steps(curves, 4) == [Step(2, 0, 2), Step(3, 0, 1)]
    assert trained(rule, [[line(2, 4)], [line(3, 4)], [line(1, 4)], [line(0, 4)]], 4) == [[2], [1], [4], [4]]


def test_whoever_has_gone_on_keeps_its_place_before_its_next_epoch():
    """A resumed run's log is open, and as long as before; nobody is to go on in its stead."""
    rule = AsynchronousHalving(2, 1)
    resumed, second, third = [line(1, 1, state="open")], [line(2, 1, state="stopped")], [line(3, 1, state="stopped")]
    assert rule.next_steps([resumed, second, third, [History()]], 4) == [Step(0, 0, 2), Step(3, 0, 1)]


def test_whoever_was_killed_at_a_rung_and_does_not_go_on_ends_its_log():
    rule = AsynchronousHalving(2, 1)
    killed = [line(3, 1, state="open")]
    assert rule.next_steps([[line(1, 2, state="stopped")], killed, [History()]], 4) == [Step(1, 0, 1), Step(2, 0, 1)]


def test_a_seed_that_is_missing_at_a_rung_is_waited_for():
    rule = AsynchronousHalving(2, 1)
    curves = [[line(0, 1, state="stopped"), History()], [line(1, 1, state="stopped")] * 2]
    assert rule.next_steps(curves, 4) == [Step(0, 1, 1)]


# All of them


@unhurried
@given(contest(), rules | asynchronous_rules)
def test_each_is_asked_for_once_and_further_each_time_and_never_beyond_the_budget(given_contest, rule):
    budget, curves = given_contest
    shown = [[history.until(0) for history in seeds] for seeds in curves]
    while steps := rule.next_steps(shown, budget):
        assert len({(step.configuration, step.seed) for step in steps}) == len(steps)
        for step in steps[:1] if rule.asynchronous else steps:
            before = shown[step.configuration][step.seed]
            history = curves[step.configuration][step.seed]
            end = step.end_of(history)
            assert before.epochs < end <= step.until <= budget
            assert before.state != "lost"
            shown[step.configuration][step.seed] = history.until(end)


@unhurried
@given(contest(), rules | asynchronous_rules)
def test_somebody_is_trained_to_the_end(given_contest, rule):
    budget, curves = given_contest
    shown = simulate(curves, budget, rule)
    assert any(all(history.at(budget) is not None for history in seeds) for seeds in shown)


@unhurried
@given(contest(), rules, st.randoms(use_true_random=False))
def test_a_sweep_that_is_stopped_anywhere_decides_as_one_that_never_was(given_contest, rule, random):
    """Some of the tasks, in any order, some of them killed on the way: then the logs are read again."""
    budget, curves = given_contest
    shown = [[history.until(0) for history in seeds] for seeds in curves]
    kills = 10
    while steps := rule.next_steps(shown, budget):
        for step in random.sample(steps, random.randint(1, len(steps))):
            history = curves[step.configuration][step.seed]
            end = min(step.end_of(history), history.epochs)
            before = shown[step.configuration][step.seed].epochs
            killed = kills > 0 and random.random() < 0.5 and (history.state != "lost" or before < history.epochs)
            kills -= killed
            reached = random.randint(before, end) if killed else end
            after = History(history.best[:reached], "open") if killed else history.until(step.end_of(history))
            shown[step.configuration][step.seed] = after
    assert shown == simulate(curves, budget, rule)


@unhurried
@given(contest(), rules)
def test_logs_that_have_grown_beyond_a_decision_leave_it_as_it_was(given_contest, rule):
    """As when everything had been trained before the file asked for pruning."""
    budget, curves = given_contest
    assert rule.next_steps(curves, budget) == []
    shown = simulate(curves, budget, rule)
    longest = [
        [max(pair, key=lambda each: each.epochs) for pair in zip(*both, strict=True)]
        for both in zip(shown, curves, strict=True)
    ]
    assert simulate(longest, budget, rule) == shown


def test_a_rule_is_made_from_its_name():
    assert rule_named("halving") == Halving(3, None)
    assert rule_named("asha", factor=4, min_epochs=2) == AsynchronousHalving(4, 2)
    assert rule_named("median", min_epochs=2) == Median(8, 2)
    with pytest.raises(InputError, match="did you mean 'median'"):
        rule_named("meadian")


# From trials to tasks


@pytest.fixture
def run_of():
    """The run of a trial, with these values of its objective."""

    def make(trial, values, status="pruned"):
        epochs = [{"epoch": epoch, trial.objective.metric: value} for epoch, value in enumerate(values, start=1)]
        return Run(RunFolder(None), {"run": trial.id}, epochs, status)

    return make


@pytest.mark.parametrize("objective", [LOWER, HIGHER])
def test_better_is_what_the_objective_says(trial, run_of, objective):
    trials = [trial(hidden=[size], epochs=4, objective=objective) for size in (4, 8)]
    runs = {each.id: run_of(each, [value]) for each, value in zip(trials, (0.2, 0.4), strict=True)}
    (task,) = Pruned(trials, Halving(2, 1)).next_tasks(runs)
    assert (task.trial, task.until) == (trials[0 if objective is LOWER else 1], 2)


@pytest.mark.parametrize("objective", [LOWER, HIGHER])
def test_bars_are_in_units_of_the_objective(trial, run_of, objective):
    trials = [trial(hidden=[size], epochs=2, objective=objective) for size in (4, 8)]
    runs = {trials[0].id: run_of(trials[0], [0.25, 0.5], "completed")}
    (task,) = Pruned(trials, Median(1, 1)).next_tasks(runs)
    assert (task.trial, task.until, task.bars) == (trials[1], 2, {1: 0.25})


def test_budgets_do_not_compete(trial, run_of):
    short = [trial(hidden=[size], epochs=3, lr_schedule="cosine") for size in (4, 8)]
    long = [trial(hidden=[size], epochs=9, lr_schedule="cosine") for size in (4, 8)]
    strategy = Pruned([short[0], long[0], short[1], long[1]], Halving(2, 1))
    runs = {each.id: run_of(each, [0.9]) for each in short} | {each.id: run_of(each, [0.1]) for each in long}
    assert [(task.trial, task.until) for task in strategy.next_tasks(runs)] == [(short[0], 2), (long[0], 2)]


def test_the_order_in_which_logs_are_found_does_not_matter(trial, run_of):
    trials = [trial(hidden=[size], seed=seed, epochs=9) for seed in range(2) for size in (4, 8, 16, 32)]
    runs = {each.id: run_of(each, [number % 3 / 10]) for number, each in enumerate(trials)}
    tasks = Pruned(trials, Halving(2, 1)).next_tasks(runs)
    assert len(tasks) == 4
    assert Pruned(trials, Halving(2, 1)).next_tasks(dict(reversed(runs.items()))) == tasks


def test_only_asynchronous_halving_asks_for_a_runner_that_does_not_wait():
    assert [Pruned([], rule).asynchronous for rule in (Halving(), Median(), AsynchronousHalving())] == [
        False,
        False,
        True,
    ]


def test_a_history_is_the_best_value_so_far_and_how_it_ended(trial, run_of):
    values = [0.5, None, 0.25, math.inf, 0.75]
    run = run_of(trial(objective=LOWER), values)
    assert history_of(run, LOWER) == History((0.5, 0.5, 0.25, 0.25, 0.25), "stopped")
    assert history_of(replace(run, status="interrupted"), LOWER).state == "open"
    assert history_of(replace(run, status="failed"), LOWER) == History((0.5, 0.5, 0.25, 0.25, 0.25), "lost")
    assert history_of(replace(run, status="diverged"), LOWER) == History((0.5, 0.5, 0.25, 0.25, math.inf), "lost")
    assert history_of(run, HIGHER).best == (math.inf,) * 5
    assert history_of(None, LOWER) == History()


def test_contests_keep_the_order_of_the_file():
    items = [("b", 3), ("a", 3), ("b", 5), ("a", 3)]
    assert contests(items, lambda item: item) == {3: [[("b", 3)], [("a", 3), ("a", 3)]], 5: [[("b", 5)]]}
