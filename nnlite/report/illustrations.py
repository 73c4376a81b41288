"""The sections of a page that are pictures: learning curves, and the samples of a GAN."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from nnlite.report.captions import scale_note, several_seeds, show
from nnlite.report.cells import writable
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
    drawn = set(trials.loc[trials["counts"] & trials["rank"].isin(shown_ranks(trials)), "run"])
    epochs = epoch_frame(run for run in ranking.group.runs if writable(run.id) in drawn)  # of 10,000 runs a few
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
    """What the winner and the worst configuration drew at their best, where their samples were kept."""
    section = Section("Samples")
    ranked = ranking.ranked
    if not ranked:
        return section
    for word, trial, place in zip(("best", "worst"), best_and_worst(ranking), (0, -1), strict=True):
        if trial is None:
            continue
        epoch, content = sample_of(trial) or (0, b"")
        name = f"{prefix}{word}.png"
        section.files[name] = content
        section.blocks += [
            image(f"sample grid of the {word} configuration", name),
            _samples_caption(ranking, place, trial, epoch),
        ]
        animation = content_of(trial.run.folder.animation)
        if word == "best" and animation:
            section.files[f"{prefix}{word}.gif"] = animation
            section.blocks += [
                image("its sample grids, epoch by epoch", f"{prefix}{word}.gif"),
                "The same run from its first epoch to its last.",
            ]
    return section


def best_and_worst(ranking: Ranking) -> tuple[Trial | None, Trial | None]:
    """The best run of the best configuration and, if there are several, the worst of the worst, that kept samples."""
    ranked = ranking.ranked
    best = _by_value(ranking, ranked[0].counted) if ranked else []
    worst = _by_value(ranking, ranked[-1].counted)[::-1] if len(ranked) > 1 else []
    return next(filter(sample_of, best), None), next(filter(sample_of, worst), None)


def sample_of(trial: Trial) -> tuple[int, bytes] | None:
    """The grid after the run's best epoch, or else after the latest that has one; and that epoch."""
    for epoch in [trial.epoch, *(each["epoch"] for each in reversed(trial.run.epochs))]:
        if content := content_of(trial.run.folder.sample(epoch)):
            return epoch, content
    return None


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
