"""The sections of a page on what made the difference: by each hyperparameter, by pairs of them, by all, and by time."""

from collections.abc import Iterator, Sequence

from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from nnlite.report import parallel
from nnlite.report.captions import others_held, scale_note, show
from nnlite.report.comparison import MOST_PANELS, parameter_plots
from nnlite.report.heatmap import crossed, heat_map
from nnlite.report.importance import GROUPS, MOST_LEVELS, Decomposition, by_importance, decompose
from nnlite.report.markdown import code, table, text
from nnlite.report.pareto import pareto_front, pareto_plot
from nnlite.report.ranking import Configuration, Ranking, abreast
from nnlite.report.section import Section
from nnlite.report.slices import slices
from nnlite.runs.quantities import counted, duration


def comparison(ranking: Ranking, prefix: str) -> Section:
    """What each hyperparameter did to the objective."""
    names = ranking.group.varied
    if names in ranking.group.together:  # the same picture again and again
        return Section("What made the difference")
    explained = decompose(ranking)
    section = Section("What made the difference", list(_importance(explained)))
    names = by_importance(names, explained)
    whole = ranking
    ranking, last = abreast(ranking)  # those that were pruned are compared where they still were on a level
    trials = ranking.trial_frame()
    label = ranking.metric.label
    figure = parameter_plots(trials, names, ranking.metric)
    show(section, figure, f"{prefix}parameters.png", f"{label} against {', '.join(names[:MOST_PANELS])}")
    if figure is not None:
        how = "coloured by the other hyperparameter" if len(names) == 2 else "whatever the other hyperparameters"
        how = "" if len(names) == 1 else f", {how}"
        runs = counted(int(trials["counts"].sum()), "run")
        when = "" if last is None else f" of the first {last}, which is how far all of them got"
        caption = f"The marks are the {runs} behind the leader board, each at its best epoch{when}{how}; their means "
        caption += "are marked or joined by lines."
        if _has_bars(figure):
            caption += " The bars are 95 % t-intervals of these means, cut off where they leave the plot."
        if len(names) > MOST_PANELS:
            caption += f" Of {len(names)} hyperparameters, the {MOST_PANELS} that explain most are shown."
        section.blocks.append(caption + scale_note(figure))
    if found := crossed(trials, names, ranking.configurations[0].readable):
        pair, rows = found
        about = f"mean {label} for each pair of {' and '.join(pair)}"
        show(section, heat_map(rows, pair, ranking.metric), f"{prefix}heat-map.png", about)
        when = "" if last is None else f" after {counted(last, 'epoch')}"
        others = others_held(ranking.configurations[0], pair)
        section.blocks.append(
            f"Mean over the seeds of each pair{when}{others}; the brighter the better, the best in bold."
        )
    if explained and len(names) > 2:
        _show_interplay(section, ranking, explained, prefix)
        _show_all(section, whole, [part.name for part in explained.parts], prefix)
    return section


def trade(ranking: Ranking, prefix: str) -> Section:
    """What time buys: the configurations that nothing beats in both time and quality."""
    section = Section("Time against quality")
    figure = pareto_plot(ranking)
    label = ranking.metric.label
    show(section, figure, f"{prefix}time.png", f"mean {label} against training time, and the front")
    if figure is not None:
        front = [f"{_place(ranking, each)} ({duration(each.seconds)})" for each in pareto_front(ranking)]
        section.blocks.append(
            f"A mark for each configuration that was trained to the end: mean {text(label)} and time of a run, as "
            "logged; the bars reach from the lowest seed to the highest. Diamonds are on the Pareto front, where all "
            f"that is better takes longer: by their rows of the leader board, {', '.join(front)}."
        )
    return section


def _place(ranking: Ranking, configuration: Configuration) -> int:
    return 1 + next(place for place, each in enumerate(ranking.configurations) if each is configuration)


def _show_all(section: Section, ranking: Ranking, names: Sequence[str], prefix: str) -> None:
    """Every configuration as a line across the hyperparameters, what explains most first."""
    figure = parallel.parallel_coordinates(ranking, names)
    show(section, figure, f"{prefix}parallel.png", f"each configuration as a line across {', '.join(names)}")
    if figure is not None:
        count = len(ranking.ranked)
        shown = counted(min(count, parallel.MOST_LINES), "configuration")
        early = any(each.pruned_after is not None for each in ranking.ranked)
        pruned = " Pruned ones are worth what they had reached by then." if early else ""
        section.blocks.append(
            f"A line for each of the {shown} with a score, from what explains most on the left to the mean "
            f"{text(ranking.metric.label)} on the right, the better the higher; the best "
            f"{min(parallel.MOST_COLOURED, count)} in the colours that they have in the other figures.{pruned}"
        )


def _show_interplay(section: Section, ranking: Ranking, explained: Decomposition, prefix: str) -> None:
    """The pairs of which one changes what the other does; where none is known to, the two that explain most."""
    pairs = [(one, other) for one, other, _ in explained.pairs]
    pairs = pairs or [(one.name, other.name) for one, other in [explained.parts[:2]] if len(explained.parts) > 1]
    figure = slices(ranking.trial_frame(), pairs, ranking.metric)
    about = " and ".join(f"{one} with {other}" for one, other in pairs)
    show(section, figure, f"{prefix}slices.png", f"{ranking.metric.label} by {about}")
    if figure is not None:
        section.blocks.append(
            "How one hyperparameter depends on another: the pairs that explain most beyond each alone, the marks as "
            "above. Where both have many values, a mark is a configuration, the brighter the better, the best ringed."
        )


def _importance(found: Decomposition | None) -> Iterator[str]:
    """A table of what each hyperparameter explains, and how that is reckoned."""
    if found is None:
        return
    rows = [[code(each.name), _percent(each.share), _luck(each.p), text(each.best)] for each in found.parts]
    rows += [
        [f"{code(one)} with {code(other)}, beyond each alone", _percent(share), "", ""]
        for one, other, share in found.pairs
    ]
    if found.seeds is not None:
        rows.append(["the seed", _percent(found.seeds), "", ""])
    yield table(["", "explains", "without an effect", "ranks best with"], rows, [1])
    when = "" if found.epoch is None else f", after {counted(found.epoch, 'epoch')}, which is how far all of them got"
    yield (
        f"Explains: the share of the variance of the ranks of {found.runs} runs (the best first, lost ones last{when}) "
        "that lies between the values, adjusted for their number: eta² = (H - k + 1) / (n - k) of Kruskal and Wallis' "
        f"test, whose p says how likely so much is without an effect. More than {MOST_LEVELS} numbers are cut into "
        f"{GROUPS} groups of equal size."
    )


def _has_bars(figure: Figure) -> bool:
    """Whether an interval is drawn anywhere."""
    lines = (each for axes in figure.axes for each in axes.collections if isinstance(each, LineCollection))
    return any(len(each.get_segments()) for each in lines)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _luck(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
