"""The pages of a report, as Markdown: one for each sweep, and the index over all of them.

A sweep's page has one part for each dataset and model in it; each part is the same list of sections in the same order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nnlite.report import effects, illustrations, provenance, results
from nnlite.report.estimates import score_with_interval
from nnlite.report.examination import examination
from nnlite.report.groups import Group
from nnlite.report.markdown import code, link, slug, table, text
from nnlite.report.ranking import Ranking, rank
from nnlite.report.section import Section
from nnlite.report.style import in_house_style
from nnlite.runs import Conflict, Unreadable

PAGE_NAME = "README.md"
# The first line of every page of ours: a page without it is somebody's own and is never overwritten.
MARK = "<!-- Rendered by `nnlite report`: change the logs, not this page. -->"
SECTIONS: tuple[Callable[[Ranking, str], Section], ...] = (
    lambda ranking, _: results.verdict(ranking),
    lambda ranking, _: results.leader_board(ranking),
    effects.comparison,
    effects.trade,
    illustrations.curves,
    illustrations.pictures,
    lambda ranking, _: results.final_score(ranking),
    examination,
    lambda ranking, _: provenance.losses(ranking),
    lambda ranking, _: provenance.circumstances(ranking),
    lambda ranking, _: provenance.commands(ranking),
)


@dataclass(frozen=True)
class Page:
    """A page's Markdown, and the files that lie beside it, by name."""

    text: str
    files: dict[str, bytes]


@in_house_style
def sweep_page(
    sweep: str, groups: Sequence[Group], unreadable: Sequence[Unreadable], conflicts: Sequence[Conflict]
) -> Page:
    """The page of one sweep: its groups, its runs with two results, and the folders of it that tell nothing."""
    parts = [MARK, f"# {text(sweep)}"]
    files: dict[str, bytes] = {}
    several = len(groups) > 1
    for number, group in enumerate(groups, start=1):
        ranking = rank(group)
        # The number keeps two groups apart whose names make the same slug.
        prefix = f"{number}-{slug(f'{group.dataset}-{group.model}')}-" if several else ""
        if several:
            parts.append(f"## {_kind(group)}")
        for section in (draw(ranking, prefix) for draw in SECTIONS):
            parts.append(section.render(3 if several else 2))
            files.update(section.files)
    parts.append(provenance.conflicts(list(conflicts)).render(2))
    parts.append(provenance.left_out(list(unreadable), [run for group in groups for run in group.runs]).render(2))
    return Page(_joined(parts), files)


def index_page(folders: dict[str, str], groups: Sequence[Group], unreadable: Sequence[Unreadable]) -> str:
    """The index: each group of each sweep with its winner; `folders` says where a sweep's page is."""
    rows = []
    for group in groups:
        ranking = rank(group)
        winner = ranking.winner
        known = winner.estimate if winner else None
        rows.append(
            [
                link(text(group.sweep), f"{folders[group.sweep]}/{PAGE_NAME}"),
                code(group.model),
                code(group.dataset),
                str(len(group.runs)),
                results.named(winner) if winner else "none",
                f"{text(ranking.metric.label)} {score_with_interval(ranking.metric, known)}" if known else "-",
            ]
        )
    header = ["sweep", "model", "dataset", "runs", "winner", "score"]
    blocks = [MARK, "# Sweeps", table(header, rows, [3])]
    blocks.append("A score is the mean over the winner's seeds, ± half its 95 % t-interval, on validation data.")
    return _joined([*blocks, provenance.left_out(list(unreadable), []).render(2)])


def _kind(group: Group) -> str:
    return f"{text(group.model) or 'unknown model'} on {text(group.dataset) or 'an unknown dataset'}"


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
