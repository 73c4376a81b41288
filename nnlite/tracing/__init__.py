"""Steps that are traced once and replayed: a function as the straight line of NumPy calls that it comes to."""

from nnlite.autodiff.hearing import ask
from nnlite.tracing.comparison import TracedStepError
from nnlite.tracing.places import TracedValueError
from nnlite.tracing.step import TracedStep, traced

__all__ = ["TracedStep", "TracedStepError", "TracedValueError", "ask", "traced"]
