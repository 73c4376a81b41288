"""tpe: what is proposed next follows from the file and from what the logs say, and from nothing else."""

import importlib.util
import math

import pytest

from nnlite.cli.app import run
from nnlite.runs import Run, RunFolder
from nnlite.sweep import expand
from nnlite.sweep.search import Searched
from nnlite.sweep.tpe import mean_values

RATE = "learning_rate = { low = 1e-4, high = 1.0, log = true }\n"
MOMENTUM = "momentum = { low = 0.0, high = 0.99 }\n"


def values(trials, *names):
    return [tuple(getattr(trial.config, name) for name in names) for trial in trials]


def log(trial, value, status="completed"):
    """What the log of a trial would say that has reached `value`."""
    start = {"event": "start", "run": trial.id, "config": trial.config.model_dump(mode="json"), "seed": trial.seed}
    epochs = [
        {"event": "epoch", "epoch": number, "val_acc": value if number == 1 else 0.0}
        for number in range(1, trial.config.epochs + 1)
    ]
    return Run(RunFolder(trial.id), start, epochs, status, {"status": status})


def score(trial):
    """An accuracy that peaks at a learning rate of 0.01 and a momentum of 0.7."""
    return 1 - 0.1 * (math.log10(trial.config.learning_rate) + 2) ** 2 - (trial.config.momentum - 0.7) ** 2


def trained(strategy, reorder=list, score=score):
    """Carry a strategy out with fabricated logs: its generations of trials, and the logs."""
    runs, generations = {}, []
    while tasks := strategy.next_tasks(runs):
        generations.append([task.trial for task in tasks])
        for task in reorder(tasks):
            runs[task.trial.id] = log(task.trial, score(task.trial))
    return generations, runs


TPE = f'[search]\nstrategy = "tpe"\ntrials = 28\ngeneration = 6\n{RATE}{MOMENTUM}'


def test_generations_follow_one_another_until_there_are_enough_trials(sweep_of, digits):
    generations, runs = trained(Searched(sweep_of(TPE), digits))
    assert [len(generation) for generation in generations] == [6, 6, 6, 6, 4]
    assert len(runs) == 28


def test_the_first_generation_is_the_beginning_of_a_random_search(sweep_of, digits):
    strategy = Searched(sweep_of(TPE), digits)
    text = TPE.replace('"tpe"', '"random"').replace("generation = 6\n", "")
    first = [task.trial.id for task in strategy.next_tasks({})]
    assert first == [trial.id for trial in expand(sweep_of(text), digits)][:6]


def test_it_finds_better_values_than_random_search(sweep_of, digits):
    text = TPE.replace("trials = 28", "trials = 48")
    generations, _ = trained(Searched(sweep_of(text), digits))
    found = [score(trial) for generation in generations[2:] for trial in generation]
    random = text.replace('"tpe"', '"random"').replace("generation = 6\n", "")
    drawn = [score(trial) for trial in expand(sweep_of(random), digits)]
    assert sum(found) / len(found) > sum(drawn) / len(drawn) + 0.1
    assert max(found) > 0.98


def test_proposals_do_not_depend_on_the_order_in_which_trials_end(sweep_of, digits):
    """So they are the same for any number of workers."""
    one, _ = trained(Searched(sweep_of(TPE), digits))
    other, _ = trained(Searched(sweep_of(TPE), digits), reorder=reversed)
    assert one == other


def test_a_resumed_search_proposes_the_same(sweep_of, digits):
    generations, runs = trained(Searched(sweep_of(TPE), digits))
    for done in range(len(generations)):
        known = {trial.id: runs[trial.id] for generation in generations[:done] for trial in generation}
        tasks = Searched(sweep_of(TPE), digits).next_tasks(known)
        assert [task.trial for task in tasks] == generations[done]
        half = known | {trial.id: runs[trial.id] for trial in generations[done][::2]}
        tasks = Searched(sweep_of(TPE), digits).next_tasks(half)
        assert [task.trial for task in tasks] == generations[done][1::2]
    assert Searched(sweep_of(TPE), digits).next_tasks(runs) == []


def test_runs_of_other_sweeps_in_the_folder_change_nothing(sweep_of, digits):
    generations, runs = trained(Searched(sweep_of(TPE), digits))
    foreign = {f"other{number}": run for number, run in enumerate(runs.values())}
    known = {trial.id: runs[trial.id] for trial in generations[0]}
    tasks = Searched(sweep_of(TPE), digits).next_tasks(known | foreign)
    assert [task.trial for task in tasks] == generations[1]


