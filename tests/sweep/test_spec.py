"""The sweep file: what it may say, and one sentence with exit code 2 for each mistake."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlite.cli.app import run
from nnlite.errors import InputError
from nnlite.sweep import Sweep, load_sweep
from nnlite.sweep.limits import Limits
from nnlite.sweep.toml_file import LARGEST_FILE

CLASSIFIER = 'name = "s"\nmodel = "classifier"\n'
GAN = 'name = "s"\nmodel = "gan"\n'

# A mistake, the text of the file, and what its sentence must say.
MISTAKES = {
    "a misspelt key": (CLASSIFIER + "sedes = 3", ["sedes", "seeds"]),
    "a misspelt table": (CLASSIFIER + "[grdi]\nepochs = [1]", ["grdi", "grid"]),
    "a misspelt hyperparameter": (CLASSIFIER + "[fixed]\nlearnig_rate = 1", ["learnig_rate", "learning_rate"]),
    "a misspelt hyperparameter in the grid": (CLASSIFIER + "[grid]\nmomentun = [1]", ["momentun", "momentum", "grid"]),
    "a key of the other model": (CLASSIFIER + "[fixed]\nlatent_dim = 10", ["latent_dim", "gan", "classifier"]),
    "no name": ('model = "gan"', ["name", "missing"]),
    "no model": ('name = "s"', ["model", "missing"]),
    "an unknown model": ('name = "s"\nmodel = "cnn"', ["model", "cnn", "classifier"]),
    "a name with a slash": (CLASSIFIER.replace('"s"', '"a/b"'), ["name", "a/b"]),
    "a name that climbs": (CLASSIFIER.replace('"s"', '"../x"'), ["name", "../x"]),
    "a name of dots": (CLASSIFIER.replace('"s"', '".."'), ["name", ".."]),
    "an empty name": (CLASSIFIER.replace('"s"', '""'), ["name"]),
    "a name like an option": (CLASSIFIER.replace('"s"', '"-rf"'), ["name", "-rf"]),
    "a name with a control character": (CLASSIFIER.replace('"s"', r'"a\u001b[2J"'), ["name", r"\x1b"]),
    "a name with a newline": (CLASSIFIER.replace('"s"', r'"a\n"'), ["name", r"\n"]),
    "a name with an accent": (CLASSIFIER.replace('"s"', '"é"'), ["name"]),
    "a name of 65 letters": (CLASSIFIER.replace('"s"', f'"{"a" * 65}"'), ["name", "64"]),
    "a name that is a number": (CLASSIFIER.replace('"s"', "5"), ["name", "5", "text"]),
    "a value of the wrong type": (CLASSIFIER + '[fixed]\nepochs = "many"', ["fixed.epochs", "whole number", "many"]),
    "a grid value of the wrong type": (
        CLASSIFIER + '[grid]\nepochs = [1, "x"]',
        ["grid.epochs[1]", "whole number", "x"],
    ),
    "a list for a scalar": (CLASSIFIER + "[grid]\nepochs = [[1]]", ["grid.epochs[0]", "whole number"]),
    "a grid that is no list": (CLASSIFIER + "[grid]\nepochs = 3", ["grid.epochs", "list", "3"]),
    "an empty grid": (CLASSIFIER + "[grid]\nepochs = []", ["grid.epochs", "empty"]),
    "a table that is none": (CLASSIFIER + "fixed = 3", ["fixed", "table", "3"]),
    "a layer of no units": (CLASSIFIER + "[grid]\nhidden = [[64, 0]]", ["grid.hidden[0][1]", "1", "0"]),
    "no layer": (CLASSIFIER + "[fixed]\nhidden = []", ["fixed.hidden", "should not be empty"]),
    "a negative learning rate": (CLASSIFIER + "[fixed]\nlearning_rate = -0.1", ["learning_rate", "greater", "-0.1"]),
    "a learning rate of zero": (CLASSIFIER + "[fixed]\nlearning_rate = 0", ["learning_rate", "greater"]),
    "nan": (CLASSIFIER + "[fixed]\nlearning_rate = nan", ["fixed.learning_rate", "finite", "nan"]),
    "inf": (CLASSIFIER + "[grid]\nweight_decay = [inf]", ["grid.weight_decay[0]", "finite", "inf"]),
    "1e400": (CLASSIFIER + "[fixed]\nlearning_rate = 1e400", ["fixed.learning_rate", "finite"]),
    "an integer beyond the floats": (CLASSIFIER + "[fixed]\nlearning_rate = 1" + "0" * 400, ["fixed.learning_rate"]),
    "a boolean for an integer": (CLASSIFIER + "[fixed]\nepochs = true", ["fixed.epochs", "whole number", "true"]),
    "a boolean for a number": (CLASSIFIER + "[fixed]\nmomentum = false", ["fixed.momentum", "number", "false"]),
    "a float for an integer": (CLASSIFIER + "[fixed]\nepochs = 3.0", ["fixed.epochs", "whole number", "3.0"]),
    "a date": (CLASSIFIER + "[fixed]\nepochs = 2020-01-01", ["fixed.epochs"]),
    "a word that is no choice": (CLASSIFIER + '[fixed]\noptimizer = "rmsprop"', ["optimizer", "sgd", "adam"]),
    "a key in two tables": (CLASSIFIER + "[fixed]\nepochs = 1\n[grid]\nepochs = [1]", ["epochs", "fixed", "grid"]),
    "seeds twice": (CLASSIFIER + "seeds = 2\n[fixed]\nseed = 1", ["seeds", "fixed.seed"]),
    "a seed in the grid": (CLASSIFIER + "[grid]\nseed = [1]", ["grid.seed", "seeds"]),
    "a seed that is none": (CLASSIFIER + "[fixed]\nseed = -1", ["fixed.seed", "-1"]),
    "no seeds": (CLASSIFIER + "seeds = 0", ["seeds", "1", "0"]),
    "an empty list of seeds": (CLASSIFIER + "seeds = []", ["seeds", "[]"]),
    "a negative number of seeds": (CLASSIFIER + "seeds = -1", ["seeds", "-1"]),
    "seeds that are true": (CLASSIFIER + "seeds = true", ["seeds", "true"]),
    "a negative seed in a list": (CLASSIFIER + "seeds = [0, -1]", ["seeds", "-1"]),
    "a text among the seeds": (CLASSIFIER + 'seeds = ["a"]', ["seeds", "a"]),
    "a broken seed": (CLASSIFIER + "seeds = [1.5]", ["seeds", "1.5"]),
    "an unknown metric": (CLASSIFIER + '[objective]\nmetric = "val_ac"', ["objective.metric", "val_ac", "val_acc"]),
    "a metric of the other model": (CLASSIFIER + '[objective]\nmetric = "fid"', ["objective.metric", "fid"]),
    "a metric of the test images": (CLASSIFIER + '[objective]\nmetric = "test_acc"', ["objective.metric", "val_acc"]),
    "an unknown direction": (
        CLASSIFIER + '[objective]\nmetric = "val_acc"\ndirection = "up"',
        ["objective.direction", "maximize", "up"],
    ),
    "an objective without metric": (CLASSIFIER + '[objective]\ndirection = "maximize"', ["objective.metric"]),
    "an unknown key in the objective": (
        CLASSIFIER + '[objective]\nmetric = "val_acc"\ngoal = 1',
        ["objective.goal", "no such key"],
    ),
    "a discriminator that never trains": (GAN + "[fixed]\ndiscriminator_skip = 1", ["discriminator_skip", "0"]),
    "a pruning rule that is none": (
        CLASSIFIER + '[pruning]\nstrategy = "half"',
        ["pruning.strategy", "halving", "half"],
    ),
    "pruning without a rule": (CLASSIFIER + "[pruning]\nfactor = 3", ["pruning.strategy", "missing"]),
    "an unknown option of pruning": (
        CLASSIFIER + '[pruning]\nstrategy = "halving"\nrate = 3',
        ["pruning.rate", "no such key"],
    ),
    "an option of another rule": (
        CLASSIFIER + '[pruning]\nstrategy = "median"\nfactor = 3',
        ["pruning", "factor is no option", "median"],
    ),
    "a factor of one": (CLASSIFIER + '[pruning]\nstrategy = "halving"\nfactor = 1', ["pruning.factor", "2", "1"]),
    "an unknown limit": (CLASSIFIER + '[limits]\ntimout = "2h"', ["limits.timout", "no such key", "'timeout'?"]),
    "a misspelt option of pruning": (
        CLASSIFIER + '[pruning]\nstragety = "halving"',
        ["pruning.stragety", "no such key", "did you mean 'strategy'?"],
    ),
    "a misspelt objective": (CLASSIFIER + '[objective]\nmetrics = "val_acc"', ["objective.metrics", "'metric'?"]),
    "a misspelt number of trials": (
        CLASSIFIER + "[search]\ntrails = 3\nmomentum = [0.1]",
        ["search.trials", "missing", "'trails'"],
    ),
    "an empty dataset": (CLASSIFIER + 'dataset = ""', ["dataset", "should not be empty"]),
    "pruning by what is not measured": (
        CLASSIFIER + '[grid]\nvalidation = [0, 300]\n[pruning]\nstrategy = "halving"',
        ["val_acc is not measured with validation = 0", "[pruning]"],
    ),
    "a search by what is not measured": (
        'name = "s"\nmodel = "gan"\n[fixed]\nvalidation = 0\n[search]\nstrategy = "tpe"\ntrials = 3\nmomentum = [0.1]',
        ["fid is not measured with validation = 0", "tpe"],
    ),
    "a time without a unit": (CLASSIFIER + '[limits]\ntimeout = "2"', ["limits.timeout", "2h", "'2'"]),
    "a time of nothing": (CLASSIFIER + "[limits]\nstall = 0", ["limits.stall", "duration", "0"]),
    "an infinite time": (CLASSIFIER + "[limits]\nstall = inf", ["limits.stall", "duration", "inf"]),
    "a negative number of retries": (CLASSIFIER + "[limits]\nretries = -1", ["limits.retries", "0", "-1"]),
    "broken TOML": (CLASSIFIER + "[fixed\n", ["line 3"]),
    "a key twice": (CLASSIFIER + 'name = "t"\n[fixed]', ["line 3"]),
    "a 5000-digit integer": (CLASSIFIER + "seeds = " + "9" * 5000, ["digits"]),
    "a hexadecimal integer of 5000 digits": (CLASSIFIER + "seeds = 0x" + "f" * 5000, ["digits"]),
    "brackets within brackets": (CLASSIFIER + "seeds = " + "[" * 5000, ["nested"]),
    "a NUL": (CLASSIFIER + "\0", ["line 3"]),
    "nothing": ("", ["name", "missing"]),
    "no TOML at all": ('{"name": "s"}', ["line 1"]),
}


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Run a command that must be refused: its one sentence."""

    def check(*arguments):
        monkeypatch.chdir(tmp_path)
        before = sorted(tmp_path.rglob("*"))
        assert run(list(map(str, arguments))) == 2
        output, news = capsys.readouterr()
        assert output == ""
        assert news.startswith("nnlite: ")
        assert news.count("\n") == 1
        assert news.rstrip("\n").isprintable()
        assert len(news) < 2000
        assert "Traceback" not in news
        assert sorted(tmp_path.rglob("*")) == before, "nothing was made"
        return news

    return check


