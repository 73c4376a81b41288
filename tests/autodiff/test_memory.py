"""Nothing outlives its tape, with the garbage collector switched off: the engine makes no reference cycles."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

from nnlite.autodiff import GradientTape, Tensor, affine, sigmoid, softmax_cross_entropy


@pytest.fixture(autouse=True)
def _no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def deep(x):
    for _ in range(2000):
        x = np.sin(x)
    return x


def test_tape_and_values_are_gone_with_the_last_name():
    x = Tensor(np.ones(5))
    with GradientTape() as tape:
        y = x * 2.0
        z = np.sum(y**2)
    tape.gradient(z, [x])
    ghosts = [weakref.ref(each) for each in (tape, y, z)]
    del tape, y, z
    assert [ghost() for ghost in ghosts] == [None, None, None]


def test_a_leaf_keeps_no_tape_alive():
    x = Tensor(np.ones(5))
    with GradientTape() as tape:
        np.sum(x)
    ghost = weakref.ref(tape)
    del tape
    assert ghost() is None


def test_backward_frees_the_values_though_the_loss_is_kept():
    x = Tensor(np.ones(5))
    with GradientTape():
        y = x * 2.0
        ghost = weakref.ref(y._node.value)
        loss = np.sum(y**2)
    del y
    loss.backward()
    assert ghost() is None
    assert float(loss) == 20.0


def test_gradients_of_gradients_are_freed():
    x = Tensor(np.ones(5))
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = np.sum(x**3)
        (dx,) = inner.gradient(y, [x])
        z = np.sum(dx**2)
    outer.gradient(z, [x])
    ghosts = [weakref.ref(each) for each in (outer, inner, y, dx, z)]
    del outer, inner, y, dx, z
    assert not any(ghost() for ghost in ghosts)


def test_an_error_on_the_record_keeps_nothing():
    x = Tensor(np.ones(5))
    with pytest.raises(TypeError), GradientTape() as tape:
        np.linalg.eig(x * 2.0)
    ghost = weakref.ref(tape)
    del tape
    assert ghost() is None


def test_training_does_not_grow():
    rng = np.random.default_rng(0)
    x, labels = rng.random((20, 30)), rng.integers(0, 4, 20)
    w, v, b, c = (Tensor(rng.random(shape)) for shape in ((30, 50), (50, 4), (50,), (4,)))

    def step():
        with GradientTape():
            loss = softmax_cross_entropy(affine(sigmoid(affine(x, w, b)), v, c), labels)
        loss.backward()
        for each in (w, v, b, c):
            each.grad = None
        return loss

    kept = [step() for _ in range(3)]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept += [step() for _ in range(30)]
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 30 * 2000  # a loss and its shell each, but none of the 8 kB of activations


def test_a_graph_of_any_depth_is_walked_and_freed_without_recursion():
    x = Tensor(0.5)
    with GradientTape() as tape:
        y = deep(x)
    assert 0.0 < float(tape.gradient(y, [x])[0]) < 1.0
    y.backward()
    assert x.grad is not None


def test_a_released_gradient_gives_its_memory_to_the_next():
    x, w = np.ones((2, 3)), Tensor(np.ones((3, 4)))
    addresses = set()
    for _ in range(3):
        with GradientTape():
            loss = np.sum(affine(x, w, np.zeros(4)))
        loss.backward()
        addresses.add(w.grad.ctypes.data)
        w.release_grad()
    assert len(addresses) == 1


def test_a_gradient_that_somebody_holds_is_not_written_to():
    w = Tensor(np.ones((3, 4)))
    held = []
    for scale in (1.0, 2.0):
        with GradientTape():
            loss = np.sum(affine(np.full((2, 3), scale), w, np.zeros(4)))
        loss.backward()
        held.append(w.grad)
        w.release_grad()[...] = np.nan
    np.testing.assert_array_equal(held[0], np.full((3, 4), 2.0))
    np.testing.assert_array_equal(held[1], np.full((3, 4), 4.0))


def test_the_copy_of_a_batch_is_kept_for_the_next_of_its_form():
    w, places = Tensor(np.ones((3, 8))), []
    for rows, value in ((2, 1.0), (2, 2.0), (5, 3.0)):
        batch = np.full((rows, 3), value)
        with GradientTape():
            loss = np.sum(affine(batch, w, np.zeros(8)))
        loss.backward()
        batch.fill(np.nan)
        product = w.release_gradient()
        np.testing.assert_array_equal(product.compute(), np.full((3, 8), rows * value))
        places.append(product.left.ctypes.data)
        del product
    assert places[0] == places[1]


def test_the_copy_of_a_batch_that_somebody_holds_is_not_written_to():
    w, held = Tensor(np.ones((3, 4))), []
    for value in (1.0, 2.0):
        with GradientTape():
            loss = np.sum(affine(np.full((2, 3), value), w, np.zeros(4)))
        loss.backward()
        held.append(w.release_gradient())
    assert [product.compute()[0, 0] for product in held] == [2.0, 4.0]


def test_there_is_no_gradient_to_release_before_backward():
    with pytest.raises(ValueError, match=r"has no \.grad"):
        Tensor([1.0]).release_grad()
