"""Shapes, axes, indices and expressions that nobody chose, judged by differences and by autograd."""

import operator

import autograd
import autograd.numpy as anp
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.random import default_rng

from nnlite.autodiff import prove_gradient
from nnlite.autodiff.check import gradient_of
from nnlite.autodiff.tensor import plain

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=1, max_side=3)
EMPTY_TOO = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3)
SEEDS = st.integers(0, 2**32 - 1)


def drawn(shape, seed, low=-2.0, high=2.0):
    return np.random.default_rng(seed).uniform(low, high, shape)


@given(shape=SHAPES, seed=SEEDS, unary=st.sampled_from([np.exp, np.sin, np.tanh, np.arctan, np.square, np.cbrt]))
def test_one_array(shape, seed, unary):
    prove_gradient(unary, drawn(shape, seed, 0.2, 2.0), order=2)


@given(
    shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3),
    seed=SEEDS,
    binary=st.sampled_from([np.add, np.multiply, np.divide, np.power, np.maximum, np.hypot, np.arctan2, np.logaddexp]),
)
def test_two_arrays_that_broadcast(shapes, seed, binary):
    left, right = shapes.input_shapes
    prove_gradient(binary, drawn(left, seed, 0.5), drawn(right, seed + 1, 0.5), order=2)


@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3), seed=SEEDS)
def test_where_and_clip_broadcast_all_three(shapes, seed):
    first, second, third = (drawn(shape, seed + k) for k, shape in enumerate(shapes.input_shapes))
    prove_gradient(lambda a, b: np.where(first > 0, a, b), second, third, order=2)
    prove_gradient(lambda a, low, high: np.clip(a, low, high + 4.0), first, second, third)


@st.composite
def reductions(draw):
    shape = draw(hnp.array_shapes(max_dims=4, max_side=3))
    axis = draw(st.none() | st.integers(-len(shape), len(shape) - 1) | hnp.valid_tuple_axes(len(shape), min_size=1))
    return shape, axis


@given(
    of=reductions(),
    keepdims=st.booleans(),
    seed=SEEDS,
    reduce=st.sampled_from([np.sum, np.mean, np.max, np.min, np.prod, np.var, np.ptp, np.average]),
)
def test_reductions_over_any_axes(of, keepdims, seed, reduce):
    shape, axis = of
    prove_gradient(lambda x: reduce(x, axis=axis, keepdims=keepdims), drawn(shape, seed, 0.5), order=2)


@given(of=reductions(), keepdims=st.booleans(), seed=SEEDS, zeros=st.floats(0, 1))
def test_products_with_any_number_of_zeros(of, keepdims, seed, zeros):
    shape, axis = of
    x = drawn(shape, seed) * (np.random.default_rng(seed).random(shape) > zeros)
    prove_gradient(lambda t: np.prod(t, axis=axis, keepdims=keepdims), x, order=2)


@given(shapes=hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2, max_side=3), seed=SEEDS)
def test_matrix_products_of_batches_and_vectors(shapes, seed):
    left, right = shapes.input_shapes
    prove_gradient(operator.matmul, drawn(left, seed), drawn(right, seed + 1), order=2)


@given(seed=SEEDS, data=st.data())
def test_tensordot_over_any_axes(seed, data):
    left = data.draw(hnp.array_shapes(max_dims=4, max_side=3))
    of_left = data.draw(st.lists(st.integers(0, len(left) - 1), unique=True))
    free = data.draw(st.lists(st.integers(1, 3), max_size=2))
    lengths = [left[axis] for axis in of_left] + free
    order = data.draw(st.permutations(range(len(lengths))))
    right = tuple(lengths[place] for place in order)
    axes = (of_left, [order.index(place) for place in range(len(of_left))])
    prove_gradient(lambda a, b: np.tensordot(a, b, axes), drawn(left, seed), drawn(right, seed + 1), order=2)


@given(data=st.data(), shape=hnp.array_shapes(max_dims=4, max_side=4), seed=SEEDS)
def test_basic_indices(data, shape, seed):
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    prove_gradient(operator.itemgetter(index), drawn(shape, seed), order=2)


@given(data=st.data(), shape=hnp.array_shapes(max_dims=4, max_side=3), seed=SEEDS)
def test_indices_of_arrays(data, shape, seed):
    index = data.draw(hnp.integer_array_indices(shape))
    prove_gradient(operator.itemgetter(index), drawn(shape, seed), order=2)


@given(data=st.data(), shape=hnp.array_shapes(min_dims=2, max_dims=4, max_side=3), seed=SEEDS)
def test_mixed_indices(data, shape, seed):
    parts = [
        data.draw(
            st.integers(0, length - 1)
            | st.just(slice(None))
            | st.lists(st.integers(-length, length - 1), min_size=2, max_size=2)
            | st.just(np.arange(length) == 0)
        )
        for length in shape
    ]
    index = tuple(parts)
    try:
        np.empty(shape)[index]
    except IndexError:  # lists and masks that do not broadcast
        return
    prove_gradient(operator.itemgetter(index), drawn(shape, seed), order=2)


