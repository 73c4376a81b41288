"""The classifier: a fully-connected network from pixels to classes, and what one epoch of training it is."""

import time
from typing import Any

import numpy as np

from nnlite.autodiff import GradientTape
from nnlite.data import Dataset, Subset
from nnlite.models.hyperparameters import ClassifierHyperparameters
from nnlite.models.training import (
    EVALUATION_BATCH,
    Epoch,
    Training,
    borrowed,
    generator_state,
    make_optimizer,
    nested,
    part_of,
    restore_generator,
    scaled,
)
from nnlite.nn import Sequential, fully_connected, softmax_cross_entropy, squared_error
from nnlite.nn.weights import Arrays


class ClassifierTraining(Training):
    """Training of one classifier; see `Training`.

    Args:
        config: its hyperparameters.
        dataset: what it learns to tell apart; pixels enter the network as numbers from 0 to 1.
        seed: of its first weights and of the order of the images.
    """

    def __init__(self, config: ClassifierHyperparameters, dataset: Dataset, seed: int) -> None:
        super().__init__(config)
        self.config = config
        self.split = dataset.split(config.validation)
        first_weights, self._order = np.random.default_rng(seed).spawn(2)
        self.model = build_classifier(config, dataset, first_weights)
        steps = -(-len(self.split.train) // config.batch_size)
        self._optimizer = make_optimizer(config, self.model.parameters(), config.learning_rate, steps)

    def state(self) -> Arrays:
        """Weights, optimizer and generator."""
        own = {"epoch": np.array(self._epoch), "order": generator_state(self._order)}
        return nested(model=self.model.state(), optimizer=self._optimizer.state(), training=own)

    def restore(self, state: Arrays) -> None:
        """Go on from `state`."""
        self.model.load_state(part_of(state, "model"))
        self._optimizer.load_state(part_of(state, "optimizer"))
        own = part_of(state, "training")
        self._epoch = int(own["epoch"])
        restore_generator(self._order, own["order"])

    def weights(self) -> Arrays:
        """The network's weights."""
        return self.model.state()

    def score(self, weights: Arrays) -> dict[str, float]:
        """Loss and accuracy on the test images."""
        with borrowed(self.model, weights):
            loss, accuracy = self._evaluate(self.split.test)
        return {"test_loss": loss, "test_acc": accuracy}

    def _train_one_epoch(self) -> Epoch:
        started = time.perf_counter()
        rate = self._optimizer.learning_rate
        total_loss = 0.0
        correct = 0
        for images, labels in self.split.train.batches(self.config.batch_size, self._order):
            with GradientTape():
                outputs = self.model(scaled(images, 0.0, 1.0))
                loss = self._loss(outputs, labels)
            loss.backward()
            self._optimizer.step()
            total_loss += float(loss) * len(labels)
            correct += int(np.count_nonzero(np.argmax(outputs, axis=1) == labels))
        count = len(self.split.train)
        trained = time.perf_counter()
        metrics = {"train_loss": total_loss / count, "train_acc": correct / count}
        if len(self.split.validation):
            metrics["val_loss"], metrics["val_acc"] = self._evaluate(self.split.validation)
        metrics |= {
            "learning_rate": rate,
            "seconds": time.perf_counter() - started,
            "images_per_second": count / (trained - started),
        }
        return Epoch(self._epoch, metrics)

    def _loss(self, outputs: Any, labels: Any) -> Any:
        if self.config.loss == "squared_error":
            return squared_error(outputs, np.eye(outputs.shape[1], dtype=outputs.dtype)[labels])
        return softmax_cross_entropy(outputs, labels)

    def _evaluate(self, subset: Subset) -> tuple[float, float]:
        total_loss = 0.0
        correct = 0
        for images, labels in subset.batches(EVALUATION_BATCH):
            outputs = self.model(scaled(images, 0.0, 1.0))
            total_loss += float(self._loss(outputs, labels)) * len(labels)
            correct += int(np.count_nonzero(np.argmax(outputs, axis=1) == labels))
        return total_loss / len(subset), correct / len(subset)


def build_classifier(config: ClassifierHyperparameters, dataset: Dataset, rng: np.random.Generator) -> Sequential:
    """The network that `config` describes; its outputs are logits, or sigmoids where the loss is the squared error."""
    output_activation = "sigmoid" if config.loss == "squared_error" else None
    sizes = [dataset.pixels, *config.hidden, dataset.classes]
    return fully_connected(sizes, config.activation, output_activation, rng)