def test_other_results_lead_to_other_proposals(sweep_of, digits):
    one, _ = trained(Searched(sweep_of(TPE), digits))
    other, _ = trained(Searched(sweep_of(TPE), digits), score=lambda trial: -score(trial))
    assert one[0] == other[0]
    assert one[1] != other[1]


def test_no_configuration_is_proposed_twice(sweep_of, digits):
    text = '[search]\nstrategy = "tpe"\ntrials = 40\nbatch_size = { low = 1, high = 45 }'
    generations, runs = trained(Searched(sweep_of(text), digits), score=lambda trial: -trial.config.batch_size)
    assert len(runs) == sum(map(len, generations)) == 40


def test_more_trials_extend_a_search(sweep_of, digits):
    few, _ = trained(Searched(sweep_of(TPE, "search.trials=18"), digits))
    more, _ = trained(Searched(sweep_of(TPE), digits))
    assert more[:3] == few


def test_all_trials_that_are_known_so_far_can_be_listed(sweep_of, digits):
    strategy = Searched(sweep_of(TPE), digits)
    generations, runs = trained(strategy)
    assert strategy.trials({}) == generations[0]
    assert strategy.trials(runs) == [trial for generation in generations for trial in generation]
    first = {trial.id: runs[trial.id] for trial in generations[0]}
    assert strategy.trials(first) == [*generations[0], *generations[1]]


def test_every_seed_of_a_configuration_counts(sweep_of, digits):
    generations, runs = trained(Searched(sweep_of("seeds = 2\n" + TPE), digits))
    assert [len(generation) for generation in generations] == [12, 12, 12, 12, 8]
    assert [trial.seed for trial in generations[0]] == [0] * 6 + [1] * 6
    second = generations[0][-1]
    changed = runs | {second.id: log(second, 2.0)}
    known = {trial.id: changed[trial.id] for trial in generations[0]}
    tasks = Searched(sweep_of("seeds = 2\n" + TPE), digits).next_tasks(known)
    assert [task.trial for task in tasks] != generations[1]


@pytest.mark.parametrize("status", ["failed", "diverged"])
def test_what_failed_or_diverged_counts_as_the_worst(sweep_of, digits, status):
    strategy = Searched(sweep_of(TPE), digits)
    first = [task.trial for task in strategy.next_tasks({})]
    good = {trial.id: log(trial, score(trial)) for trial in first}
    lost, *others = first
    worst = min(score(trial) for trial in others)
    as_lost = strategy.next_tasks(good | {lost.id: log(lost, 1.0, status)})
    as_worst = strategy.next_tasks(good | {lost.id: log(lost, worst)})
    assert as_lost == as_worst


def test_a_generation_that_failed_altogether_does_not_end_the_search(sweep_of, digits):
    strategy = Searched(sweep_of(TPE), digits)
    runs = {task.trial.id: log(task.trial, 0.0, "failed") for task in strategy.next_tasks({})}
    assert len(strategy.next_tasks(runs)) == 6


def test_a_lower_value_is_better_where_the_objective_is_minimised(sweep_of, digits):
    text = '[objective]\nmetric = "val_acc"\ndirection = "minimize"\n' + TPE
    generations, _ = trained(Searched(sweep_of(text), digits), score=lambda trial: -score(trial))
    other, _ = trained(Searched(sweep_of(TPE), digits))
    assert max(score(trial) for trial in generations[-1]) > 0.8
    assert generations[0] != other[1]


def test_a_hyperparameter_is_asked_for_only_where_it_exists(sweep_of, digits):
    text = f"[when]\nmomentum = \"optimizer == 'sgd'\"\n{TPE}optimizer = ['sgd', 'adam']"
    generations, _ = trained(Searched(sweep_of(text), digits))
    trials = [trial for generation in generations for trial in generation]
    assert {trial.config.optimizer for trial in trials} == {"sgd", "adam"}
    for trial in trials:
        assert ("momentum" in trial.swept) == (trial.config.optimizer == "sgd")
        assert trial.config.momentum == 0.0 or trial.config.optimizer == "sgd"


def test_every_kind_of_distribution_can_be_searched(sweep_of, digits):
    text = (
        '[search]\nstrategy = "tpe"\ntrials = 24\nhidden = [[4], [8], [8, 4]]\n'
        "learning_rate = { mean = 0.01, std = 1.0, log = true }\nmomentum = { mean = 0.5, std = 0.2 }\n"
        "batch_size = { low = 10, high = 100, step = 10 }\nlr_decay_epochs = { low = 1, high = 50, log = true }\n"
    )
    generations, runs = trained(Searched(sweep_of(text), digits))
    assert len(runs) == 24
    assert {trial.config.batch_size % 10 for generation in generations for trial in generation} == {0}


