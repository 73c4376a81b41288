"""What a layer is: a callable that owns arrays, which it finds among its own attributes.

A `Tensor` that a layer has for an attribute is a parameter, which an optimizer changes; a plain floating-point array is
a buffer, which is saved with the parameters but which no optimizer changes. Layers inside a layer, also in a list, a
tuple or a dict, bring theirs. Each has a name, the path to it, such as "0.weight", under which it is saved.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from nnlite.autodiff import Tensor
from nnlite.autodiff.tensor import changed, plain
from nnlite.errors import InputError
from nnlite.habits import LAYER, Named, refuse_name

State = dict[str, NDArray[Any]]


class Member(NamedTuple):
    """An array of a layer.

    Attributes:
        name: the path to it.
        array: a `Tensor` if it is a parameter, else a buffer.
        holder: the layer, list or dict that has it.
        key: its name there.
    """

    name: str
    array: NDArray[Any]
    holder: Any
    key: Any


class Layer(metaclass=Named):
    """A map of batches with parameters of its own.

    A layer of yours sets its parameters as attributes and says what it maps:

        class Scale(nn.Layer):
            def __init__(self, features):
                self.scale = nn.Tensor(np.ones(features), np.float32)

            def __call__(self, x, *, training=None):
                return x * self.scale

    The attributes are all that it takes: `parameters()`, `state()`, `nn.save` and `print` find them. Plain arrays whose
    names begin with an underscore are not saved.
    """

    def __call__(self, x: Any, *, training: bool | None = None) -> Any:
        """Map a batch.

        Args:
            x: the batch.
            training: whether the network is being trained on it. None is for layers that make no difference; the
                others raise a ValueError.
        """
        raise NotImplementedError(f"{type(self).__name__} has to say what it maps: define __call__(self, x)")

    def parameters(self) -> list[Tensor]:
        """All parameters, in the order of the attributes."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """All parameters as (name, tensor)."""
        for member in self.members():
            if isinstance(member.array, Tensor):
                yield member.name, member.array

    def named_buffers(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """All arrays that are saved with the parameters, but that no optimizer changes, as (name, array)."""
        for member in self.members():
            if not isinstance(member.array, Tensor):
                yield member.name, member.array

    def named_arrays(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """All parameters, then all buffers, as (name, array): the layer's own memory, which is only to be read."""
        for name, parameter in self.named_parameters():
            yield name, plain(parameter)
        yield from self.named_buffers()

    def state(self) -> State:
        """A copy of every parameter and buffer by name."""
        return {name: array.copy() for name, array in self.named_arrays()}

    def load_state(self, state: State) -> None:
        """Overwrite every parameter and buffer.

        Raises:
            InputError: `state` is of another network: a name is missing or unknown, or a shape is another.
        """
        arrays = dict(self.named_arrays())
        for name in [*arrays, *state]:
            mine, its = (np.shape(each[name]) if name in each else "missing" for each in (arrays, state))
            if mine != its:
                raise InputError(f"the saved weights are of another network: {name} is {its} there and {mine} here")
        for member in self.members():
            if isinstance(member.array, Tensor):
                plain(member.array)[...] = state[member.name]
                changed(member.array)
            else:  # a tape may have recorded the old one, and would not hear of a change
                _replace(member, np.array(state[member.name], member.array.dtype))

    def members(self) -> Iterator[Member]:
        """All arrays, and where they are."""
        for name, value in vars(self).items():
            yield from members_of(name, value, self, name)

    def __repr__(self) -> str:
        shown = {name: _shown(value) for name, value in vars(self).items() if name[0] != "_"}
        return f"{type(self).__name__}({', '.join(f'{name}={text}' for name, text in shown.items() if text)})"

    def __getattr__(self, name: str) -> NoReturn:
        refuse_name(type(self).__name__, name, LAYER, object.__dir__(self))


def members_of(path: str, value: Any, holder: Any, key: Any) -> Iterator[Member]:
    """All arrays in the attribute or item `value`, which `holder` has under `key`."""
    if isinstance(value, Layer):
        for member in value.members():
            yield member._replace(name=f"{path}.{member.name}")
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from members_of(f"{path}.{name}", each, value, name)
    elif isinstance(value, list | tuple):
        for place, each in enumerate(value):
            yield from members_of(f"{path}.{place}", each, value, place)
    elif isinstance(value, np.ndarray) and value.dtype.kind == "f" and (isinstance(value, Tensor) or path[0] != "_"):
        yield Member(path, value, holder, key)


def _replace(member: Member, array: NDArray[Any]) -> None:
    if isinstance(member.holder, Layer):
        setattr(member.holder, member.key, array)
    elif isinstance(member.holder, tuple):
        member.array[...] = array
    else:
        member.holder[member.key] = array


def _shown(value: Any) -> str | None:
    """An attribute as `print` shows it; None if it does not."""
    if isinstance(value, np.ndarray):
        return str(value.shape)
    if isinstance(value, str | int | float | Layer):
        return repr(value)
    return getattr(value, "__name__", None)
