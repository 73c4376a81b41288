"""The rules over the whole range of each dtype, ends included, and at the places where a derivative is a convention.

The judge of range is the slope of NumPy's function in extended precision, whose exponents no float64 reaches.
"""

import numpy as np
import pytest
from scipy import special

import nnlite.autodiff as ad
from nnlite.autodiff import GradientTape, Tensor
from nnlite.autodiff.check import gradient_of
from nnlite.autodiff.reductions import recurrence
from nnlite.autodiff.rule import RULES, name_of
from nnlite.autodiff.tensor import plain

DTYPES = (np.float16, np.float32, np.float64)
UFUNCS = [key for key in RULES if isinstance(key, np.ufunc) and name_of(key).startswith("np.")]
STEPS = {np.remainder, np.fmod, np.ldexp, np.copysign, np.float_power}  # with jumps, or of another dtype
UNARY = sorted((each for each in UFUNCS if each.nin == 1 == each.nout), key=name_of)
BINARY = sorted((each for each in UFUNCS if each.nin == 2 and each.nout == 1 and each.signature is None), key=name_of)
# 1 - y^2 and 1 + y^2 lose what is far below 1; these are of the size of rounding errors of 1.
TO_ROUNDING = {np.tanh}
PERIODIC = {np.sin, np.cos, np.tan}  # whose period is less than a step of the judge, from somewhere on


def whole_range(dtype):
    info = np.finfo(dtype)
    sizes = [float(info.smallest_subnormal) * 5, float(info.tiny), 1e-3, 0.3, 0.9, 1.0, 1.7, 30.0]
    sizes += [float(info.tiny) ** 0.6, float(info.max) ** 0.6, float(info.max) * 0.9]
    values = np.array(sizes, dtype)
    return np.unique(np.concatenate([values, -values]))


def slope_in_extended_precision(ufunc, points, position):
    """(f(x + h) - f(x - h)) / 2h with h of the size of x, and how far rounding can put it off."""
    up, down = ([np.longdouble(x) for x in points] for _ in range(2))
    h = np.abs(up[position]) * np.longdouble(1e-6)
    up[position], down[position] = up[position] + h, down[position] - h
    above, below = ufunc(*up), ufunc(*down)
    noise = 16 * np.finfo(np.longdouble).eps * np.abs(above) / h
    return (above - below) / (2 * h), noise


def in_range(ufunc, points, dtype):
    """Assert that each derivative is the right one as far as the dtype can tell."""
    info = np.finfo(dtype)
    tensors = [Tensor(x) for x in points]
    with GradientTape() as tape:
        y = ufunc(*tensors)
        total = np.sum(y)
    for position, mine in enumerate(tape.gradient(total, tensors, unconnected_zero=True)):
        exact, noise = slope_in_extended_precision(ufunc, points, position)
        value = ufunc(*(np.longdouble(x) for x in points))
        known = np.isfinite(exact) & np.isfinite(noise) & np.isfinite(value)
        if len(points) > 1:  # where maxima tie
            known &= points[0] != points[1]
        if ufunc in PERIODIC:
            known &= np.abs(points[0]) < 30
        if ufunc is np.power:
            known &= (points[0] > 0) | (position == 0)
        # An exponent that is off by eps puts a power off by eps times the logarithm of its base.
        logarithms = sum(np.abs(np.log(np.abs(np.longdouble(each)))) for each in (value + 1e-30, points[0]))
        allowed = 20 * info.eps * np.abs(exact) * (1 + logarithms)
        allowed += 1e-7 * np.abs(exact) + noise + 4 * float(info.tiny) + (info.eps if ufunc in TO_ROUNDING else 0)
        fits = np.abs(exact) < float(info.max) * 0.99
        wrong = known & fits & ~(np.abs(plain(mine).astype(np.longdouble) - exact) <= allowed)
        where = [np.asarray(x)[wrong][:4].tolist() for x in points]
        assert not wrong.any(), (name_of(ufunc), position, where, plain(mine)[wrong][:4], exact[wrong][:4])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ufunc", [each for each in UNARY if each not in STEPS], ids=name_of)
