"""Searches: what is sampled, from the file alone."""

import time

import pytest

from nnlite.errors import InputError
from nnlite.sweep import expand

RATE = "learning_rate = { low = 1e-4, high = 1.0, log = true }\n"
MOMENTUM = "momentum = { low = 0.0, high = 0.99 }\n"


@pytest.fixture
def listed(sweep_of, digits):
    """The trials of a file, and what is said about those that were left out."""

    def read(text, *settings):
        said = []
        return expand(sweep_of(text, *settings), digits, said.append), said

    return read


def values(trials, *names):
    return [tuple(getattr(trial.config, name) for name in names) for trial in trials]


def test_the_same_file_draws_the_same_values_and_another_seed_others(listed):
    text = f"[search]\ntrials = 20\n{RATE}"
    trials, said = listed(text)
    assert len(trials) == len(set(values(trials, "learning_rate"))) == 20
    assert all(1e-4 <= rate <= 1 for (rate,) in values(trials, "learning_rate"))
    assert values(trials, "learning_rate") == values(listed(text)[0], "learning_rate")
    assert not set(values(trials, "learning_rate")) & set(values(listed(text + "seed = 1")[0], "learning_rate"))
    assert said == []


def test_the_draws_of_all_versions_are_the_same(listed):
    """If this fails, everybody's random searches would be trained again."""
    trials, _ = listed(f"[search]\ntrials = 3\n{RATE}{MOMENTUM}batch_size = {{ low = 10, high = 200, step = 10 }}")
    assert values(trials, "learning_rate", "momentum", "batch_size") == [
        (0.0001343, 0.736, 30),
        (0.001016, 0.6717, 120),
        (0.01608, 0.1889, 100),
    ]


def test_more_trials_extend_a_search(listed):
    few, _ = listed(f"[search]\ntrials = 5\n{RATE}")
    more, _ = listed(f"[search]\ntrials = 30\n{RATE}")
    assert [trial.id for trial in more[:5]] == [trial.id for trial in few]


def test_another_hyperparameter_in_the_search_changes_nothing_for_the_others(listed):
    alone, _ = listed(f"[search]\ntrials = 10\n{RATE}")
    beside, _ = listed(f"[search]\n{MOMENTUM}trials = 10\n{RATE}")
    assert values(alone, "learning_rate") == values(beside, "learning_rate")


def test_each_sample_meets_every_point_of_the_grid(listed):
    trials, _ = listed(f"[grid]\nhidden = [[4], [8]]\n[zip]\nbatch_size = [10, 20]\n[search]\ntrials = 12\n{RATE}")
    assert len(trials) == 12
    rates = dict.fromkeys(rate for (rate,) in values(trials, "learning_rate"))
    assert values(trials, "learning_rate", "hidden", "batch_size") == [
        (rate, hidden, size) for rate in rates for hidden in ((4,), (8,)) for size in (10, 20)
    ]


def test_trials_that_are_no_multiple_of_the_grid_are_refused_with_the_nearest_that_are(sweep_of):
    grid = "[grid]\nhidden = [[4], [8], [16]]\n"
    with pytest.raises(InputError, match=r"search\.trials: 10 is no multiple of the 3 points .*; take 9 or 12"):
        sweep_of(f"{grid}[search]\ntrials = 10\n{RATE}")
    with pytest.raises(InputError, match=r"take 3$"):
        sweep_of(f"{grid}[search]\ntrials = 2\n{RATE}")


def test_what_is_drawn_twice_is_drawn_again(listed):
    trials, said = listed("[search]\ntrials = 90\nbatch_size = { low = 1, high = 100 }")
    assert len(set(values(trials, "batch_size"))) == 90
    assert said == []


def test_a_space_of_fewer_points_than_trials_is_listed_whole_and_says_so(listed):
    trials, said = listed('[search]\ntrials = 30\nbatch_size = { low = 1, high = 3 }\noptimizer = ["sgd", "adam"]')
    assert values(trials, "batch_size", "optimizer") == [(n, o) for n in (1, 2, 3) for o in ("sgd", "adam")]
    assert said == ["the search has 6 different configurations, fewer than trials = 30: all of them are listed"]


def test_a_space_of_just_as_many_points_is_listed_without_a_word(listed):
    trials, said = listed("[search]\ntrials = 100\nbatch_size = { low = 1, high = 100 }")
    assert (len(trials), said) == (100, [])


def test_what_breaks_a_requirement_is_drawn_again_and_counted(listed):
    trials, said = listed(f'require = "momentum <= learning_rate"\n[search]\ntrials = 10\n{RATE}{MOMENTUM}')
    assert len(trials) == 10
    assert all(momentum <= rate for momentum, rate in values(trials, "momentum", "learning_rate"))
    (sentence,) = said
    assert sentence.endswith("points break require: momentum <= learning_rate")


def test_a_search_that_hardly_finds_what_is_required_ends_and_says_so(listed):
    text = f"[search]\ntrials = 10\n{RATE}"
    with pytest.raises(InputError, match="no configuration is left"):
        listed(f'require = "learning_rate > 1"\n{text}')


