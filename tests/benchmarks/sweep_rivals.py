"""What a user would write instead of a sweep file: each contender is a program, and this file is all of them.

    python tests/benchmarks/sweep_rivals.py CONTENDER EPOCHS FOLDER IMAGES LABELS

IMAGES and LABELS are MNIST's uncompressed training files. The PyTorch trial is plain but not wasteful: the images are
tensors in memory, read once a process, batches are taken by index, without a DataLoader. It measures a validation
accuracy after every epoch and returns the best one. It writes no log, no weights and no checkpoint.
"""

import functools
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

WIDTHS = {"49": [49], "98": [98], "196": [196], "392": [392], "784": [784], "392-196": [392, 196]}
SEEDS = [0, 1, 2]
BATCH, RATE, VALIDATION, JOBS = 50, 1.0, 10_000, 2


@functools.cache
def tensors(images, labels):
    import numpy as np
    import torch

    pixels = np.fromfile(images, np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / 255
    return torch.from_numpy(pixels), torch.from_numpy(np.fromfile(labels, np.uint8, offset=8).astype(np.int64))


def train_with_torch(hidden, seed, epochs, images, labels):
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    x, y = tensors(images, labels)
    x_val, y_val = x[-VALIDATION:], y[-VALIDATION:]
    widths = [784, *hidden]
    layers = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.Sigmoid()]
    model = nn.Sequential(*layers, nn.Linear(widths[-1], 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    best = 0.0
    for _ in range(epochs):
        for batch in torch.randperm(len(x) - VALIDATION).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            right = sum(
                int((model(some).argmax(1) == truth).sum())
                for some, truth in zip(x_val.split(1000), y_val.split(1000), strict=True)
            )
        best = max(best, right / VALIDATION)
    return best


def in_optuna(epochs, folder, images, labels):
    """Two processes at one study, in a journal file."""
    journal = str(Path(folder) / "journal.log")
    command = [sys.executable, __file__, "worker", str(epochs), journal, images, labels]
    processes = [subprocess.Popen(command) for _ in range(JOBS)]
    codes = [process.wait() for process in processes]
    assert not any(codes), codes
    trials = study_of(journal).trials
    assert {tuple(sorted(trial.params.items())) for trial in trials} == {
        (("hidden", h), ("seed", s)) for h, s in grid()
    }
    return [trial.value for trial in trials]


def optuna_worker(epochs, journal, images, labels):
    from optuna.study import MaxTrialsCallback

    def objective(trial):
        hidden = trial.suggest_categorical("hidden", list(WIDTHS))
        seed = trial.suggest_categorical("seed", SEEDS)
        return train_with_torch(WIDTHS[hidden], seed, epochs, images, labels)

    # Without the callback a process that has nothing left to do repeats a trial that the other is still at.
    everything = MaxTrialsCallback(len(WIDTHS) * len(SEEDS), states=None)
    study_of(journal).optimize(objective, callbacks=[everything])


def study_of(journal):
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        study_name="classifier_hidden",
        direction="maximize",
        storage=optuna.storages.JournalStorage(JournalFileBackend(journal)),
        sampler=optuna.samplers.GridSampler({"hidden": list(WIDTHS), "seed": SEEDS}, seed=0),
        load_if_exists=True,
    )


def torch_in_joblib(epochs, _folder, images, labels):
    from joblib import Parallel, delayed

    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    from sweep_rivals import train_with_torch as train  # as a module: a worker that imports it reads the images once

    return Parallel(n_jobs=JOBS)(delayed(train)(WIDTHS[h], s, epochs, images, labels) for h, s in grid())


def nnlite_in_joblib(epochs, _folder, _images, _labels):
    """nnlite's own training without its runner: nothing is written, watched or scored."""
    from joblib import Parallel, delayed

    from nnlite.data import locate

    mnist = locate("mnist")
    return Parallel(n_jobs=JOBS)(delayed(train_with_nnlite)(WIDTHS[h], s, epochs, mnist) for h, s in grid())


def train_with_nnlite(hidden, seed, epochs, dataset):
    from nnlite.models import ClassifierHyperparameters, ClassifierTraining

    config = ClassifierHyperparameters(hidden=hidden, epochs=epochs, batch_size=BATCH, learning_rate=RATE)
    return max(epoch.metrics["val_acc"] for epoch in ClassifierTraining(config, dataset, seed).epochs())


def grid():
    return [(hidden, seed) for seed in SEEDS for hidden in WIDTHS]


CONTENDERS = {
    "optuna": in_optuna,
    "torch-joblib": torch_in_joblib,
    "nnlite-joblib": nnlite_in_joblib,
    "worker": optuna_worker,
}

if __name__ == "__main__":
    name, epochs, *rest = sys.argv[1:]
    if values := CONTENDERS[name](int(epochs), *rest):
        print(json.dumps(values))
