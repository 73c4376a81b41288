"""The sections of a page that say what came out: who won and by how much, the leader board, the test score."""

from collections.abc import Iterable

from nnlite.report import findings
from nnlite.report.cells import finite
from nnlite.report.edges import edges
from nnlite.report.estimates import lead, score_with_interval
from nnlite.report.findings import of_seeds
from nnlite.report.intervals import difference, estimate
from nnlite.report.markdown import code, table, text
from nnlite.report.ranking import Configuration, Ranking
from nnlite.report.section import Section
from nnlite.report.ties import ties
from nnlite.runs import METRICS, Run
from nnlite.runs.quantities import counted, duration, number

MOST_ROWS = 20  # of a table; the rest is folded away


def verdict(ranking: Ranking) -> Section:
    """What won and by how much, in one sentence; then whether that can be told from luck."""
    metric = ranking.metric
    winner = ranking.winner
    if winner is None or winner.estimate is None:
        return Section("", [_no_winner(ranking)])
    known = f"{text(metric.label)} **{score_with_interval(metric, winner.estimate)}**"
    known += f" ({of_seeds(winner.estimate.n)}{', 95 % interval' if winner.estimate.half is not None else ''})"
    count = len(ranking.configurations)
    if count == 1:
        return Section("", [f"One configuration was trained, so nothing is compared: {known}.", *_caveats(ranking)])
    won = f"won among {count} configurations" if winner.finished else f"leads so far, among {count} configurations"
    words = f"**{named(winner)}** {won}: {known}"
    found = ties(ranking)
    rivals = found.rivals if found else []
    if not rivals or rivals[0].configuration.estimate is None:
        return Section("", [f"{words}. {_no_rival(ranking)}", *_caveats(ranking)])
    runner_up = rivals[0].configuration
    gap, half = difference(winner.estimate, rivals[0].configuration.estimate)
    words += f", {lead(metric, abs(gap), half)} better than the runner-up, {named(runner_up)}."
    sure = " ".join(findings.about_the_winner(ranking, found, named))
    return Section("", [words, *_caveats(ranking), sure, *_edges(ranking)])


def _caveats(ranking: Ranking) -> list[str]:
    return [f"**Beware:** {text(each)}" for each in findings.caveats(ranking)]


def _edges(ranking: Ranking) -> list[str]:
    """Where the winner stands at an edge of what was tried, with the lines that look beyond it."""
    found = edges(ranking)
    lines = "\n".join(edge.line for edge in found)
    return [text(findings.at_an_edge(found)), f"```toml\n{lines}\n```"] if found else []


def leader_board(ranking: Ranking) -> Section:
    """The configurations with a value, best first."""
    names = ranking.group.varied
    header = ["", *map(code, names), text(ranking.metric.label), "seeds", "epoch", "time a run"]
    found = ties(ranking)
    tied = {id(each.configuration) for each in found.tied} if found else set()
    rows = [
        _board_row(f"{'≈ ' if id(each) in tied else ''}{place}", each, ranking)
        for place, each in enumerate(ranking.ranked, start=1)
    ]
    if not rows:
        return Section("Leader board")
    right = [0, *(1 + index for index, name in enumerate(names) if _numeric(ranking, name)), len(header) - 1]
    blocks = [table(header, rows[:MOST_ROWS], right)]
    if rest := rows[MOST_ROWS:]:
        blocks.append(f"<details><summary>{counted(len(rest), 'more configuration')}</summary>")
        blocks += [table(header, rest, right), "</details>"]
    value = f"{'best' if ranking.at == 'best' else 'last'} {text(ranking.metric.label)}"
    note = f"Ranked by the {value} of each run over its epochs."
    if any(len(each.counted) > 1 for each in ranking.ranked):
        note = f"Ranked by the mean over the seeds of each run's {value}, ± half its 95 % t-interval."
    if tied:
        note += " ≈ marks those that cannot be told apart from the first."
    if any(each.pruned_after is not None for each in ranking.ranked):
        note += (
            " Pruned configurations stand below the others, by how far they got: their values are those of a shorter"
        )
        note += " training."
    if any(each.lost for each in ranking.ranked):
        note += " Configurations that lost a seed stand below those that lost none."
    if ranking.metric.about:
        note += f" The {text(ranking.metric.label)} says {text(ranking.metric.about)}."
    return Section("Leader board", [*blocks, note, *_runs_behind(ranking)])