def test_a_hyperparameter_that_does_not_exist_is_not_sampled(listed):
    trials, said = listed(
        f'[when]\nmomentum = "optimizer == \'sgd\'"\n[search]\ntrials = 30\n{RATE}{MOMENTUM}optimizer = ["sgd", "adam"]'
    )
    assert len(trials) == 30
    kinds = {trial.config.optimizer: trial for trial in trials}
    assert "momentum" in kinds["sgd"].swept
    assert "momentum" not in kinds["adam"].swept
    assert kinds["adam"].config.momentum == 0.0
    assert "momentum" not in kinds["adam"].describe()
    assert said == []


def test_trials_that_conditions_make_equal_are_trained_once_and_the_plan_says_so(listed):
    trials, said = listed(
        f"[when]\nmomentum = \"optimizer == 'sgd'\"\n[grid]\noptimizer = ['sgd', 'adam']\n"
        f"[search]\ntrials = 10\n{MOMENTUM}"
    )
    assert [trial.config.optimizer for trial in trials].count("adam") == 1
    assert said == ["6 of the 10 trials are different and meet what is required"]


def test_lists_whose_product_is_10_to_the_12_are_sampled_at_once(listed):
    names = ("momentum", "beta1", "lr_decay", "weight_decay")
    lists = "".join(f"{name} = {[value / 1001 for value in range(1, 1001)]}\n" for name in names)
    started = time.process_time()
    trials, said = listed(f"[search]\ntrials = 50\n{lists}")
    assert time.process_time() - started < 1
    assert (len(trials), said) == (50, [])


def test_a_search_alone_has_every_configuration_with_the_first_seed_first(listed):
    trials, _ = listed(f"seeds = 2\n[search]\ntrials = 3\n{RATE}")
    assert [trial.seed for trial in trials] == [0, 0, 0, 1, 1, 1]
    assert values(trials[:3], "learning_rate") == values(trials[3:], "learning_rate")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"[search]\n{RATE}", ["search.trials", "missing"]),
        ("[search]\ntrials = 3", ["search has nothing to sample"]),
        (f"[search]\ntrials = 0\n{RATE}", ["search.trials", "1", "0"]),
        (f"[search]\ntrials = 20_000\n{RATE}", ["search.trials", "10000"]),
        (f"[search]\ntrials = 3\nseed = -1\n{RATE}", ["search.seed", "0"]),
        (f'[search]\nstrategy = "grid"\ntrials = 3\n{RATE}', ["search.strategy", "random", "tpe", "grid"]),
        (f"[search]\ntrials = 3\ngeneration = 2\n{RATE}", ["search", "generation", "tpe"]),
        ("[search]\ntrials = 3\nlearnig_rate = [1]", ["learnig_rate", "learning_rate", "search"]),
        ("[search]\ntrials = 3\nlearning_rate = [0]", ["search.learning_rate[0]", "greater"]),
        ("[[space]]\nsearch.trials = 3\nsearch.momentun = [0]", ["momentun", "momentum", "space.0.search"]),
        (f"seeds = 3000\n[search]\ntrials = 4\n{RATE}", []),
    ],
)
def test_a_mistake_in_a_search_is_refused_with_file_and_key(sweep_of, digits, text, said):
    with pytest.raises(InputError) as caught:
        expand(sweep_of(text), digits)
    assert "spec.toml: " in str(caught.value)
    for part in said:
        assert part in str(caught.value)


START = (
    "start_with = [{ learning_rate = 0.123456, momentum = 0.5 }, { learning_rate = 0.2 }, { learning_rate = 0.2 }]\n"
)
SEARCHED = "learning_rate = { low = 0.01, high = 1.0, log = true }\nmomentum = { low = 0.0, high = 0.9 }\n"


@pytest.mark.parametrize("strategy", ["random", "tpe"])
def test_a_search_starts_with_the_points_that_the_file_names(sweep_of, digits, strategy):
    text = f'[search]\nstrategy = "{strategy}"\ntrials = 5\n{SEARCHED}'
    drawn = [trial.config for trial in expand(sweep_of(text), digits)]
    started = [trial.config for trial in expand(sweep_of(text + START), digits)]
    assert [(config.learning_rate, config.momentum) for config in started[:2]] == [
        (0.123456, 0.5),
        (0.2, drawn[1].momentum),
    ]
    assert started[2:] == drawn[:3], "what follows is as without; what stands there twice counts once"


def test_points_to_start_with_come_first_where_all_are_listed(sweep_of, digits):
    text = '[search]\nstrategy = "tpe"\ntrials = 9\nlearning_rate = [0.1, 0.2, 0.3]\n'
    text += "start_with = [{ learning_rate = 0.3 }]\n"
    assert [trial.config.learning_rate for trial in expand(sweep_of(text), digits)] == [0.3, 0.1, 0.2]


@pytest.mark.parametrize(
    ("point", "said"),
    [
        (
            "{ learning_rate = 2.0 }",
            "start_with[0].learning_rate: 2.0 is no value that the search could draw from {'low': 0.01, 'high': 1.0",
        ),
        ("{ learning_rat = 0.1 }", "search.start_with[0]: learning_rat is not searched; did you mean 'learning_rate'?"),
        ("{ epochs = 3 }", "epochs is not searched"),
        ('{ learning_rate = "x" }', "search.start_with[0].learning_rate"),
        ("{}", "start_with"),
        ("3", "start_with"),
    ],
)
def test_a_point_that_is_none_of_the_search_is_refused(sweep_of, point, said):
    with pytest.raises(InputError) as refused:
        sweep_of(f"[search]\ntrials = 5\n{SEARCHED}start_with = [{point}]\n")
    assert said in str(refused.value)
