"""The classifier: a fully-connected network from pixels to classes, and what one epoch of training it is."""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlite.autodiff import GradientTape, stop_gradient
from nnlite.autodiff.compounds import softmax
from nnlite.autodiff.hearing import heard
from nnlite.data import Dataset, Subset
from nnlite.models.augmentation import Augmentation
from nnlite.models.hyperparameters import ClassifierHyperparameters
from nnlite.models.training import (
    BLACK_TO_WHITE,
    EVALUATION_BATCH,
    Epoch,
    Examination,
    Mistake,
    Score,
    Training,
    averaged,
    borrowed,
    check_batches,
    generator_states,
    make_average,
    make_initializer,
    make_optimizer,
    nested,
    part_of,
    restore_generators,
    scaled,
)
from nnlite.nn import (
    Dense,
    Sequential,
    fully_connected,
    smoothed_cross_entropy,
    softmax_cross_entropy,
    squared_error,
)
from nnlite.nn.layers import constrain
from nnlite.nn.weights import Arrays
from nnlite.tracing import traced

MISTAKES_SHOWN = 25


class ClassifierTraining(Training):
    """Training of one classifier; see `Training`.

    Args:
        config: its hyperparameters.
        dataset: what it learns to tell apart.
        seed: of its first weights, of the order of the images, of what dropout leaves out and of the augmentation.

    Raises:
        InputError: a batch of a single image would have to be standardized.
    """

    def __init__(self, config: ClassifierHyperparameters, dataset: Dataset, seed: int) -> None:
        super().__init__(config)
        self.config = config
        self.split = dataset.split(config.validation)
        self._shape = dataset.image_shape
        if config.batch_norm:
            check_batches(config.batch_size, len(self.split.train))
        first_weights, self._order, dropout, self._distortions = np.random.default_rng(seed).spawn(4)
        self._generators = {"order": self._order}
        if config.dropout or config.input_dropout:
            self._generators["dropout"] = dropout
        self._augmentation = make_augmentation(config, dataset)
        if self._augmentation:
            self._generators["augmentation"] = self._distortions
        self._range = input_range(config, dataset)
        self.model = build_classifier(config, dataset, first_weights, dropout)
        self._hidden = [layer for layer in self.model.layers if isinstance(layer, Dense)][:-1]
        self._average = make_average(config, self.model)
        steps = -(-len(self.split.train) // config.batch_size)
        self._optimizer = make_optimizer(config, self.model.parameters(), config.learning_rate, steps)
        self._step, self._outputs = traced(self._train_on), traced(self._apply)

    def state(self) -> Arrays:
        """Weights, their average, optimizer and generators."""
        return nested(
            model=self.model.state(),
            average=self._average.state() if self._average else {},
            optimizer=self._optimizer.state(),
            training={"epoch": np.array(self._epoch), **generator_states(self._generators)},
        )

    def restore(self, state: Arrays) -> None:
        """Go on from `state`."""
        self.model.load_state(part_of(state, "model"))
        if self._average:
            self._average.load_state(part_of(state, "average"))
        self._optimizer.load_state(part_of(state, "optimizer"))
        own = part_of(state, "training")
        self._epoch = int(own["epoch"])
        restore_generators(self._generators, own)

    def weights(self) -> Arrays:
        """The network's weights; their average, if there is one."""
        return self._average.weights() if self._average else self.model.state()

    def score(self, weights: Arrays) -> Score:
        """Loss and accuracy on the test images; which classes are taken for which, and where that is most certain."""
        with borrowed(self.model, weights):
            loss, accuracy, outputs = self._evaluate(self.split.test)
        return Score({"test_loss": loss, "test_acc": accuracy}, self._examination(outputs))

    def _examination(self, outputs: NDArray[Any]) -> Examination:
        """What the network did with the test images, by its outputs for them."""
        test = self.split.test
        labels = test.labels[test.indices]
        probabilities = class_probabilities(outputs, self.config)
        predicted = probabilities.argmax(axis=1)
        certainty = probabilities.max(axis=1)
        wrong = np.flatnonzero(predicted != labels)
        worst = wrong[np.argsort(-certainty[wrong], kind="stable")[:MISTAKES_SHOWN]]
        confusion = np.zeros((probabilities.shape[1],) * 2, np.int64)
        np.add.at(confusion, (labels, predicted), 1)
        return Examination(
            confusion.tolist(),
            [Mistake(int(i), int(labels[i]), int(predicted[i]), float(certainty[i])) for i in worst],
            test.take(worst)[0].reshape(-1, *self._shape),
        )

    def program(self) -> str:
        """The program of a step on a whole batch; it takes a step to tell."""
        images, labels = next(iter(self.split.train.batches(self.config.batch_size)))
        self._step(images if self._augmentation is None else self._augmentation(images, self._distortions), labels)
        return self._step.source

    def _train_one_epoch(self) -> Epoch:
        started = time.perf_counter()
        rate = self._optimizer.learning_rate
        total_loss = 0.0
        correct = 0
        for images, labels in self.split.train.batches(self.config.batch_size, self._order):
            if self._augmentation:
                images = self._augmentation(images, self._distortions)  # noqa: PLW2901 - what it is trained on
            loss, right = self._step(images, labels)
            total_loss += float(loss) * len(labels)
            correct += int(right)
        count = len(self.split.train)
        trained = time.perf_counter()
        metrics = {"train_loss": total_loss / count, "train_acc": correct / count}
        if len(self.split.validation):
            with averaged(self.model, self._average):
                metrics["val_loss"], metrics["val_acc"], _ = self._evaluate(self.split.validation)
        metrics |= {
            "learning_rate": rate,
            "seconds": time.perf_counter() - started,
            "images_per_second": count / (trained - started),
        }
        return Epoch(self._epoch, metrics)

    def _train_on(self, images: NDArray[Any], labels: NDArray[Any]) -> tuple[Any, Any]:
        """One step: its loss, and how many images were classified rightly before it."""
        with GradientTape():
            outputs = self.model(scaled(images, *self._range), training=True)
            loss = self._loss(outputs, labels, self.config.label_smoothing)
        loss.backward()
        self._optimizer.step()
        if self.config.max_norm:
            for layer in self._hidden:
                constrain(layer, self.config.max_norm)
        if self._average:
            self._average.update()
        return loss, np.sum(np.argmax(stop_gradient(outputs), axis=1) == labels)

    def _apply(self, images: NDArray[Any]) -> Any:
        """The outputs for a batch."""
        return self.model(scaled(images, *self._range), training=False)

    def _loss(self, outputs: Any, labels: Any, smoothing: float = 0.0) -> Any:
        """The loss that is trained with; without `smoothing` it can be compared between all that have the same."""
        if self.config.loss == "squared_error":
            targets = np.eye(outputs.shape[1], dtype=outputs.dtype)
            if smoothing:
                targets = (1.0 - smoothing) * targets + outputs.dtype.type(smoothing / outputs.shape[1])
            return squared_error(outputs, heard(targets)[labels])
        if smoothing:
            return smoothed_cross_entropy(outputs, labels, smoothing)
        return softmax_cross_entropy(outputs, labels)

    def _evaluate(self, subset: Subset) -> tuple[float, float, NDArray[Any]]:
        """Mean loss, accuracy and the outputs for all of the images, in order."""
        total_loss = 0.0
        correct = 0
        all_outputs = []
        for images, labels in subset.batches(EVALUATION_BATCH):
            # Half of them at a time: the outputs are the same, and what is computed on the way stays in the cache.
            halves = np.array_split(images, 2)
            outputs = np.concatenate([self._outputs(half) for half in halves])
            total_loss += float(self._loss(outputs, labels)) * len(labels)
            correct += int(np.count_nonzero(outputs.argmax(axis=1) == labels))
            all_outputs.append(outputs)
        return total_loss / len(subset), correct / len(subset), np.concatenate(all_outputs)


def build_classifier(
    config: ClassifierHyperparameters,
    dataset: Dataset,
    rng: np.random.Generator,
    dropout_rng: np.random.Generator | None = None,
) -> Sequential:
    """The network that `config` describes; its outputs are logits, or sigmoids where the loss is the squared error."""
    return fully_connected(
        [dataset.pixels, *config.hidden, dataset.classes],
        config.activation,
        "sigmoid" if config.loss == "squared_error" else None,
        rng,
        initializer=make_initializer(config),
        batch_norm=config.batch_norm,
        dropout=config.dropout,
        input_dropout=config.input_dropout,
        dropout_rng=dropout_rng,
    )


def class_probabilities(outputs: NDArray[Any], config: ClassifierHyperparameters) -> NDArray[np.float64]:
    """How likely each class is (n, classes), by the outputs (n, classes) of a network that `config` describes.

    Outputs trained by the squared error estimate the probabilities, each by itself (M. Richard and R. Lippmann,
    Neural network classifiers estimate Bayesian a posteriori probabilities, 1991): they are scaled to a sum of 1.
    """
    exact = outputs.astype(np.float64)
    if config.loss == "squared_error":
        exact /= np.maximum(exact.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        return exact
    probabilities: NDArray[np.float64] = softmax(exact)
    return probabilities


def input_range(config: ClassifierHyperparameters, dataset: Dataset) -> tuple[float, float]:
    """The numbers as which black and white enter the network that `config` describes.

    To standardize (Y. LeCun et al., Efficient backprop, 1998, section 4.3) takes one mean and one variance, of all
    pixels of all training images, whether they are held out or not: so every run on a dataset has the same.
    """
    match config.input_scaling:
        case "unit":
            return 0.0, 1.0
        case "symmetric":
            return -1.0, 1.0
        case "standardized":
            shades = np.arange(BLACK_TO_WHITE + 1) / BLACK_TO_WHITE
            counts = np.zeros(len(shades), np.int64)
            for images, _ in dataset.split(0).train.batches(EVALUATION_BATCH):
                counts += np.bincount(images.ravel(), minlength=len(shades))
            mean = float(np.average(shades, weights=counts))
            deviation = float(np.sqrt(np.average((shades - mean) ** 2, weights=counts))) or 1.0
            return -mean / deviation, (1.0 - mean) / deviation


def make_augmentation(config: ClassifierHyperparameters, dataset: Dataset) -> Augmentation | None:
    """How `config` has the training images distorted, if it does."""
    augmentation = Augmentation(
        dataset.image_shape,
        shift=config.augment_shift,
        rotation=config.augment_rotation,
        scale=config.augment_scale,
        shear=config.augment_shear,
        elastic=config.augment_elastic,
        sigma=config.augment_sigma,
        mirror=config.augment_mirror,
    )
    return augmentation if augmentation.distorts else None
