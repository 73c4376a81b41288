"""Steps that are traced once and replayed: a function as the straight line of NumPy calls that it comes to."""

from nnlite.traced.recording import TracedValueError
from nnlite.traced.step import TracedStep, TracedStepError, traced

__all__ = ["TracedStep", "TracedStepError", "TracedValueError", "traced"]
