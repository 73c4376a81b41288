"""`nnlite verify`: a run is trained again, by real processes, and every number compared; what cannot be is refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nnlite.runs import LogWriter

PARTS = {"blas": "openblas 0.0 Pentium", "numpy": "1.0"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, nnlite, digits_folder):
    """A sweep of two runs of three epochs and one that diverges."""
    folder = tmp_path_factory.mktemp("trained")
    path = folder / "tiny.toml"
    path.write_text(
        f'name = "tiny"\nmodel = "classifier"\ndataset = "{digits_folder}"\n[fixed]\nvalidation = 300\nhidden = [16]\n'
        'activation = "relu"\nlr_schedule = "linear"\nepochs = 3\n[grid]\nlearning_rate = [0.1, 0.3, 1e30]\n'
    )
    nnlite("sweep", path, "--experiments", folder / "experiments", code=0)
    return folder / "experiments"


@pytest.fixture
def experiments(trained, tmp_path):
    """A copy of it, to be changed."""
    shutil.copytree(trained, tmp_path / "experiments")
    return tmp_path / "experiments"


@pytest.fixture
def run(experiments):
    """The folder of a completed run of it."""
    logs = sorted(experiments.rglob("run.jsonl"))
    return next(
        log.parent for log in logs if '"completed"' in log.read_text() and '"learning_rate": 0.1' in log.read_text()
    )


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """The folder of temporary files, this test's own."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def edit(folder, change):
    """Have `change` alter the events of a log, in place."""
    log = folder / "run.jsonl"
    events = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    change(events)
    log.write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")


def test_a_run_that_repeats_is_identical_and_nothing_is_left_behind(run, ask, scratch):
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    verified = ask("verify", run)
    # Five numbers an epoch; best epoch, epochs, best value, test loss and test accuracy of the summary.
    assert verified.stdout == "identical: 3 epochs, 20 numbers\n"
    assert "training" in verified.stderr
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("name", ["the id", "its beginning", "@best", "@last"])
def test_a_run_is_named_by_its_id_or_as_best_or_last(experiments, run, ask, name):
    reference = {"the id": run.name, "its beginning": run.name[:6]}.get(name, name)
    assert ask("verify", reference, "--experiments", experiments).stdout.startswith("identical")


@pytest.mark.parametrize(
    ("epoch", "metric", "change", "place"),
    [
        (2, "val_acc", 1e-16, "val_acc after epoch 2"),
        (3, "train_loss", 1e-12, "train_loss after epoch 3"),
        (0, "test_loss", 1e-12, "test_loss in the final summary"),
    ],
)
def test_the_first_number_that_differs_is_named_in_full_precision(run, ask, scratch, epoch, metric, change, place):
    found = {}

    def alter(events):
        fields = events[epoch] if epoch else events[-1]["metrics"]
        found["trained"] = fields[metric]
        found["logged"] = fields[metric] = fields[metric] + max(change, fields[metric] * 2.3e-16)
        assert found["trained"] != found["logged"]

    edit(run, alter)
    said = ask("verify", run, code=1).stdout
    assert said == f"different: {place} was {found['logged']!r} and is {found['trained']!r}\n"
    assert list(scratch.iterdir()) == []


def test_a_number_that_is_no_longer_logged_is_a_difference(run, ask):
    edit(run, lambda events: events[1].update(grad_norm=1.0))
    assert "grad_norm after epoch 1 was 1.0 and is not" in ask("verify", run, code=1).stdout


def test_timings_may_differ(run, ask):
    edit(run, lambda events: events[1].update(seconds=1e9, images_per_second=0.1))
    assert ask("verify", run).stdout.startswith("identical: 3 epochs")


def test_the_first_epochs_alone_can_be_compared(run, ask):
    edit(run, lambda events: events[3].update(val_acc=0.0))
    assert ask("verify", run, "--epochs", 2).stdout == "identical: 2 epochs, 10 numbers\n"


def test_a_run_that_diverged_diverges_again(experiments, ask):
    (log,) = [log for log in experiments.rglob("run.jsonl") if '"diverged"' in log.read_text()]
    assert ask("verify", log).stdout.startswith("identical: 1 epoch, ")


def test_a_run_that_was_stopped_is_compared_as_far_as_it_got(run, ask):
    """Its schedule is that of the whole budget all the same."""
    edit(run, lambda events: events.__delitem__(slice(3, None)))
    assert ask("verify", run).stdout == "identical: 2 epochs, 10 numbers\n"


def test_a_gan_is_compared_with_its_judge(spec, ask, tmp_path):
    ask("train", spec(name="draw", model="gan", fixed="epochs = 2\nlatent_dim = 4"), "--experiments", tmp_path / "e")
    (log,) = (tmp_path / "e").rglob("run.jsonl")
    assert ask("verify", log).stdout.startswith("identical: 2 epochs, ")
    edit(log.parent, lambda events: events[0].update(reference="0123456789abcdef"))
    assert "not comparable: reference was 0123456789abcdef" in ask("verify", log, code=1).stdout


@pytest.mark.parametrize("name", ["blas", "numpy", "python", "nnlite", "libc", "simd", "platform", "threads"])
def test_under_another_fingerprint_nothing_is_trained_and_what_differs_is_named(run, ask, name):
    def alter(events):
        place = events[0]["versions"] if name in events[0]["versions"] else events[0]
        assert name in place
        place[name] = "another"

    edit(run, alter)
    refused = ask("verify", run, code=1)
    assert refused.stdout.startswith(f"not comparable: {name} was another and is ")
    assert "--anyway" in refused.stderr
    assert "training" not in refused.stderr


