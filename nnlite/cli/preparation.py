"""What has to be ready before a worker starts."""

from nnlite.cli.output import say
from nnlite.data import Dataset
from nnlite.models import Epoch, prepare_reference
from nnlite.sweep.environment import limit_threads


def prepare(model: str, dataset: Dataset) -> dict[str, str]:
    """Make ready what all workers share, before the first of them starts; what their logs should say about it."""
    if model != "gan":
        return {}

    def progress(epoch: Epoch) -> None:
        accuracy = epoch.metrics["train_acc"]
        say(f"reference classifier for {dataset.name}, epoch {epoch.number}: training accuracy {accuracy:.2%}")

    with limit_threads():
        return {"reference": prepare_reference(dataset, progress).fingerprint}
