"""The sections of a page that are pictures: learning curves, and the samples of a GAN."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from nnlite.report.captions import scale_note, several_seeds, show
from nnlite.report.cells import finite, writable
from nnlite.report.curves import MOST_BANDS, MOST_LINES, learning_curves, shown_ranks
from nnlite.report.frame import epoch_frame
from nnlite.report.markdown import code, image, text
from nnlite.report.ranking import Ranking, Trial
from nnlite.report.results import named
from nnlite.report.section import Section
from nnlite.runs import METRICS
from nnlite.runs.quantities import counted, score

BANDS_NOTE = (
    "The lines are means over the seeds, as far as all of them have got; the bands reach from the lowest seed to the "
    f"highest (with more than {MOST_BANDS} lines, those of the best and the worst alone). The numbers are rows of the "
    "leader board."
)
FEW_LINES = 4  # for losses, which say little: the best three and the worst


@dataclass(frozen=True)
class Plot:
    """A figure of learning curves: its file, and its metrics side by side."""

    name: str
    metrics: tuple[str, ...]
    most_lines: int = MOST_LINES


CURVES = {
    "gan": (
        Plot("learning-curves", ("fid",)),
        Plot("diversity", ("mode_coverage", "label_entropy")),
        Plot("losses", ("generator_loss", "discriminator_loss"), FEW_LINES),
    ),
}
DEFAULT_CURVES = (Plot("learning-curves", ("val_acc", "train_loss")),)


def curves(ranking: Ranking, prefix: str) -> Section:
    """How the best configurations and the worst one learnt."""
    section = Section("Learning curves")
    trials = ranking.trial_frame()
    drawn = set(trials.loc[trials["counts"] & trials["rank"].isin(shown_ranks(trials)), "run"])
    runs = [run for run in ranking.group.runs if writable(run.id) in drawn]  # of 10,000 a few
    epochs = epoch_frame(runs, config=False)
    plots = CURVES.get(ranking.group.model, DEFAULT_CURVES)
    if all(ranking.metric.name not in plot.metrics for plot in plots):
        plots = (Plot("objective", (ranking.metric.name,)), *plots)
    known = {**METRICS, ranking.metric.name: ranking.metric}
    for plot in plots:
        figure = learning_curves(epochs, trials, [known[name] for name in plot.metrics], plot.most_lines)
        if figure is None:
            continue
        labels = " and ".join(known[name].label for name in plot.metrics)
        show(section, figure, f"{prefix}{plot.name}.png", f"{labels} by epoch")
        section.blocks.append(_curves_caption(trials, plot, labels, figure))
    if section.blocks and len(shown_ranks(trials)) > 1:
        section.blocks.append(BANDS_NOTE if several_seeds(trials) else "The numbers are rows of the leader board.")
    return section


def pictures(ranking: Ranking, prefix: str) -> Section:
    """What the best run drew at its best, and what that which ended worst drew at its end, if samples were kept."""
    section = Section("Samples")
    best, worst = best_and_worst(ranking)
    if best:
        _show_sample(section, f"{prefix}best.png", "the best run", _about(ranking, "The best run", best), best)
        if animation := content_of(best.trial.run.folder.animation):
            section.files[f"{prefix}best.gif"] = animation
            section.blocks += [
                image("its sample grids, epoch by epoch", f"{prefix}best.gif"),
                "The same run from its first epoch to its last.",
            ]
    if worst:
        said = _about(ranking, "The run that ended worst", worst)
        _show_sample(section, f"{prefix}worst.png", "the run that ended worst", said, worst)
    return section


@dataclass(frozen=True)
class Sample:
    """A sample grid of a run: after which epoch, the PNG file, and what the epoch is worth, if it was measured."""

    trial: Trial
    epoch: int
    content: bytes
    value: float | None


def best_and_worst(ranking: Ranking) -> tuple[Sample | None, Sample | None]:
    """Of the winner's best run the grid at its best; of all others, the last grid of the run that ended worst.

    Of the runs that kept samples: a GAN that collapses in the end may have been a good one on its way.
    """
    grids = (_sample(ranking, each, each.epoch) for each in ranking.best_trials(ranking.ranked[:1]))
    best = next(filter(None, grids), None)
    if best is None:
        return None, None
    others = [each for each in reversed(ranking.best_then_by_end()) if each is not best.trial]
    return best, next(filter(None, (_sample(ranking, each) for each in others)), None)


def _sample(ranking: Ranking, trial: Trial, wanted: int | None = None) -> Sample | None:
    """The grid after the epoch that is wanted, or else after the latest that has one."""
    if not trial.run.folder.samples.is_dir():
        return None
    values = {line["epoch"]: finite(line.get(ranking.metric.name)) for line in trial.run.epochs}
    for epoch in ([] if wanted is None else [wanted]) + sorted(values, reverse=True):
        if content := content_of(trial.run.folder.sample(epoch)):
            return Sample(trial, epoch, content, values.get(epoch))
    return None


def _show_sample(section: Section, name: str, whose: str, said: str, sample: Sample) -> None:
    section.files[name] = sample.content
    section.blocks += [image(f"sample grid of {whose}", name), said]


def content_of(path: Path) -> bytes:
    """What the file holds; nothing if it is not there."""
    try:
        return path.read_bytes() if path.is_file() else b""
    except OSError:
        return b""


def _curves_caption(trials: pd.DataFrame, plot: Plot, labels: str, figure: Figure) -> str:
    ranks = shown_ranks(trials, plot.most_lines)
    hidden = trials.loc[trials["counts"], "rank"].nunique() - len(ranks)
    lines = "all configurations with a score" if len(ranks) > 1 else "the only configuration with a score"
    if hidden:
        lines = f"the best {len(ranks) - 1} configurations and the worst; {counted(hidden, 'configuration')} not shown"
    early = " Lines that end early are of pruned configurations." if (trials["status"] == "pruned").any() else ""
    return f"{text(labels[0].upper() + labels[1:])}: {lines}.{early}{scale_note(figure)}"


def _about(ranking: Ranking, who: str, sample: Sample) -> str:
    """Which run a grid is of, and what it was worth when it was drawn."""
    trial = sample.trial
    which = [named(each) for each in ranking.configurations if trial in each.trials] if ranking.group.varied else []
    about = f"{who}, {code(trial.run.id)}: {', '.join([*which, f'seed {trial.run.seed}'])}"
    pruned = ", when it was pruned" if trial.run.status == "pruned" else ""
    worth = ""
    if sample.value is not None:
        worth = f" ({text(ranking.metric.label)} {score(ranking.metric, sample.value)})"
    return f"{about}, after epoch {sample.epoch}{pruned}{worth}."