def test_a_run_that_went_on_under_another_fingerprint_is_not_comparable(run, ask):
    edit(run, lambda events: events.insert(3, {"event": "resume", "epoch": 2, "simd": "ANOTHER"}))
    assert "simd was ANOTHER" in ask("verify", run, code=1).stdout


def test_anyway_trains_and_says_whether_the_numbers_agree(run, ask):
    edit(run, lambda events: events[0]["versions"].update(PARTS))
    agreed = ask("verify", run, "--anyway")
    assert agreed.stdout == "identical: 3 epochs, 20 numbers\n"
    assert "under another fingerprint: numpy was 1.0" in agreed.stderr
    edit(run, lambda events: events[1].update(val_acc=0.0))
    assert "different: val_acc after epoch 1" in ask("verify", run, "--anyway", code=1).stdout


@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="these kernels are of x86")
def test_other_kernels_are_another_fingerprint(run, nnlite):
    """BLAS and NumPy really choose others here, and say so."""
    verified = nnlite("verify", run, env={"OPENBLAS_CORETYPE": "Sandybridge", "NPY_DISABLE_CPU_FEATURES": "X86_V3"})
    assert verified.returncode == 1
    assert verified.stdout.startswith("not comparable: ")


def test_a_log_of_an_older_version_is_compared_by_what_it_names(run, ask):
    edit(run, lambda events: (events[0].pop("simd"), events[0]["versions"].pop("libc")))
    verified = ask("verify", run)
    assert verified.stdout.startswith("identical")
    assert "of an older version and does not name libc, simd" in verified.stderr


def test_other_code_is_named_where_the_numbers_differ(run, ask):
    edit(run, lambda events: (events[0].update(git="0123456"), events[1].update(val_acc=0.0)))
    assert "trained by commit 0123456; this is" in ask("verify", run, code=1).stderr


def test_the_document_has_all_of_it(run, ask):
    document = json.loads(ask("verify", run, "--json").stdout)
    assert document["schema"] == "nnlite.verify/1"
    assert (document["run"], document["result"], document["epochs"]) == (run.name, "identical", 3)
    assert document["numbers"] == 20
    edit(run, lambda events: events[2].update(val_loss=None))
    found = json.loads(ask("verify", run, "--json", code=1).stdout)
    assert found["result"] == "different"
    assert (found["difference"]["epoch"], found["difference"]["metric"]) == (2, "val_loss")
    assert found["difference"]["logged"] is None
    edit(run, lambda events: events[0].update(simd="ANOTHER"))
    refused = json.loads(ask("verify", run, "--json", code=1).stdout)
    assert refused["result"] == "not comparable"
    assert [(each["name"], each["logged"]) for each in refused["discrepancies"]] == [("simd", "ANOTHER")]


@pytest.mark.parametrize("field", ["config", "seed", "dataset", "dataset_checksum", "model"])
def test_a_log_that_lacks_what_it_takes_to_repeat_the_run_is_refused(run, ask, field):
    edit(run, lambda events: events[0].pop(field))
    assert f"its start event has no {field}, so it " in ask("verify", run, code=2).stderr


def test_a_log_that_describes_another_trial_is_refused(run, ask):
    edit(run, lambda events: events[0]["config"].update(momentum=0.5))
    assert "the log was changed" in ask("verify", run, code=2).stderr


def test_a_run_without_an_epoch_has_nothing_to_compare(run, ask):
    edit(run, lambda events: events.__delitem__(slice(1, None)))
    assert "has no epoch to compare; the run is interrupted" in ask("verify", run, code=1).stderr


def test_a_run_in_training_is_left_to_end(run, ask):
    with LogWriter(run / "run.jsonl") as log:
        log.write("resume", epoch=3)
        assert "is being written: verify the run when it has ended" in ask("verify", run, code=1).stderr


def test_images_that_have_moved_are_found_by_data_and_others_refused(run, ask, digits_folder, tmp_path):
    moved = shutil.copytree(digits_folder, tmp_path / "moved")
    edit(run, lambda events: events[0].update(dataset=str(tmp_path / "gone")))
    assert "--data DIR says where that folder is now" in ask("verify", run, code=2).stderr
    assert ask("verify", run, "--data", moved).stdout.startswith("identical")
    labels = moved / "t10k-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1] + b"\x00")
    assert f"{moved} has " in ask("verify", run, "--data", moved, code=2).stderr


def test_best_of_several_sweeps_has_to_be_chosen(experiments, ask):
    shutil.copytree(experiments / "tiny", experiments / "other")
    for log in (experiments / "other").rglob("run.jsonl"):
        edit(log.parent, lambda events: events[0].update(sweep="other"))
    refused = ask("verify", "@best", "--experiments", experiments, code=2).stderr
    assert f"--experiments {experiments / 'other'}, --experiments {experiments / 'tiny'}" in refused
    assert ask("verify", "@best", "--experiments", experiments / "other").stdout.startswith("identical")


def test_ctrl_c_ends_it_in_order(spec, nnlite, ask, scratch, tmp_path):
    path = spec(fixed="epochs = 400")
    ask("train", path, "--experiments", tmp_path / "e")
    (log,) = (tmp_path / "e").rglob("run.jsonl")
    process = nnlite("verify", log, wait=False, start_new_session=True)
    deadline = time.monotonic() + 120
    while not list(scratch.rglob("run.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    output, news = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, "")
    assert "stopped; nothing is left of it" in news
    assert "Traceback" not in news
    assert not [path for path in scratch.iterdir() if path.name.startswith("nnlite")]


def test_the_command_is_as_good_from_a_shell(run):
    verified = subprocess.run(
        [sys.executable, "-m", "nnlite", "verify", run], capture_output=True, text=True, check=True
    )
    assert verified.stdout == "identical: 3 epochs, 20 numbers\n"
    assert Path(run).is_dir()
