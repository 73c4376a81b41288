"""At a kink the engine's derivative is a convention; these are all of them (row 12 of the pitfalls)."""

import numpy as np
import pytest

import nnlite.autodiff as ad
from nnlite.autodiff import GradientTape, Tensor
from nnlite.autodiff.check import gradient_of

INF, NAN = np.inf, np.nan
HALVES = [0.5, 0.5]
CONVENTIONS = {
    "where two are equal, maximum gives each half": (np.maximum, [1.0, 1.0], HALVES),
    "and minimum": (np.minimum, [1.0, 1.0], HALVES),
    "also where both are infinite": (np.maximum, [INF, INF], HALVES),
    "maximum gives all to NaN, as NumPy does": (np.maximum, [NAN, 1.0], [1.0, 0.0]),
    "and minimum gives all to NaN": (np.minimum, [1.0, NAN], [0.0, 1.0]),
    "fmax passes NaN over": (np.fmax, [NAN, 1.0], [0.0, 1.0]),
    "fmin passes NaN over": (np.fmin, [1.0, NAN], [1.0, 0.0]),
    "fmax halves": (np.fmax, [1.0, 1.0], HALVES),
    "|x| has 0 at 0": (np.abs, [0.0], [0.0]),
    "fabs too": (np.fabs, [0.0], [0.0]),
    "relu has 0 at 0": (ad.relu, [0.0], [0.0]),
    "leaky relu has its slope at 0": (ad.leaky_relu, [0.0], [0.2]),
    "clip halves at its bounds": (lambda x: np.clip(x, 0.0, 1.0), [0.0, 1.0, 0.3, 2.0], [0.5, 0.5, 1.0, 0.0]),
    "copysign has 0 at 0": (lambda x: np.copysign(x, -1.0), [0.0, 2.0], [0.0, -1.0]),
    "hypot has 0 at the origin": (np.hypot, [0.0, 0.0], [0.0, 0.0]),
    "the norm has 0 at the origin": (np.linalg.norm, [[0.0, 0.0]], [[0.0, 0.0]]),
    "the spread of equal numbers has 0": (np.std, [[2.0, 2.0]], [[0.0, 0.0]]),
    "tied maxima share": (np.max, [[3.0, 1.0, 3.0]], [[0.5, 0.0, 0.5]]),
    "tied minima share": (np.min, [[3.0, 1.0, 1.0]], [[0.0, 0.5, 0.5]]),
    "the maximum is NaN where there is one": (np.max, [[3.0, NAN, 1.0]], [[0.0, 1.0, 0.0]]),
    "running maxima are NaN from there on": (np.maximum.accumulate, [[3.0, NAN, 5.0]], [[1.0, 2.0, 0.0]]),
    "of equal running maxima it is the last": (np.maximum.accumulate, [[2.0, 2.0, 1.0]], [[1.0, 2.0, 0.0]]),
    "sorting leaves equal elements in order": (lambda x: np.sort(x, kind="stable")[:1], [[1.0, 1.0]], [[1.0, 0.0]]),
    "0^0 has 0 in the base": (lambda x: x**0, [0.0], [0.0]),
    "0^1 has 1": (lambda x: np.power(x, 1), [0.0], [1.0]),
    "0^2 has 0": (lambda x: np.power(x, 2), [0.0], [0.0]),
    "a power of 0 has 0 in the exponent": (lambda x: np.power(0.0, x), [2.0], [0.0]),
    "the remainder at a jump has 1": (lambda x: np.remainder(x, 2.0), [4.0], [1.0]),
    "sinc is flat at 0": (np.sinc, [0.0], [0.0]),
}


@pytest.mark.parametrize(("function", "points", "expected"), CONVENTIONS.values(), ids=CONVENTIONS)
def test_convention(function, points, expected):
    if (points and isinstance(points[0], list)) or function in (np.maximum, np.minimum, np.fmax, np.fmin, np.hypot):
        gradients = gradient_of(lambda *x: np.sum(function(*x)), *map(np.array, points))
    else:
        gradients = gradient_of(lambda x: np.sum(function(x)), np.array(points))[0]
    np.testing.assert_array_equal([np.asarray(each) for each in gradients], expected)


