"""Every function and method of NumPy is accounted for: differentiated, constant, or refused with a message."""

import numpy as np
import numpy.fft
import numpy.lib.recfunctions
import numpy.strings  # what has not been imported, NumPy does not list
import pytest
from numpy.testing.overrides import get_overridable_numpy_array_functions, get_overridable_numpy_ufuncs

from nnlite.autodiff import GradientTape, Tensor, primitive, sigmoid, softmax_cross_entropy
from nnlite.autodiff.methods import LEAVING
from nnlite.autodiff.rule import COMPOSED, CONSTANT, RULES, STEP, WRITERS, name_of
from nnlite.habits import TENSOR

FUNCTIONS = sorted(get_overridable_numpy_array_functions() | get_overridable_numpy_ufuncs(), key=name_of)

# What nobody has needed yet, or has no derivative that could be told in a few lines.
REFUSED_NAMES = """
    apply_along_axis apply_over_axes piecewise fromfunction
    array asarray asanyarray ascontiguousarray asfortranarray require fromiter frombuffer fromfile fromstring
    empty eye full identity ones tri zeros arange geomspace genfromtxt loadtxt
    histogram histogram2d histogramdd histogram_bin_edges
    choose trim_zeros real_if_close i0
    in1d intersect1d setdiff1d setxor1d union1d unique unique_all unique_counts unique_inverse unique_values
    sort_complex poly polyadd polyder polydiv polyfit polyint polymul polysub roots
    busday_count busday_offset is_busday datetime_as_string
    linalg.cond linalg.eig linalg.eigvals linalg.tensorinv linalg.tensorsolve
    frexp nextafter spacing
    count endswith find index isalnum isalpha isdecimal isdigit islower isnumeric isspace istitle isupper
    rfind rindex startswith str_len
"""
REFUSED = set(REFUSED_NAMES.split())
REFUSED_MODULES = (
    "np.lib._scimath_impl.",
    "np.lib.recfunctions.",
    "np.lib.scimath.",
    "np._core._multiarray_umath.",
    "np.strings.",
    "np.fft.",
    "np.char.",
    "np.polynomial.",
)


def refused(function):
    name = name_of(function)
    short = name.removeprefix("np.")
    return short in REFUSED or (short.startswith("_") and function not in COMPOSED) or name.startswith(REFUSED_MODULES)


@pytest.mark.parametrize("function", FUNCTIONS, ids=name_of)
def test_each_function_of_numpy_has_a_rule_or_is_composed_or_constant_or_a_writer_or_refused(function):
    places = [function in RULES, function in COMPOSED, function in CONSTANT, function in WRITERS, refused(function)]
    assert places.count(True) == 1


@pytest.mark.parametrize("function", [each for each in FUNCTIONS if refused(each)], ids=name_of)
def test_what_is_refused_says_so_and_names_the_way_out(function):
    x = Tensor([1.0])
    way_in = x.__array_ufunc__ if isinstance(function, np.ufunc) else x.__array_function__
    arguments = ("__call__", x) if isinstance(function, np.ufunc) else ((Tensor,), (x,), {})
    with GradientTape(), pytest.raises(TypeError, match=r"has no derivative rule.*stop_gradient"):
        way_in(function, *arguments)


@pytest.mark.parametrize("method", ["reduce", "accumulate", "reduceat", "outer"])
@pytest.mark.parametrize("ufunc", [np.hypot, np.add, np.maximum, np.logaddexp, np.frexp], ids=name_of)
def test_each_method_of_a_ufunc_is_recorded_or_refused(ufunc, method):
    x = Tensor([1.0, 2.0, 3.0])
    recorded = (ufunc, method) in COMPOSED or (method == "outer" and ufunc in RULES)
    arguments = {"reduceat": ([0, 1],), "outer": (x,)}.get(method, ())
    with GradientTape() as tape:
        if not recorded:
            with pytest.raises(TypeError, match="has no derivative rule"):
                x.__array_ufunc__(ufunc, method, x, *arguments)
            return
        y = np.sum(getattr(ufunc, method)(x, *arguments))
    assert tape.gradient(y, [x])[0].shape == (3,)


