"""What one builds networks with: layers that find their parameters, storage, copies, and what print shows."""

import copy
import pickle

import numpy as np
import pytest

import nnlite as nn
from nnlite.errors import InputError
from nnlite.nn import ACTIVATIONS, fully_connected, load_arrays, schedules


def rng():
    return np.random.default_rng(3)


class Scale(nn.Layer):
    """A layer as a user writes one."""

    def __init__(self, features):
        self.scale = nn.Tensor(np.ones(features), np.float32)
        self.seen = np.zeros(1)

    def __call__(self, x):
        return x * self.scale


class Residual(nn.Layer):
    """A layer made of others, in each way of keeping them."""

    def __init__(self):
        self.norm = nn.LayerNorm(3)
        self.blocks = [nn.Dense(3, 3, "tanh", rng=rng()), Scale(3)]
        self.heads = {"left": nn.Dense(3, 3, rng=rng())}
        self._scratch = np.zeros(3)

    def __call__(self, x, *, training=None):
        y = self.norm(x)
        for block in self.blocks:
            y = block(y)
        return x + self.heads["left"](y) if training else x


EVERY_LAYER = {
    "Dense": lambda: (nn.Dense(6, 3, "relu", rng=rng()), rng().random((4, 6), np.float32)),
    "Conv2D": lambda: (nn.Conv2D(2, 3, 2, "tanh", rng=rng()), rng().random((4, 5, 5, 2), np.float32)),
    "MaxPool2D": lambda: (nn.MaxPool2D(2), rng().random((4, 5, 5, 2), np.float32)),
    "Flatten": lambda: (nn.Flatten(), rng().random((4, 5, 2), np.float32)),
    "LayerNorm": lambda: (nn.LayerNorm(6), rng().random((4, 6), np.float32)),
    "BatchNorm": lambda: (nn.BatchNorm(6, "sigmoid"), rng().random((4, 6), np.float32)),
    "Embedding": lambda: (nn.Embedding(7, 3, rng=rng()), np.array([[0, 6], [1, 1]])),
    "Dropout": lambda: (nn.Dropout(0.5, rng=rng()), rng().random((4, 6), np.float32)),
    "a layer of one's own": lambda: (Residual(), rng().random((4, 3), np.float32)),
    "a network in a network": lambda: (
        nn.Sequential(nn.Sequential(nn.Dense(6, 3, rng=rng()), nn.relu), np.tanh),
        rng().random((4, 6), np.float32),
    ),
    "all activations": lambda: (
        nn.Sequential(*(nn.Dense(6, 6, name, rng=rng()) for name in ACTIVATIONS)),
        rng().random((4, 6), np.float32),
    ),
}
EACH = pytest.mark.parametrize("make", EVERY_LAYER.values(), ids=EVERY_LAYER)


def test_every_layer_at_top_level_is_tried_here():
    layers = {
        name for name in dir(nn) if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Layer)
    }
    assert layers - {"Layer", "Sequential"} <= set(EVERY_LAYER)


def applied(layer, x, *, training=False):
    return np.array(nn.Sequential(layer)(x, training=training))


@EACH
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])  # noqa: S301
def test_a_copy_gives_the_same_and_shares_nothing(make, copied):
    layer, x = make()
    twin = copied(layer)
    for training in (False, True):
        assert applied(twin, x, training=training).tobytes() == applied(layer, x, training=training).tobytes()
    before = layer.state()
    for parameter in twin.parameters():
        parameter[...] = 9.0
    assert all(np.array_equal(before[name], array) for name, array in layer.state().items())


@EACH
def test_a_layer_is_saved_and_loaded_to_the_bit_by_text_or_path(make, tmp_path):
    (layer, x), (other, _) = make(), make()
    for parameter in layer.parameters():
        parameter[...] = rng().random(parameter.shape)
    nn.save(tmp_path / "layer.npz", layer)
    nn.load(str(tmp_path / "layer.npz"), other)
    assert applied(other, x).tobytes() == applied(layer, x).tobytes()
    assert nn.load(tmp_path / "layer.npz").keys() == layer.state().keys()


@EACH
def test_parameters_are_a_list_and_named_alike_for_a_layer_and_a_network(make):
    layer, _ = make()
    for each in (layer, nn.Sequential(layer)):
        assert all(isinstance(parameter, nn.Tensor) for parameter in each.parameters())
        assert [id(parameter) for _, parameter in each.named_parameters()] == list(map(id, each.parameters()))


