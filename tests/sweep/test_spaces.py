"""Spaces: which configurations a file describes, each once, none left out without a word."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlite.errors import InputError
from nnlite.sweep import expand, load_sweep
from nnlite.sweep.search import Searched

CLASSIFIER = 'name = "s"\nmodel = "classifier"\n'
GAN = 'name = "s"\nmodel = "gan"\n'


@pytest.fixture
def listed(tmp_path, digits):
    """The trials of a sweep file, as one line each, and what is said about those that were left out."""

    def read(text, *settings):
        path = tmp_path / "spec.toml"
        path.write_text(text, "utf-8")
        said = []
        trials = expand(load_sweep(path, ["validation=300", *settings]), digits, said.append)
        assert len({trial.id for trial in trials}) == len(trials)
        return [trial.describe() for trial in trials], said

    return read


def configurations(lines):
    return [line.removesuffix(" seed=0") for line in lines]


def test_zipped_values_move_together(listed):
    lines, said = listed(GAN + "[zip]\ngenerator_lr = [1e-4, 1e-3]\ndiscriminator_lr = [4e-4, 4e-3]")
    assert configurations(lines) == [
        "generator_lr=0.0001 discriminator_lr=0.0004",
        "generator_lr=0.001 discriminator_lr=0.004",
    ]
    assert said == []


def test_zip_is_crossed_with_the_grid(listed):
    lines, _ = listed(CLASSIFIER + "[grid]\nhidden = [[4], [8]]\n[zip]\nepochs = [1, 2]\nbatch_size = [10, 20]")
    assert configurations(lines) == [
        "hidden=[4] epochs=1 batch_size=10",
        "hidden=[4] epochs=2 batch_size=20",
        "hidden=[8] epochs=1 batch_size=10",
        "hidden=[8] epochs=2 batch_size=20",
    ]


def test_a_hyperparameter_that_does_not_exist_is_left_at_its_default_and_trained_once(listed):
    lines, said = listed(
        CLASSIFIER + "seeds = 2\n[grid]\noptimizer = ['sgd', 'adam']\nmomentum = [0.5, 0.9]\n"
        "[when]\nmomentum = \"optimizer == 'sgd'\""
    )
    assert lines == [
        "optimizer=sgd momentum=0.5 seed=0",
        "optimizer=sgd momentum=0.9 seed=0",
        "optimizer=adam seed=0",
        "optimizer=sgd momentum=0.5 seed=1",
        "optimizer=sgd momentum=0.9 seed=1",
        "optimizer=adam seed=1",
    ]
    assert said == []


def test_conditions_chain_in_whatever_order_they_are_written(listed):
    lines, _ = listed(
        CLASSIFIER + "[grid]\noptimizer = ['adam', 'sgd']\nmomentum = [0.0, 0.9]\nweight_decay = [0.0, 0.1]\n"
        "[when]\nweight_decay = 'momentum > 0.5'\nmomentum = \"optimizer == 'sgd'\""
    )
    assert configurations(lines) == [
        "optimizer=adam",
        "optimizer=sgd momentum=0.0",
        "optimizer=sgd momentum=0.9 weight_decay=0.0",
        "optimizer=sgd momentum=0.9 weight_decay=0.1",
    ]


def test_a_fixed_value_may_have_a_condition_too(tmp_path, digits):
    path = tmp_path / "spec.toml"
    path.write_text(
        CLASSIFIER + "[fixed]\nvalidation = 300\nmomentum = 0.9\n[grid]\noptimizer = ['sgd', 'adam']\n"
        "[when]\nmomentum = \"optimizer == 'sgd'\"",
        "utf-8",
    )
    trials = expand(load_sweep(path), digits)
    assert [(trial.config.optimizer, trial.config.momentum) for trial in trials] == [("sgd", 0.9), ("adam", 0.0)]


def test_what_breaks_a_requirement_is_dropped_and_counted(listed):
    lines, said = listed(
        GAN + 'require = ["generator_lr <= discriminator_lr"]\n'
        "[grid]\ngenerator_lr = [1e-4, 1e-3, 1e-2]\ndiscriminator_lr = [1e-4, 1e-3]"
    )
    assert configurations(lines) == [
        "generator_lr=0.0001 discriminator_lr=0.0001",
        "generator_lr=0.0001 discriminator_lr=0.001",
        "generator_lr=0.001 discriminator_lr=0.001",
    ]
    assert said == ["3 of 6 points break require: generator_lr <= discriminator_lr"]


def test_a_learning_rate_that_is_not_given_is_compared_as_the_one_it_falls_back_to(listed):
    lines, _ = listed(
        GAN + 'require = ["generator_lr <= discriminator_lr"]\n'
        "[grid]\nlearning_rate = [1e-4, 1e-3, 1e-2]\ngenerator_lr = [1e-3]"
    )
    assert configurations(lines) == [
        "learning_rate=0.001 generator_lr=0.001",
        "learning_rate=0.01 generator_lr=0.001",
    ]


def test_a_requirement_that_nothing_meets_is_refused(listed):
    with pytest.raises(InputError, match=r"spec\.toml: no configuration is left: 2 of 2 points break require: epochs"):
        listed(CLASSIFIER + 'require = "epochs > 5"\n[grid]\nepochs = [1, 2]')


def test_spaces_are_united_in_order_and_what_is_in_two_is_trained_once(listed):
    lines, said = listed(
        CLASSIFIER + "[fixed]\nepochs = 2\n"
        "[[space]]\nfixed.optimizer = 'adam'\ngrid.beta1 = [0.5, 0.9]\n"
        "[[space]]\ngrid.momentum = [0.0, 0.9]\n"
        "[[space]]\nzip.momentum = [0.9, 0.5]\nzip.weight_decay = [0.0, 0.1]"
    )
    assert configurations(lines) == [
        "optimizer=adam beta1=0.5",
        "optimizer=adam beta1=0.9",
        "momentum=0.0",
        "momentum=0.9",
        "momentum=0.5 weight_decay=0.1",
    ]
    assert said == []


def test_a_space_may_have_conditions_of_its_own(listed):
    lines, _ = listed(
        CLASSIFIER + "when.momentum = \"optimizer == 'sgd'\"\n"
        "[[space]]\ngrid.optimizer = ['sgd', 'adam']\ngrid.momentum = [0.5, 0.9]\n"
        "[[space]]\ngrid.hidden = [[4], [8]]\ngrid.epochs = [7]\nwhen.epochs = 'hidden[0] > 5'"
    )
    assert configurations(lines)[3:] == ["hidden=[4]", "hidden=[8] epochs=7"]


def test_the_fixed_values_of_all_spaces_are_those_that_train_takes(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text(CLASSIFIER + "[fixed]\nepochs = 2\n[[space]]\nfixed.momentum = 0.5", "utf-8")
    assert load_sweep(path).fixed == {"epochs": 2}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[zip]\nmomentum = [0.1, 0.2, 0.3]\nbatch_size = [1, 2]", ["zip", "3 of momentum", "2 of batch_size"]),
        ("[zip]\nmomentum = []", ["zip.momentum", "empty"]),
        ("[zip]\nmomentun = [1]", ["momentun", "momentum", "zip"]),
        ("[zip]\nmomentum = [7]", ["zip.momentum[0]", "less than 1"]),
        ("[grid]\nmomentum = [0]\n[zip]\nmomentum = [0]", ["momentum", "[grid]", "[zip]"]),
        ("[grid]\nmomentum = [0]\n[search]\ntrials = 1\nmomentum = [0]", ["momentum", "[grid]", "[search]"]),
        ("[zip]\nseed = [0]", ["zip.seed", "seeds"]),
        ("[when]\nmomentun = 'epochs > 1'", ["momentun", "momentum", "[when]"]),
        ("[when]\nmomentum = 'optimiser == 1'", ["when.momentum", "optimiser", "optimizer"]),
        ("[when]\nmomentum = 'optimizer == sgd'", ["when.momentum", "sgd", "quotes"]),
        ("[when]\nmomentum = \"optimizer == 'sdg'\"", ["when.momentum", "sdg", "'sgd' or 'adam'"]),
        ("[when]\nmomentum = 'optimizer > 3'", ["when.momentum", "order"]),
        ("[when]\nmomentum = 'epochs >'", ["when.momentum", "cannot be read"]),
        ("[when]\nmomentum = 3", ["when.momentum", "a text in quotes"]),
        ("[when]\nmomentum = 'momentum > 0'", ["when", "circle", "momentum -> momentum"]),
        (
            "[when]\nmomentum = 'epochs > 0'\nepochs = 'batch_size > 0'\nbatch_size = 'momentum > 0'",
            ["when", "circle", "momentum", "epochs", "batch_size"],
        ),
        ("require = ['epochs > 1', 'epoch > 1']", ["require[1]", "'epoch'", "'epochs'"]),
        ("require = 3", ["require", "3"]),
        ("require = [3]", ["require.0", "a text in quotes", "3"]),
        ("[[space]]\ngrid.momentum = [0]\n[grid]\nepochs = [1]", ["[grid]", "[[space]]"]),
        ("[[space]]\ngrid.momentum = [0]\n[search]\ntrials = 1\nepochs = [1]", ["[search]", "[[space]]"]),
        ("[[space]]\nfixed.momentum = 0\n[fixed]\nmomentum = 0", ["momentum", "[fixed]", "[space.0.fixed]"]),
        ("[[space]]\n[[space]]\ngrid.momentun = [0]", ["momentun", "momentum", "space.1.grid"]),
        ("[[space]]\nseeds = 3", ["space.0.seeds", "no such key"]),
        ("[[space]]\nwhen.momentum = 'epochs > 1'\n[when]\nmomentum = 'epochs > 2'", ["[when]", "space.0.when"]),
        ("space = 3", ["space", "list", "3"]),
    ],
)
def test_a_mistake_in_a_space_is_refused_with_file_and_key(tmp_path, text, said):
    path = tmp_path / "spec.toml"
    path.write_text(CLASSIFIER + text, "utf-8")
    with pytest.raises(InputError) as caught:
        load_sweep(path)
    sentence = str(caught.value).removeprefix(f"{path}: ")
    assert sentence != str(caught.value)
    for part in said:
        assert part in sentence


def test_a_thousand_million_points_are_refused_by_their_count_wherever_they_stand(listed):
    """F61."""
    axis = list(range(1, 32))
    axes = "".join(f"grid.{name} = {axis}\n" for name in ("epochs", "batch_size", "lr_decay_epochs"))
    axes += "".join(f"grid.{name} = {[value / 40 for value in axis]}\n" for name in ("momentum", "beta1", "lr_decay"))
    started = time.process_time()
    with pytest.raises(InputError, match=r"887,503,682 trials; 10,000 are the most, and \[search\] samples"):
        listed(CLASSIFIER + f"[[space]]\n{axes}[[space]]\nfixed.epochs = 1")
    assert time.process_time() - started < 1


@given(st.lists(st.sampled_from(["sgd", "adam"]), min_size=1), st.lists(st.floats(0, 0.99), min_size=1, max_size=5))
def test_no_two_configurations_of_a_space_are_equal(tmp_path_factory, digits, optimizers, momenta):
    path = tmp_path_factory.mktemp("space") / "spec.toml"
    path.write_text(
        CLASSIFIER + f"[fixed]\nvalidation = 300\n[grid]\noptimizer = {optimizers}\nmomentum = {momenta}\n"
        "[when]\nmomentum = \"optimizer == 'sgd'\"",
        "utf-8",
    )
    sweep = load_sweep(path)
    found = {(trial.config.optimizer, trial.config.momentum) for trial in Searched(sweep, digits).trials({})}
    wanted = {(name, value + 0.0 if name == "sgd" else 0.0) for name in optimizers for value in momenta}
    assert found == wanted
    assert len(expand(sweep, digits)) == len(wanted)
