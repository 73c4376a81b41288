"""Every rule and every composition, on every case of the table: against differences, and against another engine."""

import functools

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from nnlite.autodiff import GradientTape, Tensor, prove_gradient
from nnlite.autodiff.check import gradient_of
from nnlite.autodiff.rule import COMPOSED, RULES, name_of
from nnlite.autodiff.tensor import plain


def test_every_function_that_can_be_differentiated_has_a_case(cases):
    missing = set(map(name_of, {*RULES, *COMPOSED} - NO_GRADIENT)) - {name_of(case.of) for case in cases}
    own = ("np.", "nnlite.", "_operator.", "scipy.")  # tests have their own beside them
    assert not {name for name in missing if name.startswith(own)}


# New arrays of given form, whose contents depend on nothing.
NO_GRADIENT = {np.zeros_like, np.ones_like, np.empty_like, np._core.umath._ones_like}


def test_first_and_second_derivatives_agree_with_central_differences(case):
    if case.of not in NO_GRADIENT:
        prove_gradient(case, *case.inputs, order=2)


def test_a_result_on_the_record_is_numpys(case):
    expected = plain(case(*case.inputs))
    with GradientTape():
        actual = case(*map(Tensor, case.inputs))
    assert isinstance(actual, Tensor)
    assert actual.dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(plain(actual), expected, rtol=1e-12, atol=1e-14)


def test_float32_stays_float32_in_results_and_gradients(case):  # row 11 of the engine's pitfalls
    if case.of is np.float_power or case.of is np.astype or case.of in NO_GRADIENT:
        return  # which are float64 by definition
    inputs = [Tensor(each, np.float32) for each in case.inputs]
    with GradientTape() as tape:
        result = case(*inputs)
        total = np.sum(result)
    expected = case(*(each.astype(np.float32) for each in case.inputs))
    assert result.dtype == expected.dtype
    exact = gradient_of(lambda *tensors: np.sum(case(*tensors)), *case.inputs)
    for gradient, reference in zip(tape.gradient(total, inputs, unconnected_zero=True), exact, strict=True):
        assert gradient.dtype == np.float32
        np.testing.assert_allclose(plain(gradient), plain(reference), rtol=2e-4, atol=2e-5)


def autograds(case, independent):
    """The function of autograd that has the name of the case's, or None."""
    if case.of in independent:
        return functools.partial(independent[case.of], anp)
    found = None if isinstance(case.of, tuple) else anp
    for name in name_of(case.of).split(".")[1:]:
        found = getattr(found, name, None)
    return found


def by_autograd(case, independent, weights, directions):
    """First derivatives, and those of their sum along `directions`; None where autograd has no rule for it."""
    function, every = autograds(case, independent), tuple(range(len(case.inputs)))
    if function is None or not every or case.kwargs.keys() & {"where", "initial"}:  # which it passes over
        return None

    def total(*inputs):
        return anp.sum(case(*inputs, function=function) * weights)

    def along(*inputs):
        gradients = autograd.grad(total, every)(*inputs)
        return sum(anp.sum(gradient * direction) for gradient, direction in zip(gradients, directions, strict=True))

    try:
        return autograd.grad(total, every)(*case.inputs), autograd.grad(along, every)(*case.inputs)
    except (NotImplementedError, KeyError, TypeError, ValueError, AssertionError):
        return None


def by_engine(case, weights, directions):
    def total(*inputs):
        return np.sum(case(*inputs) * weights)

    def along(*inputs):
        gradients = gradient_of(total, *inputs)
        return sum(np.sum(gradient * direction) for gradient, direction in zip(gradients, directions, strict=True))

    return gradient_of(total, *case.inputs), gradient_of(along, *case.inputs)


# Calls on which autograd 1.9 is itself wrong, as central differences show.
AUTOGRAD_ERRS = {
    "np.ravel(f[4,3], A)",  # takes the order from the gradient
    "np.reshape(f[4,3], [2, -1], A)",
    "np.split(f[4,6], 2)",  # sums the gradients of the pieces
    "np.hsplit(f[4,6], 3)",
    "np.vsplit(f[4,6], 2)",
    "np.var(f[3,4], correction=1)",  # knows ddof alone
    "np.std(f[3,4], correction=1)",
    "np.prod(f[3])",  # divides by zeros
    "np.prod(f[], axis=0)",
    "np.prod(f[2,3], axis=1)",
    "np.prod(f[2,2,2], axis=[0, -1], keepdims=True)",
    "np.linalg.norm(f[3,4], inf, 1)",
    "np.linalg.norm(f[4], inf)",
    "np.linalg.norm(f[3,4], inf, 0, keepdims=True)",
    "np.linalg.slogdet(f[2,3,3])",  # returns no tuple
    "np.full_like(f[2,3], f[])",  # takes the value for a constant
}


@pytest.mark.filterwarnings("ignore:Output seems independent of input")
def test_first_and_second_derivatives_agree_with_autograd(case, independent):
    if str(case) in AUTOGRAD_ERRS:
        return
    rng = np.random.default_rng(1)
    weights = rng.standard_normal(np.shape(plain(case(*case.inputs))))
    directions = [rng.standard_normal(np.shape(each)) for each in case.inputs]
    theirs = by_autograd(case, independent, weights, directions)
    if theirs is None:
        return  # autograd has no rule for this call; the next test counts how many it has one for
    for mine, their in zip(by_engine(case, weights, directions), theirs, strict=True):
        for a, b in zip(mine, their, strict=True):
            np.testing.assert_allclose(plain(a), b, rtol=1e-9, atol=1e-9)


@pytest.mark.filterwarnings("ignore:Output seems independent of input")
def test_autograd_has_confirmed_most_of_the_table(cases, independent):
    confirmed = set()
    for case in cases:
        if case.of not in confirmed and str(case) not in AUTOGRAD_ERRS:
            weights = np.ones(np.shape(plain(case(*case.inputs))))
            directions = [np.ones(np.shape(each)) for each in case.inputs]
            if by_autograd(case, independent, weights, directions) is not None:
                confirmed.add(case.of)
    assert len(confirmed) > 100
