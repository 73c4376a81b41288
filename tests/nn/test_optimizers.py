"""Optimizers against the formulas of the papers, written out naively in float64, and against closed forms."""

import numpy as np
import pytest

from nnlite.autodiff import GradientTape, Tensor
from nnlite.errors import InputError
from nnlite.nn import SGD, Adam, Dense, Optimizer
from nnlite.nn.layers import constrain
from nnlite.nn.schedules import linear_decay

STEPS = 20


def gradients(seed=0):
    rng = np.random.default_rng(seed)
    return [[rng.standard_normal((3, 2)), rng.standard_normal(4)] for _ in range(STEPS)]


def parameters(kind=np.float64):
    rng = np.random.default_rng(9)
    return [Tensor(rng.standard_normal((3, 2)), kind), Tensor(rng.standard_normal(4), kind)]


def run(optimizer, steps):
    for step in steps:
        for parameter, gradient in zip(optimizer.parameters, step, strict=True):
            parameter.grad = gradient.astype(parameter.dtype)
        optimizer.step()
    return [np.array(each) for each in optimizer.parameters]


def naive_sgd(w, steps, rate, momentum=0.0, decay=0.0, ahead=False):
    v = np.zeros_like(w)
    for t, g in enumerate(steps):
        lr = rate(t)
        v = momentum * v + g
        w = w - lr * decay * w - lr * (g + momentum * v if ahead else v)
    return w


def naive_adam(w, steps, rate, b1=0.9, b2=0.999, eps=1e-8, decay=0.0):
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(steps):
        lr = rate(t)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat, v_hat = m / (1 - b1 ** (t + 1)), v / (1 - b2 ** (t + 1))
        w = w - lr * decay * w - lr * m_hat / (np.sqrt(v_hat) + eps)
    return w


CONFIGURATIONS = {
    "sgd": (SGD, naive_sgd, {}, {}),
    "momentum": (SGD, naive_sgd, {"momentum": 0.9}, {"momentum": 0.9}),
    "nesterov": (SGD, naive_sgd, {"momentum": 0.9, "nesterov": True}, {"momentum": 0.9, "ahead": True}),
    "nesterov without momentum": (SGD, naive_sgd, {"nesterov": True}, {}),
    "decayed": (SGD, naive_sgd, {"momentum": 0.5, "weight_decay": 0.1}, {"momentum": 0.5, "decay": 0.1}),
    "adam": (Adam, naive_adam, {}, {}),
    "adamw": (Adam, naive_adam, {"weight_decay": 0.1}, {"decay": 0.1}),
    "adam of other betas": (
        Adam,
        naive_adam,
        {"beta1": 0.5, "beta2": 0.9, "epsilon": 0.1},
        {"b1": 0.5, "b2": 0.9, "eps": 0.1},
    ),
}
EVERY = pytest.mark.parametrize(("kind", "naive", "options", "terms"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)


@EVERY
@pytest.mark.parametrize("rate", [0.05, linear_decay(0.1, STEPS)], ids=["constant rate", "schedule"])
def test_updates_are_those_of_the_paper(kind, naive, options, terms, rate):
    schedule = rate if callable(rate) else lambda _step: rate
    actual = run(kind(parameters(), rate, **options), gradients())
    for position, (start, result) in enumerate(zip(parameters(), actual, strict=True)):
        expected = naive(np.array(start), [step[position] for step in gradients()], schedule, **terms)
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-13)


@EVERY
def test_float32_parameters_stay_float32_and_close(kind, naive, options, terms):
    actual = run(kind(parameters(np.float32), 0.05, **options), gradients())
    expected = naive(np.array(parameters()[0]), [step[0] for step in gradients()], lambda _step: 0.05, **terms)
    assert actual[0].dtype == np.float32
    np.testing.assert_allclose(actual[0], expected, rtol=1e-4, atol=1e-5)


def test_momentum_in_a_constant_slope_approaches_its_closed_form():
    w = Tensor([0.0])
    steps = [[np.array([1.0])]] * 50
    (result,) = run(SGD([w], 0.1, momentum=0.5), steps)
    # sum of v_t = sum of (1 - 0.5^t) / (1 - 0.5), t = 1 .. 50
    assert result[0] == pytest.approx(-0.1 * 2 * (50 - (1 - 0.5**50)), rel=1e-13)


def test_the_first_step_of_adam_is_the_rate_in_the_direction_of_the_sign():
    w = Tensor([0.0, 0.0, 0.0])
    run(Adam([w], 0.01), [[np.array([5.0, -1e-3, 0.0])]])
    np.testing.assert_allclose(w, [-0.01, 0.01, 0.0], rtol=1e-4)