@given(shape=hnp.array_shapes(max_dims=3, max_side=4), seed=SEEDS, data=st.data())
def test_movements_along_any_axis(shape, seed, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    shift = data.draw(st.integers(-5, 5))
    x = drawn(shape, seed)
    for move in (
        lambda t: np.roll(t, shift, axis),
        lambda t: np.flip(t, axis),
        lambda t: np.sort(t, axis),
        lambda t: np.cumsum(t, axis),
        lambda t: np.repeat(t, abs(shift), axis),
        lambda t: np.concatenate([t, t * t], axis),
        lambda t: np.stack([t, t * t], axis),
        lambda t: np.take(t, [0, -1, 0], axis),
        lambda t: np.concatenate(np.array_split(t, 2, axis)[::-1], axis),
        lambda t: np.moveaxis(t, axis, 0) * 1.0,
        lambda t: np.pad(t, abs(shift) % 3, "edge"),
    ):
        prove_gradient(move, x, order=2)


@given(shape=EMPTY_TOO, seed=SEEDS)
def test_arrays_without_elements_have_gradients_without_elements(shape, seed):
    x = drawn(shape, seed)
    for function in (np.sum, np.prod, lambda t: np.sum(t[::2] * 2.0), lambda t: np.sum(np.concatenate([t, t], 0))):
        assert gradient_of(function, x)[0].shape == shape


# --- whole expressions

UNARY = ["sin", "tanh", "exp", "square", "negative", "abs"]
BINARY = ["add", "multiply", "subtract", "maximum", "matmul", "where", "logaddexp"]
SHAPING = ["T", "sum", "mean", "row", "fancy", "concatenate", "reshape", "max"]


def grow(np, seed, *leaves):
    """An expression of at least ten operations deep, the same for any engine's `np`."""
    rng = default_rng(seed)
    values = list(leaves)
    for _ in range(14):
        kind = rng.choice(UNARY + BINARY + SHAPING)
        a = values[-1] if rng.random() < 0.8 else values[rng.integers(len(values))]  # mostly deeper
        b = values[rng.integers(len(values))]
        values.append(squashed(np, apply(np, kind, a, b)))
    return sum(np.sum(each) for each in values)


def squashed(np, x):
    """Of the size of one, so that fourteen operations do not overflow, and always 3 by 3."""
    return np.tanh(x * 0.5) + 0.01 * x if x.shape == (3, 3) else np.tanh(x) * np.ones((3, 3))


def apply(np, kind, a, b):
    if kind in UNARY:
        return getattr(np, kind)(a)
    if kind == "where":
        return np.where(np.sin(3.0 * a) > 0, a, b)
    if kind in BINARY:
        return getattr(np, kind)(a, b)
    return {
        "T": lambda: a.T @ b,
        "sum": lambda: np.sum(a, axis=0),
        "mean": lambda: np.mean(a * b, axis=1, keepdims=True),
        "row": lambda: a[1:2] * b[:, ::-1],
        "fancy": lambda: a[[0, 0, 2]] + b,
        "concatenate": lambda: np.concatenate([a[:1], b[1:]], axis=0),
        "reshape": lambda: np.reshape(np.ravel(a), (3, 3)) * b,
        "max": lambda: np.max(a, axis=0) + b,
    }[kind]()


def judge(seed):
    leaves = [drawn((3, 3), seed), drawn((3, 3), seed + 1)]
    theirs = autograd.grad(lambda *x: grow(anp, seed, *x), (0, 1))(*leaves)
    mine = gradient_of(lambda *x: grow(np, seed, *x), *leaves)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(plain(a), b, rtol=1e-9, atol=1e-10)

    def along(gradients):
        return sum((each * k).sum() for k, each in enumerate(gradients, start=1))

    theirs = autograd.grad(lambda *x: along(autograd.grad(lambda *y: grow(anp, seed, *y), (0, 1))(*x)), (0, 1))(*leaves)
    mine = gradient_of(lambda *x: along(gradient_of(lambda *y: grow(np, seed, *y), *x)), *leaves)
    for a, b in zip(mine, theirs, strict=True):
        known = ~np.isnan(plain(a))  # where two maxima tie there is no second derivative
        np.testing.assert_allclose(plain(a)[known], b[known], rtol=1e-8, atol=1e-8)
    return all(not np.any(np.isnan(plain(a))) for a in mine)


@given(seed=SEEDS)
def test_deep_expressions_agree_with_autograd_to_the_second_order(seed):
    judge(seed)


def test_most_deep_expressions_have_second_derivatives():
    assert sum(judge(seed) for seed in range(30)) >= 25


@pytest.mark.slow
@settings(settings.get_profile("thorough"))
@given(seed=SEEDS)
def test_many_deep_expressions_agree_with_autograd(seed):
    judge(seed)
