"""np.einsum: products of any number of arrays over named axes.

For distinct letters within each operand, the gradient of an operand is another einsum: of `g` and all the other
operands, with the operand's own letters for result. A letter of its own that nobody else has was summed over, and is
spread, as is one that has length 1 everywhere else. An operand that repeats a letter is first reduced to its diagonal,
by indexing.
"""

import string
from typing import Any

import numpy as np

from nnlite.autodiff.primitive import primitive
from nnlite.autodiff.rule import composed


def _gradient(g: Any, y: Any, *operands: Any, position: int, inputs: Any, output: str, optimize: Any) -> Any:
    own, shape = inputs[position], np.shape(operands[position])
    others = [each for place, each in enumerate(inputs) if place != position]
    arrays = [each for place, each in enumerate(operands) if place != position]
    known = "".join(letter for letter in own if letter in output + "".join(others))
    product = np.einsum(f"{','.join([output, *others])}->{known}", g, *arrays, optimize=optimize)
    lengths = iter(np.shape(product))
    spread = np.reshape(product, [next(lengths) if letter in known else 1 for letter in own])
    return spread if np.shape(spread) == shape else spread * np.ones(shape, y.dtype)


@primitive(_gradient, variadic=True, name="np.einsum")
def contracted(*operands: Any, inputs: tuple[str, ...], output: str, optimize: Any) -> Any:
    """np.einsum with the letters of each operand, none of them twice in one."""
    return np.einsum(f"{','.join(inputs)}->{output}", *operands, optimize=optimize)


@composed(np.einsum)
def einsum(subscripts: Any, *operands: Any, optimize: Any = False) -> Any:
    """With the subscripts given as a string."""
    if not isinstance(subscripts, str):
        raise TypeError("np.einsum has no derivative rule for subscripts in lists: write them as a string")
    given, arrow, output = subscripts.replace(" ", "").partition("->")
    free = iter([letter for letter in string.ascii_letters if letter not in subscripts])
    ranks = [np.ndim(x) - len(each.replace("...", "")) for each, x in zip(given.split(","), operands, strict=True)]
    dots = "".join(next(free) for _ in range(max(ranks)))
    inputs = [each.replace("...", dots[len(dots) - rank :]) for each, rank in zip(given.split(","), ranks, strict=True)]
    if arrow and dots and "..." not in output:
        raise ValueError(f"np.einsum: the axes that ... stands for in {subscripts!r} are not in its output")
    if not arrow:  # all letters that occur once, in alphabetical order
        output = "..." + "".join(sorted(each for each in set(given) - set(".,") if given.count(each) == 1))
    distinct, diagonals = [], []
    for letters, operand in zip(inputs, operands, strict=True):
        once = "".join(dict.fromkeys(letters))
        if once != letters:
            places = np.arange(np.size(operand)).reshape(np.shape(operand))
            operand = np.ravel(operand)[np.einsum(f"{letters}->{once}", places)]  # noqa: PLW2901
        distinct.append(once)
        diagonals.append(operand)
    return contracted(*diagonals, inputs=tuple(distinct), output=output.replace("...", dots), optimize=optimize)