def test_two_steps_of_nesterov_by_hand():
    w = Tensor([0.0])
    (result,) = run(SGD([w], 0.1, momentum=0.5, nesterov=True), [[np.array([1.0])]] * 2)
    # v = 1, then 1.5; steps of 0.1 (1 + 0.5 * 1), then 0.1 (1 + 0.5 * 1.5)
    assert result[0] == pytest.approx(-0.15 - 0.175, rel=1e-15)


def test_nesterov_is_the_method_of_sutskever_seen_from_where_the_gradient_is_taken():
    """There the gradient is taken at w + momentum * v, and v is the whole step."""
    slope = np.array([1.0, 10.0])
    w, v = np.array([1.0, 1.0]), np.zeros(2)
    seen = Tensor(w)
    optimizer = SGD([seen], 0.05, momentum=0.8, nesterov=True)
    for _ in range(10):
        v = 0.8 * v - 0.05 * slope * (w + 0.8 * v)
        w = w + v
        seen.grad = slope * np.array(seen)
        optimizer.step()
        np.testing.assert_allclose(seen, w + 0.8 * v, rtol=1e-12)


def length(arrays):
    return np.sqrt(sum(np.sum(np.square(each, dtype=np.float64)) for each in arrays))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_longer_gradients_are_cut_to_the_norm_all_together_and_keep_their_direction(kind):
    step = gradients()[0]
    before = [np.array(each, np.float64) for each in parameters(kind)]
    after = run(SGD(parameters(kind), 1.0, clip_norm=0.25), [step])
    moved = [old - new for old, new in zip(before, after, strict=True)]
    assert length(step) > 2
    assert length(moved) == pytest.approx(0.25, rel=1e-6)
    for change, gradient in zip(moved, step, strict=True):
        np.testing.assert_allclose(change, gradient * 0.25 / length(step), rtol=1e-5, atol=1e-6)


@EVERY
def test_shorter_gradients_are_left_alone_to_the_bit(kind, naive, options, terms):  # noqa: ARG001
    free, clipped = (run(kind(parameters(), 0.1, **options, clip_norm=norm), gradients()) for norm in (0.0, 1e3))
    for one, other in zip(free, clipped, strict=True):
        assert one.tobytes() == other.tobytes()


@EVERY
def test_every_optimizer_sees_the_gradients_that_were_cut(kind, naive, options, terms):  # noqa: ARG001
    cut = [[each / max(1.0, length(step)) for each in step] for step in gradients()]
    expected = run(kind(parameters(), 0.1, **options), cut)
    actual = run(kind(parameters(), 0.1, **options, clip_norm=1.0), gradients())
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_gradients_that_are_not_finite_are_not_made_to_look_as_if_they_were():
    w = Tensor([0.0, 0.0])
    (result,) = run(SGD([w], 0.1, clip_norm=1.0), [[np.array([np.inf, 1.0])]])
    assert not np.isfinite(result[0])


def test_a_decay_alone_shrinks_geometrically():
    w = Tensor([8.0])
    run(SGD([w], 0.1, weight_decay=0.5), [[np.zeros(1)]] * 3)
    assert float(w[0]) == pytest.approx(8 * 0.95**3, rel=1e-15)


@EVERY
def test_a_resumed_training_goes_on_to_the_bit(kind, naive, options, terms):  # noqa: ARG001
    whole = run(kind(parameters(), linear_decay(0.1, STEPS), **options), gradients())
    first = kind(parameters(), linear_decay(0.1, STEPS), **options)
    half = run(first, gradients()[:10])
    second = kind([Tensor(each) for each in half], linear_decay(0.1, STEPS), **options)
    state = first.state()
    run(first, gradients()[10:])  # what was saved is a copy
    second.load_state(state)
    assert second.learning_rate == pytest.approx(0.05)
    for mine, its in zip(run(second, gradients()[10:]), whole, strict=True):
        assert mine.tobytes() == its.tobytes()


@EVERY
def test_gradients_are_cleared_and_not_written_to(kind, naive, options, terms):  # noqa: ARG001
    optimizer, given = kind(parameters(), 0.1, **options), gradients()[0]
    kept = [each.copy() for each in given]
    for parameter, gradient in zip(optimizer.parameters, given, strict=True):
        parameter.grad = gradient
    optimizer.step()
    np.testing.assert_array_equal(given[0], kept[0])
    assert [parameter.grad for parameter in optimizer.parameters] == [None, None]


def test_a_parameter_without_a_gradient_is_named():
    with pytest.raises(ValueError, match=r"parameter 0 of shape \(3, 2\) has no .grad"):
        SGD(parameters(), 0.1).step()


def test_a_step_between_recording_and_gradient_is_found_out():
    w = Tensor([1.0])
    with GradientTape() as tape:
        loss = np.sum(w**2)
    w.grad = np.ones(1)
    SGD([w], 0.1).step()
    with pytest.raises(RuntimeError, match="was changed in place"):
        tape.gradient(loss, [w])


