"""Optimizers: they turn the gradients of parameters into updates of them.

`step()` uses up `.grad` of every parameter and updates the parameter in place. It works in the gradient's own memory,
so that no more than it must touch has to go through the processor's cache. An optimizer's own state
(momenta, the number of updates) can be saved and loaded, so that a resumed training goes on to the bit.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlite.autodiff import Tensor
from nnlite.autodiff.tensor import changed, plain
from nnlite.errors import InputError
from nnlite.nn.schedules import Schedule, constant

State = dict[str, NDArray[Any]]


class Optimizer:
    """What SGD and Adam have in common: parameters, a learning rate that may follow a schedule, and the loop.

    Args:
        parameters: the tensors to update.
        learning_rate: a number, or a schedule.
        weight_decay: each update also shrinks all parameters, biases too, by learning_rate * weight_decay of their size
            (decoupled from the gradient: I. Loshchilov and F. Hutter, Decoupled weight decay regularization, 2019).
    """

    def __init__(
        self, parameters: Sequence[Tensor], learning_rate: float | Schedule, weight_decay: float = 0.0
    ) -> None:
        self.parameters = list(parameters)
        self.schedule = learning_rate if callable(learning_rate) else constant(float(learning_rate))
        self.weight_decay = weight_decay
        self.steps = 0

    @property
    def learning_rate(self) -> float:
        """The rate of the next update."""
        return self.schedule(self.steps)

    def step(self) -> None:
        """Update every parameter, and clear its `.grad`.

        Raises:
            ValueError: a parameter has no gradient.
        """
        for position, parameter in enumerate(self.parameters):
            if parameter.grad is None:
                raise ValueError(f"parameter {position} of shape {parameter.shape} has no .grad: call backward() first")
        rate = self.learning_rate
        self.steps += 1
        for position, parameter in enumerate(self.parameters):
            gradient = parameter.release_grad()
            values = plain(parameter)
            if self.weight_decay:
                values *= 1.0 - rate * self.weight_decay
            self._update(position, values, gradient, rate)
            changed(parameter)

    def state(self) -> State:
        """A copy of everything that later updates depend on."""
        return {"steps": np.array(self.steps)} | {
            f"{name}.{position}": array.copy()
            for name, arrays in self._moments().items()
            for position, array in enumerate(arrays)
        }

    def load_state(self, state: State) -> None:
        """Go on from what `state` returned.

        Raises:
            InputError: `state` is of an optimizer of another kind, or of other parameters.
        """
        expected = {name: array.shape for name, array in self.state().items()}
        found = {name: array.shape for name, array in state.items()}
        if found != expected:
            raise InputError(f"the saved state is of another optimizer: {found}, not {expected}")
        self.steps = int(state["steps"])
        for name, arrays in self._moments().items():
            for position, array in enumerate(arrays):
                array[...] = state[f"{name}.{position}"]

    def _update(self, position: int, values: NDArray[Any], gradient: NDArray[Any], rate: float) -> None:
        """Change `values` in place; the gradient is used up, and its memory is there to work in."""
        raise NotImplementedError

    def _moments(self) -> dict[str, list[NDArray[Any]]]:
        """The arrays, one a parameter, that are kept between updates."""
        return {}

    def _zeros(self) -> list[NDArray[Any]]:
        return [np.zeros(parameter.shape, parameter.dtype) for parameter in self.parameters]


class SGD(Optimizer):
    """Stochastic gradient descent: v <- momentum * v + g, then w <- w - learning_rate * v.

    Source: I. Sutskever et al., On the importance of initialization and momentum in deep learning, 2013, in the form
    that keeps the learning rate out of v.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        learning_rate: float | Schedule,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate, weight_decay)
        self.momentum = momentum
        self._velocity = self._zeros() if momentum else []

    def _update(self, position: int, values: NDArray[Any], gradient: NDArray[Any], rate: float) -> None:
        if self.momentum:
            velocity = self._velocity[position]
            velocity *= self.momentum
            velocity += gradient
            np.multiply(velocity, rate, out=gradient)
        else:
            gradient *= rate
        values -= gradient

    def _moments(self) -> dict[str, list[NDArray[Any]]]:
        return {"velocity": self._velocity}


class Adam(Optimizer):
    """Adam, with decoupled weight decay (then also known as AdamW).

    m <- beta1 m + (1 - beta1) g and v <- beta2 v + (1 - beta2) g^2, then w <- w - rate * m' / (sqrt(v') + epsilon),
    where m' and v' are m and v corrected for having started at zero.

    Source: D. Kingma and J. Ba, Adam: a method for stochastic optimization, 2015, algorithm 1.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        learning_rate: float | Schedule = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate, weight_decay)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self._mean, self._square = self._zeros(), self._zeros()

    def _update(self, position: int, values: NDArray[Any], gradient: NDArray[Any], rate: float) -> None:
        mean, square, share = self._mean[position], self._square[position], 1.0 - self.beta1
        mean *= self.beta1
        gradient *= share
        mean += gradient
        square *= self.beta2
        gradient *= gradient
        gradient *= (1.0 - self.beta2) / share**2
        square += gradient
        # The paper's more efficient order: both corrections in one factor of the rate.
        correction = math.sqrt(1.0 - self.beta2**self.steps)
        step = np.sqrt(square, out=gradient)
        step += self.epsilon * correction
        np.divide(mean, step, out=step)
        step *= rate * correction / (1.0 - self.beta1**self.steps)
        values -= step

    def _moments(self) -> dict[str, list[NDArray[Any]]]:
        return {"mean": self._mean, "square": self._square}
