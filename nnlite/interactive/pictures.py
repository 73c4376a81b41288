"""What a GAN drew, as pictures within the page: which classes over the epochs, the same latent points, samples."""

import base64
import html
from collections.abc import Iterator

from nnlite.report.classes import class_histories, latents_over_time
from nnlite.report.collapse import DEFINITION, collapsed_of, fate_of, fates_of
from nnlite.report.illustrations import Sample, best_and_worst, content_of
from nnlite.report.markdown import visible
from nnlite.report.ranking import Ranking
from nnlite.report.style import png
from nnlite.runs.quantities import score


def pictures(ranking: Ranking) -> str:
    """A part of the page, closed until somebody opens it; empty where no run has drawn anything."""
    trials = ranking.best_trials()
    if not trials or fate_of(trials[0].run) is None:  # a classifier's: 10,000 logs need not be read for it
        return ""
    runs = [trial.run for trial in ranking.best_then_by_end()]
    ended = collapsed_of(fates_of(ranking).values())
    parts = [f"<p>{html.escape(DEFINITION)} <strong>{ended}</strong> ended so.</p>"]
    if drawn := class_histories(runs):
        parts.append(_figure(png(drawn[0]), "The share of each class among the judged images, epoch by epoch."))
    if strips := latents_over_time(runs):
        epochs = ", ".join(map(str, strips[2]))
        parts.append(_figure(png(strips[0]), f"The same latent points, a column each, after epochs {epochs}."))
    parts += _samples(ranking)
    return f"<details class='pictures'><summary>What was drawn</summary>{''.join(parts)}</details>"


def _samples(ranking: Ranking) -> Iterator[str]:
    best, worst = best_and_worst(ranking)
    for who, sample in (("The best run", best), ("The run that ended worst", worst)):
        if sample:
            yield _figure(sample.content, _about(ranking, who, sample))
    if best and (animation := content_of(best.trial.run.folder.animation)):
        yield _figure(animation, "The best one from its first epoch to its last.", "gif")


def _about(ranking: Ranking, who: str, sample: Sample) -> str:
    run = sample.trial.run
    worth = "" if sample.value is None else f" ({ranking.metric.label} {score(ranking.metric, sample.value)})"
    return f"{who}, {run.id}, seed {run.seed}, after epoch {sample.epoch}{worth}."


def _figure(content: bytes, caption: str, kind: str = "png") -> str:
    data = base64.b64encode(content).decode("ascii")
    said = html.escape(visible(caption))
    return f'<figure><img src="data:image/{kind};base64,{data}" alt="{said}"><figcaption>{said}</figcaption></figure>'