def test_a_function_of_one_number_has_its_derivative_over_the_whole_range(ufunc, dtype):
    in_range(ufunc, [whole_range(dtype)], dtype)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ufunc", [each for each in BINARY if each not in STEPS], ids=name_of)
def test_a_function_of_two_numbers_has_its_derivatives_over_the_whole_range(ufunc, dtype):
    values = whole_range(dtype)
    a, b = (each.ravel() for each in np.meshgrid(values, values))
    in_range(ufunc, [a, b], dtype)


INTEGERS = [np.int8, np.uint8, np.int16, np.int64, np.bool_]


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ufunc", [np.power, np.arctan2, np.hypot, np.multiply, np.divide, np.logaddexp], ids=name_of)
def test_whole_numbers_beside_a_tensor_do_not_wrap_around(ufunc, dtype, kind):
    ends = [0, 1] if kind is np.bool_ else [np.iinfo(kind).min, 0, 1, 2, min(np.iinfo(kind).max, 2**40)]
    x = np.full(len(ends), 1.01, dtype)
    for place in (0, 1):

        def call(t, whole, place=place):
            return ufunc(t, whole) if place == 0 else ufunc(whole, t)

        with np.errstate(all="ignore"):
            mine = gradient_of(lambda t, call=call: np.sum(call(t, np.array(ends, kind))), Tensor(x))[0]
            h = np.longdouble(1e-7)
            whole = np.array(ends, np.longdouble)
            exact = (call(np.longdouble(x) + h, whole) - call(np.longdouble(x) - h, whole)) / (2 * h)
        fits = np.isfinite(exact) & (np.abs(exact) < np.finfo(dtype).max)
        assert np.allclose(plain(mine)[fits], exact[fits].astype(float), rtol=2e-5, atol=1e-6)