@pytest.mark.parametrize("command", ["sweep", "train"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence_with_file_and_key_and_nothing_is_made(tmp_path, refused, mistake, command):
    """F27, F61 to F63."""
    text, said = MISTAKES[mistake]
    path = tmp_path / "spec.toml"
    path.write_text(text, "utf-8")
    news = refused(command, path)
    assert str(path) in news
    sentence = news.replace(str(path), "")  # whose numbers could be taken for the answer's
    for part in said:
        assert part in sentence


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(lambda _path: None, "no such file", id="missing"),
        pytest.param(lambda path: path.mkdir(), "directory", id="a directory"),
        pytest.param(lambda path: path.write_bytes(b'name = "\xff"'), "UTF-8", id="bad UTF-8"),
        pytest.param(lambda path: path.write_bytes(b"#" * (LARGEST_FILE + 1)), "larger", id="too large"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, refused, make, said):
    """F62."""
    path = tmp_path / "spec.toml"
    make(path)
    news = refused("sweep", path)
    assert str(path) in news
    assert said in news


def test_a_byte_order_mark_is_no_mistake(tmp_path):
    """F62."""
    path = tmp_path / "spec.toml"
    path.write_bytes(b"\xef\xbb\xbf" + CLASSIFIER.encode())
    assert load_sweep(path).name == "s"


def test_a_thousand_million_trials_are_refused_at_once(tmp_path, refused, digits_folder):
    """F61."""
    axes = "\n".join(f"{name} = {list(range(1, 11))}" for name in ("epochs", "batch_size", "lr_decay_epochs"))
    axes += "\n" + "\n".join(
        f"{name} = {[value / 20 for value in range(1, 11)]}"
        for name in ("learning_rate", "momentum", "beta1", "weight_decay", "lr_decay")
    )
    path = tmp_path / "spec.toml"
    path.write_text(f'{CLASSIFIER}dataset = "{digits_folder}"\nseeds = 10\n[grid]\n{axes}', "utf-8")
    started = time.process_time()
    assert "1,000,000,000 trials; 10,000 are the most" in refused("sweep", path)
    assert time.process_time() - started < 1


def test_more_validation_images_than_there_are_is_refused_before_anything_trains(spec, refused):
    for command in ("sweep", "train"):
        assert "validation: expected 0 to 1499" in refused(command, spec(fixed=""), "-S", "validation=1500")


def test_a_dataset_that_is_not_there_is_refused(spec, refused):
    assert "nowhere" in refused("sweep", spec(), "-S", "dataset=nowhere")


SETTINGS = [
    (["learning_rate=0.5"], "fixed", {"learning_rate": 0.5}),
    (["fixed.learning_rate=0.5"], "fixed", {"learning_rate": 0.5}),
    (["hidden=[64, 32]"], "fixed", {"hidden": (64, 32)}),
    (["optimizer=adam"], "fixed", {"optimizer": "adam"}),
    (['optimizer="adam"'], "fixed", {"optimizer": "adam"}),
    (["epochs=5", "epochs=6"], "fixed", {"epochs": 6}),
    (["momentum=0.5"], "grid", {}),
    (["grid.epochs=[5, 6]"], "grid", {"epochs": (5, 6)}),
    (["grid.momentum=[0.5]"], "grid", {"momentum": (0.5,)}),
    (["seeds=3"], "seeds", (0, 1, 2)),
    (["seeds=[7, 5]"], "seeds", (7, 5)),
    (["seed=7"], "seeds", (7,)),
    (["seed=7", "seeds=2"], "seeds", (0, 1)),
    (["name=other"], "name", "other"),
    (["name = other "], "name", "other"),
    (["grid={}"], "grid", {}),
    (["batch_size=20"], "zip", [{"epochs": 1}, {"epochs": 2}]),
    (["zip.epochs=[5, 6]"], "zip", [{"batch_size": 10, "epochs": 5}, {"batch_size": 20, "epochs": 6}]),
    (["grid.batch_size=[3]"], "zip", [{"epochs": 1}, {"epochs": 2}]),
    (["learning_rate=0.5"], "search", {"beta1"}),
    (["learning_rate=0.5", "beta1=0.5"], "search", None),
    (["search.momentum=[0.1, 0.2]"], "search", {"learning_rate", "beta1", "momentum"}),
    (["search.momentum=[0.1, 0.2]"], "grid", {}),
    (["search.trials=16"], "trials", 16),
    (["search.seed=7"], "search", {"learning_rate", "beta1"}),
    (["search.learning_rate.high=0.5"], "high", 0.5),
    (["search.learning_rate={low = 0.1, high = 0.3}"], "high", 0.3),
    (["when.beta1=optimizer == 'adam'"], "when", {"beta1": "optimizer == 'adam'"}),
    (['when.beta1="epochs > 1"'], "when", {"beta1": "epochs > 1"}),
    (["require=epochs > 1"], "require", ["epochs > 1"]),
    (['require=["epochs > 1", "epochs < 9"]'], "require", ["epochs > 1", "epochs < 9"]),
    (["pruning.strategy=median"], "pruning", "median"),
    (["limits.retries=2", "limits.timeout=90m"], "limits", (2, 5400.0)),
    (["objective.metric=val_loss"], "objective", ("val_loss", "minimize")),
    (["objective.direction=minimize", "objective.metric=val_acc"], "objective", ("val_acc", "minimize")),
]


@pytest.mark.parametrize(("settings", "attribute", "expected"), SETTINGS)
def test_a_setting_reaches_its_table(tmp_path, settings, attribute, expected):
    path = tmp_path / "spec.toml"
    path.write_text(
        CLASSIFIER + "seeds = 4\n[grid]\nmomentum = [0.0, 0.9]\n[zip]\nbatch_size = [10, 20]\nepochs = [1, 2]\n"
        "[search]\ntrials = 8\nlearning_rate = { low = 0.1, high = 0.2 }\nbeta1 = [0.5, 0.9]",
        "utf-8",
    )
    sweep = load_sweep(path, settings)
    (space,) = sweep.spaces
    search = space.search
    match attribute:
        case "objective":
            assert (sweep.objective.metric, sweep.objective.direction) == expected
        case "fixed":
            assert expected.items() <= sweep.fixed.items()
        case "grid":
            assert expected.items() <= space.grid.items()
            moved = any("momentum" in setting or setting == "grid={}" for setting in settings)
            assert "momentum" in expected or ("momentum" in space.grid) != moved
        case "zip":
            assert list(space.zipped) == expected
        case "search":
            assert (search and set(search.distributions)) == expected
        case "trials":
            assert search.trials == expected
        case "high":
            assert search.distributions["learning_rate"].high == expected
        case "when":
            assert {name: condition.text for name, condition in space.when.items()} == expected
        case "require":
            assert [condition.text for condition in space.require] == expected
        case "pruning":
            assert sweep.pruning.strategy == expected
        case "limits":
            assert (sweep.limits.retries, sweep.limits.timeout) == expected
        case _:
            assert getattr(sweep, attribute) == expected


SPACES = (
    "[[space]]\ngrid.momentum = [0.0, 0.9]\nfixed.epochs = 2\n"
    "[[space]]\nfixed.epochs = 3\nsearch.trials = 2\nsearch.batch_size = [1, 2, 3]"
)


@pytest.mark.parametrize(
    ("setting", "grids", "trials"),
    [
        ("seeds=1", [{"epochs": (2,), "momentum": (0.0, 0.9)}, {"epochs": (3,)}], 2),
        ("epochs=7", [{"momentum": (0.0, 0.9)}, {}], 2),
        ("batch_size=7", [{"epochs": (2,), "momentum": (0.0, 0.9)}, {"epochs": (3,)}], None),
        ("space.0.grid.epochs=[7, 8]", [{"epochs": (7, 8), "momentum": (0.0, 0.9)}, {"epochs": (3,)}], 2),
        ("space.0.fixed.momentum=0.5", [{"epochs": (2,), "momentum": (0.5,)}, {"epochs": (3,)}], 2),
        ("space.0.grid={}", [{"epochs": (2,)}, {"epochs": (3,)}], 2),
        ("space.1.search.trials=1", [{"epochs": (2,), "momentum": (0.0, 0.9)}, {"epochs": (3,)}], 1),
    ],
)
def test_a_setting_reaches_a_space(tmp_path, setting, grids, trials):
    path = tmp_path / "spec.toml"
    path.write_text(CLASSIFIER + SPACES, "utf-8")
    first, second = load_sweep(path, [setting]).spaces
    assert [first.grid, second.grid] == grids
    assert (second.search and second.search.trials) == trials


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("space.2.grid.epochs=[1]", ["space.0 to space.1"]),
        ("space.x.grid.epochs=[1]", ["space.0 to space.1"]),
        ("space.0=3", ["space.NUMBER.TABLE"]),
        ("space.0.gird.epochs=[1]", ["gird", "grid"]),
        ("space.0.limits.retries=1", ["limits", "known are"]),
    ],
)
def test_a_setting_of_a_space_that_is_not_there_is_refused(tmp_path, setting, said):
    path = tmp_path / "spec.toml"
    path.write_text(CLASSIFIER + SPACES, "utf-8")
    with pytest.raises(InputError) as caught:
        load_sweep(path, [setting])
    for part in said:
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ('"2h"', 7200),
        ('"10m"', 600),
        ('"90s"', 90),
        ('"1h30m"', 5400),
        ('"1.5h"', 5400),
        ('"1d 2h"', 93_600),
        ("45", 45),
    ],
)
def test_a_time_is_given_with_its_unit_or_in_seconds(tmp_path, duration, seconds):
    path = tmp_path / "spec.toml"
    path.write_text(CLASSIFIER + f"[limits]\ntimeout = {duration}", "utf-8")
    assert load_sweep(path).limits.timeout == seconds


