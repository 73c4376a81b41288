"""The checker is itself checked: what is wrong by a thousandth, or of another shape, does not pass."""

# ruff: noqa: ARG005, PLW0108 - a rule takes all of its primitive's arguments

import numpy as np
import pytest

from nnlite.autodiff import primitive, prove_gradient
from nnlite.autodiff.accumulation import computed
from nnlite.autodiff.rule import RULES, Rule


def cube_with(*products):
    return primitive(*products)(lambda x: x**3)


def test_a_right_rule_passes_up_to_the_third_order():
    prove_gradient(cube_with(lambda g, y, x: g * 3.0 * x**2), [[1.0, -2.0], [0.5, 3.0]], order=3)


WRONG = {
    "by a thousandth": lambda g, y, x: g * 3.003 * x**2,
    "by a missing term": lambda g, y, x: g * (3.0 * x**2 - x),
    "in one element": lambda g, y, x: g * 3.0 * x**2 * np.array([1.0, 1.001, 1.0]),
    "by its sign": lambda g, y, x: g * -3.0 * x**2,
    "by the incoming gradient": lambda g, y, x: 3.0 * x**2,
    "by its dtype": lambda g, y, x: np.astype(g * 3.0 * x**2, np.int64),
    "by its precision": lambda g, y, x: np.astype(g * 3.0 * x**2, np.float16),
}


@pytest.mark.parametrize("product", WRONG.values(), ids=WRONG)
def test_a_rule_that_is_wrong_is_found_out(product):
    with pytest.raises(AssertionError, match="central differences"):
        prove_gradient(cube_with(product), [1.1, -2.0, 0.5])


@pytest.mark.parametrize("reshape", [lambda g: g[:2], lambda g: np.reshape(g, (3, 1)), lambda g: np.sum(g)])
def test_a_rule_of_the_wrong_shape_is_found_out_by_name(reshape):
    cube = cube_with(lambda g, y, x: reshape(g * 3.0 * x**2))
    with pytest.raises(ValueError, match=r"the rule of <lambda> gives an argument of shape \(3,\) a gradient of"):
        prove_gradient(cube, [1.1, -2.0, 0.5])


def test_a_matrix_that_is_transposed_is_found_out_by_shape():
    double = primitive(lambda g, y, x: 2.0 * np.transpose(g))(lambda x: 2.0 * x)
    with pytest.raises(ValueError, match=r"shape \(2, 3\) a gradient of \(3, 2\)"):
        prove_gradient(double, np.ones((2, 3)))


def test_a_rule_that_is_right_but_not_differentiable_is_found_out_at_the_second_order():
    cube = cube_with(lambda g, y, x: g * 3.0 * np.asarray(x) ** 2)
    prove_gradient(cube, [1.1, -2.0])
    with pytest.raises(AssertionError, match="central differences"):
        prove_gradient(cube, [1.1, -2.0], order=2)


def test_a_wrong_second_argument_is_found_out():
    times = primitive(lambda g, y, a, b: g * b, lambda g, y, a, b: g)(lambda a, b: a * b)
    with pytest.raises(AssertionError, match="central differences"):
        prove_gradient(times, [2.0, 3.0], [4.0, 5.0])


def test_the_directions_can_be_drawn_anew_and_the_tolerance_chosen():
    nearly = cube_with(lambda g, y, x: g * 3.003 * x**2)
    prove_gradient(nearly, [1.1, -2.0], tolerance=0.01, rng=np.random.default_rng(3))


def test_each_product_of_each_rule_is_found_out_if_it_is_wrong_by_a_thousandth(product_of_rule, cases, monkeypatch):
    key, place = product_of_rule
    right = Rule.gradient

    def wrong(rule, position):
        its = right(rule, position)
        off = rule is RULES[key] and (position == place or rule.variadic)
        return (lambda *args, **kwargs: computed(its(*args, **kwargs)) * 1.001) if off else its

    monkeypatch.setattr(Rule, "gradient", wrong)
    with pytest.raises(AssertionError, match="central differences"):  # noqa: PT012
        for case in cases:
            if case.of == key:
                prove_gradient(case, *case.inputs)
