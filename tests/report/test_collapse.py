"""When a GAN collapsed, told from its log; and the pictures that show it."""

import io
import itertools
import json

import imageio.v3 as iio
import numpy as np
import pytest

from nnlite.images import grid, write_png
from nnlite.report import collect, group_runs, rank
from nnlite.report.classes import class_histories, latents_over_time
from nnlite.report.collapse import Fate, collapse, fate_of, has_collapsed, story
from nnlite.report.illustrations import pictures


def lines(states, **more):
    """Epochs in which the generator had collapsed (C) or not (.)."""
    return [
        {"fid": 10.0 + (each == "C"), "mode_coverage": 4 if each == "C" else 10, "label_entropy": 3.2, **more}
        for each in states
    ]


def ranking_of(root):
    (group,) = group_runs(collect(root).runs)
    return rank(group)


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [
        ({"mode_coverage": 10, "label_entropy": 3.0}, False),
        ({"mode_coverage": 10, "label_entropy": 2.999}, True),
        ({"mode_coverage": 9, "label_entropy": 3.16}, True),
        ({"mode_coverage": 10}, False),
        ({"label_entropy": 2.0}, True),
        ({"fid": 3.0}, None),
        ({"mode_coverage": None, "label_entropy": None}, None),
    ],
)
def test_collapsed_is_fewer_than_ten_classes_or_less_than_three_bits(epoch, expected):
    assert has_collapsed(epoch) is expected


@pytest.mark.parametrize(
    ("states", "collapsed", "since", "relapses"),
    [
        ("CC..", False, 3, 0),
        ("C...", False, 2, 0),
        ("....", False, 1, 0),
        ("C.C.", False, 4, 1),
        ("C..C.CC", True, 6, 2),
        ("CCCC", True, 1, 0),
        ("C.CC", True, 3, 1),
    ],
)
def test_a_run_has_collapsed_since_the_last_time_that_it_had_not(logs, tmp_path, states, collapsed, since, relapses):
    logs.write_run(tmp_path / "s", "a" * 12, lines(states), model="gan")
    fate = fate_of(collect(tmp_path).runs[0])
    assert (fate.collapsed, fate.since, fate.relapses) == (collapsed, since, relapses)


@pytest.mark.parametrize(
    ("fates", "sentence"),
    [
        ([(True, 4)], "collapsed, from epoch 4 on"),
        ([(False, 3)], "diverse from epoch 3 on"),
        ([(False, 3), (False, 5), (False, 1)], "diverse from epoch 5 on"),
        (
            [(True, 4), (False, 2), (True, 9)],
            "collapsed in 2 of 3 seeds, from epochs 4 and 9 on; the other diverse from epoch 2 on",
        ),
        ([(True, 1), (True, 7), (True, 1)], "collapsed in 3 of 3 seeds, from the first epoch on or from epoch 7 on"),
        (
            [(True, 1), (False, 2), (False, 3)],
            "collapsed in 1 of 3 seeds, from the first epoch on; the others diverse from epoch 3 on",
        ),
        ([(True, 4, 1), (True, 6, 1)], "collapsed in 2 of 2 seeds, from epochs 4 and 6 on"),
        ([(True, 4, 1), (True, 6, 2)], "collapsed in 2 of 2 seeds, from epochs 4 and 6 on, not for the first time"),
        ([(False, 4, 0), (False, 6, 1)], "diverse from epoch 6 on, after relapses"),
    ],
)
def test_a_configuration_has_its_story(fates, sentence):
    assert story([Fate(*each) for each in fates]) == sentence


def test_the_section_tells_of_logs_that_count_no_classes_and_draws_what_it_can(experiments):
    section = collapse(ranking_of(experiments / "gan_lr"), "")
    assert "of 18 runs** ended so" in section.render(2)
    assert "mostly draws" not in section.render(2)
    assert list(section.files) == ["collapsed.png"]


def test_a_classifier_has_no_such_section(experiments):
    assert collapse(ranking_of(experiments / "quickstart"), "").render(2) == ""


@pytest.fixture
def counted(logs, tmp_path):
    """Three runs that counted classes, the best one evenly, the worst one a single class, with sample grids."""
    rng = np.random.default_rng(0)
    for number, counts in enumerate(([10] * 10, [1, 19] * 5, [100] + [0] * 9)):
        epochs = [{**line, "fid": 1.0 + number, "class_counts": counts} for line in lines("..CC")]
        folder = logs.write_run(tmp_path / "s", f"{number}" * 12, epochs, {"learning_rate": 0.1 * number}, model="gan")
        for epoch in (1, 2, 4):
            images = np.full((20, 28, 28), 50 * number + epoch, np.uint8)
            images[:, rng.integers(28), rng.integers(28)] = 255
            write_png(folder.sample(epoch), grid(images, 10))
    return ranking_of(tmp_path / "s")


