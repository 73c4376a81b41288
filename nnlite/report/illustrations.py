"""The sections of a page that are pictures: learning curves, comparison plots, and the samples of a GAN."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from nnlite.report.comparison import parameter_plots
from nnlite.report.curves import MOST_BANDS, MOST_LINES, learning_curves, shown_ranks
from nnlite.report.frame import epoch_frame
from nnlite.report.heatmap import heat_map
from nnlite.report.importance import GROUPS, MOST_LEVELS, decompose
from nnlite.report.markdown import code, image, table, text
from nnlite.report.ranking import Ranking, Trial, abreast
from nnlite.report.results import named
from nnlite.report.section import Section
from nnlite.report.style import png
from nnlite.runs import METRICS
from nnlite.runs.quantities import counted, score

SCALE_NOTE = " The accuracy's axis is logarithmic in the error, so that both ends can be read."
BANDS_NOTE = (
    "The lines are means over the seeds, as far as all of them have got; the bands reach from the lowest seed to the "
    f"highest (with more than {MOST_BANDS} lines, those of the best and the worst alone). The numbers are rows of the "
    "leader board."
)
FEW_LINES = 4  # for what is not ranked by: the best three and the worst


@dataclass(frozen=True)
class Plot:
    """A figure of learning curves: its file, and its metrics side by side."""

    name: str
    metrics: tuple[str, ...]
    most_lines: int = MOST_LINES


CURVES = {
    "gan": (
        Plot("learning-curves", ("fid",)),
        Plot("diversity", ("mode_coverage", "label_entropy"), FEW_LINES),
        Plot("losses", ("generator_loss", "discriminator_loss"), FEW_LINES),
    ),
}
DEFAULT_CURVES = (Plot("learning-curves", ("val_acc", "train_loss")),)


def curves(ranking: Ranking, prefix: str) -> Section:
    """How the best configurations and the worst one learnt."""
    section = Section("Learning curves")
    trials = ranking.trial_frame()
    epochs = epoch_frame(ranking.group.runs)
    plots = CURVES.get(ranking.group.model, DEFAULT_CURVES)
    if all(ranking.metric.name not in plot.metrics for plot in plots):
        plots = (Plot("objective", (ranking.metric.name,)), *plots)
    known = {**METRICS, ranking.metric.name: ranking.metric}
    for plot in plots:
        figure = learning_curves(epochs, trials, [known[name] for name in plot.metrics], plot.most_lines)
        if figure is None:
            continue
        labels = " and ".join(known[name].label for name in plot.metrics)
        _show(section, figure, f"{prefix}{plot.name}.png", f"{labels} by epoch")
        section.blocks.append(_curves_caption(trials, plot, labels, figure))
    if section.blocks and len(shown_ranks(trials)) > 1:
        section.blocks.append(BANDS_NOTE if _several_seeds(trials) else "The numbers are rows of the leader board.")
    return section


def comparison(ranking: Ranking, prefix: str) -> Section:
    """What each hyperparameter did to the objective."""
    section = Section("What made the difference", list(_importance(ranking)))
    names = ranking.group.varied
    ranking, last = abreast(ranking)  # those that were pruned are compared where they still were on a level
    trials = ranking.trial_frame()
    label = ranking.metric.label
    figure = parameter_plots(trials, names, ranking.metric)
    _show(section, figure, f"{prefix}parameters.png", f"{label} against {', '.join(names)}")
    if figure is not None:
        how = "coloured by the other hyperparameter" if len(names) == 2 else "whatever the other hyperparameters"
        how = "" if len(names) == 1 else f", {how}"
        runs = counted(int(trials["counts"].sum()), "run")
        when = "" if last is None else f" of the first {last}, which is how far all of them got"
        caption = f"The marks are the {runs} behind the leader board, each at its best epoch{when}{how}; their means "
        caption += "are marked or joined by lines."
        if _several_seeds(trials):
            caption += " The bars are 95 % t-intervals, cut off where they leave the plot."
        section.blocks.append(caption + _scale_note(figure))
    chart = heat_map(trials, names, ranking.metric)
    _show(section, chart, f"{prefix}heat-map.png", f"mean {label} for each pair of {' and '.join(names)}")
    if chart is not None:
        when = "" if last is None else f" after {counted(last, 'epoch')}"
        section.blocks.append(f"Mean over the seeds of each pair{when}; the brighter the better, the best in bold.")
    return section


def _importance(ranking: Ranking) -> Iterator[str]:
    """A table of what each hyperparameter explains, and how that is reckoned."""
    found = decompose(ranking)
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


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _luck(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def pictures(ranking: Ranking, prefix: str) -> Section:
    """What the winner and the worst configuration drew at their best, where their samples were kept."""
    section = Section("Samples")
    ranked = ranking.ranked
    if not ranked:
        return section
    best = next((each for each in _by_value(ranking, ranked[0].counted) if _sample(each)), None)
    worst = next((each for each in _by_value(ranking, ranked[-1].counted)[::-1] if _sample(each)), None)
    for word, trial, place in zip(("best", "worst"), (best, worst), (0, -1), strict=True):
        if trial is None or (place and len(ranked) == 1):
            continue
        epoch, content = _sample(trial) or (0, b"")
        name = f"{prefix}{word}.png"
        section.files[name] = content
        section.blocks += [
            image(f"sample grid of the {word} configuration", name),
            _samples_caption(ranking, place, trial, epoch),
        ]
        animation = _content(trial.run.folder.animation)
        if word == "best" and animation:
            section.files[f"{prefix}{word}.gif"] = animation
            section.blocks += [
                image("its sample grids, epoch by epoch", f"{prefix}{word}.gif"),
                "The same run from its first epoch to its last.",
            ]
    return section


def _show(section: Section, figure: Figure | None, name: str, description: str) -> None:
    if figure is not None:
        section.files[name] = png(figure)
        section.blocks.append(image(description, name))


def _curves_caption(trials: pd.DataFrame, plot: Plot, labels: str, figure: Figure) -> str:
    ranks = shown_ranks(trials, plot.most_lines)
    hidden = trials.loc[trials["counts"], "rank"].nunique() - len(ranks)
    lines = "all configurations with a score" if len(ranks) > 1 else "the only configuration with a score"
    if hidden:
        lines = f"the best {len(ranks) - 1} configurations and the worst; {counted(hidden, 'configuration')} not shown"
    early = " Lines that end early are of pruned configurations." if (trials["status"] == "pruned").any() else ""
    return f"{text(labels[0].upper() + labels[1:])}: {lines}.{early}{_scale_note(figure)}"


def _several_seeds(trials: pd.DataFrame) -> bool:
    return bool(trials.loc[trials["counts"], "rank"].duplicated().any())


def _scale_note(figure: Figure) -> str:
    return SCALE_NOTE if any(axes.get_yscale() == "function" for axes in figure.axes) else ""


def _samples_caption(ranking: Ranking, place: int, trial: Trial, epoch: int) -> str:
    word = "The best" if place == 0 else "The worst"
    value = ""
    if trial.value is not None:
        value = f" ({text(ranking.metric.label)} {score(ranking.metric, trial.value)} after epoch {trial.epoch})"
    pruned = ", when it was pruned" if trial.run.status == "pruned" else ""
    about = f"{word} configuration, {named(ranking.ranked[place])}, after epoch {epoch}{pruned}"
    return f"{about}: run {code(trial.run.id)}, seed {trial.run.seed}{value}."


def _by_value(ranking: Ranking, trials: Sequence[Trial]) -> list[Trial]:
    """Best first."""
    sign = -1.0 if ranking.metric.higher_is_better else 1.0
    return sorted(trials, key=lambda each: (sign * (each.value or 0.0), each.run.id))


def _sample(trial: Trial) -> tuple[int, bytes] | None:
    """The grid after the run's best epoch, or else after the latest that has one; and that epoch."""
    for epoch in [trial.epoch, *(each["epoch"] for each in reversed(trial.run.epochs))]:
        if content := _content(trial.run.folder.sample(epoch)):
            return epoch, content
    return None


def _content(path: Path) -> bytes:
    """What the file holds; nothing if it is not there."""
    try:
        return path.read_bytes() if path.is_file() else b""
    except OSError:
        return b""
