"""What a classifier's winner gets wrong."""

import io
import re

import imageio.v3 as iio
import numpy as np
import pytest

from nnlite.data.catalogue import FASHION_MNIST, class_names
from nnlite.images import grid, write_png
from nnlite.report import collect, group_runs, rank, write_report
from nnlite.report.confusion import confusion_figure
from nnlite.report.examination import examination

EPOCHS = [{"val_acc": 0.9}]


def ended(confusion, mistakes=()):
    return {
        "status": "completed",
        "metrics": {"test_acc": 0.5},
        "test": {"confusion": confusion, "mistakes": [*mistakes]},
    }


def page(root, out):
    write_report(root, out)
    return (out / "s/README.md").read_text("utf-8")


def test_the_table_is_of_the_winner_alone_over_all_of_its_seeds(logs, tmp_path):
    for seed, matrix in enumerate(([[8, 2, 0], [0, 10, 0], [1, 0, 9]], [[10, 0, 0], [0, 9, 1], [2, 0, 8]])):
        logs.write_run(tmp_path / "e/s", f"a{seed}", EPOCHS, {"epochs": 5}, seed=seed, end=ended(matrix))
    worse = [[0, 10, 0], [10, 0, 0], [10, 0, 0]]
    logs.write_run(tmp_path / "e/s", "b", [{"val_acc": 0.1}], {"epochs": 6}, end=ended(worse))
    text = page(tmp_path / "e", tmp_path / "out")
    assert "| 0 | 90.0 % | 80.0 to 100.0 | 1 (10.0 %) |" in text
    assert "| 1 | 95.0 % | 90.0 to 100.0 | 2 (5.0 %) |" in text
    assert "| 2 | 85.0 % | 80.0 to 90.0 | 0 (15.0 %) |" in text
    assert "What the 30 test images were taken for by runs `a0`, `a1` together, in percent of their class." in text
    assert (tmp_path / "out/s/confusion.png").is_file()
    assert "mistakes.png" not in text


def test_the_worst_mistakes_are_shown_with_what_is_said_of_them(logs, tmp_path):
    mistakes = [{"index": 7 * each, "label": 1, "predicted": 0, "probability": 0.75} for each in range(6)]
    folder = logs.write_run(tmp_path / "e/s", "a", EPOCHS, end=ended([[5, 0], [6, 0]], mistakes))
    images = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)
    write_png(folder.mistakes, grid(images, 5))
    text = page(tmp_path / "e", tmp_path / "out")
    assert "run `a` (seed 0) is most confidently wrong about" in text
    assert "from 0: 0, 7, 14, 21, 28, 35." in text
    shown = iio.imread(io.BytesIO((tmp_path / "out/s/mistakes.png").read_bytes()))
    assert shown.shape[1] > 600
    first = page(tmp_path / "e", tmp_path / "out"), (tmp_path / "out/s/mistakes.png").read_bytes()
    assert first == (page(tmp_path / "e", tmp_path / "out"), (tmp_path / "out/s/mistakes.png").read_bytes())


@pytest.mark.parametrize(
    "confusion",
    [None, 3, [], [[1]], [[1, 2], [3]], [[1, -2], [3, 4]], [[1, "2"], [3, 4]], [[0, 0], [0, 0]], [[1, 2.5], [3, 4]]],
)
def test_a_matrix_that_is_none_is_left_out(logs, tmp_path, confusion):
    logs.write_run(tmp_path / "e/s", "a", EPOCHS, end=ended(confusion, [{"index": "x"}, 3]))
    assert "gets wrong" not in page(tmp_path / "e", tmp_path / "out")


def test_a_picture_that_is_no_such_grid_is_left_out(logs, tmp_path):
    mistakes = [{"index": 0, "label": 1, "predicted": 0, "probability": 0.75}]
    folder = logs.write_run(tmp_path / "e/s", "a", EPOCHS, end=ended([[5, 0], [6, 0]], mistakes))
    for content in (b"no picture", iio.imwrite("<bytes>", np.zeros((7, 9), np.uint8), extension=".png")):
        folder.mistakes.write_bytes(content)
        text = page(tmp_path / "e", tmp_path / "out")
        assert re.search(r"\(confusion\.png\)", text)
        assert "mistakes.png" not in text


def test_known_classes_are_called_by_their_names(logs, tmp_path):
    matrix = (10 * np.eye(10, dtype=int) + np.roll(np.eye(10, dtype=int), 1, axis=1)).tolist()
    logs.write_run(tmp_path / "e/s", "a", EPOCHS, end=ended(matrix), dataset_checksum=FASHION_MNIST.checksum)
    (group,) = group_runs(collect(tmp_path / "e").runs)
    text = examination(rank(group), "").render(2)
    assert "| Sandal | 90.9 % | Shirt (9.1 %) |" in text
    figure = confusion_figure(np.eye(10), FASHION_MNIST.class_names)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(FASHION_MNIST.class_names)


@pytest.mark.parametrize(
    ("checksum", "count", "names"),
    [
        (FASHION_MNIST.checksum, 10, FASHION_MNIST.class_names),
        (FASHION_MNIST.checksum, 3, ("0", "1", "2")),
        ("another", 2, ("0", "1")),
        (None, 2, ("0", "1")),
    ],
)
def test_only_a_known_dataset_of_so_many_classes_has_names_for_them(checksum, count, names):
    assert class_names(checksum, count) == names
