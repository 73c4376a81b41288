"""Runs for other tools: as a table, as TensorBoard's event files, as a study of Optuna."""

from nnlite.export.write import FORMATS, export_runs

__all__ = ["FORMATS", "export_runs"]
