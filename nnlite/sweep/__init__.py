"""Sweeps: from a TOML file to trained trials."""

from nnlite.sweep.claim import claim
from nnlite.sweep.runner import Plan, Stopped, make_plan, run_trials
from nnlite.sweep.spec import Sweep, load_sweep, sweep_of_run
from nnlite.sweep.trials import Trial, expand, single
from nnlite.sweep.worker import Outcome

__all__ = [
    "Outcome",
    "Plan",
    "Stopped",
    "Sweep",
    "Trial",
    "claim",
    "expand",
    "load_sweep",
    "make_plan",
    "run_trials",
    "single",
    "sweep_of_run",
]