def test_an_optimizer_says_how_it_updates():
    assert list(Optimizer(parameters(), 0.1).state()) == ["steps"]
    with pytest.raises(NotImplementedError):
        run(Optimizer(parameters(), 0.1), gradients()[:1])


def test_a_step_without_all_gradients_changes_nothing():
    first, second = parameters()[:2]
    optimizer = Adam([first, second], 0.1)
    before = np.array(first)
    first.grad = np.ones(first.shape)
    with pytest.raises(ValueError, match=r"parameter 1 .* has no \.grad"):
        optimizer.step()
    np.testing.assert_array_equal(first, before)
    assert optimizer.steps == 0
    assert first.grad is not None


@pytest.mark.parametrize("state", [{}, {"steps": np.array(1)}, SGD(parameters()[:1], 0.1, momentum=0.9).state()])
def test_the_state_of_another_optimizer_is_refused(state):
    with pytest.raises(InputError, match="of another optimizer"):
        Adam(parameters(), 0.1).load_state(state)


@EVERY
def test_a_tensor_that_serves_in_two_layers_is_updated_once(kind, naive, options, terms):  # noqa: ARG001
    shared, alone = (Tensor(np.ones((2, 2))) for _ in range(2))
    for weight, given in ((shared, [shared, shared]), (alone, [alone])):
        with GradientTape():
            loss = np.sum(np.tanh(weight @ weight) @ weight.T)
        loss.backward()
        kind(given, 0.1, clip_norm=0.5, **options).step()
    np.testing.assert_array_equal(shared, alone)


NORMS = [0.0, 1e-30, 1e-3, 1.0, 1e15, 1e19, 1e30, 3e38]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("size", NORMS)
@pytest.mark.parametrize("limit", [1e-6, 1.0, 1e20])
def test_the_norm_is_cut_over_the_whole_range_of_each_dtype(kind, size, limit):
    """Against an oracle in longdouble: squares overflow, or vanish, long before the gradients themselves do."""
    drawn = np.random.default_rng(3).uniform(-1.0, 1.0, 100)
    with np.errstate(over="ignore"):
        given = np.clip(size * drawn, np.finfo(kind).min, np.finfo(kind).max).astype(kind)
    exact = given.astype(np.longdouble)
    length = np.sqrt(np.sum(np.square(exact)))
    expected = exact * min(np.longdouble(1.0), np.longdouble(limit) / length) if length else exact
    halves = [Tensor(np.zeros(50), kind), Tensor(np.zeros(50), kind)]
    for half, gradient in zip(halves, (given[:50], given[50:]), strict=True):
        half.grad = gradient
    SGD(halves, 1.0, clip_norm=limit).step()
    actual = -np.concatenate(halves).astype(np.longdouble)
    small = float(np.finfo(kind).smallest_normal)
    np.testing.assert_allclose(actual, expected, rtol=8 * float(np.finfo(kind).eps), atol=small)


@pytest.mark.parametrize("make", [SGD, lambda *args, **kwargs: SGD(*args, momentum=0.9, **kwargs), Adam])
def test_gradients_whose_squares_overflow_are_cut_for_every_optimizer(make):
    large, small = ([Tensor(np.zeros(100), np.float32)] for _ in range(2))
    for (parameter,), size in ((large, 1e19), (small, 1.0)):
        parameter.grad = np.full(100, size, np.float32)
        make([parameter], 0.1, clip_norm=1.0).step()
    np.testing.assert_allclose(large[0], small[0], rtol=1e-5)
    assert np.all(np.isfinite(large[0]))


def test_weights_whose_squares_overflow_are_constrained():
    layer = Dense(100, 2, rng=np.random.default_rng(0))
    layer.weight[...] = 1e19
    constrain(layer, 2.0)
    np.testing.assert_allclose(np.sqrt(np.sum(np.square(layer.weight), axis=0)), 2.0, rtol=1e-5)


@pytest.mark.parametrize("shape", [(3,), (2, 3), ()])
def test_a_grad_of_another_shape_is_refused_where_it_is_set(shape):
    w = Tensor(np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"\.grad of a tensor of shape \(3, 2\) and float64 cannot be of shape"):
        w.grad = np.ones(shape)
    with pytest.raises(ValueError, match="only floating-point tensors have a gradient"):
        Tensor([1, 2]).grad = np.ones(2)


def test_a_gradient_that_somebody_else_holds_is_never_cut_in_place():
    parameter = Tensor(np.zeros(3), np.float32)
    given = np.full(3, 1e25, np.float32)  # whose squares are beyond the range
    given.setflags(write=False)
    parameter.grad = given
    SGD([parameter], 1.0, clip_norm=1.0).step()
    assert np.all(given == np.float32(1e25))
    np.testing.assert_allclose(np.linalg.norm(parameter), 1.0, rtol=1e-6)
