"""The pages of a report, as Markdown: one for each sweep, and the index over all of them.

A sweep's page has one part for each dataset and model in it; each part is the same list of sections in the same order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nnlite.report import effects, illustrations, provenance, results
from nnlite.report.collapse import collapse
from nnlite.report.estimates import score_with_interval
from nnlite.report.examination import examination
from nnlite.report.groups import Group
from nnlite.report.markdown import code, image, link, slug, table, text
from nnlite.report.ranking import Ranking, rank
from nnlite.report.section import Section
from nnlite.report.style import in_house_style
from nnlite.report.ties import ties
from nnlite.runs import Conflict, Unreadable

PAGE_NAME = "README.md"
AT_A_GLANCE = ("parameters.png", "learning-curves.png")  # whichever a page has first
MOST_PICTURES = 20  # sweeps with a picture on the index
# The first line of every page of ours: a page without it is somebody's own and is never overwritten.
MARK = "<!-- Rendered by `nnlite report`: change the logs, not this page. -->"
SECTIONS: tuple[Callable[[Ranking, str], Section], ...] = (
    lambda ranking, _: results.verdict(ranking),
    lambda ranking, _: results.leader_board(ranking),
    effects.comparison,
    effects.trade,
    illustrations.curves,
    collapse,
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
    parts.append(provenance.left_out(list(unreadable), [run for group in groups for run in group.members]).render(2))
    return Page(_joined(parts), files)


def index_page(
    folders: dict[str, str], groups: Sequence[Group], unreadable: Sequence[Unreadable], pictures: Mapping[str, str]
) -> str:
    """The index: each group of each sweep with its winner, and a picture of each sweep.

    Args:
        folders: where each sweep's page is.
        groups: of all sweeps.
        unreadable: the folders that tell nothing.
        pictures: the file that shows a sweep at a glance, where there is one.
    """
    rankings = [rank(group) for group in groups]
    rows = [_index_row(ranking, f"{folders[ranking.group.sweep]}/{PAGE_NAME}") for ranking in rankings]
    header = ["sweep", "on", "runs", "configurations", "winner", "score", "tied with it", "lost"]
    blocks = [MARK, "# Sweeps", table(header, rows, [2, 3, 6, 7])]
    blocks.append(
        "A score is the mean over the winner's seeds, ± half its 95 % t-interval, on validation data. Tied with it are "
        "the configurations that cannot be told apart from it; with one seed nothing can, which is a question mark. "
        "Lost are runs that diverged or failed."
    )
    if len(folders) <= MOST_PICTURES:
        for sweep, folder in folders.items():
            own = [ranking for ranking in rankings if ranking.group.sweep == sweep]
            blocks += [
                f"## {link(text(sweep), f'{folder}/{PAGE_NAME}')}",
                *(results.verdict(each).blocks[0] for each in own),
            ]
            if picture := pictures.get(sweep):
                varied = own[0].group.varied
                about = f"{own[0].metric.label} by {', '.join(varied)}" if varied else own[0].metric.label
                shown = image(about, f"{folder}/{picture}")
                blocks.append(link(shown, f"{folder}/{PAGE_NAME}"))
    return _joined([*blocks, provenance.left_out(list(unreadable), []).render(2)])


def _index_row(ranking: Ranking, page: str) -> list[str]:
    group, winner, found = ranking.group, ranking.winner, ties(ranking)
    known = winner.estimate if winner else None
    tied = "-"
    if found and found.rivals:
        tied = str(len(found.tied)) if found.tested else "?"
    return [
        link(text(group.sweep), page),
        f"{code(group.model)}, {code(group.dataset)}",
        str(len(group.runs)),
        str(len(ranking.configurations)),
        results.named(winner) if winner else "none",
        f"{text(ranking.metric.label)} {score_with_interval(ranking.metric, known)}" if known else "-",
        tied,
        str(sum(len(each.lost) for each in ranking.configurations)),
    ]


def at_a_glance(page: Page) -> str | None:
    """The file that shows best what a page is about."""
    return next((name for end in AT_A_GLANCE for name in sorted(page.files) if name.endswith(end)), None)


def _kind(group: Group) -> str:
    return f"{text(group.model) or 'unknown model'} on {text(group.dataset) or 'an unknown dataset'}"


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
