"""What a hyperparameter may be: the bounds within which it can be trained, and the value that it has by default."""

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

BOUNDS = ("ge", "gt", "le", "lt")  # as pydantic calls them


@dataclass(frozen=True)
class Range:
    """From `low` to `high`; an end that is `open` is not reached itself."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = True
    high_open: bool = True

    def nearest_to(self, wanted: float, inside: float) -> float:
        """`wanted`, or if that lies outside, the end itself, or half the way from `inside` to an end that is open."""
        if wanted < self.low or (self.low_open and wanted == self.low):
            return (inside + self.low) / 2 if self.low_open else self.low
        if wanted > self.high or (self.high_open and wanted == self.high):
            return (inside + self.high) / 2 if self.high_open else self.high
        return wanted


def range_of(model: str, name: str) -> Range:
    """The range of a hyperparameter; of a list, that of an item; without ends where this version knows none."""
    field = _field(model, name)
    if field is None:
        return Range()
    if name == "hidden" or name.endswith("_hidden"):
        return Range(1.0, low_open=False)
    bounds = {kind: end for each in field.metadata for kind in BOUNDS if (end := getattr(each, kind, None)) is not None}
    return Range(
        float(bounds.get("ge", bounds.get("gt", -math.inf))),
        float(bounds.get("le", bounds.get("lt", math.inf))),
        low_open="ge" not in bounds,
        high_open="le" not in bounds,
    )


def default_of(model: str, name: str) -> Any:
    """What it was trained with where a log, being older, does not name it; None if this version has no such one."""
    field = _field(model, name)
    return None if field is None or field.is_required() else json.loads(json.dumps(field.default))


def fallback_of(model: str, name: str) -> str | None:
    """The hyperparameter whose value counts where this one is not given; None if there is no such."""
    from nnlite.models import HYPERPARAMETERS  # noqa: PLC0415 - as in `nnlite.queries.names`

    return HYPERPARAMETERS[model].FALLBACKS.get(name) if model in HYPERPARAMETERS else None


def _field(model: str, name: str) -> "FieldInfo | None":
    from nnlite.models import HYPERPARAMETERS  # noqa: PLC0415 - as in `nnlite.queries.names`

    return HYPERPARAMETERS[model].model_fields.get(name) if model in HYPERPARAMETERS else None
