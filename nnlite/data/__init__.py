"""Images to learn from: where they are found, what is in them, and how they are split into training and test sets."""

from nnlite.data.cache import cache_dir
from nnlite.data.catalogue import KNOWN, KnownDataset
from nnlite.data.dataset import FILE_NAMES, Dataset, Files, Split, Subset
from nnlite.data.inventory import Holding, inventory
from nnlite.data.sources import fetch, locate

__all__ = [
    "FILE_NAMES",
    "KNOWN",
    "Dataset",
    "Files",
    "Holding",
    "KnownDataset",
    "Split",
    "Subset",
    "cache_dir",
    "fetch",
    "inventory",
    "locate",
]
