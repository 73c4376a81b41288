"""What a sweep does with logs that are of no run, or not its own to write to."""

import json


def test_a_trial_whose_log_lost_its_start_is_trained_again_and_nothing_in_the_file_is_lost(ask, spec, tmp_path):
    """Before, it counted as done for a sweep, and was left out by everything else."""
    where = ("--experiments", tmp_path / "experiments")
    ask("sweep", spec(), *where)
    (log,) = (tmp_path / "experiments").rglob("run.jsonl")
    headless = log.read_bytes().split(b"\n", 1)[1]
    log.write_bytes(headless)
    assert "to start over: its log has no start event" in ask("sweep", spec(), *where, "-n").stdout
    again = ask("sweep", spec(), *where)
    assert f"{log}: its log has no start event, so the trial starts over" in again.stderr
    assert "1 of 1 trials done" in again.stdout
    assert log.read_bytes().startswith(headless + b'{"event": "start"')
    assert "completed" in ask("runs", tmp_path / "experiments").stdout
    assert "nothing is left to train" in ask("sweep", spec(), *where).stderr


def test_a_log_of_a_newer_schema_is_refused_by_a_sweep_and_read_with_a_warning(ask, spec, tmp_path):
    where = ("--experiments", tmp_path / "experiments")
    ask("sweep", spec(), *where)
    (log,) = (tmp_path / "experiments").rglob("run.jsonl")
    start, _, rest = log.read_text("utf-8").partition("\n")
    log.write_text(json.dumps(json.loads(start) | {"schema": 2}) + "\n" + rest, "utf-8")
    before = log.read_bytes()
    for command in (["sweep", spec()], ["sweep", spec(), "-n"], ["sweep", spec(fixed="epochs = 5")], ["train", spec()]):
        assert f"{log} is of schema 2" in ask(*command, *where, code=2).stderr
    for command in (["runs", tmp_path / "experiments"], ["best", *where], ["show", log.parent]):
        assert "1 log is of a schema" in ask(*command).stderr
    assert log.read_bytes() == before
