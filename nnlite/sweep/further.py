"""Further seeds: the trial that a logged run describes, with another seed."""

from dataclasses import replace

from nnlite.data import Dataset
from nnlite.errors import InputError
from nnlite.runs import Run
from nnlite.sweep.spec import sweep_of_run
from nnlite.sweep.trials import Trial, single


def with_seed(run: Run, dataset: Dataset, seed: int) -> Trial:
    """The trial of `run` with another seed.

    Raises:
        InputError: this version, or the dataset as it is here, would train something else than the run did.
    """
    again = _trial(run, dataset, run.seed)
    if again.id != run.id:
        raise InputError(
            f"{run.folder.log}: this version of nnlite, or {dataset.name} as it is here, would train run {again.id} "
            f"instead of {run.id}; further seeds of it have to be trained with what trained it"
        )
    return _trial(run, dataset, seed)


def _trial(run: Run, dataset: Dataset, seed: int) -> Trial:
    trial = single(sweep_of_run(run, run.folder.log, [f"seeds=[{seed}]"]), dataset)
    swept = run.start.get("swept")
    known = tuple(name for name in swept if isinstance(name, str)) if isinstance(swept, list) else ()
    return replace(trial, swept=known)