def test_what_breaks_a_requirement_is_never_proposed(sweep_of, digits):
    generations, runs = trained(Searched(sweep_of('require = "momentum > 0.5"\n' + TPE), digits))
    assert len(runs) == 28
    assert all(trial.config.momentum > 0.5 for generation in generations for trial in generation)


def test_each_point_of_a_grid_is_searched_for_itself(sweep_of, digits):
    text = "[grid]\nhidden = [[4], [8]]\n" + TPE
    generations, _ = trained(Searched(sweep_of(text), digits))
    for generation in generations:
        for hidden in ((4,), (8,)):
            assert 2 * sum(trial.config.hidden == hidden for trial in generation) == len(generation)
    first = values(generations[0], "learning_rate", "momentum")
    assert first[:6] == first[6:], "the first are paired"


def test_grids_and_searches_stand_side_by_side_in_spaces(sweep_of, digits):
    text = (
        "[[space]]\ngrid.optimizer = ['adam']\ngrid.beta1 = [0.5, 0.9]\n[[space]]\n"
        'search.strategy = "tpe"\nsearch.trials = 12\nsearch.learning_rate = { low = 0.1, high = 1.0 }'
    )
    generations, runs = trained(Searched(sweep_of(text), digits))
    assert [len(generation) for generation in generations] == [2 + 8, 4]
    assert len(runs) == 14


def test_a_space_of_fewer_points_than_trials_is_listed_whole_and_says_so(sweep_of, digits):
    said = []
    text = '[search]\nstrategy = "tpe"\ntrials = 10\nbatch_size = { low = 1, high = 3 }'
    generations, _ = trained(Searched(sweep_of(text), digits, announce=said.append))
    assert [values(generation, "batch_size") for generation in generations] == [[(1,), (2,), (3,)]]
    assert said == ["the search has 3 different configurations, fewer than trials = 10: all of them are listed"]


def test_a_configuration_has_the_mean_of_its_seeds_and_the_worst_for_each_that_was_lost():
    assert mean_values([(0.5, 0.75), (1.0, None), (None, None)], "maximize") == [0.625, 0.75, 0.5]
    assert mean_values([(0.5, 0.75), (1.0, None), (None, None)], "minimize") == [0.625, 1.0, 1.0]
    assert mean_values([(None,), (None,)], "minimize") == [0.0, 0.0]


def test_without_optuna_the_command_that_installs_it_is_named(sweep_of, digits_folder, monkeypatch, capsys):
    sweep = sweep_of(TPE)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "optuna" else find(name))
    assert run(["sweep", str(sweep.source), "-n", "-S", f"dataset={digits_folder}", "-S", "validation=300"]) == 2
    assert "pip install 'nnlite[optuna]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "settings", "further"),
    [
        (TPE, [], 0),
        ("seeds = 2\n" + TPE, [], 28),
        (TPE, ["search.trials=34"], 6),
        (TPE, ["search.learning_rate.low=1e-5", "search.momentum.high=0.999"], 0),
    ],
    ids=["an early result", "seeds", "trials", "range"],
)
def test_what_was_trained_stays_in_a_search_whose_history_changes(sweep_of, digits, text, settings, further):
    """Only what is missing is trained, and every earlier run is one of the search's trials."""
    generations, runs = trained(Searched(sweep_of(TPE), digits))
    runs[generations[0][0].id] = log(generations[0][0], 0.999)
    before = set(runs)
    strategy = Searched(sweep_of(text, *settings), digits)
    while tasks := strategy.next_tasks(runs):
        for task in tasks:
            assert task.trial.id not in before
            runs[task.trial.id] = log(task.trial, score(task.trial))
    assert len(runs) - len(before) == further
    assert before <= {trial.id for trial in strategy.trials(runs)}


def test_a_logged_configuration_is_found_in_its_space_and_in_no_other(sweep_of, digits):
    strategy = Searched(sweep_of(TPE), digits)
    (study,) = strategy._studies
    for task in strategy.next_tasks({}):
        config = task.trial.config.model_dump(mode="json")
        assert study.proposal_of(config).configuration.config == task.trial.config
        assert study.proposal_of(config | {"learning_rate": 2.0}) is None
        assert study.proposal_of(config | {"momentum": None}) is None
