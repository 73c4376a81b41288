"""Every function in the ways that NumPy lets it be called: arrays in lists, in any memory layout, in strange shapes."""

import collections
import contextlib
import functools
import itertools
import warnings

import numpy as np
import pytest

import nnlite.autodiff as ad
from nnlite.autodiff import GradientTape, Tensor
from nnlite.autodiff.functional import check_gradient
from nnlite.autodiff.rule import COMPOSED, RULES, name_of
from nnlite.autodiff.tensor import plain

RNG = np.random.default_rng(3)
UNHEARD = (np.block, np.full_like, np.zeros_like, np.ones_like, np.empty_like, np._core.umath._ones_like)


def gradients_of(call, tensors):
    """The value of a call, and the gradients of its weighted sum."""
    with GradientTape() as tape:
        y = call(*tensors)
        total = np.sum(y * np.cos(np.arange(np.size(y))).reshape(np.shape(y)))
    return plain(y), [plain(each) for each in tape.gradient(total, tensors, unconnected_zero=True)]


def nested(tensor, container, depth):
    """The tensor as a sequence of the tensors that are its parts."""
    if depth == 0 or tensor.ndim == 0:
        return tensor
    return container(nested(tensor[k], container, depth - 1) for k in range(len(tensor)))


class Named(tuple):
    """A tuple of a type of its own, as those with names are."""

    __slots__ = ()


CONTAINERS = [(list, 1), (tuple, 9), (collections.deque, 1), (collections.UserList, 2), (Named, 1)]


@pytest.mark.parametrize(("container", "depth"), CONTAINERS)
def test_tensors_inside_sequences_are_followed_wherever_an_array_may_stand(case, container, depth):
    of_ours = name_of(case.of).startswith("nnlite")
    for position, x in enumerate(case.inputs):
        alone = len(case.inputs) == 1 and not of_ours  # NumPy tells nobody of it
        if alone or np.ndim(x) == 0 or 0 in np.shape(x) or case.of in UNHEARD:
            continue

        def call(*tensors, position=position):
            return case(*tensors[:position], nested(tensors[position], container, depth), *tensors[position + 1 :])

        try:
            expected_value = np.asarray(call(*case.inputs))
        except (TypeError, AttributeError):
            continue  # not for NumPy either
        tensors = [Tensor(each) for each in case.inputs]
        value, gradients = gradients_of(call, tensors)
        _, expected = gradients_of(case, tensors)
        np.testing.assert_allclose(value, expected_value, rtol=1e-12, atol=1e-14)
        for mine, direct in zip(gradients, expected, strict=True):
            np.testing.assert_allclose(mine, direct, rtol=1e-9, atol=1e-12)


LISTS = {
    "append": lambda x: np.append(x, [x[0]]),
    "append of rows": lambda x: np.append(x[None], [[x[1], x[2], x[0]]], 0),
    "outer": lambda x: np.outer([x[0], x[1]], x),
    "concatenate with one list": lambda x: np.concatenate([x, [x[0], 2.0], (x[1],)]),
    "a product": lambda x: x * [x[2], 1.0, x[0]],
    "where": lambda x: np.where([True, False, True], [x[1], 0.0, x[1]], x),
    "weights": lambda x: np.average(x, weights=[x[0], 1.0, x[1]]),
    "block": lambda x: np.block([[x, x[:1]], [np.ones(3), x[1:2]]]),
    "select": lambda x: np.select([x > 2.0, x < 0.0], [[x[0], x[0], x[0]], x], [x[1], x[1], 1.0]),
}


@pytest.mark.parametrize("call", LISTS.values(), ids=LISTS)
def test_each_tensor_in_a_list_has_its_share_of_the_gradient(call):
    x, direction = np.array([1.137, 2.137, 3.137]), np.array([0.3, -1.0, 0.7])

    def whole(t):
        return np.sum(call(t)) * np.sum(t)

    value, (gradient,) = gradients_of(whole, [Tensor(x)])
    assert float(value) == pytest.approx(float(whole(x)), rel=1e-13)
    slope = (whole(x + 1e-6 * direction) - whole(x - 1e-6 * direction)) / 2e-6
    assert gradient @ direction == pytest.approx(slope, rel=1e-7)