@EACH
def test_its_gradient_is_that_of_central_differences(make):
    layer, x = make()
    names = dict(layer.named_parameters())

    state = {name: np.array(parameter, np.float64) for name, parameter in names.items()}
    nn.check_gradient(WithWeights(layer, names), [x.astype(np.float64) if x.dtype.kind == "f" else x, state])


class WithWeights:
    """A copy of a layer as a function of its input and its parameters."""

    def __init__(self, layer, names):
        self.layer, self.names = copy.deepcopy(layer), names

    def __call__(self, x, weights):
        members = {member.name: member for member in self.layer.members()}
        for name in self.names:
            holder, key = members[name].holder, members[name].key
            if isinstance(holder, nn.Layer):
                setattr(holder, key, weights[name])
            else:
                holder[key] = weights[name]
        return nn.Sequential(self.layer)(x, training=not isinstance(self.layer, nn.Dropout))


def test_the_parameters_of_a_layer_of_ones_own_are_found_wherever_it_keeps_them():
    names = [name for name, _ in Residual().named_parameters()]
    assert names == [
        "norm.scale", "norm.shift", "blocks.0.weight", "blocks.0.bias", "blocks.1.scale", "heads.left.weight",
        "heads.left.bias",
    ]  # fmt: skip
    assert [name for name, _ in Residual().named_buffers()] == ["blocks.1.seen"]


def test_a_layer_of_ones_own_learns_and_its_running_values_are_replaced_by_loading():
    model = nn.Sequential(Residual(), nn.Dense(3, 2, rng=rng()))
    optimizer = nn.Adam(model.parameters(), 0.01)
    x, labels, losses = rng().standard_normal((50, 3), np.float32), rng().integers(0, 2, 50), []
    for _ in range(100):
        with nn.GradientTape():
            loss = nn.softmax_cross_entropy(model(x, training=True), labels)
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.5 * losses[0]
    seen = model[0].blocks[1].seen
    model.load_state(model.state() | {"0.blocks.1.seen": np.ones(1)})
    assert (seen.tolist(), model[0].blocks[1].seen.tolist()) == ([0.0], [1.0])


def test_a_network_has_a_length_and_parts_and_takes_plain_functions():
    model = nn.Sequential(lambda x: x.reshape(len(x), -1), nn.Dense(4, 3, rng=rng()), nn.relu, np.tanh)
    x = rng().random((5, 2, 2), np.float32)
    assert len(model) == 4
    assert model[1] is model.layers[1] is list(model)[1]
    assert model[-1] is np.tanh
    np.testing.assert_array_equal(model(x), np.tanh(nn.relu(model[:2](x))))
    assert model[:2].parameters()[0] is model[1].weight


def test_print_shows_a_table_of_layers_shapes_and_counts():
    shared = nn.Dense(3, 3, rng=rng())
    text = str(nn.Sequential(nn.Dense(784, 3, "relu", rng=rng()), nn.relu, nn.Sequential(shared, shared), Residual()))
    lines = text.splitlines()
    assert lines[1].split() == ["0", "Dense", "weight", "(784,", "3),", "bias", "(3,)", "2,355"]
    assert lines[2].split() == ["1", "relu", "0"]
    assert lines[3].split()[:2] == ["2.0", "Dense"]
    assert lines[-2].split()[:2] == ["3", "Residual"]
    assert lines[-1].split() == ["in", "all", f"{2355 + 12 + 6 + 12 + 3 + 12:,}"]
    assert repr(nn.Dense(2, 3, "relu", rng=rng())) == "Dense(activation=relu, weight=(2, 3), bias=(3,))"


def test_weights_of_another_shape_are_refused_by_name_and_nothing_changes(tmp_path):
    small, large = (fully_connected([4, width, 2], "tanh", None, rng()) for width in (3, 5))
    nn.save(tmp_path / "small.npz", small)
    before = large.state()
    with pytest.raises(InputError, match=r"small.npz: .*another network: 0.weight is \(4, 3\) there and \(4, 5\) here"):
        nn.load(tmp_path / "small.npz", large)
    assert all(np.array_equal(before[name], array) for name, array in large.state().items())
    with pytest.raises(InputError, match=r"1\.weight is missing there"):
        large.load_state({name: array for name, array in before.items() if name != "1.weight"})
    with pytest.raises(InputError, match=r"other is .* there and missing here"):
        large.load_state(before | {"other": np.ones(1)})


