"""Optimizers: they turn the gradients of parameters into updates of them.

`step()` uses up `.grad` of every parameter and updates the parameter in place. SGD only adds gradients to what is
there, and so never needs one that is a matrix product as an array; Adam works in the gradient's own memory. An
optimizer's own state (momenta, the number of updates) can be saved and loaded, so that a resumed training goes on to
the bit.
"""

import math
import numbers
from collections.abc import Iterable
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from nnlite.autodiff import Tensor
from nnlite.autodiff.accumulation import accumulate
from nnlite.autodiff.hearing import ask, heard, within
from nnlite.autodiff.tensor import changed, plain
from nnlite.errors import InputError
from nnlite.habits import OPTIMIZER, Named, refuse_name
from nnlite.nn.schedules import Schedule, constant

State = dict[str, NDArray[Any]]

_SAFE = 1e-15  # a norm from here to 1 / here has lost nothing that counts in float32


class Optimizer(metaclass=Named):
    """What SGD and Adam have in common: parameters, a learning rate that may follow a schedule, and the loop.

    Args:
        parameters: the tensors to update, each once, however often it is given: `model.parameters()`.
        learning_rate: a number, or a schedule. It can be set later on: `optimizer.learning_rate = 0.01`.
        weight_decay: each update also shrinks all parameters, biases too, by learning_rate * weight_decay of their size
            (decoupled from the gradient: I. Loshchilov and F. Hutter, Decoupled weight decay regularization, 2019).
        clip_norm: where the gradients of all parameters, taken as one vector, are longer than this, they are scaled
            down to this length (R. Pascanu et al., On the difficulty of training recurrent neural networks, 2013,
            algorithm 1); 0 never does.

    Raises:
        TypeError: the parameters are no floating-point tensors, or the learning rate is no number.
        ValueError: there are no parameters, or a number is outside its range.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: float | Schedule,
        weight_decay: float = 0.0,
        *,
        clip_norm: float = 0.0,
    ) -> None:
        self.parameters = _checked(parameters)
        self.learning_rate = learning_rate
        _check_range(self, 0.0, math.inf, weight_decay=weight_decay, clip_norm=clip_norm)
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.steps = 0

    @property
    def learning_rate(self) -> float:
        """The rate of the next update; assign a number or a schedule, which goes on counting all updates."""
        return self.schedule(self.steps)

    @learning_rate.setter
    def learning_rate(self, rate: float | Schedule) -> None:
        if callable(rate):
            self.schedule = rate
            return
        if not isinstance(rate, numbers.Real):
            raise TypeError(f"the learning rate is a number or a schedule, not {rate!r}")
        _check_range(self, 0.0, math.inf, learning_rate=float(rate))
        self.schedule = constant(float(rate))

    def __getattr__(self, name: str) -> NoReturn:
        refuse_name(type(self).__name__, name, OPTIMIZER, object.__dir__(self))

    def step(self) -> None:
        """Update every parameter, and clear its `.grad`.

        Raises:
            ValueError: a parameter has no gradient.
        """
        for position, parameter in enumerate(self.parameters):
            if not parameter.has_grad:
                raise ValueError(f"parameter {position} of shape {parameter.shape} has no .grad: call backward() first")
        within(type(self).__name__)
        share = 1.0
        if self.clip_norm:
            share = ask(self._share_within_norm, *(heard(parameter.grad) for parameter in self.parameters))
        shrink, *factors = ask(self.advance, share)
        for position, parameter in enumerate(self.parameters):
            values = plain(parameter)
            if self.weight_decay:
                values *= shrink
            self._update(position, values, parameter, *factors)
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

    def _share_within_norm(self, *gradients: NDArray[Any]) -> float:
        """What the gradients are to be multiplied by, so that all together they are no longer than `clip_norm`.

        Gradients that are not finite are not cut: a training that diverges shall be seen to do so. Where their own
        precision does not reach for the squares, or for what is left of them, they are cut here, and the share is 1.
        """
        with np.errstate(over="ignore"):
            norm = math.hypot(*(float(np.linalg.norm(each)) for each in gradients))
        if _SAFE < norm < 1.0 / _SAFE and all(each.dtype.itemsize > 2 for each in gradients):
            return self.clip_norm / norm if self.clip_norm < norm else 1.0
        exact = [np.asarray(each, np.longdouble) for each in gradients]
        largest = max((np.max(np.abs(each)) for each in exact if each.size), default=np.longdouble(0.0))
        if not 0.0 < largest < math.inf:  # all zero, or not finite
            return 1.0
        length = largest * np.sqrt(sum(np.sum(np.square(each / largest)) for each in exact))
        if self.clip_norm < length:
            for parameter, gradient, each in zip(self.parameters, gradients, exact, strict=True):
                cut = np.asarray(each * (self.clip_norm / length)).astype(gradient.dtype)
                if parameter.grad is gradient:  # which somebody else may hold
                    parameter.grad = cut
                else:  # the memory of a traced step
                    gradient[...] = cut
        return 1.0

    def advance(self, share: float = 1.0) -> tuple[float, ...]:
        """Count an update; `step` does so.

        Args:
            share: of each gradient, that which counts.

        Returns:
            What the parameters are multiplied by, and then the numbers that this kind of optimizer goes by.
        """
        rate = self.learning_rate
        self.steps += 1
        return self._numbers(rate, share)

    def _numbers(self, rate: float, share: float) -> tuple[float, ...]:
        raise NotImplementedError

    def _update(self, position: int, values: NDArray[Any], parameter: Tensor, *factors: float) -> None:
        """Change `values`, the plain array of the parameter at `position`, in place; its `.grad` is used up."""
        raise NotImplementedError

    def _moments(self) -> dict[str, list[NDArray[Any]]]:
        """The arrays, one a parameter, that are kept between updates."""
        return {}

    def _zeros(self) -> list[NDArray[Any]]:
        return [np.zeros(parameter.shape, parameter.dtype) for parameter in self.parameters]


def _checked(parameters: Iterable[Tensor]) -> list[Tensor]:
    """The parameters, each once: one may serve in several layers.

    Raises:
        TypeError: they are no floating-point tensors.
        ValueError: there are none.
    """
    if isinstance(parameters, np.ndarray | dict) or not isinstance(parameters, Iterable):
        kind = type(parameters).__name__
        raise TypeError(f"an optimizer takes a list of tensors, model.parameters(), not a {kind}")
    distinct = list({id(each): each for each in parameters}.values())
    for position, each in enumerate(distinct):
        if not isinstance(each, Tensor):
            kind = type(each).__name__
            raise TypeError(f"an optimizer takes a list of tensors, model.parameters(); item {position} is a {kind}")
        if each.dtype.kind != "f":
            raise TypeError(f"parameter {position} is of {each.dtype}: only floating-point tensors have a gradient")
    if not distinct:
        raise ValueError("an optimizer was given no parameters")
    return distinct


def _check_range(owner: object, low: float, high: float, **values: float) -> None:
    for name, value in values.items():
        if not (isinstance(value, numbers.Real) and low <= float(value) < high):
            kind = type(owner).__name__
            raise ValueError(f"{name} of {kind} is {value!r}, not a number from {low:g} to below {high:g}")


class _SGDNumbers(NamedTuple):
    """What an update multiplies: the parameters, the gradient, the gradient within the velocity, the velocity."""

    shrink: float
    gradient_scale: float
    share: float
    velocity_scale: float


class _AdamNumbers(NamedTuple):
    """What an update multiplies: the parameters, the gradient, its square, the step; and the epsilon it adds."""

    shrink: float
    gradient_share: float
    square_share: float
    epsilon: float
    step_scale: float


class SGD(Optimizer):
    """Stochastic gradient descent: v <- momentum * v + g, then w <- w - learning_rate * v.

    With `nesterov` the step is one ahead, w <- w - learning_rate * (g + momentum * v); without momentum it is the same.

    Source: I. Sutskever et al., On the importance of initialization and momentum in deep learning, 2013, in the form
    that keeps the learning rate out of v; for Nesterov's also that of Y. Bengio et al., Advances in optimizing
    recurrent networks, 2013 (simplified Nesterov momentum), where w is the point at which the gradient is taken.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        learning_rate: float | Schedule,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        *,
        clip_norm: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(parameters, learning_rate, weight_decay, clip_norm=clip_norm)
        _check_range(self, 0.0, math.inf, momentum=momentum)
        self.momentum = momentum
        self.nesterov = nesterov
        self._velocity = self._zeros() if momentum else []

    def _numbers(self, rate: float, share: float) -> tuple[float, ...]:
        of_velocity = -(rate * self.momentum if self.nesterov else rate)
        return _SGDNumbers(1.0 - rate * self.weight_decay, -rate * share, share, of_velocity)

    def _update(self, position: int, values: NDArray[Any], parameter: Tensor, *factors: float) -> None:
        of_gradient, share, of_velocity = factors
        # What was computed for its length has memory that serves the next gradient.
        gradient = parameter.release_grad() if self.clip_norm else parameter.release_gradient()
        if not self.momentum:
            accumulate(values, gradient, scale=of_gradient)
            return
        velocity = self._velocity[position]
        accumulate(velocity, gradient, scale=share, keep=self.momentum)
        if self.nesterov:
            accumulate(values, gradient, scale=of_gradient)
        accumulate(values, velocity, scale=of_velocity)

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
        parameters: Iterable[Tensor],
        learning_rate: float | Schedule = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        clip_norm: float = 0.0,
    ) -> None:
        super().__init__(parameters, learning_rate, weight_decay, clip_norm=clip_norm)
        _check_range(self, 0.0, 1.0, beta1=beta1, beta2=beta2)
        _check_range(self, 0.0, math.inf, epsilon=epsilon)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self._mean, self._square = self._zeros(), self._zeros()

    def _numbers(self, rate: float, share: float) -> tuple[float, ...]:
        # The paper's more efficient order: both corrections in one factor of the rate.
        correction = math.sqrt(1.0 - self.beta2**self.steps)
        return _AdamNumbers(
            1.0 - rate * self.weight_decay,
            share * (1.0 - self.beta1),
            share**2 * (1.0 - self.beta2),
            self.epsilon * correction,
            -rate * correction / (1.0 - self.beta1**self.steps),
        )

    def _update(self, position: int, values: NDArray[Any], parameter: Tensor, *factors: float) -> None:
        of_gradient, of_square, epsilon, of_step = factors
        gradient = parameter.release_grad()
        mean, square = heard(self._mean[position]), heard(self._square[position])
        accumulate(mean, gradient, scale=of_gradient, keep=self.beta1)
        accumulate(square, np.square(gradient, out=gradient), scale=of_square, keep=self.beta2)
        step = np.sqrt(square, out=gradient)
        step += epsilon
        np.divide(mean, step, out=step)
        accumulate(values, step, scale=of_step)

    def _moments(self) -> dict[str, list[NDArray[Any]]]:
        return {"mean": self._mean, "square": self._square}
