"""The terms added to a GAN's losses: values by hand, gradients against an independent engine's second derivatives."""

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import elementwise_grad, grad

from nnlite.autodiff import GradientTape, Tensor
from nnlite.models.penalties import feature_distance, gradient_penalty
from nnlite.nn import Dense, Sequential, fully_connected


def test_the_slope_of_a_linear_discriminator_is_its_weight_everywhere():
    layer = Dense(3, 1, rng=np.random.default_rng(0))
    layer.weight[...] = [[1.0], [-2.0], [2.0]]
    real = np.random.default_rng(1).random((5, 3), dtype=np.float32)
    with GradientTape():
        penalty = gradient_penalty(Sequential(layer), real)
    assert float(penalty) == pytest.approx(9.0 / 2)
    penalty.backward([layer.weight])
    np.testing.assert_allclose(layer.weight.grad, layer.weight, rtol=1e-6, err_msg="of |w|^2 / 2 it is w")


FORMULAS = {"leaky_relu": lambda x: anp.where(x > 0, x, 0.2 * x), "tanh": anp.tanh}


@pytest.mark.parametrize("activation", FORMULAS)
def test_its_gradient_is_that_of_an_independent_engine(activation):
    rng = np.random.default_rng(2)
    discriminator = fully_connected([6, 5, 4, 1], activation, None, rng)
    real = rng.standard_normal((7, 6)).astype(np.float32)
    weights = [weight.astype(np.float64) for weight in discriminator.state().values()]

    def logits(x, weights):
        for weight, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            x = FORMULAS[activation](anp.dot(x, weight) + bias)
        return anp.sum(anp.dot(x, weights[-2]) + weights[-1])

    def formula(weights):
        slopes = elementwise_grad(logits)(real.astype(np.float64), weights)
        return anp.mean(anp.sum(slopes**2, axis=1)) / 2

    *tracked, _ = discriminator.parameters()  # the last bias moves every logit, and no slope
    with GradientTape() as tape:
        penalty = gradient_penalty(discriminator, real)
    assert float(penalty) == pytest.approx(formula(weights), rel=1e-5)
    expected = grad(formula)(weights)
    gradients = tape.gradient(penalty, tracked, unconnected_zero=True)
    for gradient, wanted in zip(gradients, expected[:-1], strict=True):
        np.testing.assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-6)
    assert np.all(expected[-1] == 0)


def test_features_are_as_far_apart_as_their_means():
    features = Tensor(np.array([[1.0, 2.0], [3.0, 6.0]]))
    with GradientTape() as tape:
        distance = feature_distance(features, np.array([[0.0, 1.0]]))
    assert float(distance) == 2.0**2 + 3.0**2
    (gradient,) = tape.gradient(distance, [features])
    np.testing.assert_array_equal(gradient, [[2.0, 3.0], [2.0, 3.0]])


def test_matching_features_pulls_at_the_drawn_images_alone():
    features, real = Tensor([[1.0]]), Tensor([[3.0]])
    with GradientTape() as tape:
        distance = feature_distance(features, np.square(real))
    with pytest.raises(ValueError, match="does not depend"):
        tape.gradient(distance, [real])
