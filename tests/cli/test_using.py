"""`nnlite predict` and `nnlite sample`: trained models in use."""

import itertools
import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nnlite.images import read_png, tiles
from nnlite.models import prepare_reference

BEST = "weight_average = 0.9\nbatch_norm = true\ndropout = 0.1\ninput_scaling = 'standardized'\nepochs = 12\n"


@pytest.fixture(scope="module")
def classifier(tmp_path_factory, digits_folder, nnlite):
    """The folder of experiments of a small trained classifier, made of all that a network can have."""
    folder = tmp_path_factory.mktemp("classifier")
    (folder / "sweep.toml").write_text(
        f'name = "tiny"\nmodel = "classifier"\ndataset = "{digits_folder}"\n'
        f"[fixed]\nvalidation = 300\nhidden = [64]\noptimizer = 'adam'\nlearning_rate = 0.01\n{BEST}"
    )
    nnlite("train", folder / "sweep.toml", "--experiments", folder, code=0)
    return folder


@pytest.fixture(scope="module")
def generator(tmp_path_factory, digits, digits_folder, nnlite):
    folder = tmp_path_factory.mktemp("gan")
    prepare_reference(digits)
    (folder / "sweep.toml").write_text(
        f'name = "tiny"\nmodel = "gan"\ndataset = "{digits_folder}"\n[fixed]\nvalidation = 300\nhidden = [16]\n'
        "discriminator_hidden = [16]\nepochs = 1\nlatent_dim = 8\nbatch_norm = true\nweight_average = 0.9\n"
    )
    nnlite("train", folder / "sweep.toml", "--experiments", folder, code=0)
    return folder


