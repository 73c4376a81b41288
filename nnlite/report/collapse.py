"""The collapse of a GAN: in which runs it came to stay, from which epoch on, and what the runs draw at their end.

A generator has collapsed where it leaves classes out, or draws some of them far more often than others. Whether it has
after an epoch follows from two metrics that every log holds, so that runs of any version can be told about.
"""

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from nnlite.report.captions import others_held, show
from nnlite.report.cells import finite, writable
from nnlite.report.classes import class_histories, favourite_of, latents_over_time
from nnlite.report.heatmap import crossed, share_map
from nnlite.report.importance import by_importance, decompose
from nnlite.report.markdown import code, image, table, text
from nnlite.report.ranking import Ranking
from nnlite.report.section import Section
from nnlite.report.style import png
from nnlite.runs import Run
from nnlite.runs.events import Event
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
        relapses: how often it had been diverse and then was not.
        coverage: classes covered after its last epoch.
        entropy: label entropy after its last epoch, in bits.
        favourite: the class that it drew most often after its last epoch, and that class's share; None if no log tells.
    """

    collapsed: bool
    since: int
    relapses: int = 0
    coverage: float | None = None
    entropy: float | None = None
    favourite: tuple[str, float] | None = None


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
    relapses = sum(now and not before for (_, before), (_, now) in itertools.pairwise(known))
    coverage, entropy = finite(last.get("mode_coverage")), finite(last.get("label_entropy"))
    return Fate(collapsed, since, relapses, coverage, entropy, favourite_of(run))


def fates_of(ranking: Ranking) -> dict[str, Fate]:
    """What became of the runs that tell, by id."""
    runs = [trial.run for configuration in ranking.configurations for trial in configuration.trials]
    return {run.id: fate for run in runs if (fate := fate_of(run))}


def collapsed_of(fates: Collection[Fate]) -> str:
    """How many of the runs with these fates had collapsed at their end, such as "2 of 9 runs"."""
    return f"{sum(each.collapsed for each in fates)} of {counted(len(fates), 'run')}"


def story(fates: Sequence[Fate]) -> str:
    """What became of the seeds of one configuration, at least one, such as "collapsed in 1 of 3 seeds, from ..."."""
    collapsed = [each for each in fates if each.collapsed]
    diverse = [each for each in fates if not each.collapsed]
    several = len(fates) > 1
    words = []
    if collapsed:
        seeds = f" in {len(collapsed)} of {len(fates)} seeds" if several else ""
        words.append(f"collapsed{seeds}, {_from_epochs([each.since for each in collapsed])}")
        if any(each.relapses > 1 for each in collapsed):
            words[-1] += ", not for the first time"
    if diverse:
        others = f"the other{'s' * (len(diverse) > 1)} " if collapsed else ""
        words.append(f"{others}diverse from epoch {max(each.since for each in diverse)} on")
        if any(each.relapses for each in diverse):
            words[-1] += ", after relapses"
    return "; ".join(words)


def collapse(ranking: Ranking, prefix: str) -> Section:
    """When each configuration collapsed, if it did; the classes over the epochs, and the same latent points."""
    section = Section("Collapse")
    fates = fates_of(ranking)
    if not fates:
        return section
    # With more hyperparameters, the numbers of the leader board's rows must do.
    names = ranking.group.varied if len(ranking.group.varied) <= MOST_COLUMNS else []
    header = ["", *map(code, names), "what became of it", "classes at the end", "entropy at the end"]
    if tell_classes := any(each.collapsed and each.favourite for each in fates.values()):
        header.append("mostly draws")
    rows = []
    for place, configuration in enumerate(ranking.configurations, start=1):
        if own := [fates[each.run.id] for each in configuration.trials if each.run.id in fates]:
            values = [text(number(configuration.readable[name])) for name in names]
            drawn = [_favourites(own)] if tell_classes else []
            rows.append([str(place), *values, story(own), *_end_of(own), *drawn])
    section.blocks.append(f"{DEFINITION} **{collapsed_of(fates.values())}** ended so.")
    section.blocks.append(table(header, rows[:MOST_ROWS], [0]))
    if rest := rows[MOST_ROWS:]:
        section.blocks.append(f"<details><summary>{counted(len(rest), 'more configuration')}</summary>")
        section.blocks += [table(header, rest, [0]), "</details>"]
    _map(section, ranking, fates, prefix)
    _illustrate(section, ranking, prefix)
    return section


def _map(section: Section, ranking: Ranking, fates: Mapping[str, Fate], prefix: str) -> None:
    """How many runs ended collapsed, for each pair of two hyperparameters; nothing if none did."""
    ended = {writable(run): fate.collapsed for run, fate in fates.items()}
    first = ranking.configurations[0]
    names = by_importance(ranking.group.varied, decompose(ranking))
    if any(ended.values()) and (found := crossed(ranking.trial_frame(), names, first.readable)):
        pair, rows = found
        figure = share_map(rows, pair, ended, "runs that ended collapsed")
        about = f"how many runs ended collapsed for each pair of {' and '.join(pair)}"
        show(section, figure, f"{prefix}collapsed.png", about)
        section.blocks.append(f"How many runs had collapsed after their last epoch{others_held(first, pair)}.")


def _illustrate(section: Section, ranking: Ranking, prefix: str) -> None:
    runs = [trial.run for trial in ranking.best_then_by_end()]
    if drawn := class_histories(runs):
        figure, shown = drawn
        section.files[f"{prefix}classes.png"] = png(figure)
        caption = f"The share of each class among the judged images, epoch by epoch, of {_named(shown)}."
        section.blocks += [image("which classes were drawn, epoch by epoch", f"{prefix}classes.png"), caption]
    if strips := latents_over_time(runs):
        figure, shown, epochs = strips
        section.files[f"{prefix}evolution.png"] = png(figure)
        section.blocks += [
            image("what the same latent points became over the epochs", f"{prefix}evolution.png"),
            f"The same latent points, a column each, after epochs {', '.join(map(str, epochs))}, of {_named(shown)}.",
        ]


def _named(shown: Sequence[Run]) -> str:
    """The best run that is shown and, if there is another, the one that ended worst."""
    best = f"the best run, {code(shown[0].id)}"
    return f"{best} (left), and the one that ended worst, {code(shown[1].id)}" if len(shown) > 1 else best


def _end_of(fates: Sequence[Fate]) -> list[str]:
    """Between which classes covered, and which entropies, its runs ended."""
    coverages = [each.coverage for each in fates if each.coverage is not None]
    entropies = [each.entropy for each in fates if each.entropy is not None]
    return [_span(coverages, ".0f"), _span(entropies, ".2f")]


def _favourites(fates: Sequence[Fate]) -> str:
    """The classes that collapsed runs draw most often, and how often, such as "2, 7 (81 to 100 %)"."""
    known = [each.favourite for each in fates if each.collapsed and each.favourite]
    if not known:
        return "-"
    names = ", ".join(text(name) for name in sorted({name for name, _ in known}))
    return f"{names} ({_span([100 * share for _, share in known], '.0f')} %)"


def _span(values: Sequence[float], digits: str) -> str:
    """From the lowest to the highest."""
    if not values:
        return "-"
    low, high = format(min(values), digits), format(max(values), digits)
    return low if low == high else f"{low} to {high}"


def _from_epochs(epochs: Sequence[int]) -> str:
    later = sorted({epoch for epoch in epochs if epoch > 1})
    words = ["from the first epoch on"] if 1 in epochs else []
    if later:
        listed = f"{', '.join(map(str, later[:-1]))} and {later[-1]}" if len(later) > 1 else f"{later[0]}"
        words.append(f"from epoch{'s' * (len(later) > 1)} {listed} on")
    return " or ".join(words)