CONSTANT_CALLS = {
    np.argwhere: (), np.can_cast: (np.float64,), np.isclose: (1.0,), np.allclose: (1.0,), np.array_equal: (1.0,),
    np.array_equiv: (1.0,), np.isin: ([1.0],), np.searchsorted: (1.5,), np.digitize: ([1.0, 2.0],),
    np.argpartition: (1,), np.may_share_memory: (1.0,), np.shares_memory: (np.ones(1),),
}  # fmt: skip
NEEDING_MORE = {np.einsum_path, np.savez, np.save, np.savez_compressed, np.savetxt, np.ravel_multi_index, np.packbits}
NEEDING_MORE |= {np.unravel_index, np.unpackbits, np.ix_, np.diag_indices_from, np.tril_indices_from, np.isnat}
NEEDING_MORE |= {np.triu_indices_from, np.linalg.matrix_rank, np.gcd, np.lcm, np.invert, np.bitwise_count}
NEEDING_MORE |= {np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift}


@pytest.mark.parametrize("function", sorted(CONSTANT - NEEDING_MORE, key=name_of), ids=name_of)
def test_a_constant_is_computed_and_nothing_is_recorded(function):
    x = Tensor([1.0, 2.0, 3.0])
    arguments = CONSTANT_CALLS.get(function, (1.5,) if getattr(function, "nin", 1) == 2 else ())
    expected = function(np.array(x), *arguments)
    with GradientTape() as tape:
        result = function(x, *arguments)
    assert not isinstance(result, Tensor)
    assert not tape._nodes
    np.testing.assert_equal(result, np.array(expected) if isinstance(expected, np.ndarray) else expected)


def test_whole_numbers_and_files_are_free_on_the_record(tmp_path):
    counts, square = Tensor([3, 1]), Tensor(np.eye(2))
    with GradientTape() as tape:
        assert (counts & 1).tolist() == [1, 1]
        assert np.linalg.matrix_rank(square) == 2
        assert np.einsum_path("ij,jk", square, square)[0] == ["einsum_path", (0, 1)]
        np.savez(tmp_path / "x.npz", x=square, y=[square])  # row 7 of the engine's pitfalls
        np.save(tmp_path / "x.npy", square)
        assert counts.dtype == (counts + counts).dtype
    assert not tape._nodes
    assert np.load(tmp_path / "x.npy").tolist() == [[1, 0], [0, 1]]


# Public names of np.ndarray, each with a call that has to be differentiable, or with None where it has no derivative.
x23 = np.array([[1.0, 5.0, 2.0], [4.0, 3.0, 6.0]])
RECORDED = {
    "T": lambda x: x.T, "mT": lambda x: x.mT, "real": lambda x: x.real, "astype": lambda x: x.astype(np.float64),
    "clip": lambda x: x.clip(1.5, max=5.5), "compress": lambda x: x.compress([True, False, True], 1),
    "conj": lambda x: x.conj(), "conjugate": lambda x: x.conjugate(), "copy": lambda x: x.copy(),
    "cumprod": lambda x: x.cumprod(1), "cumsum": lambda x: x.cumsum(axis=0), "diagonal": lambda x: x.diagonal(1),
    "dot": lambda x: x.dot(np.arange(3)), "flatten": lambda x: x.flatten("F"), "max": lambda x: x.max(axis=0),
    "mean": lambda x: x.mean(-1, keepdims=True), "min": lambda x: x.min(), "prod": lambda x: x.prod(0),
    "ravel": lambda x: x.ravel("F"), "repeat": lambda x: x.repeat(2, axis=0), "reshape": lambda x: x.reshape(3, -1),
    "squeeze": lambda x: x[:, None].squeeze(1), "std": lambda x: x.std(ddof=1), "sum": lambda x: x.sum((0, 1)),
    "swapaxes": lambda x: x.swapaxes(0, 1), "take": lambda x: x.take([0, 0, 5]), "trace": lambda x: x.trace(),
    "transpose": lambda x: x.transpose(1, 0), "var": lambda x: x.var(axis=1), "to_device": lambda x: x.to_device("cpu"),
}  # fmt: skip
NAMES_WITHOUT_DERIVATIVE = """
    all any argmax argmin argpartition argsort nonzero round searchsorted imag
    base ctypes data device dtype flags itemsize nbytes ndim shape size strides
    dump dumps item tobytes tofile tolist
"""
WITHOUT_DERIVATIVE = set(NAMES_WITHOUT_DERIVATIVE.split())
REFUSED_METHODS = {
    "choose": lambda x: x.choose([x, x]),
    "flat": lambda x: x.flat,
    "getfield": lambda x: x.getfield(np.float32),
    "view": lambda x: x.view(),
    "byteswap": lambda x: x.byteswap(True),
    "fill": lambda x: x.fill(0),
    "partition": lambda x: x.partition(1),
    "put": lambda x: x.put([0], 1),
    "resize": lambda x: x.resize(1),
    "setfield": lambda x: x.setfield(0, np.float64),
    "sort": lambda x: x.sort(),
}


