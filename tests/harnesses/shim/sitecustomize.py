"""Read by every Python process of a harness's sweeps as it starts: makes trials crash-worthy, and has faults occur.

A process imports this because the folder is in its PYTHONPATH. Nothing happens until `nnlite.sweep.worker` is
imported; then its checkpoints come as often, and its epochs as slowly, as the environment says, and an epoch that finds
a token in the folder of faults takes it away and suffers it.

Environment:
    HARNESS_CHECKPOINT: seconds between two checkpoints, in place of the program's.
    HARNESS_PAUSE: seconds to wait in every epoch.
    HARNESS_FAULTS: the folder of tokens; `hang` and `raise` are known.
"""

import functools
import importlib.abc
import importlib.machinery
import os
import sys
import time
from pathlib import Path

PATCHED = "nnlite.sweep.worker"


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the one module as Python would, and patches it once it has been executed."""

    def find_spec(self, name, path, target=None):
        if name != PATCHED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            _patch(module)

        spec.loader.exec_module = exec_module
        return spec


def _patch(module):
    if seconds := os.environ.get("HARNESS_CHECKPOINT"):
        module.CHECKPOINT_SECONDS = float(seconds)
    make = module.make_training

    @functools.wraps(make)  # it is pickled by its name
    def make_training(trial):
        training = make(trial)
        train = training._train_one_epoch

        def train_one_epoch():
            _suffer()
            time.sleep(float(os.environ.get("HARNESS_PAUSE", "0")))
            return train()

        training._train_one_epoch = train_one_epoch
        return training

    module.make_training = make_training


def _suffer():
    folder = os.environ.get("HARNESS_FAULTS")
    if not folder:
        return
    if _take(Path(folder) / "hang"):
        time.sleep(3600)
    if _take(Path(folder) / "raise"):
        raise RuntimeError("a fault of the harness")


def _take(token):
    try:
        token.unlink()
    except OSError:  # there is none, or another process has taken it
        return False
    return True


if any(name.startswith("HARNESS_") for name in os.environ):
    sys.meta_path.insert(0, _Finder())
