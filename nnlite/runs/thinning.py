"""Long curves with fewer points, which look the same: nothing in between is averaged, and no extreme is lost."""

from collections.abc import Sequence


def places_to_draw(columns: Sequence[Sequence[float | None]], parts: int) -> list[int]:
    """Which points of a curve to draw: of each of so many parts the first, the last, and each column's extremes.

    Args:
        columns: all of a length, such as the mean, the lowest and the highest value by epoch; None leaves a gap.
        parts: into how many the curve is cut, of which a picture should show no more than a dot or two.

    Returns:
        Their indices, in order: all where a part would keep no fewer, as where there are gaps.

    See Jugel et al., M4: A Visualization-Oriented Time Series Data Aggregation, VLDB 2014.
    """
    count = len(columns[0])
    length = -(-count // parts)
    if length <= 2 + 2 * len(columns):
        return list(range(count))
    kept: list[int] = []
    for begin in range(0, count, length):
        end = min(begin + length, count)
        places = {begin, end - 1}
        for column in columns:
            known = [value for value in column[begin:end] if value is not None]
            if len(known) < end - begin:
                places.update(range(begin, end))
                break
            places |= {begin + known.index(min(known)), begin + known.index(max(known))}
        kept += sorted(places)
    return kept