def test_each_public_name_of_an_array_is_recorded_or_constant_or_refused():
    gone = {"itemset", "newbyteorder", "ptp", "tostring"}  # which NumPy 2.1 still names
    public = {name for name in dir(np.ndarray) if not name.startswith("_")} - gone
    groups = [set(RECORDED), WITHOUT_DERIVATIVE, set(REFUSED_METHODS), {"setflags"}]
    assert public == set().union(*groups)
    assert sum(map(len, groups)) == len(public)


@pytest.mark.parametrize("call", RECORDED.values(), ids=RECORDED)
def test_a_method_is_recorded_as_the_function_is(call):
    x = Tensor(x23)
    expected = call(x23)
    with GradientTape() as tape:
        y = call(x)
        total = np.sum(y * np.arange(1.0, 1 + np.size(expected)).reshape(np.shape(expected)))
    np.testing.assert_allclose(np.asarray(y), expected)
    (gradient,) = tape.gradient(total, [x])
    weights = np.arange(1.0, 1 + np.size(expected)).reshape(np.shape(expected))
    for position in ((0, 0), (1, 2)):
        step = np.zeros_like(x23)
        step[position] = 1e-6
        difference = np.sum((call(x23 + step) - call(x23 - step)) * weights) / 2e-6
        assert float(gradient[position]) == pytest.approx(difference, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", sorted(WITHOUT_DERIVATIVE - set(LEAVING) - {"argpartition", "searchsorted"}))
def test_what_has_no_derivative_is_an_arrays(name):
    x = Tensor([2.0])
    with GradientTape() as tape:
        mine, its = getattr(x, name), getattr(np.array([2.0]), name)
        if callable(its):
            assert mine() == its()
        elif name != "flags":
            assert mine == its
    assert not tape._nodes


@pytest.mark.parametrize("call", REFUSED_METHODS.values(), ids=REFUSED_METHODS)
def test_a_method_that_cannot_be_followed_is_refused(call):
    x = Tensor(x23)
    with GradientTape(), pytest.raises(TypeError, match=r"has no derivative rule|cannot record"):
        call(x)
    np.testing.assert_array_equal(x, x23)


@pytest.mark.parametrize("call", REFUSED_METHODS.values(), ids=REFUSED_METHODS)
def test_off_the_record_it_is_numpys(call):
    mine, its = Tensor([[0, 1, 0], [1, 0, 1]]), np.array([[0, 1, 0], [1, 0, 1]])
    if call is REFUSED_METHODS["resize"]:
        mine.resize((1, 6), refcheck=False)
        its.resize((1, 6), refcheck=False)
    elif call is REFUSED_METHODS["setfield"]:
        mine.setfield(7, np.int64)
        its.setfield(7, np.int64)
    else:
        np.testing.assert_equal(np.array(call(mine)), np.array(call(its)))
    np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.sum(x, 0, None, np.zeros(())),
        lambda x: np.sum(x, initial=x[0]),
        lambda x: np.add(x, x, dtype=np.float64),
        lambda x: np.matmul(x, x, axes=[0, 0, ()]),
        lambda x: np.concatenate([x, x], dtype=np.float64),
        lambda x: np.pad(x, 1, "linear_ramp"),
        lambda x: np.pad(x, 1, "reflect", reflect_type="odd"),
        lambda x: np.pad(x, 1, constant_values=x[0]),
        lambda x: np.einsum(x, [0], [0]),
        lambda x: np.quantile(x, 0.5, method="inverted_cdf"),
        lambda x: np.nanquantile(x, [[0.5]]),
        lambda x: np.interp(x, x, x, period=2.0),
        lambda x: np.nan_to_num(x, copy=False),
        lambda x: np.linalg.svd(x[None]),
        lambda x: np.linalg.svd(x[None] * x[:, None], hermitian=True),
        lambda x: np.linalg.qr(x[None], "complete"),
        lambda x: np.cross(x, np.ones(3)),
        lambda x: np.take(x, x),
        lambda x: np.take(x, [x[0]]),
        lambda x: np.multiply(x, 1j),
        lambda x: np.roll(x, shift=x),
    ],
)
def test_arguments_that_a_rule_does_not_know_are_refused(call):
    x = Tensor([1.0, 2.0])
    with GradientTape(), pytest.raises(TypeError, match=r"no derivative|derivative rule for|with out="):
        call(x)