def test_the_best_run_stands_beside_the_worst(counted):
    runs = [trial.run for trial in counted.best_then_by_end()]
    figure, shown = class_histories(runs)
    assert [run.id for run in shown] == ["0" * 12, "2" * 12]
    best, worst = (axes.images[0] for axes in figure.axes[:2])
    np.testing.assert_allclose(best.get_array(), np.full((10, 4), 0.1))
    np.testing.assert_allclose(worst.get_array()[:, 0], [1.0] + [0.01] * 9)
    assert [best.norm(share) for share in (0.01, 0.1, 1.0)] == pytest.approx([0.0, 0.5, 1.0])


def test_the_worst_run_is_the_one_that_ended_worst(logs, tmp_path):
    ends = {"a": [3.0, 1.0], "b": [2.0, 90.0], "c": [8.0, 7.0], "d": [9.0, 9.0]}
    for name, values in ends.items():
        epochs = [{"fid": value, "mode_coverage": 10, "label_entropy": 3.3} for value in values]
        logs.write_run(tmp_path / "s", name * 12, epochs, {"learning_rate": values[0]}, model="gan")
    pruned = [{"fid": 99.0, "mode_coverage": 10, "label_entropy": 3.3}]
    logs.write_run(tmp_path / "s", "e" * 12, pruned, {"learning_rate": 0.5}, model="gan", end="pruned")
    assert [trial.run.id[0] for trial in ranking_of(tmp_path / "s").best_then_by_end()] == ["a", "e", "c", "d", "b"]


def test_of_the_best_run_the_best_grid_is_shown_and_of_the_worst_the_last(counted):
    section = pictures(counted, "")
    best, worst = (iio.imread(io.BytesIO(section.files[name])) for name in ("best.png", "worst.png"))
    assert np.median(best) == 1, "of the first of four epochs that are as good"
    assert np.median(worst) == 104
    text = section.render(2)
    assert "The best run, `000000000000`: `learning_rate` 0, seed 0, after epoch 1 (Fréchet distance 1)." in text
    assert "The run that ended worst, `222222222222`: `learning_rate` 0.2, seed 0, after epoch 4" in text


def test_how_many_collapsed_is_shown_for_each_pair_of_values(logs, tmp_path):
    for number, (rate, skip) in enumerate(itertools.product((0.1, 0.2), (0, 3))):
        states = "..CC" if skip else "...."
        for seed in range(2):
            config = {"learning_rate": rate, "discriminator_skip": skip}
            epochs = lines(states, class_counts=[97, 3] + [0] * 8)
            logs.write_run(tmp_path / "s", f"{number}{seed}" * 6, epochs, config, model="gan", seed=seed)
    section = collapse(ranking_of(tmp_path / "s"), "")
    assert "collapsed.png" in section.files
    text = section.render(2)
    assert "| 3 | 3 | 0.1 | collapsed in 2 of 2 seeds, from epoch 3 on | 4 | 3.20 | 0 (97 %) |" in text
    assert "| 1 | 0 | 0.1 | diverse from epoch 1 on | 10 | 3.20 | - |" in text


def test_a_latent_point_has_one_column_and_an_epoch_one_row(counted):
    runs = [trial.run for trial in counted.best_then_by_end()]
    figure, shown, epochs = latents_over_time(runs)
    assert epochs == [1, 2, 4]
    assert [run.id for run in shown] == ["0" * 12, "2" * 12]
    best, worst = (np.asarray(axes.images[0].get_array()) for axes in figure.axes)
    assert best.shape == worst.shape == (3 * 28, 10 * 28)
    assert [int(np.median(best[28 * row : 28 * (row + 1)])) for row in range(3)] == [1, 2, 4]
    assert [int(np.median(worst[28 * row : 28 * (row + 1)])) for row in range(3)] == [101, 102, 104]


def test_both_pictures_are_on_the_page_and_small(counted):
    section = collapse(counted, "p-")
    assert list(section.files) == ["p-classes.png", "p-evolution.png"]
    for name, content in section.files.items():
        assert f"]({name})" in section.render(2)
        assert iio.imread(io.BytesIO(content)).shape[1] == pytest.approx(902, abs=2)
        assert len(content) < 120_000


def test_counts_and_grids_that_somebody_else_wrote_are_left_out(logs, tmp_path):
    odd = [[1, 2], "many", [0] * 10, [1.5] * 10, [True] * 10, [-1] * 10, None]
    folder = logs.write_run(tmp_path / "s", "b" * 12, [{"fid": 1.0, "class_counts": each} for each in odd], model="gan")
    for epoch in (1, 2):
        write_png(folder.sample(epoch), np.arange(256, dtype=np.uint8).reshape(16, 16))
    text = folder.log.read_text()
    assert json.loads(text.splitlines()[1])["class_counts"] == [1, 2]
    runs = collect(tmp_path).runs
    figure, _ = class_histories(runs)
    assert figure.axes[0].images[0].get_array().shape == (2, 1)
    assert latents_over_time(runs) is None