def test_the_path_comes_first_and_what_cannot_be_saved_is_refused(tmp_path):
    model = nn.Sequential(nn.Dense(2, 2, rng=rng()))
    for wrong in (
        lambda: nn.save(model, tmp_path / "x.npz"),
        lambda: nn.load(model, "x.npz"),
        lambda: nn.save(tmp_path / "x.npz", 3),
        lambda: nn.load(tmp_path / "x.npz", 3),
    ):
        with pytest.raises(TypeError, match=r"the path comes first|takes a layer"):
            wrong()
    nn.save(tmp_path / "x.npz", {"w": nn.Tensor([1.0])})
    assert load_arrays(tmp_path / "x.npz")["w"].tolist() == [1.0]


@pytest.mark.parametrize(
    "rate",
    [
        0.1,
        schedules.linear_decay(0.1, 9),
        schedules.warm_up(
            schedules.product(schedules.cosine_decay(0.1, 9), schedules.multi_step_decay(1.0, 0.5, [3])), 2
        ),
        schedules.one_cycle(0.1, 9),
    ],
)
def test_an_optimizer_is_pickled_with_its_network_and_goes_on_to_the_bit(rate):
    model = nn.Sequential(nn.Dense(3, 2, "sigmoid", rng=rng()))
    pair = (model, nn.Adam(model.parameters(), rate))

    def step(model, optimizer):
        with nn.GradientTape():
            loss = np.sum(np.square(model(np.ones((2, 3), np.float32))))
        loss.backward()
        optimizer.step()

    step(*pair)
    twins = [copy.deepcopy(pair), pickle.loads(pickle.dumps(pair))]  # noqa: S301
    for each in (pair, *twins):
        step(*each)
    for twin, optimizer in twins:
        assert twin.parameters()[0].tobytes() == model.parameters()[0].tobytes()
        assert optimizer.learning_rate == pair[1].learning_rate


def test_the_learning_rate_can_be_set_to_a_number_or_a_schedule():
    optimizer = nn.SGD([nn.Tensor([1.0])], 0.5)
    optimizer.learning_rate = 0.25
    optimizer.parameters[0].grad = np.ones(1)
    optimizer.step()
    assert optimizer.parameters[0].tolist() == [0.75]
    optimizer.learning_rate = schedules.linear_decay(1.0, 4)
    assert optimizer.learning_rate == 0.75
    for wrong in ("0.1", None, [0.1]):
        with pytest.raises(TypeError, match="a number or a schedule"):
            optimizer.learning_rate = wrong
    with pytest.raises(ValueError, match="learning_rate of SGD is nan"):
        optimizer.learning_rate = float("nan")


@pytest.mark.parametrize("make", [schedules.step_decay, schedules.exponential_decay])
def test_a_schedule_of_no_steps_is_refused(make):
    with pytest.raises(ValueError, match="the every of a schedule is 0, not 1 or more"):
        make(0.1, 0.5, 0)
    for of_steps in (schedules.linear_decay, schedules.cosine_decay, schedules.one_cycle):
        with pytest.raises(ValueError, match="the steps of a schedule is 0"):
            of_steps(0.1, 0)


class Keeping(nn.Layer):
    """Buffers in each kind of container, and a function that does not say what it takes."""

    def __init__(self):
        self.listed, self.named, self.fixed = [np.zeros(2)], {"a": np.zeros(2)}, (np.zeros(2),)

    def __call__(self, x):
        return x


def test_buffers_are_loaded_wherever_a_layer_keeps_them():
    model = nn.Sequential(Keeping(), max)
    model.load_state({name: array + 1 for name, array in model.state().items()})
    layer = model[0]
    assert [each.tolist() for each in (layer.listed[0], layer.named["a"], layer.fixed[0])] == [[1.0, 1.0]] * 3
    assert model(np.array([[1.0], [3.0]])).tolist() == [3.0]


def test_a_layer_that_does_not_say_what_it_maps_is_told_to():
    class Empty(nn.Layer):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty has to say what it maps: define __call__\(self, x\)"):
        Empty()(np.ones(1))


def test_a_layer_of_ones_own_shows_its_numbers_text_and_functions_and_keeps_the_rest_to_itself():
    class Noisy(nn.Layer):
        def __init__(self):
            self.rate, self.kind, self.squash, self.inner = 0.5, "normal", np.tanh, nn.Flatten()
            self.rng, self.table, self._secret = rng(), {}, 3

        def __call__(self, x, *, training=None):  # noqa: ARG002
            return x

    assert repr(Noisy()) == "Noisy(rate=0.5, kind='normal', squash=tanh, inner=Flatten())"