OF_OTHER_ARITHMETIC = {
    "a matrix": np.array([[1.0, 2.0], [3.0, 4.0]]).view(np.matrix),
    "a masked array": np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[False, True], [False, False]]),
}


@pytest.mark.parametrize("other", OF_OTHER_ARITHMETIC.values(), ids=OF_OTHER_ARITHMETIC)
@pytest.mark.parametrize("call", [np.multiply, lambda x, other: x * other, np.matmul, np.power])
def test_an_array_with_an_arithmetic_of_its_own_is_refused(call, other):
    x = Tensor(np.ones((2, 2)))
    with GradientTape(), pytest.raises(TypeError, match=r"has no derivative rule for a .*give it np\.asarray"):
        call(x, other)


def test_an_array_on_disk_is_an_array(tmp_path):
    np.save(tmp_path / "x.npy", np.array([1.0, 2.0]))
    data, x = np.load(tmp_path / "x.npy", mmap_mode="r"), Tensor([3.0, 4.0])
    with GradientTape() as tape:
        y = np.sum(data * x)
    assert tape.gradient(y, [x])[0].tolist() == [1.0, 2.0]


SENSELESS = {
    "tensordot": lambda x: np.tensordot(x, np.ones((3, 2)), (0, 0)),
    "tensordot without elements": lambda x: np.tensordot(x[:0], np.ones((2, 0)), 1),
    "tensordot over an axis that is not there": lambda x: np.tensordot(x, np.ones((3, 2)), (2, 0)),
    "inner": lambda x: np.inner(x, np.ones((3, 2))),
    "dot": lambda x: np.dot(x, np.ones((4, 2, 3))),
    "vecdot": lambda x: np.vecdot(x, np.ones(1)),
    "linalg.vecdot": lambda x: np.linalg.vecdot(x, np.ones((1, 3)), axis=0),
    "einsum": lambda x: np.einsum("...i->i", x),
    "stack of different shapes": lambda x: np.stack([x, x[:1]]),
}


@pytest.mark.parametrize("call", SENSELESS.values(), ids=SENSELESS)
def test_what_numpy_refuses_is_refused_in_its_words_on_the_record_as_off_it(call):
    x = np.ones((2, 3))
    with pytest.raises((ValueError, IndexError)) as refusal:
        call(x)
    with GradientTape(), pytest.raises(type(refusal.value)) as mine:
        call(Tensor(x))
    assert str(mine.value) == str(refusal.value)


@pytest.mark.filterwarnings("ignore:Degrees of freedom", "ignore:divide by zero")
def test_a_variance_without_degrees_of_freedom_is_numpys():
    x = np.array([1.0, 2.0, 4.0])
    with GradientTape():
        y = np.var(Tensor(x), ddof=5)
    assert float(y) == np.var(x, ddof=5) == np.inf


def test_a_copy_of_a_tensor_has_the_memory_order_of_an_arrays():
    x = Tensor(np.ones((2, 3))).T
    assert x.copy().flags.c_contiguous
    assert x.copy("K").flags.f_contiguous


@pytest.mark.parametrize(
    "call",
    [lambda x: np.sum(a=x), lambda x: np.dot(a=x, b=x), lambda x: np.roll(a=x, shift=1)[0], lambda x: np.max(a=x)],
)
def test_arrays_may_be_given_by_keyword(call):
    x = Tensor([1.0, 2.0])
    with GradientTape() as tape:
        y = call(x)
    np.testing.assert_allclose(tape.gradient(y, [x])[0] * 1.0, gradient_by_differences(call, np.array([1.0, 2.0])))


def gradient_by_differences(call, point):
    return [(call(point + step) - call(point - step)) / 2e-6 for step in 1e-6 * np.eye(len(point))]


@pytest.mark.parametrize("kind", [complex, object])
def test_numbers_that_are_not_real_are_refused(kind):
    x = Tensor(np.array([1, 2], kind))
    with GradientTape(), pytest.raises(TypeError, match="only real numbers are recorded"):
        np.multiply(x, 2)
    assert (x * 2).tolist() == [2, 4]


@pytest.mark.parametrize("kind", [bool, int, np.uint8])
def test_whole_numbers_are_not_tracked(kind):
    x = Tensor(np.array([1, 0], kind))
    with GradientTape() as tape:
        y = np.multiply(x, x)
    assert y.tolist() == [1, 0]
    with pytest.raises(TypeError, match="only floating-point tensors have a gradient"):
        tape.gradient(np.sum(y), [x])


