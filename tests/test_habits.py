"""The names that people type from habit are errors that say what to write here; and dir shows what there is."""

import pickle
import re

import numpy as np
import pytest

import nnlite as nn
from nnlite.habits import ARGUMENTS, LAYER, OPTIMIZER, PACKAGE, TENSOR

MODEL = nn.Sequential(nn.Dense(2, 2, rng=np.random.default_rng(0)))
OWNERS = {
    "nnlite": (nn, PACKAGE),
    "a tensor": (nn.Tensor([1.0]), TENSOR),
    "a network": (MODEL, LAYER),
    "a layer": (MODEL[0], LAYER),
    "an optimizer": (nn.SGD(MODEL.parameters(), 0.1), OPTIMIZER),
}
NAMES = [(owner, name) for owner, (_, habits) in OWNERS.items() for name in habits]


@pytest.mark.parametrize(("owner", "name"), NAMES, ids=map(str, NAMES))
def test_a_name_of_another_library_says_what_to_write(owner, name):
    thing, habits = OWNERS[owner]
    with pytest.raises(AttributeError, match=re.escape(habits[name])):
        getattr(thing, name)
    assert not hasattr(thing, name)
    assert name not in dir(thing)


@pytest.mark.parametrize("text", sorted({text for _, habits in OWNERS.values() for text in habits.values()}))
def test_what_is_to_be_written_instead_is_there(text):
    for name in re.findall(r"nnlite\.(\w+)", text):
        assert hasattr(nn, name), text
    for owner, thing in (("model", MODEL), ("optimizer", OWNERS["an optimizer"][0]), ("x", nn.Tensor([1.0]))):
        for name in re.findall(rf"\b{owner}\.(\w+)", text):
            assert hasattr(thing, name), text


@pytest.mark.parametrize("name", ["requires_grad", "requires_grad_"])
def test_a_tensors_habit_cannot_be_assigned_unheard(name):
    with pytest.raises(AttributeError, match="every floating-point tensor"):
        setattr(nn.Tensor([1.0]), name, True)


def test_a_layer_of_ones_own_may_use_such_a_name_for_itself():
    class Mine(nn.Layer):
        def __init__(self):
            self.weights = nn.Tensor([2.0])

        def forward(self, x):
            return x * self.weights

    assert float(Mine().forward(nn.Tensor([3.0]))[0]) == 6.0
    assert Mine().parameters()[0].tolist() == [2.0]


@pytest.mark.parametrize("thing", [each for each, _ in OWNERS.values()], ids=OWNERS)
def test_an_unknown_name_is_an_attribute_error_with_the_nearest(thing):
    with pytest.raises(AttributeError, match="nonsense_of_mine"):
        thing.nonsense_of_mine  # noqa: B018
    assert not hasattr(thing, "__nonsense__")


def test_a_name_that_is_misspelt_has_the_nearest():
    with pytest.raises(AttributeError, match="did you mean 'Dense'"):
        nn.Dence  # noqa: B018
    with pytest.raises(AttributeError, match="did you mean 'parameters'"):
        MODEL.parameter  # noqa: B018


RNG = np.random.default_rng(0)
CALLS = {
    "Adam(lr=)": (lambda: nn.Adam(MODEL.parameters(), lr=0.1), "Adam has no argument lr: it is called learning_rate"),
    "SGD(lr=)": (lambda: nn.SGD(MODEL.parameters(), lr=0.1), "SGD has no argument lr: it is called learning_rate"),
    "Adam(betas=)": (lambda: nn.Adam(MODEL.parameters(), betas=(0.9, 0.99)), "it is called beta1 and beta2 here"),
    "Dense(units=)": (lambda: nn.Dense(2, units=2, rng=RNG), "Dense has no argument units: it is called outputs here"),
    "Conv2D(kernel_size=)": (lambda: nn.Conv2D(1, 2, kernel_size=3, rng=RNG), "it is called size here"),
    "Dropout(p=)": (lambda: nn.Dropout(p=0.5, rng=RNG), "Dropout has no argument p: it is called rate here"),
    "Dense(actvation=)": (lambda: nn.Dense(2, 2, actvation="relu", rng=RNG), "did you mean activation"),
    "Flatten(start_dim=)": (lambda: nn.Flatten(start_dim=1), "Flatten has no argument start_dim"),
    "SGD without a rate": (lambda: nn.SGD(MODEL.parameters()), r"SGD\(parameters.*learning_rate"),
    "Dense without an rng": (lambda: nn.Dense(2, 2), r"Dense\(inputs.*'rng'"),
    "SGD(model)": (lambda: nn.SGD(MODEL, 0.1), "list of tensors, model.parameters()"),
    "SGD of arrays": (lambda: nn.SGD([np.ones(2)], 0.1), "item 0 is a ndarray"),
    "SGD of one tensor": (lambda: nn.SGD(nn.Tensor([1.0]), 0.1), "model.parameters.., not a Tensor"),
    "SGD of integers": (lambda: nn.SGD([nn.Tensor([1])], 0.1), "only floating-point tensors have a gradient"),
    "SGD of nothing": (lambda: nn.SGD([], 0.1), "no parameters"),
    "Adam of a beta of 1": (
        lambda: nn.Adam(MODEL.parameters(), 0.1, beta1=1.0),
        "beta1 of Adam is 1.0, not a number from 0",
    ),
    "a layer that is text": (
        lambda: nn.Sequential("relu"),
        "layer 0 of a Sequential is no layer or function but 'relu'",
    ),
    "a list of layers": (lambda: nn.Sequential([MODEL]), r"Sequential\(\*layers\)"),
}


@pytest.mark.parametrize(("call", "told"), CALLS.values(), ids=CALLS)
def test_a_wrong_argument_is_told_by_our_name(call, told):
    with pytest.raises((TypeError, ValueError), match=told):
        call()


def test_every_argument_of_another_library_is_called_something_that_there_is():
    import inspect  # noqa: PLC0415

    ours = [getattr(nn, name) for name in dir(nn) if isinstance(getattr(nn, name), type)]
    known = {parameter for each in ours for parameter in inspect.signature(each.__init__).parameters}
    for name in ARGUMENTS.values():
        assert re.split(r"=| ", name)[0] in known


def test_dir_shows_what_there_is_and_nothing_else():
    assert dir(nn) == sorted([*nn.__all__, "__version__"])
    for name in dir(nn):
        assert getattr(nn, name) is not None
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", nn.__version__)
    for name in ("check_gradient", "primitive", "Layer", "save", "load", "jacobian", "hessian_vector"):
        assert name in dir(nn)
    assert pickle.loads(pickle.dumps(nn.relu)) is nn.relu  # noqa: S301
