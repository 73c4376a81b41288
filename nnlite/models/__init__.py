"""The models that nnlite trains, the hyperparameters of each, and the judge of generated images."""

from nnlite.data import Dataset
from nnlite.models.classifier import ClassifierTraining
from nnlite.models.gan import GanTraining
from nnlite.models.hyperparameters import (
    HYPERPARAMETERS,
    ClassifierHyperparameters,
    GanHyperparameters,
    Hyperparameters,
)
from nnlite.models.reference import load_reference, prepare_reference
from nnlite.models.training import Epoch, Score, Training

__all__ = [
    "HYPERPARAMETERS",
    "ClassifierHyperparameters",
    "ClassifierTraining",
    "Dataset",
    "Epoch",
    "GanHyperparameters",
    "GanTraining",
    "Hyperparameters",
    "Score",
    "Training",
    "load_reference",
    "prepare_reference",
]