@pytest.fixture
def pictures(tmp_path, digits):
    """Files of test images, enlarged and dark on light, and their labels."""
    images, labels = digits.split(0).test.take(np.arange(20))
    paths = [tmp_path / f"digit {number}.png" for number in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        large = Image.fromarray(255 - image.reshape(28, 28)).resize((140, 140), Image.Resampling.BICUBIC)
        large.save(path)
    return paths, labels


def test_the_best_run_is_that_of_the_model_that_the_command_uses(ask, nnlite, classifier, generator, tmp_path):
    for folder, name in ((classifier, "classifier"), (generator, "gan")):
        shutil.copytree(folder / "tiny", tmp_path / "both" / name)
    without_weights = tmp_path / "both" / "another"
    shutil.copytree(generator / "tiny", without_weights, ignore=shutil.ignore_patterns("best.npz"))
    for log in without_weights.glob("*/run.jsonl"):
        log.write_text(log.read_text().replace('"sweep": "tiny"', '"sweep": "another"'))
    drawn = ask("sample", "@best", "--experiments", tmp_path / "both", "--out", tmp_path / "s.png", "--json").stdout
    assert json.loads(drawn)["folder"].startswith(str(tmp_path / "both" / "gan"))
    nnlite("show", "@best", "--experiments", tmp_path / "both", code=2)


def test_best_names_the_command_that_uses_the_winner_and_its_animation(ask, classifier, generator):
    (folder,) = (log.parent for log in (generator / "tiny").glob("*/run.jsonl"))
    (folder / "samples.gif").touch()
    lines = ask("best", "--experiments", generator).stdout.splitlines()
    assert f"see how it learnt to draw: {folder}/samples.gif" in lines
    assert f"use it: nnlite sample {folder}" in lines
    (folder,) = (log.parent for log in (classifier / "tiny").glob("*/run.jsonl"))
    assert f"use it: nnlite predict {folder} IMAGE..." in ask("best", "--experiments", classifier).stdout.splitlines()


def test_what_is_known_by_its_checksum_is_drawn_without_the_dataset(ask, tmp_path, monkeypatch):
    monkeypatch.delenv("NNLITE_DATA", raising=False)
    monkeypatch.setenv("NNLITE_CACHE", str(tmp_path / "cache"))
    published = Path(__file__).parents[2] / "experiments"
    answer = ask("sample", "40e5b", "--count", 3, "--experiments", published, "--out", tmp_path / "digits.npy")
    assert np.load(tmp_path / "digits.npy").shape == (3, 28, 28)
    assert answer.stderr == ""
    assert not (tmp_path / "cache").exists()


def test_predict_names_the_class_of_each_image_with_a_bar_for_each_class(ask, classifier, pictures):
    paths, _ = pictures
    lines = ask("predict", "@last", *paths[:2], "--experiments", classifier).stdout.splitlines()
    assert len(lines) == 2 * 11
    assert lines[0].startswith(f"{paths[0]}: ")
    shown = lines[0].removeprefix(f"{paths[0]}: ")
    shares = {line.split()[0]: float(line.split()[1].rstrip("%")) for line in lines[1:11]}
    assert max(shares, key=shares.get) == shown
    assert sum(shares.values()) == pytest.approx(100, abs=0.1)
    longest = max(lines[1:11], key=lambda line: line.count("#"))
    assert longest.split()[0] == shown


def test_predict_is_as_good_as_the_classifier(ask, classifier, pictures):
    paths, labels = pictures
    answer = json.loads(ask("predict", "@last", *paths, "--experiments", classifier, "--json").stdout)
    assert answer["schema"] == "nnlite.predict/1"
    assert [each["image"] for each in answer["predictions"]] == list(map(str, paths))
    assert np.mean([each["label"] == label for each, label in zip(answer["predictions"], labels, strict=True)]) >= 0.8
    for each in answer["predictions"]:
        assert each["class"] == str(each["label"])
        assert sum(each["probabilities"].values()) == pytest.approx(1.0)
        assert each["probability"] == max(each["probabilities"].values())


def test_a_run_without_weights_names_the_command_that_makes_them(ask, classifier, pictures, tmp_path):
    run = next(classifier.glob("tiny/*/run.jsonl")).parent
    bare = tmp_path / "bare" / run.name
    bare.mkdir(parents=True)
    (bare / "run.jsonl").write_bytes((run / "run.jsonl").read_bytes())
    said = ask("predict", bare, pictures[0][0], code=2).stderr
    assert "has no best.npz" in said
    command = said.split("`")[1]
    words = shlex.split(command.replace("repeated", str(tmp_path / "repeated")))
    assert words[0] == "nnlite"
    ask(*words[1:])
    ask("predict", run.name, pictures[0][0], "--experiments", tmp_path / "repeated")


def test_weights_of_another_network_are_refused(ask, classifier, pictures, tmp_path):
    run = next(classifier.glob("tiny/*/run.jsonl")).parent
    other = tmp_path / run.name
    other.mkdir()
    (other / "run.jsonl").write_bytes((run / "run.jsonl").read_bytes())
    np.savez(other / "best.npz", weight=np.zeros(3))
    assert "of another network" in ask("predict", other, pictures[0][0], code=2).stderr


@pytest.mark.parametrize(
    ("name", "content", "said"), [("odd.png", b"odd", "is not an image"), ("no.png", None, "no such")]
)
def test_what_is_no_image_is_told_in_a_sentence_before_anything_is_answered(
    ask, classifier, pictures, tmp_path, name, content, said
):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = ask("predict", "@last", pictures[0][0], tmp_path / name, "--experiments", classifier, code=2)
    assert said in result.stderr
    assert name in result.stderr
    assert result.stdout == ""


def test_a_gan_predicts_nothing_and_a_classifier_draws_nothing(ask, classifier, generator, pictures):
    assert (
        "`nnlite sample` uses it" in ask("predict", "@last", pictures[0][0], "--experiments", generator, code=2).stderr
    )
    assert "`nnlite predict` uses it" in ask("sample", "@last", "--experiments", classifier, code=2).stderr


def test_sample_draws_a_grid_that_its_seed_repeats(ask, generator, tmp_path):
    draw = ("sample", "@last", "--experiments", generator, "--count", 7)
    assert "7 images of run" in ask(*draw, "--out", tmp_path / "one.png").stdout
    ask(*draw, "--out", tmp_path / "again.png")
    answer = json.loads(ask(*draw, "--out", tmp_path / "other.png", "--seed", 1, "--json").stdout)
    assert (answer["count"], answer["seed"]) == (7, 1)
    one, again, other = (read_png(tmp_path / f"{name}.png") for name in ("one", "again", "other"))
    assert one.shape == (3 * 29 + 1, 3 * 29 + 1)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_grid_has_the_rows_and_columns_asked_for(ask, generator, tmp_path):
    draw = ("sample", "@last", "--experiments", generator)
    assert "6 images of run" in ask(*draw, "--grid", "2x3", "--out", tmp_path / "some.png").stdout
    assert tiles(read_png(tmp_path / "some.png")).shape == (6, 28, 28)
    assert read_png(tmp_path / "some.png").shape == (2 * 29 + 1, 3 * 29 + 1)
    ask(*draw, "--out", tmp_path / "default.png")
    assert len(tiles(read_png(tmp_path / "default.png"))) == 100


def test_an_array_holds_the_very_images_of_the_grid(ask, generator, tmp_path):
    draw = ("sample", "@last", "--experiments", generator, "--count", 9)
    for name in ("drawn.png", "drawn.npy"):
        ask(*draw, "--out", tmp_path / name)
    images = np.load(tmp_path / "drawn.npy", allow_pickle=False)
    assert (images.shape, images.dtype) == ((9, 28, 28), np.uint8)
    assert np.array_equal(images, tiles(read_png(tmp_path / "drawn.png")))


def test_an_interpolation_goes_from_row_to_row_without_a_break(ask, generator, tmp_path):
    path = ("sample", "@last", "--experiments", generator, "--interpolate", "--grid", "3x12")
    ask(*path, "--out", tmp_path / "path.npy")
    rows = np.load(tmp_path / "path.npy").reshape(3, 12, 28, 28).astype(int)
    for row, next_row in itertools.pairwise(rows):
        assert np.array_equal(row[-1], next_row[0]), "a row ends where the next begins"
    steps = np.abs(np.diff(rows, axis=1)).mean(axis=(0, 2, 3))
    ends = np.abs(rows[:, 0] - rows[:, -1]).mean()
    assert steps.max() < 0.5 * ends, "each step is a small one"


def test_so_many_images_of_an_interpolation_are_one_row(ask, generator, tmp_path):
    ask("sample", "@last", "--experiments", generator, "--interpolate", "--count", 5, "--out", tmp_path / "row.png")
    assert read_png(tmp_path / "row.png").shape == (29 + 1, 5 * 29 + 1)


def test_judge_puts_a_generator_beside_real_images_and_noise(ask, generator, tmp_path):
    judge = ("judge", "@last", "--experiments", generator, "--draws", 2)
    answer = json.loads(ask(*judge, "--json", "--out", tmp_path / "near.png").stdout)
    assert answer["schema"] == "nnlite.judge/1"
    assert {kind: len(each) for kind, each in answer["figures"].items()} == {"drawn": 2, "real": 1, "noise": 2}
    fids = {kind: each[0]["fid"] for kind, each in answer["figures"].items()}
    assert fids["real"] < min(fids["drawn"], fids["noise"]), "the generator has only begun to learn"
    assert answer["nearest"]["drawn"]["median"] > 0
    assert read_png(tmp_path / "near.png").shape == (10 * 29 + 1, 6 * 29 + 1)


def test_judge_tells_people_the_same_in_a_table(ask, generator):
    lines = ask("judge", "@last", "--experiments", generator, "--draws", 1).stdout.splitlines()
    assert lines[0].split() == ["images", "fid", "mode_coverage", "label_entropy", "precision", "recall"]
    assert [line.split()[0] for line in lines[1:4]] == ["drawn", "real", "noise"]
    assert "copies would be at 0" in lines[5]
    assert [line.split()[0] for line in lines[6:]] == ["drawn", "real"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--out", "drawn.jpg"), "such as drawn.png, or of an array, such as drawn.npy"),
        (("--grid", "10"), "--grid 10: expected rows x columns, such as 10x10"),
        (("--grid", "0x4"), "--grid 0x4: expected rows x columns, such as 10x10"),
        (("--grid", "200x51"), "10,000 images at most"),
        (("--grid", "2x2", "--count", "4"), "give one of them"),
    ],
)
def test_what_sample_cannot_draw_is_told_in_a_sentence(ask, generator, options, sentence):
    assert sentence in ask("sample", "@last", "--experiments", generator, *options, code=2).stderr