def test_limits_and_pruning_have_defaults(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text(CLASSIFIER, "utf-8")
    sweep = load_sweep(path)
    assert sweep.limits == Limits(timeout=None, stall=None, retries=0, max_failures=5)
    assert sweep.pruning is None
    path.write_text(CLASSIFIER + '[pruning]\nstrategy = "halving"', "utf-8")
    assert load_sweep(path).pruning.factor == 3


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("learning_rate", ["learning_rate", "key=value"]),
        ("=3", ["key=value"]),
        ("learnig_rate=3", ["learnig_rate", "learning_rate"]),
        ("gird.epochs=[3]", ["gird", "grid"]),
        ("grid.epochs.x=3", ["grid.epochs.x"]),
        ("epochs=many", ["epochs", "many"]),
        ("epochs=1\nmomentum=0", ["epochs"]),
        ("grid=3", ["grid", "3"]),
        ("fixed=3", ["fixed", "3"]),
        ("model=cnn", ["model", "cnn"]),
        ("epochs=" + "[" * 5000, ["epochs"]),
        ("epochs=\x1b[2J", ["epochs"]),
    ],
)
def test_a_wrong_setting_is_refused(spec, refused, setting, said):
    news = refused("sweep", spec(), "-S", setting)
    for part in said:
        assert part in news


