"""The page as HTML: for each sweep, dataset and model what came out, figures, and the leader board as a real table.

Without its program it still says all that the table does. The program, Plotly, the styles and the data are in the page;
its policy forbids it to load or to send anything.
"""

import html
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from nnlite.interactive.data import MOST_CURVES, page_data
from nnlite.interactive.pictures import pictures
from nnlite.report import findings
from nnlite.report.cells import finite, readable
from nnlite.report.estimates import score_with_interval
from nnlite.report.groups import Group
from nnlite.report.markdown import visible
from nnlite.report.ranking import Configuration, Ranking, rank
from nnlite.report.ties import ties
from nnlite.runs import Unreadable
from nnlite.runs.quantities import counted, duration, number

MARK = "<!doctype html><!-- Rendered by `nnlite report --html`: change the logs, not this page. -->"
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
FIRST_SHOWN = 7  # configurations whose curves are drawn before anybody selects, and the worst
LONGEST_LIST = 200  # of folders that were left out


def html_page(groups: Sequence[Group], left_out: Sequence[Unreadable], plotly: str) -> str:
    """The whole page; `plotly` is the library's text."""
    rankings = [rank(group) for group in groups]
    own = files("nnlite.interactive")
    style, program = (own.joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    parts = [
        MARK,
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark"><title>Sweeps</title>',
        f"<style>{style}</style></head><body>",
        '<a class="skip" href="#sweeps">To the sweeps</a><header><h1>Sweeps</h1>',
        _contents(rankings),
        '</header><main id="sweeps">',
        *(_section(number, ranking) for number, ranking in enumerate(rankings, start=1)),
        _left_out(left_out),
        f"</main><script>{plotly}</script><script>{program}</script></body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _contents(rankings: Sequence[Ranking]) -> str:
    rows = []
    for place, ranking in enumerate(rankings, start=1):
        winner = ranking.winner
        about = f"{text(winner.label)}: {_score(ranking, winner)}" if winner else "no winner"
        rows.append(f'<li><a href="#sweep-{place}">{_title(ranking)}</a> {about}</li>')
    return f"<nav aria-label='Sweeps'><ul>{''.join(rows)}</ul></nav>"


def _section(place: int, ranking: Ranking) -> str:
    own = f"sweep-{place}"
    parts = [f'<section id="{own}" aria-labelledby="{own}-title"><h2 id="{own}-title">{_title(ranking)}</h2>']
    parts += [f"<p>{sentence}</p>" for sentence in _verdict(ranking)]
    if ranking.ranked:
        data = _script(page_data(ranking))
        parts += [_controls(own), _figures(own), pictures(ranking), _board(own, ranking)]
        parts.append(f'<script type="application/json" class="data">{data}</script>')
    return "\n".join([*parts, "</section>"])


def _verdict(ranking: Ranking) -> list[str]:
    winner = ranking.winner
    if winner is None:
        return ["No configuration was trained to the end without losing a seed: nobody won."]
    count = counted(len(ranking.configurations), "configuration")
    label, worth = text(winner.label), text(findings.worth(ranking, winner))
    first = f"<strong>{label}</strong> is the best of {count}: {text(ranking.metric.label)} {worth}."
    sentences = findings.about_the_winner(ranking, ties(ranking), lambda each: visible(each.label))
    return [first, *(re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(each)) for each in sentences)]


def _controls(own: str) -> str:
    """What the page's program fills and listens to."""
    filtering = 'type="search" autocomplete="off" spellcheck="false" placeholder="place&lt;=3"'
    return (
        '<form class="controls" onsubmit="return false">'
        f'<span><label for="{own}-filter">Filter</label> '
        f'<input id="{own}-filter" class="filter" {filtering} aria-describedby="{own}-how"></span>'
        f'<span><label for="{own}-metric">Curves of</label> <select id="{own}-metric" class="metric"></select></span>'
        f'<span><label for="{own}-parameter">Values of</label> '
        f'<select id="{own}-parameter" class="parameter"></select></span>'
        '<button type="button" class="none">Select none</button> '
        '<button type="button" class="best">Select the best</button></form>'
        f'<p class="hint" id="{own}-how">Words that a row must hold, or the name of a column, one of = &lt; &gt; &lt;= '
        "&gt;= and a value; several with blanks between them.</p>"
        '<p class="count" role="status" aria-live="polite"></p>'
    )


def _figures(own: str) -> str:
    kinds = {
        "curves": "Learning curves of the selected configurations",
        "dots": "Every trial by the value of one hyperparameter",
        "parallel": "Every hyperparameter and the score, a line a configuration",
    }
    drawn = (
        f'<figure><figcaption id="{own}-{kind}">{caption}</figcaption>'
        f'<div class="plot {kind}" role="img" aria-labelledby="{own}-{kind}"></div></figure>'
        for kind, caption in kinds.items()
    )
    return f'<div class="figures">{"".join(drawn)}</div>'


def _board(own: str, ranking: Ranking) -> str:
    names = ["place", *ranking.group.varied, ranking.metric.name, "seeds", "time a run"]
    buttons = (
        f'<th scope="col" aria-sort="{"ascending" if name == "place" else "none"}" data-name="{text(name)}">'
        f'<button type="button">{text(name)}</button></th>'
        for name in names
    )
    rows = (_board_row(place, each, ranking) for place, each in enumerate(ranking.ranked))
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Leader board of {_title(ranking)}">'
        f'<table id="{own}-board"><caption>Leader board: mean over the seeds ± half its 95 % interval</caption>'
        f'<thead><tr><th scope="col">curve</th>{"".join(buttons)}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _board_row(place: int, configuration: Configuration, ranking: Ranking) -> str:
    chosen = place < FIRST_SHOWN or place == len(ranking.ranked) - 1
    label = f"Draw the curve of number {place + 1}: {text(configuration.label)}"
    box = f'<input type="checkbox" aria-label="{label}"{" checked" if chosen else ""}>'
    cells = [_cell(str(place + 1), place + 1)]
    values = [readable(value) for value in configuration.parameters.values()]
    cells += [_cell(number(value), finite(value)) for value in values]
    mean = configuration.estimate.mean if configuration.estimate else None
    cells.append(_cell(_score(ranking, configuration), mean))
    lost = len(configuration.trials) - len(configuration.counted)
    seeds = len(configuration.counted)
    cells.append(_cell(f"{seeds} ({lost} did not count)" if lost else str(seeds), seeds))
    cells.append(_cell(duration(configuration.seconds), configuration.seconds))
    drawable = box if place < MOST_CURVES else ""
    return f'<tr data-row="{place}"><td>{drawable}</td>{"".join(cells)}</tr>'


def _cell(shown: str, value: float | None) -> str:
    """A cell, with the number that it is sorted and filtered by."""
    return (
        f"<td>{text(shown)}</td>" if value is None else f'<td class="number" data-value="{value!r}">{text(shown)}</td>'
    )


def _left_out(left_out: Sequence[Unreadable]) -> str:
    if not left_out:
        return ""
    shown = [f"<li>{text(each.folder.path)}: {text(each.reason)}</li>" for each in left_out[:LONGEST_LIST]]
    if (more := len(left_out) - LONGEST_LIST) > 0:
        shown.append(f"<li>and {more} more</li>")
    return f"<section><h2>Left out</h2><ul>{''.join(shown)}</ul></section>"


def _score(ranking: Ranking, configuration: Configuration) -> str:
    return score_with_interval(ranking.metric, configuration.estimate) if configuration.estimate else "-"


def _title(ranking: Ranking) -> str:
    group = ranking.group
    return f"{text(group.sweep)} ({text(group.model)} on {text(group.dataset)})"


def _script(data: dict[str, Any]) -> str:
    """JSON within a script element, which nothing in it can end."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def text(value: object) -> str:
    """Any string as it reads, whatever HTML it holds."""
    return html.escape(visible(value))
