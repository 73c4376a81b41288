"""Sweeps: from a TOML file to trained trials."""

from nnlite.sweep.claim import claim
from nnlite.sweep.further import with_seed
from nnlite.sweep.limits import Limits
from nnlite.sweep.places import LocalPlaces, Places
from nnlite.sweep.plan import GOOD_ENDS, LoggedRuns, Plan, make_plan, strangers
from nnlite.sweep.pruning import inner_strategy
from nnlite.sweep.runner import Results, run_trials
from nnlite.sweep.search import Searched, expand
from nnlite.sweep.spec import Sweep, load_sweep, sweep_of_run
from nnlite.sweep.strategy import Everything, Strategy, Task
from nnlite.sweep.trials import Trial, single
from nnlite.sweep.worker import Outcome

__all__ = [
    "GOOD_ENDS",
    "Everything",
    "Limits",
    "LocalPlaces",
    "LoggedRuns",
    "Outcome",
    "Places",
    "Plan",
    "Results",
    "Searched",
    "Strategy",
    "Sweep",
    "Task",
    "Trial",
    "claim",
    "expand",
    "inner_strategy",
    "load_sweep",
    "make_plan",
    "run_trials",
    "single",
    "strangers",
    "sweep_of_run",
    "with_seed",
]