def test_equal_grid_values_are_one(tmp_path):
    """F62."""
    path = tmp_path / "spec.toml"
    path.write_text(CLASSIFIER + "[grid]\nmomentum = [0, 0.0, -0.0, 0.5]\nhidden = [[8], [8]]", "utf-8")
    (space,) = load_sweep(path).spaces
    assert space.grid == {"momentum": (0.0, 0.5), "hidden": ((8,),)}
    assert str(space.grid["momentum"][0]) == "0.0"


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("seeds = [3, 3]", "seeds: what stands there more than once counts once"),
        ("[grid]\nmomentum = [0, 0.5, 0.0]", "grid.momentum: 0.0 stands there 2 times, and counts once"),
        ("[[space]]\ngrid.hidden = [[8], [8]]", "space.0.grid.hidden: [8] stands there 2 times, and counts once"),
        (
            '[objective]\nmetric = "val_loss"\ndirection = "maximize"',
            'objective.direction = "maximize": lower val_loss is better, so the worst wins',
        ),
        (
            "[fixed]\nvalidation = 0",
            "val_acc is not measured with validation = 0: such a run keeps its last weights, and has no rank",
        ),
        ('[fixed]\nvalidation = 0\n[objective]\nmetric = "train_loss"', None),
        ('[objective]\nmetric = "val_loss"', None),
    ],
)
def test_what_is_hardly_meant_is_noted(tmp_path, text, note):
    path = tmp_path / "spec.toml"
    path.write_text(CLASSIFIER + text, "utf-8")
    assert load_sweep(path).notes == ((note,) if note else ())