def test_a_matrix_to_the_power_0_is_a_constant():
    x = Tensor(np.full((2, 3, 3), 5.0))
    with GradientTape() as tape:
        y = np.sum(np.linalg.matrix_power(x, 0))
    assert float(y) == 6.0
    with pytest.raises(ValueError, match="does not depend"):
        tape.gradient(y, [x])


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_change_of_memory_order_is_followed(order):
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    with GradientTape() as tape:
        y = x.astype(np.float32, order=order, casting="same_kind")
        z = np.sum(y * [[1.0, 2.0], [3.0, 4.0]])
    assert y.flags.f_contiguous == (order == "F")
    assert tape.gradient(z, [x])[0].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(TypeError, match="cannot cast from float64 to int64 according to the rule 'safe'"):
        x.astype(np.int64, casting="safe")


RENAMED = {  # row 4: NumPy has special functions for these; row 3: and these write into arrays of their own
    "x**2": (lambda x: x**2, lambda x: 2 * x),
    "x**0.5": (lambda x: x**0.5, lambda x: 0.5 / np.sqrt(x)),
    "x**-1": (lambda x: x**-1, lambda x: -1 / x**2),
    "x**1": (lambda x: x**1, np.ones_like),
    "x**0": (lambda x: x**0 * x, np.ones_like),
    "2**x": (lambda x: 2**x, lambda x: 2**x * np.log(2)),
    "-x": (lambda x: -x, lambda x: -np.ones_like(x)),
    "abs(x)": (abs, np.ones_like),
    "1 / x": (lambda x: 1 / x, lambda x: -1 / x**2),
    "x % 2": (lambda x: x % 2, np.ones_like),
    "divmod(x, 2)[1]": (lambda x: divmod(x, 2)[1], np.ones_like),
    "x.sum()": (lambda x: x.sum(), np.ones_like),
    "sum(x)": (sum, np.ones_like),
    "max(x)": (max, lambda _: np.array([0.0, 0.0, 1.0])),
    "x.cumsum()": (lambda x: x.cumsum(), lambda _: np.array([3.0, 2.0, 1.0])),
    "x.mean()": (lambda x: x.mean(), lambda x: np.ones_like(x) / 3),
    "x.var()": (lambda x: x.var(), lambda x: 2 * (x - np.mean(x)) / 3),
    "x.std()": (lambda x: x.std(), lambda x: (x - np.mean(x)) / 3 / np.std(x)),
    "x.var(ddof=1)": (lambda x: x.var(ddof=1), lambda x: x - np.mean(x)),
}


@pytest.mark.parametrize(("operation", "derivative"), RENAMED.values(), ids=RENAMED)
def test_an_operator_is_recorded_whatever_numpy_makes_of_it(operation, derivative):
    x = Tensor([0.5, 1.0, 1.75])
    with GradientTape() as tape:
        y = np.sum(operation(x))
    np.testing.assert_allclose(tape.gradient(y, [x])[0], derivative(np.array(x)), rtol=1e-14)


def test_a_primitive_of_our_own_takes_keywords():
    x = Tensor([[1.0, -2.0]])
    with GradientTape() as tape:
        y = softmax_cross_entropy(labels=np.array([0]), logits=x) + np.sum(sigmoid(x=x))
    assert len(tape._nodes) == 4
    assert tape.gradient(y, [x])[0].shape == (1, 2)
    assert type(sigmoid(x=np.zeros(2))) is np.ndarray


def test_what_the_result_changes_with_in_steps_is_constant_and_what_has_no_rule_is_refused():
    with pytest.raises(AssertionError, match="with respect to a step"):
        STEP()
    x = Tensor([0.0, 2.0])
    with GradientTape() as tape:
        y = np.sum(np.where(x, 3.0, np.copysign(x, x)) * x)
    assert tape.gradient(y, [x])[0].tolist() == [0.0, 3.0]
    halved = primitive(lambda g, y, x, factor: g / factor, None)(lambda x, factor: x / factor)  # noqa: ARG005
    with GradientTape(), pytest.raises(TypeError, match="<lambda> has no derivative for its argument 'factor'; if"):
        halved(x, Tensor(2.0))


def test_the_names_of_other_libraries_are_not_among_those_of_a_tensor():
    assert not set(dir(Tensor([1.0]))) & set(TENSOR)
