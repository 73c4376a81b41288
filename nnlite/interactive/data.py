"""What the page's program draws of one ranking, as JSON: the configurations, best first, their trials and curves.

Texts in it are safe where Plotly takes them for its own few tags. A number has six digits, which no eye can tell apart.
"""

import html
from collections.abc import Sequence
from typing import Any

from nnlite.report.cells import finite, readable
from nnlite.report.estimates import score_with_interval
from nnlite.report.groups import natural
from nnlite.report.markdown import visible
from nnlite.report.ranking import Configuration, Ranking
from nnlite.runs import METRICS, Metric, Run, metric_named
from nnlite.runs.quantities import is_share, number
from nnlite.runs.thinning import places_to_draw

MOST_CURVES = 100  # configurations, the best ones: no more are ever drawn as lines
MOST_PARTS = 1000  # of a curve: more than a screen has dots
MOST_DOTS = 1000  # configurations whose trials are drawn as dots
FACTORS = 10.0  # values that lie further apart were meant as factors


def page_data(ranking: Ranking) -> dict[str, Any]:
    """All that can be drawn of a ranking that has a value."""
    known = _metrics(ranking)
    parameters = [_parameter(ranking, name) for name in ranking.group.varied]
    in_words = ["values" in parameter for parameter in parameters]
    rows = []
    for place, configuration in enumerate(ranking.ranked):
        row = _row(configuration, ranking, in_words)
        if place < MOST_DOTS:
            row["trials"] = [
                [_safe(each.run.id), each.run.seed, _rounded(each.value)] for each in configuration.counted
            ]
        if place < MOST_CURVES:
            row["curves"] = _curves(configuration, known)
        rows.append(row)
    metrics = [_described(metric) for metric in known]
    return {"objective": _described(ranking.metric), "metrics": metrics, "parameters": parameters, "rows": rows}


def _metrics(ranking: Ranking) -> list[Metric]:
    """What epochs have logged, the objective first."""
    names = dict.fromkeys(name for run in ranking.group.runs for name in run.digest.metrics)
    names = {ranking.metric.name: None, **names} if ranking.metric.name in names else names
    own = ranking.metric
    return [own if name == own.name else METRICS.get(name) or metric_named(name, names) for name in names]


def _described(metric: Metric) -> dict[str, Any]:
    described = {"name": metric.name, "label": _safe(metric.label), "unit": _safe(metric.unit)}
    return described | {"share": is_share(metric), "higher": metric.higher_is_better}


def _parameter(ranking: Ranking, name: str) -> dict[str, Any]:
    """A hyperparameter that varies, and how its axis is scaled."""
    given = [readable(each.parameters.get(name)) for each in ranking.configurations]
    sizes = [size for value in given if (size := finite(value)) is not None]
    if len(sizes) < len(given):
        return {"name": _safe(name), "values": list(dict.fromkeys(map(_text, sorted(given, key=natural))))}
    low, high = min(sizes), max(sizes)
    return {"name": _safe(name), "low": _rounded(low), "high": _rounded(high), "log": low > 0 and high >= FACTORS * low}


def _row(configuration: Configuration, ranking: Ranking, in_words: Sequence[bool]) -> dict[str, Any]:
    """A configuration; `in_words` says of which hyperparameters the values are words."""
    known = configuration.estimate
    values = [readable(value) for value in configuration.parameters.values()]
    return {
        "label": _safe(configuration.label),
        "score": _safe(score_with_interval(ranking.metric, known)) if known else "",
        "mean": _rounded(known.mean if known else None),
        "values": [_text(value) if word else _rounded(value) for word, value in zip(in_words, values, strict=True)],
        "trials": [],
    }


def _curves(configuration: Configuration, metrics: Sequence[Metric]) -> dict[str, list[list[Any]]]:
    """Of each metric that the configuration's runs have logged."""
    runs = [each.run for each in configuration.counted]
    curves = {metric.name: _curve(runs, metric.name) for metric in metrics}
    return {name: curve for name, curve in curves.items() if curve[0]}


def _curve(runs: Sequence[Run], name: str) -> list[list[Any]]:
    """Epochs, and the mean, the lowest and the highest value of the seeds, as far as all of these have got."""
    values = [
        {
            epoch: value
            for epoch, value in zip(run.whole.column("epoch"), run.numbers(name), strict=True)
            if value is not None
        }
        for run in runs
    ]
    epochs = sorted(set.intersection(*map(set, values))) if values else []
    columns = [[each[epoch] for each in values] for epoch in epochs]
    curve = [[sum(column) / len(column) for column in columns], [*map(min, columns)], [*map(max, columns)]]
    places = places_to_draw(curve, MOST_PARTS)
    return [[epochs[place] for place in places], *([_rounded(each[place]) for place in places] for each in curve)]


def _rounded(value: object) -> float:
    known = finite(value)
    return float(f"{known:.6g}") if known is not None else 0.0


def _text(value: object) -> str:
    return _safe(number(value))


def _safe(value: object) -> str:
    return html.escape(visible(value), quote=False)  # Plotly leaves &quot; as it is