LAYOUTS = {
    "by columns": np.asfortranarray,
    "every other": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "every other row by columns": lambda a: np.asfortranarray(np.repeat(a, 2, axis=0))[::2],
    "turned round": lambda a: np.ascontiguousarray(a[..., ::-1])[..., ::-1],
    "backwards": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "transposed": lambda a: np.ascontiguousarray(a.T).T,
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_the_memory_layout_of_an_array_does_not_matter(layout, one_case_each):
    for case in one_case_each:
        laid = [layout(x).view(Tensor) if np.ndim(x) else Tensor(x) for x in case.inputs]
        if any(np.size(x) == 0 for x in case.inputs) or (isinstance(case.args[-1], str) and case.args[-1] in "AK"):
            continue
        value, gradients = gradients_of(case, laid)
        expected, direct = gradients_of(case, [Tensor(x) for x in case.inputs])
        np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-13, err_msg=str(case))
        for a, b in zip(gradients, direct, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12, err_msg=str(case))


READERS = {
    "ravel": np.ravel,
    "x.ravel": lambda x, order: x.ravel(order),
    "x.flatten": lambda x, order: x.flatten(order),
    "x.copy and ravel": lambda x, order: x.copy(order).ravel("K"),
    "reshape": lambda x, order: np.reshape(x, (-1,), "A" if order == "K" else order),
    "reshape to rows": lambda x, order: np.reshape(x, (2, -1), "A" if order == "K" else order),
}


@pytest.mark.parametrize("order", "CFAK")
@pytest.mark.parametrize("layout", [lambda a: a, *LAYOUTS.values()], ids=["as it is", *LAYOUTS])
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_the_order_of_reading_is_numpys_for_each_layout(read, layout, order):
    for shape in ((4, 2), (2, 1, 4), (8,), (2, 2, 2)):
        places = layout(np.arange(8.0).reshape(shape))
        x = places.view(Tensor)
        with GradientTape() as tape:
            y = read(x, order)
            total = np.sum(y * (10.0 ** np.arange(8)).reshape(y.shape))
        np.testing.assert_array_equal(plain(y), read(places, order))
        expected = np.zeros(8)
        expected[read(places, order).astype(int).ravel()] = 10.0 ** np.arange(8)
        np.testing.assert_array_equal(tape.gradient(total, [x])[0].ravel(), expected[places.astype(int)].ravel())


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (2, 1, 3), (2, 2, 2)])
@pytest.mark.parametrize("stretched", [0, 1, -1])
def test_stretched_arrays_are_read_as_numpy_reads_them(shape, stretched):
    """Elements that share memory are told apart by NumPy's own iterator."""
    one = [1 if axis == stretched % len(shape) else length for axis, length in enumerate(shape)]
    for base in (RNG.random(one), np.asfortranarray(RNG.random(one))):
        array = np.broadcast_to(base, shape)
        places = np.nditer(array, ["c_index"], order="K")
        order = [places.index for _ in places]
        x = array.view(Tensor)
        with GradientTape() as tape:
            y = np.ravel(x, "K")
            total = np.sum(y * np.arange(y.size))
        np.testing.assert_array_equal(plain(y), np.ravel(array, "K"))
        np.testing.assert_array_equal(tape.gradient(total, [x])[0].ravel()[order], np.arange(y.size))


def agree_in_value(call, points):
    """Assert that a call has NumPy's value on the record, is refused as NumPy refuses it, or has no rule."""
    refusal = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = np.asarray(call(*points))
        except Exception as error:  # noqa: BLE001 - whatever NumPy raises
            refusal = error
        with GradientTape():
            try:
                value = plain(call(*map(Tensor, points)))
            except Exception as error:  # noqa: BLE001
                mine = error
            else:
                mine = None
    if mine is not None:
        wanted = type(mine) is type(refusal) if refusal is not None else "derivative" in str(mine)
        assert wanted, f"{mine!r}, NumPy: {refusal!r}"
        return
    assert refusal is None, f"NumPy raises {refusal!r}"
    if expected.dtype.kind in "OUS":
        np.testing.assert_array_equal(value, expected)
    else:
        np.testing.assert_allclose(value, expected, rtol=1e-10, atol=1e-12)


AXES = [0, -1, np.int64(0), (0,), (1,), [1], (0, 1), (1, 0), [0, 1], (0, 0), 1.0, None, 99, "x", ()]


