"""The judge of generated images: the same for everybody, made once, and remade where its file is damaged."""

import numpy as np
import pytest

from nnlite.data import cache_dir, idx, locate
from nnlite.errors import DataUnavailableError, InputError
from nnlite.models import GanHyperparameters, GanTraining, load_reference, prepare_reference
from nnlite.models.quality import frechet_distance
from nnlite.models.reference import RECIPE, recipe_for, reference_path


@pytest.fixture
def other_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLITE_CACHE", str(tmp_path / "other"))
    return tmp_path / "other"


def test_two_trainings_give_the_same_judge(judge, digits, other_cache):
    again = prepare_reference(digits)
    assert reference_path(digits).is_relative_to(other_cache)
    assert again.fingerprint == judge.fingerprint


def test_it_is_trained_once(judge, digits):
    told = []
    assert prepare_reference(digits, told.append).fingerprint == judge.fingerprint
    assert not told


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04" + b"\0" * 100])
def test_a_damaged_judge_is_trained_anew(judge, digits, other_cache, content):
    path = reference_path(digits)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    told = []
    assert prepare_reference(digits, told.append).fingerprint == judge.fingerprint
    assert [epoch.number for epoch in told] == list(range(1, RECIPE.epochs + 1))
    assert load_reference(digits).fingerprint == judge.fingerprint
    assert other_cache.exists()


def test_a_judge_that_was_not_prepared_is_not_made_by_a_worker(digits, other_cache):
    with pytest.raises(InputError, match="no weights"):
        GanTraining(GanHyperparameters(validation=10), digits, seed=0)
    assert not other_cache.exists()


def test_a_cache_that_cannot_be_written_names_the_way_out(digits, monkeypatch):
    """F20."""
    monkeypatch.setenv("NNLITE_CACHE", "/proc/nnlite")
    with pytest.raises(DataUnavailableError, match="NNLITE_CACHE"):
        prepare_reference(digits)


def test_it_knows_the_digits_and_finds_them_like_themselves(judge, digits):
    test = digits.split(0).test
    images, labels = test.take(np.arange(len(test)))
    features, judged = judge.judge(images)
    assert features.shape == (500, 64)
    assert np.mean(judged == labels) > 0.8
    real = judge.summarise(test)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-6)


def test_another_dataset_has_another_judge(mnist, digits):
    assert reference_path(mnist) != reference_path(digits)
    assert recipe_for(mnist) == RECIPE
    assert recipe_for(digits).validation == 250
    assert reference_path(mnist).is_relative_to(cache_dir())


def test_images_of_another_size_and_number_of_classes_train_both_models(tmp_path, ask, cache):
    """Three classes of 4 x 6 pixels: the bright row tells."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 120), ("t10k", 40)):
        labels = rng.integers(0, 3, count).astype(np.uint8)
        labels[:3] = [0, 1, 2]
        images = rng.integers(0, 40, (count, 4, 6)).astype(np.uint8)
        for row in range(count):
            images[row, labels[row]] += 200
        idx.write(tmp_path / f"{part}-images-idx3-ubyte", images)
        idx.write(tmp_path / f"{part}-labels-idx1-ubyte", labels)
    dataset = locate(str(tmp_path))
    assert (dataset.image_shape, dataset.classes) == ((4, 6), 3)
    for model, extra in (("classifier", ""), ("gan", "latent_dim = 3\n")):
        for validation in (20, 0):
            spec = tmp_path / "spec.toml"
            spec.write_text(
                f'name = "{model}-{validation}"\nmodel = "{model}"\ndataset = "{tmp_path}"\n'
                f"[fixed]\nepochs = 1\nhidden = [8]\nvalidation = {validation}\n{extra}"
            )
            done = ask("train", spec, "--experiments", tmp_path / "experiments")
            assert "1 of 1 trials done" in done.stdout
    assert cache.exists()
