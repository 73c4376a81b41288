"""Losses against their definitions, and at points where the answer is known."""

import math

import numpy as np
import pytest

from nnlite.autodiff import GradientTape, Tensor, prove_gradient
from nnlite.nn import sigmoid_cross_entropy, smoothed_cross_entropy, softmax_cross_entropy, squared_error

RNG = np.random.default_rng(3)


def test_undecided_logits_cost_the_logarithm_of_the_number_of_classes():
    assert float(softmax_cross_entropy(Tensor(np.zeros((5, 10))), np.arange(5))) == pytest.approx(math.log(10))
    assert float(sigmoid_cross_entropy(Tensor(np.zeros((5, 1))), 1.0)) == pytest.approx(math.log(2))


def test_the_softmax_cross_entropy_is_its_definition():
    logits, labels = RNG.standard_normal((4, 3)), np.array([2, 0, 1, 2])
    expected = -np.mean([np.log(np.exp(row[label]) / np.sum(np.exp(row))) for row, label in zip(logits, labels)])  # noqa: B905
    assert float(softmax_cross_entropy(Tensor(logits), labels)) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_the_smoothed_cross_entropy_is_that_of_smoothed_targets(smoothing):
    logits, labels = RNG.standard_normal((4, 3)), np.array([2, 0, 1, 2])
    targets = (1 - smoothing) * np.eye(3)[labels] + smoothing / 3
    expected = -np.mean(np.sum(targets * np.log(np.exp(logits) / np.exp(logits).sum(1, keepdims=True)), axis=1))
    assert float(smoothed_cross_entropy(Tensor(logits), labels, smoothing)) == pytest.approx(expected, rel=1e-14)
    prove_gradient(lambda x: smoothed_cross_entropy(x, labels, smoothing), logits)


def test_the_sigmoid_cross_entropy_is_its_definition():
    logits, targets = RNG.standard_normal((4, 3)), RNG.random((4, 3))
    s = 1 / (1 + np.exp(-logits))
    expected = -np.mean(targets * np.log(s) + (1 - targets) * np.log(1 - s))
    assert float(sigmoid_cross_entropy(Tensor(logits), targets)) == pytest.approx(expected, rel=1e-14)


def test_the_squared_error_is_half_the_mean_squared_distance():
    assert float(squared_error(Tensor([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 0.0], [3.0, 1.0]]))) == 3.5


@pytest.mark.parametrize(
    ("loss", "gradient"),
    [
        (lambda x: softmax_cross_entropy(x, np.array([0, 1])), [[-0.25, 0.25], [0.25, -0.25]]),
        (lambda x: sigmoid_cross_entropy(x, np.array([[1.0, 0.0], [0.5, 1.0]])), [[-0.125, 0.125], [0.0, -0.125]]),
        (lambda x: squared_error(x, np.ones((2, 2))), [[-0.5, -0.5], [-0.5, -0.5]]),
    ],
)
def test_gradients_at_zero_have_closed_forms(loss, gradient):
    x = Tensor(np.zeros((2, 2)))
    with GradientTape():
        value = loss(x)
    value.backward()
    np.testing.assert_allclose(x.grad, gradient, rtol=1e-15)


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: softmax_cross_entropy(x, np.array([0, 2, 1, 1])),
        lambda x: smoothed_cross_entropy(x, np.zeros(len(x), int), 0.1),
        lambda x: sigmoid_cross_entropy(x, 1.0),
        lambda x: squared_error(x, np.eye(4, 3, dtype=x.dtype)),
    ],
)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_loss_is_a_scalar_of_the_dtype_of_its_logits(loss, kind):
    logits = RNG.standard_normal((4, 3))
    prove_gradient(loss, logits, order=2)
    value = loss(Tensor(logits, kind))
    assert (value.shape, value.dtype) == ((), kind)


def test_targets_may_be_differentiated_as_well():
    prove_gradient(sigmoid_cross_entropy, RNG.standard_normal((4, 3)), RNG.random((4, 3)), order=2)
    prove_gradient(squared_error, RNG.standard_normal((4, 3)), RNG.random((4, 3)), order=2)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [((5, 3), (5, 1)), ((5, 3), (4,)), ((3,), (3,)), ((0, 3), (0,))],
)
def test_labels_that_do_not_belong_to_the_logits_are_refused(logits, labels):
    with pytest.raises(ValueError, match="are wanted"):
        softmax_cross_entropy(np.zeros(logits), np.zeros(labels, int))


def test_a_label_beyond_the_classes_is_refused():
    with pytest.raises(ValueError, match="negative"):
        softmax_cross_entropy(np.zeros((2, 3)), np.array([0, -1]))
    with pytest.raises(IndexError):
        softmax_cross_entropy(np.zeros((2, 3)), np.array([0, 3]))


@pytest.mark.parametrize(("outputs", "targets"), [((5, 1), (5,)), ((5, 3), (3,))])
def test_targets_of_another_shape_are_refused(outputs, targets):
    with pytest.raises(ValueError, match="have targets of shape"):
        squared_error(np.zeros(outputs), np.zeros(targets))


@pytest.mark.parametrize("shape", [(3, 1), (4,), (1, 1)])
def test_targets_may_stretch_the_logits(shape):
    logits, targets = np.random.default_rng(0).standard_normal(shape), np.random.default_rng(1).random((3, 4))
    prove_gradient(sigmoid_cross_entropy, logits, targets)
    prove_gradient(lambda x: sigmoid_cross_entropy(x, targets), logits, order=2)