def test_the_axes_that_numpy_takes_are_taken_and_no_others(one_case_each):
    """In each form in which a program might give them."""
    wrong = []
    for case in one_case_each:
        names = parameters_of(case.of) & {"axis", "axisa", "axisb", "axisc", "axes", "axis1", "axis2", "source", "ord"}
        for name, axis in itertools.product(names, AXES):
            try:
                agree_in_value(functools.partial(case.given, name, axis), case.inputs)
            except AssertionError as error:
                wrong.append(f"{case} with {name}={axis!r}: {' '.join(str(error).split())[:200]}")
    assert not wrong


ODD = [-1, 0, 1, 2, 99, 1.5, None, "x", "full", [1], (0, 1), ()]


@pytest.mark.filterwarnings("ignore")
def test_the_options_that_numpy_takes_are_taken_and_no_others(cases):
    """What stands beside the arrays in a call, replaced by whatever a program might give there by mistake."""
    wrong, tried = [], set()
    for case in cases:
        beside = [k for k, each in enumerate(case.args) if not isinstance(each, np.ndarray | slice)]
        names = [name for name, each in case.kwargs.items() if not isinstance(each, np.ndarray)]
        for place, odd in itertools.product([*beside, *names], ODD):
            if not name_of(case.of).startswith("np.") or (case.of, place, str(odd)) in tried or not case.inputs:
                continue
            tried.add((case.of, place, str(odd)))
            try:
                agree_in_value(functools.partial(case.given, place, odd), case.inputs)
            except AssertionError as error:
                wrong.append(f"{case} with {odd!r} for {place}: {' '.join(str(error).split())[:150]}")
    assert not wrong


def parameters_of(function):
    if function in RULES:
        return RULES[function].keywords
    return set(COMPOSED[function].signature.parameters) if function in COMPOSED else set()


def numbers_in(arguments):
    """Where among arguments a number, or a list of numbers, stands."""
    for place, value in arguments:
        listed = value if isinstance(value, list | tuple) else [value]
        if listed and all(isinstance(each, int | float) and not isinstance(each, bool) for each in listed):
            yield place


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_tensor_where_a_number_stands_is_followed_or_refused(case):
    """In each argument and each option beside the arrays: a quantile, a weight, an order, a bound."""
    for place in [*numbers_in(enumerate(case.args)), *numbers_in(case.kwargs.items())]:

        def call(value, *inputs, place=place):
            return np.sum(case.given(place, value, *inputs)) * np.sum(value)

        given = case.args[place] if isinstance(place, int) else case.kwargs[place]
        refusals = (TypeError, ValueError, IndexError, OverflowError)
        try:
            nearby = call(np.array(given, float) + 1e-9, *case.inputs)
        except refusals:
            continue  # not for NumPy either
        if not case.inputs or np.isnan(nearby):
            continue
        with contextlib.suppress(*refusals):
            check_gradient(call, [np.array(given, float), *case.inputs], tolerance=1e-5)


WEIGHT_SHAPES = [(), (2,), (3,), (4,), (2, 3), (3, 2), (4, 2), (2, 4), (2, 3, 4), (4, 3, 2), (1, 3), (2, 3, 1)]


@pytest.mark.parametrize("axis", [None, 0, -1, (2, 0), (-1, 0), (1, -3), (2, 1, 0), (0, 0), 3, (0, 2)], ids=str)
@pytest.mark.parametrize("shape", WEIGHT_SHAPES, ids=str)
def test_an_average_takes_the_weights_that_numpy_takes(shape, axis):
    agree_in_value(lambda a, w: np.average(a, axis, w), [RNG.random((2, 3, 4)), RNG.random(shape)])


STRANGE = [(), (0,), (1,), (5,), (2, 7), (3, 3), (3, 3, 3), (0, 3), (1, 2, 3, 1)]


def test_what_numpy_refuses_is_refused_and_what_it_takes_has_its_value(one_case_each):
    """Each array of each call, in shapes that it was not made for."""
    wrong = []
    for case in one_case_each:
        if not name_of(case.of).startswith(("np.", "scipy.")):
            continue
        for position, shape in itertools.product(range(len(case.inputs)), STRANGE):
            points = [np.asarray(x) for x in case.inputs]
            points[position] = RNG.uniform(0.2, 0.9, shape)
            try:
                agree_in_value(case, points)
            except AssertionError as error:
                wrong.append(f"{case} with {shape} for array {position}: {' '.join(str(error).split())[:200]}")
    assert not wrong


