"""One hyperparameter as a sweep file names it: whether the model has it, and whether a value is one of its own."""

from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError

from nnlite.errors import InputError, nearest
from nnlite.models import HYPERPARAMETERS
from nnlite.sweep.tables import expectation


@dataclass(frozen=True)
class Hyperparameter:
    """A hyperparameter of a model.

    Attributes:
        model: whose, a key of `HYPERPARAMETERS`.
        name: its name.
        place: where the file speaks of it, for the sentence about a mistake.
    """

    model: str
    name: str
    place: str

    @property
    def is_integer(self) -> bool:
        """Whether its values are whole numbers."""
        return int in self._types

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.is_integer or float in self._types

    @property
    def _types(self) -> tuple[Any, ...]:
        annotation = HYPERPARAMETERS[self.model].model_fields[self.name].annotation
        return get_args(annotation) or (annotation,)

    def bound(self, *kinds: str) -> float | None:
        """The bound of its own range that is called so: `ge` or `gt`, `le` or `lt`; None if it has none."""
        for constraint in HYPERPARAMETERS[self.model].model_fields[self.name].metadata:
            for kind in kinds:
                if hasattr(constraint, kind):
                    return float(getattr(constraint, kind))
        return None

    def checked(self, value: Any, where: str = "") -> Any:
        """The value with the type that the hyperparameter wants.

        Raises:
            InputError: it is of another type, or out of range; the sentence adds `where` to the place.
        """
        try:
            return getattr(HYPERPARAMETERS[self.model].model_validate({self.name: value}), self.name)
        except ValidationError as error:
            first = error.errors()[0]
            inner = "".join(f"[{part}]" for part in first["loc"][1:] if isinstance(part, int))
            raise InputError(f"{self.place}{where}{inner}: {expectation(first)}") from None


def hyperparameter(model: str, section: str, name: str, source: object) -> Hyperparameter:
    """The hyperparameter that `section` of the file `source` calls `name`.

    Raises:
        InputError: the model has none of that name.
    """
    known = HYPERPARAMETERS[model].model_fields
    if name == "seed":
        raise InputError(f"{source}: {section}.seed: list the seeds as `seeds` at the top level")
    if name not in known:
        others = [other for other, fields in HYPERPARAMETERS.items() if name in fields.model_fields]
        if others:
            raise InputError(f"{source}: {section}.{name} is a hyperparameter of the {others[0]}, not of the {model}")
        raise InputError(f"{source}: the {model} has no hyperparameter {name!r} ([{section}]); {nearest(name, known)}")
    return Hyperparameter(model, name, f"{source}: {section}.{name}")
