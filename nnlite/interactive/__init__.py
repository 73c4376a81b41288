"""The report as one interactive file: figures to hover over, a leader board to sort, filter and select from."""

from nnlite.interactive.write import write_interactive_report

__all__ = ["write_interactive_report"]
