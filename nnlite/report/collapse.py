"""The collapse of a GAN: in which runs it came to stay, from which epoch on, and what the runs draw at their end.

A generator has collapsed where it leaves classes out, or draws some of them far more often than others. Whether it has
after an epoch follows from two metrics that every log holds, so that runs of any version can be told about.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnlite.report.cells import finite, readable
from nnlite.report.classes import class_histories, latents_over_time
from nnlite.report.markdown import code, image, table, text
from nnlite.report.ranking import Configuration, Ranking
from nnlite.report.section import Section
from nnlite.report.style import png
from nnlite.runs import Run
from nnlite.runs.log import Event
from nnlite.runs.quantities import counted, number

CLASSES = 10
LEAST_BITS = 3.0  # of label entropy
MOST_ROWS = 20  # of the table; the rest is folded away
MOST_COLUMNS = 4  # of hyperparameters
DEFINITION = (
    f"A GAN has collapsed where fewer than {CLASSES} classes have more than 1 % of its images each, or the entropy of "
    f"the classes is below {number(LEAST_BITS)} bits ({math.log2(CLASSES):.2f} if all are equally common)."
)


@dataclass(frozen=True)
class Fate:
    """What became of one run.

    Attributes:
        collapsed: how it stood after its last epoch.
        since: the epoch since which it had stood so without a break.
        coverage: classes covered after its last epoch.
        entropy: label entropy after its last epoch, in bits.
    """

    collapsed: bool
    since: int
    coverage: float | None
    entropy: float | None


def has_collapsed(epoch: Event) -> bool | None:
    """Whether the generator had collapsed after this epoch; None if its line does not tell."""
    coverage, entropy = finite(epoch.get("mode_coverage")), finite(epoch.get("label_entropy"))
    if coverage is None and entropy is None:
        return None
    return (coverage is not None and coverage < CLASSES) or (entropy is not None and entropy < LEAST_BITS)


def fate_of(run: Run) -> Fate | None:
    """What became of `run`; None if no epoch of it tells."""
    known = [(line, state) for line in run.epochs if (state := has_collapsed(line)) is not None]
    if not known:
        return None
    last, collapsed = known[-1]
    since = last["epoch"]
    for line, state in reversed(known):
        if state != collapsed:
            break
        since = line["epoch"]
    return Fate(collapsed, since, finite(last.get("mode_coverage")), finite(last.get("label_entropy")))


def collapsed_of(fates: Sequence[Fate]) -> str:
    """How many of the runs with these fates had collapsed at their end, such as "2 of 9 runs"."""
    return f"{sum(each.collapsed for each in fates)} of {counted(len(fates), 'run')}"


def fates_in(configuration: Configuration) -> list[Fate]:
    """What became of its runs, of those that tell."""
    return [fate for each in configuration.trials if (fate := fate_of(each.run))]


def story(fates: Sequence[Fate]) -> str:
    """What became of the seeds of one configuration, at least one, such as "collapsed in 1 of 3 seeds, from ..."."""
    collapsed = [each for each in fates if each.collapsed]
    diverse = [each for each in fates if not each.collapsed]
    several = len(fates) > 1
    words = []
    if collapsed:
        seeds = f" in {len(collapsed)} of {len(fates)} seeds" if several else ""
        words.append(f"collapsed{seeds}, {_from_epochs([each.since for each in collapsed])}")
    if diverse:
        others = f"the other{'s' * (len(diverse) > 1)} " if collapsed else ""
        words.append(f"{others}diverse from epoch {max(each.since for each in diverse)} on")
    return "; ".join(words)


def collapse(ranking: Ranking, prefix: str) -> Section:
    """When each configuration collapsed, if it did; the classes over the epochs, and the same latent points."""
    section = Section("Collapse")
    # With more hyperparameters, the numbers of the leader board's rows must do.
    names = ranking.group.varied if len(ranking.group.varied) <= MOST_COLUMNS else []
    rows, fates = [], []
    for place, configuration in enumerate(ranking.configurations, start=1):
        own = fates_in(configuration)
        if own:
            rows.append(_row(place, configuration, names, own))
            fates += own
    if not rows:
        return section
    section.blocks.append(f"{DEFINITION} **{collapsed_of(fates)}** ended so.")
    header = ["", *map(code, names), "what became of it", "classes at the end", "entropy at the end"]
    section.blocks.append(table(header, rows[:MOST_ROWS], [0]))
    if rest := rows[MOST_ROWS:]:
        section.blocks.append(f"<details><summary>{counted(len(rest), 'more configuration')}</summary>")
        section.blocks += [table(header, rest, [0]), "</details>"]
    _illustrate(section, ranking, prefix)
    return section


def _illustrate(section: Section, ranking: Ranking, prefix: str) -> None:
    runs = [trial.run for trial in ranking.best_trials()]
    label = text(ranking.metric.label)
    if drawn := class_histories(runs):
        figure, shown = drawn
        section.files[f"{prefix}classes.png"] = png(figure)
        caption = f"The share of each class among the judged images, epoch by epoch, of {_named(shown)}, by {label}."
        section.blocks += [image("which classes were drawn, epoch by epoch", f"{prefix}classes.png"), caption]
    if strips := latents_over_time(runs):
        figure, shown, epochs = strips
        section.files[f"{prefix}evolution.png"] = png(figure)
        section.blocks += [
            image("what the same latent points became over the epochs", f"{prefix}evolution.png"),
            f"The same latent points, a column each, after epochs {', '.join(map(str, epochs))}, of {_named(shown)}.",
        ]


def _named(shown: Sequence[Run]) -> str:
    """The best run that is shown and, if there is another, the worst."""
    words = [f"the {word} run, {code(run.id)}" for word, run in zip(("best", "worst"), shown, strict=False)]
    return f"{words[0]} (left), and {words[1]}" if len(words) > 1 else words[0]


def _row(place: int, configuration: Configuration, names: Sequence[str], fates: Sequence[Fate]) -> list[str]:
    values = [text(number(readable(configuration.parameters[name]))) for name in names]
    coverages = [each.coverage for each in fates if each.coverage is not None]
    entropies = [each.entropy for each in fates if each.entropy is not None]
    return [str(place), *values, story(fates), _span(coverages, ".0f"), _span(entropies, ".2f")]


def _span(values: Sequence[float], digits: str) -> str:
    """From the lowest to the highest."""
    if not values:
        return "-"
    low, high = format(min(values), digits), format(max(values), digits)
    return low if low == high else f"{low} to {high}"


def _from_epochs(epochs: Sequence[int]) -> str:
    later = sorted(epoch for epoch in epochs if epoch > 1)
    words = ["from the first epoch on"] if len(later) < len(epochs) else []
    if later:
        listed = f"{', '.join(map(str, later[:-1]))} and {later[-1]}" if len(later) > 1 else f"{later[0]}"
        words.append(f"from epoch{'s' * (len(later) > 1)} {listed} on")
    return " or ".join(words)