@pytest.mark.parametrize("running", [np.maximum.accumulate, np.minimum.accumulate])
def test_a_running_extreme_on_the_record_is_numpys_also_from_a_nan_on(running):
    x = np.array([3.0, NAN, 5.0, 1.0])
    with GradientTape():
        y = running(Tensor(x))
    np.testing.assert_array_equal(y, running(x))


def test_the_root_is_infinitely_steep_at_0():
    with np.errstate(divide="ignore"):
        assert gradient_of(np.sqrt, np.array(0.0))[0] == INF
        assert gradient_of(np.cbrt, np.array(0.0))[0] == INF


def test_a_negative_base_has_no_derivative_in_the_exponent():
    with pytest.warns(RuntimeWarning, match="invalid value encountered in log"):
        assert np.isnan(gradient_of(lambda b: np.power(-2.0, b), np.array(2.0))[0])
    assert gradient_of(lambda a: np.power(a, 2.0), np.array(-2.0))[0] == -4.0


def test_where_keeps_the_other_branchs_nan_out():
    x = np.array([0.0, 4.0])
    safe = lambda t: np.sum(np.where(t > 0, np.sqrt(np.where(t > 0, t, 1.0)), 0.0))  # noqa: E731
    assert gradient_of(safe, x)[0].tolist() == [0.0, 0.25]


def test_a_product_with_zeros_has_the_product_of_the_others():
    assert gradient_of(np.prod, np.array([2.0, 0.0, 3.0]))[0].tolist() == [0.0, 6.0, 0.0]
    assert gradient_of(np.prod, np.array([2.0, 0.0, 0.0]))[0].tolist() == [0.0, 0.0, 0.0]


def test_nothing_overflows_where_the_answer_is_finite():
    x = np.array([-1e3, 0.0, 1e3])
    assert gradient_of(lambda t: np.sum(ad.sigmoid(t)), x)[0].tolist() == [0.0, 0.25, 0.0]
    assert gradient_of(lambda t: np.sum(ad.softplus(t)), x)[0].tolist() == [0.0, 0.5, 1.0]
    assert gradient_of(ad.log_sum_exp, x)[0].tolist() == [0.0, 0.0, 1.0]
    assert gradient_of(lambda t: np.sum(ad.log_softmax(t)), x)[0].tolist() == [1.0, 1.0, -2.0]
    assert float(ad.log_sum_exp(np.array([-INF, 0.0]))) == 0.0
    logits, labels = np.array([[1e3, -1e3]]), np.array([1])
    assert float(ad.softmax_cross_entropy(Tensor(logits), labels)) == 2e3
    assert gradient_of(lambda t: ad.softmax_cross_entropy(t, labels), logits)[0].tolist() == [[1.0, -1.0]]
    assert gradient_of(lambda t: ad.sigmoid_cross_entropy(t, 1.0), np.array([-1e3, 1e3]))[0].tolist() == [-0.5, 0.0]


@pytest.mark.parametrize("x", [0.0, 1e-9, 0.1, 0.2999, 0.3001, 1.0, 2.5])
def test_sinc_has_its_derivatives_everywhere(x):
    def derivative(order):
        if order == 0:
            return np.sinc
        return lambda t: np.sum(gradient_of(derivative(order - 1), t)[0])

    # By its integral, sinc(x) = int_0^1 cos(pi x s) ds, differentiated under the sign.
    nodes, weights = np.polynomial.legendre.leggauss(40)
    s, weights = (nodes + 1) / 2, weights / 2
    first = np.sum(weights * -np.pi * s * np.sin(np.pi * x * s))
    second = np.sum(weights * -((np.pi * s) ** 2) * np.cos(np.pi * x * s))
    assert float(derivative(1)(Tensor(x))) == pytest.approx(first, rel=1e-12, abs=1e-14)
    assert float(derivative(2)(Tensor(x))) == pytest.approx(second, rel=1e-11)


@pytest.mark.parametrize("slope", [-0.1, 1.1, float("nan")])
def test_a_leaky_relu_leaks_between_nothing_and_everything(slope):
    with pytest.raises(ValueError, match="not a number from 0 to 1"):
        ad.leaky_relu(np.ones(2), slope)