SENSELESS = {
    "labels of another length": lambda x: ad.softmax_cross_entropy(x, np.array([0])),
    "a negative label": lambda x: ad.softmax_cross_entropy(x, np.array([0, -1])),
    "no triangle": lambda x: np.linalg.eigvalsh(x[:, :2], "X"),
    "tuples in a block": lambda x: np.block([x, (x, x)]),
    "weights that sum to zero": lambda x: np.average(x, 1, [1.0, 0.0, -1.0]),
    "a bound given twice": lambda x: np.clip(x, 0.0, 1.0, min=0.0),
    "a copy by name": lambda x: np.nan_to_num(x, "no"),
    "a word for infinity": lambda x: np.nan_to_num(x, posinf="no"),
    "conditions that are numbers": lambda x: np.select([np.ones((2, 3))], [x]),
    "a power of what is not square": lambda x: np.linalg.matrix_power(x, 2),
    "a negative count": lambda x: np.linspace(x, 1.0, -1),
    "a block of mixed depth": lambda x: np.block([[x], x]),
    "a norm of no order": lambda x: np.linalg.norm(x, 3),
    "a norm over three axes": lambda x: np.linalg.norm(x[None], None, (0, 1, 2)),
    "a norm over a list of axes": lambda x: np.linalg.norm(x, None, [0, 1]),
    "running sums of a matrix": lambda x: np.cumulative_sum(x),  # noqa: PLW0108 - NumPy itself would be asked
    "a difference of negative order": lambda x: np.diff(x, -1),
    "coordinates of another length": lambda x: np.gradient(x, np.arange(5.0), axis=0),
    "slopes of a single row": lambda x: np.gradient(x[:1], axis=0),
    "three steps for two axes": lambda x: np.gradient(x, 1.0, 2.0, 3.0),
    "a quantile above 1": lambda x: np.quantile(x, 1.5),
    "a covariance in three dimensions": lambda x: np.cov(x[None]),
    "weights of other observations": lambda x: np.cov(x, aweights=[1.0]),
    "negative places": lambda x: np.bincount([-1, 0, 1], x[0]),
    "places that are no whole numbers": lambda x: np.bincount(np.ones(3), x[0]),
}


@pytest.mark.parametrize("call", SENSELESS.values(), ids=SENSELESS)
def test_what_makes_no_sense_is_refused_as_it_is_off_the_record(call):
    x = np.array([[1.0, 2.0, 3.0], [2.0, 3.0, 5.0]])
    with pytest.raises(Exception) as refusal:  # noqa: PT011 - NumPy's own is the measure
        call(x)
    with GradientTape(), pytest.raises(type(refusal.value)):
        call(Tensor(x))


def test_what_changes_in_steps_is_constant():
    x = Tensor([[1.0, 0.0, 3.0], [2.0, 3.0, 5.0]])
    with GradientTape() as tape:
        assert np.linalg.norm(x, 0, 1).tolist() == [2.0, 3.0]
        assert np.linalg.matrix_power(x[:, 1:] * 1.0, 5).shape == (2, 2)
    assert len(tape._nodes) > 1


@pytest.mark.parametrize("n", [4, 5, 8])
def test_a_matrix_is_raised_by_squaring(n):
    x = np.array([[0.5, 1.0], [-0.3, 0.8]])
    mine = gradients_of(lambda a: np.linalg.matrix_power(a, n), [Tensor(x)])[1][0]
    step = 1e-6 * np.ones((2, 2))
    weights = np.cos(np.arange(4)).reshape(2, 2)
    up, down = np.linalg.matrix_power(x + step, n), np.linalg.matrix_power(x - step, n)
    assert np.sum(mine) == pytest.approx(np.sum((up - down) * weights) / 2e-6, rel=1e-6)


def test_a_correlation_of_one_variable_is_one():
    with GradientTape():
        assert float(plain(np.corrcoef(Tensor([1.0, 2.0, 4.0])))) == 1.0
