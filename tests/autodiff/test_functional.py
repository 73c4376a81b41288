"""Derivatives of whole functions: of any nesting of arguments, against closed forms."""

from typing import NamedTuple

import numpy as np
import pytest

import nnlite as nn

RNG = np.random.default_rng(5)
A = RNG.standard_normal((3, 4))


def test_the_jacobian_of_a_linear_map_is_its_matrix():
    np.testing.assert_allclose(nn.jacobian(lambda x: A @ x, RNG.standard_normal(4)), A)


def test_a_jacobian_has_the_shape_of_the_result_and_then_of_each_argument():
    x, w = RNG.standard_normal((2, 3)), np.float32(0.5)
    of_x, rest = nn.jacobian(lambda x, rest: np.sum(x, 1) * rest["w"], [x, {"w": w}])
    assert of_x.shape == (2, 2, 3)
    np.testing.assert_allclose(of_x, np.repeat(np.eye(2)[:, :, None], 3, 2) * 0.5)
    np.testing.assert_allclose(rest["w"], np.sum(x, 1), rtol=1e-6)
    assert nn.jacobian(lambda x: x[:0], np.ones(3)).shape == (0, 3)
    assert nn.jacobian(np.sum, np.ones(3)).shape == (3,)


def test_a_jacobian_can_be_differentiated_itself():
    x = nn.Tensor([1.0, 2.0])
    with nn.GradientTape() as tape:
        y = np.sum(nn.jacobian(lambda x: x**3, x))
    np.testing.assert_allclose(tape.gradient(y, [x])[0], 6 * np.array(x))
    np.testing.assert_allclose(nn.jacobian(lambda x: nn.jacobian(lambda x: np.sum(x**3), x), x), np.diag([6.0, 12.0]))


def test_the_product_with_the_hessian_is_that_of_the_closed_form():
    x, w = RNG.standard_normal(3), RNG.standard_normal(4)
    u, v = RNG.standard_normal(3), RNG.standard_normal(4)
    of_x, of_w = nn.hessian_vector(lambda x, w: np.sum(x**3) + x @ A @ w, [x, w], [u, v])
    np.testing.assert_allclose(of_x, 6 * x * u + A @ v)
    np.testing.assert_allclose(of_w, A.T @ u)
    np.testing.assert_array_equal(nn.hessian_vector(np.sum, x, u), np.zeros(3))
    with pytest.raises(ValueError, match=r"arrays of the shapes \[\(4,\)\], the arguments of \[\(3,\)\]"):
        nn.hessian_vector(np.sum, x, v)


class Pair(NamedTuple):
    """Arguments with names."""

    left: object
    right: object


STRUCTURES = {
    "an array alone": (np.sin, np.ones((2, 3))),
    "a tensor alone": (np.sin, nn.Tensor([1.0, 2.0], np.float32)),
    "two arrays": (lambda x, w: x * w, [np.ones(3), np.full(3, 2.0)]),
    "numbers and lists of them": (lambda x, w: x * w, (1.5, [1.0, 2.0])),
    "a nested list": (lambda rows: rows[0] * rows[1][0], [[np.ones(2), [np.ones(2)]]]),
    "a dict": (lambda p: p["x"] @ p["inner"]["w"], [{"x": np.ones((2, 3)), "inner": {"w": np.ones(3)}}]),
    "a named tuple": (lambda p: p.left * p.right, [Pair(np.ones(2), 3.0)]),
    "labels and options": (
        lambda x, labels, options: nn.softmax_cross_entropy(x, labels) * (2 if options["twice"] else 1),
        [np.ones((2, 3)), np.array([0, 2]), {"twice": True, "name": "x", "none": None, "empty": []}],
    ),
    "a matrix of text numbers": (lambda x: x @ x, [[[1.0, 2.0], [3.0, 4.0]]]),
}


@pytest.mark.parametrize(("function", "arguments"), STRUCTURES.values(), ids=STRUCTURES)
def test_arguments_may_be_nested_in_any_way(function, arguments):
    calls = []

    def counted(*args):
        calls.append(args)
        return function(*args)

    nn.check_gradient(counted, arguments)
    assert len(calls) == 3, "recorded, and a step to either side"
    with pytest.raises(AssertionError, match="left the record"):
        nn.check_gradient(lambda *args: np.sum(function(*args)) ** 2 * lost(function(*args)), arguments)


def lost(result):
    return np.sum(np.exp(np.asarray(result)))


def test_what_is_not_recorded_at_all_is_found():
    for function in (np.asarray, lambda x: np.asarray(x) * 2.0, lambda x: np.array([x, x])):
        with pytest.raises(AssertionError, match="left the record"):
            nn.check_gradient(function, np.ones(3))
    nn.check_gradient(lambda x: np.ones(2), np.ones(3))  # noqa: ARG005 - which has the gradient 0


def test_a_float32_network_of_ones_own_passes_and_its_faults_are_found():
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Dense(4, 5, "tanh", rng=rng), nn.Dense(5, 3, rng=rng))
    x = rng.standard_normal((6, 4)).astype(np.float32)
    nn.check_gradient(lambda x: np.sum(np.square(model(x))), x)
    with pytest.raises(AssertionError, match="left the record"):
        nn.check_gradient(lambda x: np.sum(model(x) * np.asarray(model(x))), x)


def test_a_wrong_rule_of_ones_own_is_found_and_a_right_one_passes():
    def cube(x):
        return x**3

    nn.check_gradient(nn.primitive(lambda g, y, x: g * 3 * x**2)(cube), np.ones(3))  # noqa: ARG005
    with pytest.raises(AssertionError, match=r"rule of nnlite.primitive"):
        nn.check_gradient(nn.primitive(lambda g, y, x: g * 2 * x**2)(cube), np.ones(3))  # noqa: ARG005


def test_what_is_refused_is_told_by_the_check_as_by_the_tape():
    with pytest.raises(TypeError, match="stop_gradient"):
        nn.check_gradient(lambda x: float(np.sum(x)), np.ones(3))


@pytest.mark.parametrize("arguments", [[], [1, 2], ["x"], [np.arange(3)], [{}]])
def test_without_floating_point_arguments_there_is_nothing_to_check(arguments):
    for derivative in (nn.check_gradient, nn.jacobian):
        with pytest.raises(TypeError, match="no floating-point array among the arguments"):
            derivative(lambda *args: args, arguments)


def test_a_function_of_integers_is_refused():
    with pytest.raises(TypeError, match="int64, not floating-point numbers"):
        nn.check_gradient(np.argmax, np.ones(3))
    with pytest.raises(TypeError, match="returned NoneType of object"):
        nn.check_gradient(lambda x: None, np.ones(3))  # noqa: ARG005
