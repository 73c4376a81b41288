"""Gradients that stay uncomputed products, and adding them up in place."""

import numpy as np
import pytest

from nnlite import SGD, Adam
from nnlite.autodiff import GradientTape, Tensor, affine
from nnlite.autodiff.accumulation import MatrixProduct, accumulate, computed
from nnlite.autodiff.rule import RULES

RNG = np.random.default_rng(0)

LAYOUTS = {
    "rows": lambda a: a,
    "columns": np.asfortranarray,
    "every other": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "turned round": lambda a: a[::-1].copy()[::-1],
}


def matrix(rows, columns, dtype=np.float64):
    return RNG.standard_normal((rows, columns)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("keep", [1.0, 0.9, 0.0])
@pytest.mark.parametrize("total_layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_product_or_an_array_of_any_layout_is_added_to_a_total_of_any_layout(layout, total_layout, keep, dtype):
    left, right = (layout(matrix(*shape, dtype)) for shape in ((5, 3), (3, 4)))
    for addend in (MatrixProduct(left, right), layout(np.asarray(left @ right))):
        total = total_layout(matrix(5, 4, dtype))
        expected = keep * total.astype(float) - 0.1 * (left.astype(float) @ right.astype(float))
        accumulate(total, addend, scale=-0.1, keep=keep)
        np.testing.assert_allclose(total, expected, atol=4 * np.finfo(dtype).eps * np.abs(expected).max() + 1e-12)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_an_empty_product_adds_nothing(shape):
    rows, inner = shape
    total = np.ones((rows, 2), np.float32)
    accumulate(total, MatrixProduct(np.ones(shape, np.float32), np.ones((inner, 2), np.float32)), keep=0.5)
    np.testing.assert_array_equal(total, np.full((rows, 2), 0.5))


def unaligned(a):
    buffer = bytearray(a.nbytes + 1)
    shifted = np.frombuffer(buffer, a.dtype, a.size, offset=1).reshape(a.shape)
    shifted[...] = a
    return shifted


@pytest.mark.parametrize("strange", [lambda a: a.astype(a.dtype.newbyteorder()), unaligned], ids=["turned", "shifted"])
def test_a_total_that_blas_would_copy_is_added_to_all_the_same(strange):
    left, right = matrix(5, 3), matrix(3, 4)
    for addend in (strange(left @ right), MatrixProduct(strange(left), strange(right))):
        total = strange(np.ones((5, 4)))
        accumulate(total, addend, scale=0.5)
        np.testing.assert_allclose(total, 1.0 + 0.5 * (left @ right))


def test_a_total_that_is_write_protected_is_not_written_to():
    total = np.ones((2, 2))
    total.flags.writeable = False
    for addend in (np.ones((2, 2)), MatrixProduct(np.ones((2, 3)), np.ones((3, 2)))):
        with pytest.raises(ValueError, match="read-only"):
            accumulate(total, addend)
    assert total.tolist() == [[1, 1], [1, 1]]


def test_a_vector_and_a_scalar_are_added_too():
    for shape in ((), (3,), (2, 0)):
        total = np.ones(shape)
        accumulate(total, np.full(shape, 2.0), scale=0.5)
        np.testing.assert_array_equal(total, np.full(shape, 2.0))


def test_a_product_stands_for_an_array_until_somebody_looks():
    product = MatrixProduct(matrix(2, 3), matrix(3, 4, np.float32))
    assert product.shape == (2, 4)
    assert product.dtype == np.float64
    np.testing.assert_array_equal(computed(product), product.left @ product.right)
    out = np.empty((2, 4))
    assert product.compute(out) is out


def stepped(batch, disturb):
    """The weights after a step whose batch, or a parameter, is `disturb`ed between backward and update."""
    rng = np.random.default_rng(1)
    first, second = (Tensor(rng.standard_normal(shape)) for shape in ((3, 4), (4, 2)))
    data = batch.copy()
    with GradientTape():
        loss = np.sum(np.square(affine(data, first @ second, np.zeros(2))))
    loss.backward()
    disturb(data)
    SGD([first, second], learning_rate=0.1).step()
    return first, second


def test_a_batch_may_be_written_to_as_soon_as_it_has_been_differentiated():
    batch = matrix(5, 3)
    for undisturbed, disturbed in zip(
        stepped(batch, lambda _: None), stepped(batch, lambda data: data.fill(np.nan)), strict=True
    ):
        np.testing.assert_array_equal(undisturbed, disturbed)


def test_a_gradient_is_that_of_the_parameters_before_the_update_of_any():
    batch = matrix(5, 3)
    first, second = (Tensor(np.random.default_rng(1).standard_normal(shape)) for shape in ((3, 4), (4, 2)))
    with GradientTape() as tape:
        loss = np.sum(np.square(batch @ (first @ second)))
    expected = [
        np.asarray(p - 0.1 * g) for p, g in zip((first, second), tape.gradient(loss, [first, second]), strict=True)
    ]
    loss.backward()
    SGD([first, second], learning_rate=0.1).step()
    np.testing.assert_allclose(first, expected[0], rtol=1e-12)
    np.testing.assert_allclose(second, expected[1], rtol=1e-12)


def test_a_gradient_that_is_worked_in_is_no_part_of_another():
    batch, b, w = matrix(5, 3), Tensor(matrix(5, 4)), Tensor(matrix(3, 4))
    with GradientTape() as tape:
        loss = np.sum(np.square(batch @ w + b))
    of_b, of_w = (np.asarray(each) for each in tape.gradient(loss, [b, w]))
    loss.backward()
    np.testing.assert_array_equal(b.grad, of_b)
    b.grad[...] = np.nan
    np.testing.assert_allclose(w.grad, of_w, rtol=1e-12)


def test_gradients_of_two_batches_in_the_same_memory_add_up():
    batch, w = np.empty((2, 3)), Tensor(np.ones((3, 1)))
    for value in (1.0, 2.0):
        batch[...] = value
        with GradientTape():
            loss = np.sum(batch @ w)
        loss.backward()
    np.testing.assert_array_equal(w.grad, np.full((3, 1), 6.0))


@pytest.mark.parametrize("optimizer_of", [lambda ps: SGD(ps, 0.1, momentum=0.9), lambda ps: Adam(ps, 0.01)])
def test_looking_at_a_gradient_changes_nothing(optimizer_of):
    weights = []
    for look in (False, True):
        w = Tensor(np.random.default_rng(1).standard_normal((784, 32)).astype(np.float32))
        optimizer = optimizer_of([w])
        x = np.random.default_rng(2).random((50, 784), dtype=np.float32)
        for _ in range(3):
            with GradientTape():
                loss = np.mean(np.tanh(x @ w))
            loss.backward()
            if look:
                assert w.grad is w.grad
                assert w.grad.shape == w.shape
            optimizer.step()
            assert w.grad is None
        weights.append(np.asarray(w))
    np.testing.assert_allclose(*weights, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("view", [lambda a: a, lambda a: a[:, ::-1], lambda a: np.frombuffer(a.data).reshape(a.shape)])
def test_what_somebody_could_write_to_is_copied_and_nothing_else(view):
    array = matrix(3, 4)
    right = matrix(4, 5)
    assert not np.shares_memory(MatrixProduct(view(array), right).secured().left, array)
    shown = view(array)
    shown.flags.writeable = False
    assert not np.shares_memory(MatrixProduct(shown, right).secured().left, array) or shown is array
    array.flags.writeable = False
    secured = MatrixProduct(array[::-1], right).secured()
    assert np.shares_memory(secured.left, array)


def test_a_copy_that_would_be_larger_than_the_product_is_not_made():
    """The gradient is computed instead: a layer may be narrower than its batch is long."""
    array, right = matrix(5, 4), matrix(4, 3)
    product = array @ right
    secured = MatrixProduct(array, right).secured()
    assert type(secured) is np.ndarray
    array[...] = 0.0
    np.testing.assert_array_equal(secured, product)


def test_no_rule_hands_on_memory_that_its_caller_could_write_to(case):
    """Else an uncomputed product could change under the hands of the optimizer."""
    rule = RULES.get(case.of)
    if rule is None or rule.variadic:
        return
    arrays = [np.array(arg) if isinstance(arg, np.ndarray) else arg for arg in case.args]
    if not all(isinstance(arg, np.ndarray) for k, arg in enumerate(arrays) if k in rule.differentiable):
        return
    result = rule.run(*arrays, **case.kwargs)
    y, residual = result if rule.has_residual else (result, None)
    y = np.asarray(y)
    options = case.kwargs | ({"residual": residual} if rule.has_residual else {})
    g = np.ones_like(y)
    if rule.through:
        g = rule.through(g, y, *arrays, **options)
    for position, arg in enumerate(arrays):
        if position in rule.differentiable and arg.dtype.kind == "f":
            gradient = computed(rule.gradient(position)(g, y, *arrays, **options))
            assert not any(np.shares_memory(gradient, each) for each in arrays if isinstance(each, np.ndarray))