def test_notes_are_told_before_anything_trains(ask, spec, tmp_path):
    path = spec("[grid]\nmomentum = [0.0, 0.0]")
    told = ask("sweep", path, "-n", "--experiments", tmp_path).stderr.splitlines()
    assert told[0] == f"{path}: grid.momentum: 0.0 stands there 2 times, and counts once"


@given(st.text(max_size=300))
def test_no_text_gets_another_answer_than_a_sweep_or_a_sentence(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("spec") / "spec.toml"
    path.write_text(CLASSIFIER + text, "utf-8", newline="")
    try:
        answer = load_sweep(path)
    except InputError as error:
        answer = str(error)
    assert isinstance(answer, Sweep) or answer.startswith(str(path))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[fixed]\nepochs = 1.5", "fixed.epochs: should be a whole number, not 1.5"),
        ("[fixed]\nlearning_rate = true", "fixed.learning_rate: should be a number, not true"),
        ("[fixed]\nbatch_norm = 1", "fixed.batch_norm: should be true or false, not 1"),
        ("[fixed]\nepochs = 2026-01-02", "fixed.epochs: should be a whole number, not 2026-01-02"),
        ("[objective]\nmetric = 12:30:00", "objective.metric: should be a text in quotes, not 12:30:00"),
        ("[limits]\nretries = []", r"limits.retries: should be a whole number, not \[\]"),
        ("fixed = 1", "fixed: should be a table, not 1"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_in_tomls_terms(tmp_path, text, sentence):
    path = tmp_path / "spec.toml"
    path.write_text(CLASSIFIER + text, "utf-8")
    with pytest.raises(InputError, match=sentence):
        load_sweep(path)
