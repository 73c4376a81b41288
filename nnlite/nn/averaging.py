"""The exponential moving average of a network's weights: another set of them, to evaluate with and never to train."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlite.autodiff.accumulation import accumulate
from nnlite.autodiff.hearing import ask, heard, read, within
from nnlite.autodiff.tensor import Tensor, plain
from nnlite.errors import InputError
from nnlite.nn.layer import Layer

State = dict[str, NDArray[Any]]


class WeightAverage:
    """average <- d average + (1 - d) weight, for everything that the network saves, so for running statistics too.

    The average begins as a copy, and d grows from 2 / 11 up to `decay` as min(decay, (1 + t) / (10 + t)) in update t:
    otherwise the first weights would weigh for 1 / (1 - decay) updates.

    Source: B. Polyak and A. Juditsky, Acceleration of stochastic approximation by averaging, 1992; for generators
    Y. Yazici et al., The unusual effectiveness of averaging in GAN training, 2019; the growing d is that of
    TensorFlow's tf.train.ExponentialMovingAverage with num_updates.

    Args:
        model: the network; it is only read.
        decay: how slowly the average follows, from 0 to below 1.
    """

    def __init__(self, model: Layer, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._model = model
        self._averages = model.state()

    def update(self) -> None:
        """Take the weights as they are now into the average; after each step of the optimizer."""
        within("WeightAverage")
        scale, keep = ask(self._advance)
        for name, parameter in self._model.named_parameters():
            accumulate(self._averages[name], plain(parameter), scale=scale, keep=keep)
        for member in self._model.members():  # whose buffers are exchanged for others
            if not isinstance(member.array, Tensor):
                array = read(member.holder, member.key) if isinstance(member.holder, Layer) else heard(member.array)
                accumulate(self._averages[member.name], array, scale=scale, keep=keep)

    def _advance(self) -> tuple[float, float]:
        """Count an update: the shares of the weights and of the average."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        return 1.0 - decay, decay

    def weights(self) -> State:
        """A copy of the averages, by the names of `Layer.state`."""
        return {name: array.copy() for name, array in self._averages.items()}

    def state(self) -> State:
        """A copy of everything that later averages depend on."""
        return {"updates": np.array(self.updates), **self.weights()}

    def load_state(self, state: State) -> None:
        """Go on from what `state` returned.

        Raises:
            InputError: `state` is of the average of another network.
        """
        expected = {name: array.shape for name, array in self.state().items()}
        found = {name: array.shape for name, array in state.items()}
        if found != expected:
            raise InputError(f"the saved averages are of another network: {found}, not {expected}")
        self.updates = int(state["updates"])
        for name, array in self._averages.items():
            array[...] = state[name]
