"""What the figures of a page have in common: how one is put into a section, and what has to be said below it."""

from collections.abc import Collection

import pandas as pd
from matplotlib.figure import Figure

from nnlite.report.markdown import code, image, text
from nnlite.report.ranking import Configuration
from nnlite.report.section import Section
from nnlite.report.style import png
from nnlite.runs.quantities import number

SCALE_NOTE = " The accuracy's axis is logarithmic in the error, so that both ends can be read."


def show(section: Section, figure: Figure | None, name: str, description: str) -> None:
    """Put a figure at the end of a section, if there is one."""
    if figure is not None:
        section.files[name] = png(figure)
        section.blocks.append(image(description, name))


def scale_note(figure: Figure) -> str:
    """A sentence about an axis that is not what it seems; empty if none is."""
    return SCALE_NOTE if any(axes.get_yscale() == "function" for axes in figure.axes) else ""


def several_seeds(trials: pd.DataFrame) -> bool:
    """Whether some configuration has more than one run that counts."""
    return bool(trials.loc[trials["counts"], "rank"].duplicated().any())


def others_held(configuration: Configuration, shown: Collection[str]) -> str:
    """What a heat map's caption says of the hyperparameters that it does not show."""
    words = [
        f"{code(name)} is {text(number(value))}" for name, value in configuration.readable.items() if name not in shown
    ]
    return f", where {' and '.join(words)}" if words else ""