def final_score(ranking: Ranking) -> Section:
    """The test metrics of the winner alone: looking at those of others would select on the test set."""
    winner = ranking.winner or (ranking.configurations[0] if len(ranking.configurations) == 1 else None)
    if winner is None:
        return Section("Test score")
    blocks = []
    alone = ", and looked at for the winner alone" if len(ranking.configurations) > 1 else ""
    if lines := _test_lines(each.run for each in winner.counted or winner.trials):
        blocks += [f"Scored once, at the end{alone}:", lines]
    group = ranking.group
    refits = group.refits_of(winner.trials[0].run)
    done = [run for run in refits if run.status == "completed"]
    if lines := _test_lines(done):
        runs = ", ".join(f"{code(run.id)} (seed {run.seed})" for run in done)
        which = "the winner" if alone else "it"
        blocks += [f"Refitted: {which}, trained anew on all training images, none held out, by {runs}:", lines]
    if others := len(group.refits) - len(refits):
        blocks.append(
            f"{counted(others, 'run')} of other configurations learned from all training images, too: with nothing to "
            "be compared on, and a test score that is not looked at."
        )
    return Section("Test score", blocks)


def _test_lines(runs: Iterable[Run]) -> str:
    """The test metrics that these runs have, as a list of means; empty if they have none."""
    summaries = [run.summary() for run in runs]
    lines = []
    for metric in METRICS.values():
        finals = [finite(each.get(metric.name)) for each in summaries]
        if metric.on_test and (known := [value for value in finals if value is not None]):
            mean = score_with_interval(metric, estimate(known))
            lines.append(f"- {metric.label}: **{mean}** ({of_seeds(len(known))})")
    return "\n".join(lines)


def named(configuration: Configuration) -> str:
    """A configuration in Markdown, described by what varies."""
    words = [f"{code(name)} {text(number(value))}" for name, value in configuration.readable.items()]
    return ", ".join(words) or "the only configuration"


def _no_rival(ranking: Ranking) -> str:
    pruned = sum(each.pruned_after is not None for each in ranking.configurations)
    if not pruned:
        lost = all(each.lost for each in ranking.configurations[1:])
        return f"No other configuration {'came through without losing a seed' if lost else 'is finished yet'}."
    return f"No other configuration was trained to the end: {pruned} {'was' if pruned == 1 else 'were'} pruned."


def _no_winner(ranking: Ranking) -> str:
    if any(each.pruned_after is not None and not each.lost for each in ranking.ranked):
        return "**No winner:** no configuration has been trained to the end with all of its seeds; some were pruned."
    if ranking.ranked:
        return "**No winner:** each configuration lost a seed that diverged or failed."
    return f"**No winner:** no run that neither diverged nor failed has logged {code(ranking.metric.name)}."


def _board_row(place: str, configuration: Configuration, ranking: Ranking) -> list[str]:
    known = configuration.estimate
    shown = score_with_interval(ranking.metric, known) if known else "-"
    epochs = sorted({each.epoch for each in configuration.counted})
    when = "end" if epochs == [0] else f"{epochs[0]}" if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}"
    values = [text(number(value)) for value in configuration.readable.values()]
    return [
        place,
        *values,
        f"**{shown}**" if place == "1" else shown,
        _seeds_cell(configuration),
        when,
        duration(configuration.seconds),
    ]


def _runs_behind(ranking: Ranking) -> list[str]:
    """Which runs each row is the mean of, folded away."""
    lines = [
        f"{place}. {', '.join(f'{code(each.run.id)} (seed {each.run.seed})' for each in configuration.counted)}"
        for place, configuration in enumerate(ranking.ranked, start=1)
    ]
    return ["<details><summary>The runs behind each row</summary>", "\n".join(lines), "</details>"]


def _seeds_cell(configuration: Configuration) -> str:
    """How many seeds the mean is of, and what became of the others."""
    marks = [f"{len(configuration.lost)} lost"] if configuration.lost else []
    statuses = [each.run.status for each in configuration.trials]
    if pruned := statuses.count("pruned"):
        share = "" if pruned == len(statuses) else f"{pruned} "
        marks.append(f"{share}pruned after epoch {configuration.pruned_after}")
    if unfinished := statuses.count("interrupted") + statuses.count("running"):
        marks.append(f"{unfinished} unfinished")
    return " ".join([str(len(configuration.counted)), f"({', '.join(marks)})" if marks else ""]).strip()


def _numeric(ranking: Ranking, name: str) -> bool:
    values = [each.parameters.get(name) for each in ranking.configurations]
    return all(finite(value) is not None for value in values)
