"""The metrics that a log may hold: what each is called, whether higher is better, and its unit.

Sweep files name one as their objective, `best` and the report rank by them. A name that is not listed here may stand
in a log all the same; lower is then taken to be better, except for names that end in `_acc`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from nnlite.errors import InputError, nearest

Direction = Literal["maximize", "minimize"]


@dataclass(frozen=True)
class Metric:
    """One logged quantity.

    Attributes:
        name: in logs.
        label: in sentences and on axes.
        higher_is_better: which way is better.
        unit: of its values, if they have one.
        about: what it says, for those who meet it for the first time; empty where the label does.
        on_test: scored once, at the end; never to be selected on.
        judged: by a reference classifier; what another one says cannot be compared.
        against_itself: a loss whose measure is trained as well, so that another run's cannot be compared.
    """

    name: str
    label: str
    higher_is_better: bool = False
    unit: str = ""
    about: str = ""
    on_test: bool = False
    judged: bool = False
    against_itself: bool = False

    @property
    def direction(self) -> Direction:
        """Which way is better."""
        return "maximize" if self.higher_is_better else "minimize"


CLASSIFIER_METRICS = (
    Metric("train_loss", "training loss"),
    Metric("train_acc", "training accuracy", higher_is_better=True),
    Metric("val_loss", "validation loss"),
    Metric("val_acc", "validation accuracy", higher_is_better=True),
    Metric("test_loss", "test loss", on_test=True),
    Metric("test_acc", "test accuracy", higher_is_better=True, on_test=True),
)
_FRECHET = (
    "how far drawn images are from real ones that were held out, both described by the mean and the covariance of what "
    "a classifier sees in them: the less, the better"
)
GAN_METRICS = (
    Metric("generator_loss", "generator loss", against_itself=True),
    Metric("discriminator_loss", "discriminator loss", against_itself=True),
    Metric("fid", "Fréchet distance", about=_FRECHET, judged=True),
    Metric("mode_coverage", "classes covered", higher_is_better=True, unit="of 10", judged=True),
    Metric("label_entropy", "label entropy", higher_is_better=True, unit="bits", judged=True),
    Metric("test_fid", "test Fréchet distance", about=_FRECHET, on_test=True, judged=True),
    Metric("test_precision", "test precision", higher_is_better=True, on_test=True, judged=True),
    Metric("test_recall", "test recall", higher_is_better=True, on_test=True, judged=True),
)
COMMON_METRICS = (
    Metric("learning_rate", "learning rate"),
    Metric("seconds", "time an epoch", unit="s"),
    Metric("images_per_second", "training speed", higher_is_better=True, unit="images/s"),
)
METRICS_OF_MODEL: dict[str, dict[str, Metric]] = {
    model: {metric.name: metric for metric in (*own, *COMMON_METRICS)}
    for model, own in (("classifier", CLASSIFIER_METRICS), ("gan", GAN_METRICS))
}
METRICS = METRICS_OF_MODEL["classifier"] | METRICS_OF_MODEL["gan"]
DEFAULT_OBJECTIVE = {"classifier": "val_acc", "gan": "fid"}


def metric_named(name: str, logged: Iterable[str] = ()) -> Metric:
    """The metric called `name`, listed above or among the `logged` names.

    Raises:
        InputError: it is neither.
    """
    if name in METRICS:
        return METRICS[name]
    logged = list(logged)
    if name in logged:
        return Metric(name, name.replace("_", " "), higher_is_better=name.endswith("_acc"))
    raise InputError(f"there is no metric {name!r}: {nearest(name, {*METRICS, *logged})}")
