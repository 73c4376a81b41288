"""Draws how sweeps stand: a table of what is training, progress, counts, the best so far; for any size of terminal."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nnlite.runs.quantities import score
from nnlite.sweep.display.progress import ASCII_BLOCKS, BLOCKS, sparkline
from nnlite.sweep.display.standing import BAD, SHOWN_ID, Row, Standing, coarse

NARROW = 64  # columns; below, a trial takes two lines
LABEL = 40  # columns that a label gets, if it needs them, before columns of less importance are left out
SHORTEST_CURVE, LONGEST_CURVE = 8, 24
GAP = 2
SWEEP_LINES = 6  # what a sweep takes at least, with one trial and an empty line below


def draw(standings: Sequence[Standing], width: int, height: int, *, unicode: bool = True) -> RenderableType:
    """All `standings`, in no more than `height` lines of `width` columns.

    Of several sweeps, those that train something are drawn one below the other, the others take a line each; what does
    not fit is counted.
    """
    if len(standings) == 1:
        return Group(*_sweep(standings[0], width, height, unicode=unicode))
    drawn = [each for each in standings if each.rows][: max(1, height // SWEEP_LINES)]
    others = [each for each in standings if not any(each is one for one in drawn)]
    room = max(1, height // 4 if drawn else height)
    listed = others if len(others) <= room else others[: room - 1]
    rest = [_fitted(Text(f"{each.name}: {each.counted()}", "dim"), width) for each in listed]
    if hidden := len(others) - len(listed):
        rest.append(Text(f"and {hidden} more sweep{'s' if hidden > 1 else ''}", "dim"))
    parts: list[RenderableType] = []
    for each in drawn:
        share = (height - len(rest)) // len(drawn) - 1
        parts += [*_sweep(each, width, share, unicode=unicode), Text()]
    return Group(*parts, *rest)


def _sweep(standing: Standing, width: int, height: int, *, unicode: bool) -> list[RenderableType]:
    """One sweep: as many of its trials as fit, and below them how it stands as a whole."""
    footer: list[RenderableType] = [_bar(standing, width), *_counts(standing, width)]
    if standing.best:
        footer.append(_fitted(Text.assemble("best ", (str(standing.best), "bold")), width))
    footer = footer[: max(1, height)]
    room = height - len(footer)
    if not standing.rows or room < 1:
        return footer
    is_narrow = width < NARROW
    headings, lines = (0, 2) if is_narrow else (1, 1)
    fitting = (room - headings) // lines
    if fitting < len(standing.rows):  # then the last line counts the others
        fitting = max(0, (room - 1 - headings) // lines)
    parts: list[RenderableType] = []
    if room > headings + lines * len(standing.rows):
        parts.append(Text())  # between the picture and the news above it
    if fitting:
        parts.append((_stack if is_narrow else _table)(standing.rows[:fitting], width, unicode=unicode))
    if (hidden := len(standing.rows) - fitting) > 0:
        parts.append(Text(f"and {hidden} more running" if fitting else f"{hidden} running", "dim"))
    return [*parts, *footer]


@dataclass(frozen=True)
class _Column:
    heading: str
    cells: Sequence[str]
    style: str = ""
    is_text: bool = False
    usual: int = 0  # its width at least, so that columns stay where they are when values come and grow

    @property
    def width(self) -> int:
        return max(self.usual, *map(cell_len, (self.heading, *self.cells)))


def _table(rows: Sequence[Row], width: int, *, unicode: bool) -> Table:
    """A line for each trial; where there is little room, columns of less importance are left out."""
    objectives = {row.metric.name for row in rows}
    run = _Column("run", [row.id[:SHOWN_ID] for row in rows], "dim", is_text=True)
    epoch = _Column("epoch", [f"{row.epochs}/{row.until}" for row in rows])
    latest = _Column(
        objectives.pop() if len(objectives) == 1 else "objective", list(map(_latest, rows)), "bold", usual=7
    )
    best = _Column("best", list(map(_best, rows)), is_text=True, usual=12)
    speed = _Column("images/s", [f"{row.speed:,.0f}" if row.speed is not None else "" for row in rows])
    pace = _Column("s/epoch", [_pace(row) for row in rows])
    left = _Column("left", list(map(_left, rows)), usual=6)
    label_width = max(cell_len(row.label) for row in rows)
    wanted = min(LONGEST_CURVE, max(SHORTEST_CURVE, *(row.until for row in rows)))  # a column for each epoch
    needed = min(label_width, LABEL) + SHORTEST_CURVE + 2 * GAP
    before, after = [run], [epoch, latest, best, speed, pace, left]
    for omitted in (pace, speed, run, best):
        room = width - sum(column.width + GAP for column in (*before, *after)) + GAP
        if room >= needed:
            break
        (before if omitted is run else after).remove(omitted)
    room = width - sum(column.width + GAP for column in (*before, *after)) + GAP
    label_width = max(1, min(label_width, room - SHORTEST_CURVE - 2 * GAP))
    curve_width = max(1, min(wanted, room - label_width - 2 * GAP))
    label = _Column("trial", shortened([row.label for row in rows], label_width), is_text=True)
    blocks = BLOCKS if unicode else ASCII_BLOCKS
    curve = _Column("curve", [sparkline(row.curve, curve_width, blocks) for row in rows], "cyan", is_text=True)
    columns = [*before, label, *after]
    columns.insert(columns.index(latest), curve)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="dim")
    for column in columns:
        fixed = curve_width if column is curve else column.width
        table.add_column(column.heading, style=column.style, no_wrap=True, width=fixed)
        table.columns[-1].justify = "left" if column.is_text else "right"
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(Text, cells))
    return table


def _stack(rows: Sequence[Row], width: int, *, unicode: bool) -> Group:
    """Two lines for each trial: what sets it apart, and how it goes."""
    lines = []
    labels = shortened([f"{row.id[:4]} {row.label}" for row in rows], width)
    for row, label in zip(rows, labels, strict=True):
        lines.append(Text(label))
        epochs = f"  {row.epochs}/{row.until}"
        if not row.curve:
            lines.append(_fitted(Text(f"{epochs} epochs", "dim"), width))
            continue
        latest, left = _latest(row), f"{_left(row)} left" if row.seconds_left is not None else ""
        room = width - sum(cell_len(word) + 1 for word in (epochs, latest, left))
        curve = sparkline(row.curve, min(room, LONGEST_CURVE), BLOCKS if unicode else ASCII_BLOCKS)
        lines.append(_fitted(Text.assemble(epochs, " ", (latest, "bold"), " ", (curve, "cyan"), " ", left), width))
    return Group(*lines)


def _bar(standing: Standing, width: int) -> RenderableType:
    """The work that is done, as a bar and in numbers; by epochs, whichever trials they are of."""
    share = standing.epochs / standing.all_epochs if standing.all_epochs else 0.0
    percent = f"{int(100 * share):3d} %  "
    for name, numbers in (
        (standing.name, percent + standing.worked(whole=True)),
        (standing.name, percent + standing.worked()),
        ("", percent + standing.worked()),
    ):
        room = width - cell_len(name) - cell_len(numbers) - 2 * GAP
        if room >= SHORTEST_CURVE:
            break
    else:
        return _fitted(Text(numbers.strip()), width)
    grid = Table.grid(padding=(0, GAP, 0, 0))
    bar = ProgressBar(total=max(1, standing.all_epochs), completed=standing.epochs, width=min(40, room))
    cells: list[RenderableType] = [Text(name, "bold", no_wrap=True), bar, Text(numbers, no_wrap=True)]
    grid.add_row(*(cells if name else cells[1:]))
    return grid


def _counts(standing: Standing, width: int) -> list[RenderableType]:
    """What has become of the trials, and the time; on one line where that has room."""
    lines = [Text(line) for line in textwrap.wrap(standing.counted(), max(12, width))]
    if timed := standing.timed():
        if lines[-1].cell_len + len(" | ") + cell_len(timed) <= width:
            lines[-1] = Text.assemble(lines[-1], (" | ", "dim"), timed)
        else:
            lines.append(Text(timed))
    for line in lines:
        line.highlight_regex(rf"\d+ ({'|'.join(BAD)})", "red")
    return [_fitted(line, width) for line in lines]


def shortened(labels: Sequence[str], width: int) -> list[str]:
    """Labels such as `learning_rate=0.1 seed=0` in `width` columns: `lear_rate=0.1 seed=0`; values stay whole."""
    words = [[word.partition("=") if "=" in word else ("", "", word) for word in label.split(" ")] for label in labels]
    texts = list(labels)
    for letters in range(max((len(name) for each in words for name, _, _ in each), default=0), 0, -1):
        if max(map(cell_len, texts)) <= width:
            break
        texts = [
            " ".join(f"{_initial(name, letters)}{equals}{value}" for name, equals, value in each) for each in words
        ]
    return [_fitted(Text(text), width).plain for text in texts]


def _initial(name: str, letters: int) -> str:
    """Such as `disc_skip` of `discriminator_skip`: of two names that begin alike, the ends tell which is which."""
    return "_".join(part[:letters] for part in name.split("_"))


def _fitted(text: Text, width: int) -> Text:
    """A line that is cut where the terminal ends."""
    text.truncate(max(1, width), overflow="ellipsis")
    return text


def _latest(row: Row) -> str:
    return score(row.metric, row.curve[-1]) if row.curve else ""


def _best(row: Row) -> str:
    return f"{score(row.metric, row.best.value)} at {row.best.epoch}" if row.best else ""


def _pace(row: Row) -> str:
    return f"{row.epoch_seconds:.3g}" if row.epoch_seconds is not None else ""


def _left(row: Row) -> str:
    return coarse(row.seconds_left) if row.seconds_left is not None else ""