REDUCED = {"prod": np.prod, "norm": np.linalg.norm, "std": np.std, "hypot": lambda x: np.hypot(x[0], x[1])}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", REDUCED)
def test_reductions_of_numbers_of_any_size_have_their_derivative(name, dtype):
    info, call = np.finfo(dtype), REDUCED[name]
    for size in (float(info.smallest_subnormal) * 64, float(info.tiny) * 8, 1.0, float(info.max) / 8):
        x = np.array([1.0, 3.0], dtype) * dtype(size)
        mine = plain(gradient_of(call, Tensor(x))[0])
        exact = plain(gradient_of(call, Tensor([1.0, 3.0]))[0]) * (size if name == "prod" else 1.0)
        np.testing.assert_allclose(mine, exact, rtol=0.03 if size < 1e-4 else 8 * info.eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_ties_are_counted_beyond_the_range_of_the_dtype(dtype):
    for call in (np.max, np.min, lambda t: np.max(t, axis=0), np.mean):
        gradient = plain(gradient_of(call, Tensor(np.ones(70_000), dtype))[0])
        assert gradient.astype(float).sum() == pytest.approx(1.0, rel=5e-3)


@pytest.mark.parametrize("n", [3, 4000])
def test_products_take_memory_in_proportion_to_their_length(n):
    x = np.linspace(0.9, 1.1, n)
    x[n // 2] = 0.0
    for call in (np.prod, lambda t: np.sum(np.cumprod(t))):
        gradient = plain(gradient_of(call, x)[0])
        others = np.prod(np.delete(x, n // 2))
        assert gradient.shape == (n,)
        assert call is not np.prod or gradient[n // 2] == pytest.approx(others)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(0,), (1,), (7,), (3, 0), (2, 9), (9, 2), (2, 2, 5)])
def test_a_recurrence_is_that_of_the_loop_whatever_the_size_of_the_numbers(shape, dtype):
    rng, info = np.random.default_rng(1), np.finfo(dtype)
    a, b = (rng.choice([0.0, 1.5, -2.0, info.tiny, np.inf], shape).astype(dtype) for _ in range(2))
    expected = b.copy()
    for k in range(1, shape[-1]):
        expected[..., k] += a[..., k] * expected[..., k - 1]
    mine = recurrence(a, b)
    assert mine.dtype == dtype
    np.testing.assert_allclose(mine, expected, rtol=4 * info.eps)


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("factor", [0.25, 1.0, 8.0])
def test_running_products_beyond_the_range_do_not_spoil_the_gradient_of_those_within(factor):
    x = np.full(3000, factor)
    gradient = plain(gradient_of(lambda t: np.sum(np.cumprod(t)[:3]), x)[0])
    assert gradient[:3].tolist() == [1 + factor + factor**2, factor + factor**2, factor**2]
    assert not np.any(gradient[3:])


INFINITE = np.array([-2.0, -1.0, 3.0, 4.0])
MASKED = {
    "relu": ad.relu,
    "leaky_relu that does not leak": lambda x: ad.leaky_relu(x, 0.0),
    "maximum": lambda x: np.maximum(x, 0.0),
    "clip": lambda x: np.clip(x, 0.0, None),
    "where": lambda x: np.where(x > 0, x, 0.0),
    "nan_to_num": lambda x: np.nan_to_num(np.where(x > 0, x, np.nan)),
    "sum of some": lambda x: np.sum(np.stack([x, x]), 0, where=x > 0) / 2.0,
    "dense": lambda x: ad.dense(x[:, None], np.eye(1), np.zeros(1), ad.IN_PLACE["relu"])[:, 0],
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mask", MASKED.values(), ids=MASKED)
def test_an_infinite_gradient_does_not_pass_a_mask(mask, dtype):
    x = Tensor(INFINITE, dtype)
    gradient = plain(gradient_of(lambda t: np.sum(np.sqrt(mask(t))), x)[0])
    np.testing.assert_allclose(gradient, np.array([0.0, 0.0, 0.5 / np.sqrt(3.0), 0.25]), rtol=2e-3)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("size", [0.0, 1.0, 1e200])
@pytest.mark.parametrize("reduce", [np.sum, np.mean, np.prod, np.max, np.min, np.var, np.std], ids=name_of)
def test_no_gradient_reaches_what_where_leaves_out(reduce, size):
    taken = np.array([True, False, True])
    options = {"initial": 0.0} if reduce in (np.max, np.min) else {}
    gradient = gradient_of(lambda t: np.sqrt(reduce(t, where=taken, **options)), np.full(3, size))[0]
    assert gradient[1] == 0.0


KINKS = {
    "abs": (np.abs, [0.0, 1.0]),
    "fabs": (np.fabs, [0.0, 1.0]),
    "copysign": (lambda x: np.copysign(x, 1.0), [0.0, 1.0]),
    "norm": (np.linalg.norm, [0.0, 0.0]),
    "norm of rows": (lambda x: np.linalg.norm(x, axis=-1), [[0.0, 0.0], [1.0, 2.0]]),
    "norm of order 3": (lambda x: np.linalg.norm(x, 3), [0.0, 0.0]),
    "hypot": (lambda x: np.hypot(x[0], x[1]), [0.0, 0.0]),
    "std": (np.std, [1.0, 1.0]),
    "maximum of opposites": (lambda x: np.maximum(x, -x), [0.0, 1.0]),
    "minimum of opposites": (lambda x: np.minimum(x, -x), [0.0, 1.0]),
    "fmax": (lambda x: np.fmax(x, -x), [0.0]),
    "max of opposites": (lambda x: np.max(np.stack([x, -x]), 0), [0.0, 2.0]),
    "ptp": (np.ptp, [1.0, 1.0]),
    "norm of order inf": (lambda x: np.linalg.norm(x, np.inf), [0.0]),
    "clip": (lambda x: np.clip(x, -x, None), [0.0, 1.0]),
}


@pytest.mark.parametrize(("kinked", "point"), KINKS.values(), ids=KINKS)
def test_a_second_derivative_at_a_kink_is_right_or_nan(kinked, point):
    """The square of each function is smooth, so that central differences of its gradient know the Hessian."""
    x, rng = np.array(point), np.random.default_rng(5)
    weights, direction = rng.uniform(0.5, 1.5, np.shape(kinked(x))), rng.standard_normal(x.shape)

    def slope(t):
        return gradient_of(lambda u: np.sum(np.square(kinked(u)) * weights), t)[0]

    hessian = plain(gradient_of(lambda t: np.sum(slope(t) * direction), x)[0])
    exact = (plain(slope(x + 1e-5 * direction)) - plain(slope(x - 1e-5 * direction))) / 2e-5
    known = ~np.isnan(hessian)
    np.testing.assert_allclose(hessian[known], exact[known], atol=1e-4)
    assert not known.all()


SPECIAL = {
    special.erf: 2, special.erfc: 2, special.erfinv: 0, special.erfcinv: 0, special.ndtr: 2, special.log_ndtr: 2,
    special.ndtri: 0, special.expit: 2, special.log_expit: 2, special.logit: 0, special.entr: 1, special.gammaln: 1,
    special.gamma: 1, special.rgamma: 2, special.digamma: 1, special.rel_entr: 1, special.kl_div: 1, special.xlogy: 1,
    special.xlog1py: 1, special.expm1: 2, special.log1p: 1, special.cbrt: 2,
}  # fmt: skip
ENDS = [5e-324, 1e-300, 1e-150, 1e-20, 1e-9, 1e-3, 0.2, 0.6, 0.99, 1.7, 5.0, 30.0, 49.0, 51.0, 1e3, 1e8, 1e150, 1e300]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("ufunc", SPECIAL, ids=name_of)
def test_a_function_of_scipy_has_its_derivatives_over_the_whole_range(ufunc):
    """The judge is the slope over a small step, which knows as many digits as SciPy leaves: few of beta."""
    numbers = np.array([each for each in ENDS if SPECIAL[ufunc] or each < 1.0])
    numbers = np.concatenate([numbers, -numbers]) if SPECIAL[ufunc] == 2 else numbers
    points = [each.ravel() for each in np.meshgrid(*[numbers] * ufunc.nin)]
    gradients = gradient_of(lambda *x: np.sum(ufunc(*x)), *points)
    for position, mine in enumerate(map(plain, gradients)):
        h = np.abs(points[position]) * 1e-6
        up, down = ([*points[:position], points[position] + each, *points[position + 1 :]] for each in (h, -h))
        above, below = ufunc(*up), ufunc(*down)
        slope, noise = (above - below) / (up[position] - down[position]), 1e-15 * np.abs(above) / h
        known = np.isfinite(slope) & np.isfinite(noise) & (np.abs(slope) > 1e-290) & (np.abs(slope) < 1e290)
        wrong = known & ~(np.abs(mine - slope) <= 1e-5 * np.abs(slope) + 100 * noise + 1e-9)
        assert not wrong.any(), (position, [each[wrong][:5] for each in points], mine[wrong][:5], slope[wrong][:5])


def test_the_derivative_of_beta_beside_a_small_argument_is_that_of_its_expansion():
    for small in (1e-3, 1e-5, 1e-12, 1e-200):
        gradient = plain(gradient_of(lambda b, small=small: special.betaln(small, b), 5.0)[0])
        first, second, third = (float(special.polygamma(order, 5.0)) for order in (1, 2, 3))
        assert float(gradient) == pytest.approx(-small * (first + small * (second / 2 + small * third / 6)), rel=1e-9)


@pytest.mark.parametrize("x", [-1e2, -1e5, -1e10, -1e150])
def test_the_second_derivative_of_log_ndtr_tends_to_minus_one(x):
    slope = lambda t: gradient_of(special.log_ndtr, t)[0]  # noqa: E731
    assert float(gradient_of(slope, Tensor(x))[0]) == pytest.approx(-1.0, abs=4 / x**2)


@pytest.mark.parametrize("ufunc", [*SPECIAL, np.float_power], ids=name_of)
def test_half_precision_loses_no_more_than_its_own_digits(ufunc):
    numbers = np.array([0.0625, 0.25, 0.5, 0.75])
    points = [numbers[k : k + 3] for k in range(ufunc.nin)]
    exact = gradient_of(lambda *x: np.sum(ufunc(*x)), *points)
    mine = gradient_of(lambda *x: np.sum(ufunc(*x)), *(each.astype(np.float16) for each in points))
    for a, b in zip(mine, exact, strict=True):
        assert a.dtype == np.float16
        np.testing.assert_allclose(plain(a), plain(b).astype(np.float16), rtol=1e-3)
