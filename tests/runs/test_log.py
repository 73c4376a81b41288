"""The log: strict JSON lines, one writer, and readers that nothing can upset."""

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlite.errors import BusyError
from nnlite.runs import LogWriter, is_locked, read_log
from nnlite.runs.events import decode, encode
from nnlite.runs.log import LONGEST_LINE, BadLine, LogReader

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
GOOD = b'{"event": "epoch", "epoch": 1, "time": "t"}\n'


def taken(reader):
    found = list(reader.read())
    bad = [each for each in found if isinstance(each, BadLine)]
    return [event for each in found if not isinstance(each, BadLine) for event in each], bad


def epochs_of(path):
    events, bad = read_log(path)
    return [event.get("epoch") for event in events], [line.number for line in bad]


@given(st.dictionaries(st.text(), JSON_VALUES))
def test_whatever_is_written_is_one_line_of_strict_json(fields):
    line = encode({"fields": fields})
    assert b"\n" not in line
    json.loads(line.decode("utf-8"), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), np.float32("nan"), np.float64("inf")])
def test_a_number_that_is_not_finite_becomes_null(value):
    """F32."""
    assert json.loads(encode({"loss": [value]})) == {"loss": [None]}


@pytest.mark.parametrize("value", [np.float32(0.5), np.float64(0.5), np.int64(3), np.uint8(3), np.bool_(True)])
def test_numpy_scalars_become_plain_values(value):
    """F32."""
    assert json.loads(encode({"value": value})) == {"value": value.item()}


def test_every_event_has_its_time_in_utc(tmp_path):
    with LogWriter(tmp_path / "run.jsonl") as log:
        log.write("start")
    ((event,), _) = read_log(tmp_path / "run.jsonl")
    assert event["time"].endswith("Z")
    assert event["time"][10] == "T"


def test_a_log_torn_at_any_byte_of_its_last_two_lines_loses_only_what_was_torn(tmp_path):
    """F28."""
    path = tmp_path / "run.jsonl"
    with LogWriter(path) as log:
        for epoch in range(1, 5):
            log.write("epoch", epoch=epoch, loss=0.1, text="é")
    whole = path.read_bytes()
    ends = [position + 1 for position, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(ends[1], len(whole) + 1):
        path.write_bytes(whole[:size])
        kept = list(range(1, 1 + sum(end <= size for end in ends)))
        assert epochs_of(path) == (kept, [])
        with LogWriter(path) as log:
            log.write("epoch", epoch=9)
        assert epochs_of(path) == ([*kept, 9], [])
        assert path.read_bytes().startswith(whole[: ends[len(kept) - 1]]), "a complete line is never removed"


def test_a_log_that_is_one_torn_line_longer_than_a_block_is_cut_to_nothing(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"x" * 10_000)
    LogWriter(path).close()
    assert path.read_bytes() == b""


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(b'{"b":{"c":2}\n', id="F29: torn, and appended to by something else"),
        pytest.param(b"\0" * 4096 + b"\n", id="F30: NUL block"),
        pytest.param(b"\xff\xfe\x80\n", id="F30: no UTF-8"),
        pytest.param(b'{"event": "epoch", "epoch": 2, "x": "' + b"a" * LONGEST_LINE + b'"}\n', id="F34: too long"),
        pytest.param(b"[" * 100_000 + b"\n", id="F34: nested deeply"),
        pytest.param(b'{"event": "epoch", "epoch": ' + b"9" * 5000 + b"}\n", id="F34: 5000 digits"),
        pytest.param(b'{"event": "epoch", "epoch": 2, "epoch": 3}\n', id="F35: the same key twice"),
        pytest.param(b'{"event": "epoch", "epoch": "3"}\n', id="F35: epoch is text"),
        pytest.param(b'{"event": "epoch", "epoch": true}\n', id="F35: epoch is a boolean"),
        pytest.param(b'{"event": "epoch", "epoch": 0}\n', id="F35: epoch 0"),
        pytest.param(b'{"event": "resume", "epoch": -1}\n', id="F35: epoch -1"),
        pytest.param(b'{"event": 5}\n', id="F35: event is a number"),
        pytest.param(b'{"event": "epoch"}\n', id="F35: no epoch"),
        pytest.param(b"5\n", id="F35: no object"),
        pytest.param(b'{"event": "end", "status": "perfect"}\n', id="F35: unknown status"),
        pytest.param(b'{"event": "end", "status": ["failed"]}\n', id="F35: status is a list"),
        pytest.param(b'{"event": "end"}\n', id="F35: an end without status"),
        pytest.param(b'{"event": "epoch", "epoch": 2, "loss": NaN}\n', id="NaN is not JSON"),
        pytest.param(b'{"event": "epoch", "epoch": 2, "loss": -Infinity}\n', id="Infinity is not JSON"),
        pytest.param(b"\n", id="an empty line"),
    ],
)
def test_a_bad_line_costs_itself_alone_and_is_counted(tmp_path, bad):
    path = tmp_path / "run.jsonl"
    path.write_bytes(GOOD + bad + GOOD)
    assert epochs_of(path) == ([1, 1], [2])
    _, (line,) = read_log(path)
    assert 0 < len(line.reason) < 200


def test_an_over_long_last_line_is_left_for_later(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_bytes(GOOD + b"x" * (2 * LONGEST_LINE))
    assert epochs_of(path) == ([1], [])


@given(st.lists(st.sampled_from([GOOD, b"junk\n", GOOD[:-1], b"\n"])), st.data())
def test_reading_a_log_as_it_grows_finds_what_reading_it_whole_does(tmp_path_factory, lines, data):
    path = tmp_path_factory.mktemp("log") / "run.jsonl"
    whole = b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    reader = LogReader(path)
    events, bad = [], []
    for cut in [*cuts, len(whole)]:
        path.write_bytes(whole[:cut])
        new_events, new_bad = taken(reader)
        events += new_events
        bad += new_bad
    assert (events, bad) == read_log(path)


def test_a_reader_during_writing_sees_only_whole_lines(tmp_path):
    """F31."""
    path = tmp_path / "run.jsonl"
    writer = subprocess.Popen([sys.executable, "-c", WRITES, str(path), "2000"])
    reader, seen = None, 0
    while writer.poll() is None:
        if not path.exists():
            continue
        reader = reader or LogReader(path)
        events, bad = taken(reader)
        assert bad == []
        seen += len(events)
    assert seen + len(taken(reader)[0]) == 2000


WRITES = """
import sys, time
from pathlib import Path
from nnlite.runs import LogWriter
log = LogWriter(Path(sys.argv[1]))
for epoch in range(1, int(sys.argv[2]) + 1):
    log.write("epoch", epoch=epoch, loss=1 / epoch)
if "hold" in sys.argv:
    print("held", flush=True)
    time.sleep(60)
"""


def test_what_a_failing_disk_keeps_of_lines_is_cut_off_as_soon_as_it_can_be(tmp_path, monkeypatch):
    """A disk that becomes read-only in the middle of a write refuses to be rid of its first half as well."""
    path = tmp_path / "run.jsonl"
    with LogWriter(path) as log:
        log.append(GOOD)
        with monkeypatch.context() as patch:
            real, sizes = os.write, iter([len(GOOD) + 5])  # a whole line of the two, and the beginning of the next

            def write(file, data):
                size = next(sizes, 0)
                if not size:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                return real(file, data[:size])

            def refuse(*_):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))

            patch.setattr(os, "write", write)
            patch.setattr(os, "ftruncate", refuse)
            with pytest.raises(OSError, match="Read-only"):
                log.append(GOOD + GOOD)
            with pytest.raises(OSError, match="Read-only"):
                log.write("end", status="failed")
        log.write("end", status="completed")
    assert epochs_of(path) == ([1, None], [])
    assert path.read_bytes().startswith(GOOD + b'{"event": "end"')


def test_a_second_writer_is_refused_and_a_reader_is_not(tmp_path):
    path = tmp_path / "run.jsonl"
    with LogWriter(path):
        assert is_locked(path)
        with pytest.raises(BusyError, match="being written by another process"):
            LogWriter(path, patience=0.05)
        assert read_log(path) == ([], [])
    assert not is_locked(path)


def test_looking_who_writes_does_not_keep_a_writer_out(tmp_path):
    path = tmp_path / "run.jsonl"
    path.touch()
    looker = multiprocessing.get_context("spawn").Process(target=_look_for_a_second, args=(path,))
    looker.start()
    while looker.exitcode is None:
        LogWriter(path).close()
    assert looker.exitcode == 0


def _look_for_a_second(path):
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        is_locked(path)


def test_a_killed_writer_leaves_no_lock(tmp_path):
    """F44."""
    path = tmp_path / "run.jsonl"
    with subprocess.Popen([sys.executable, "-c", WRITES, str(path), "1", "hold"], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert is_locked(path)
        holder.send_signal(signal.SIGKILL)
        LogWriter(path).close()


def test_a_full_disk_takes_the_line_back_and_keeps_the_earlier_ones(tmp_path, monkeypatch):
    """F18: a nearly full disk writes part of a line, and then nothing."""
    path = tmp_path / "run.jsonl"
    write = os.write

    def nearly_full(file, data):
        if len(data) <= 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data[: len(data) - 10])

    with LogWriter(path) as log:
        log.write("epoch", epoch=1)
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", nearly_full)
            with pytest.raises(OSError, match="No space left"):
                log.write("epoch", epoch=2)
        assert epochs_of(path) == ([1], [])
        log.write("epoch", epoch=3)
    assert epochs_of(path) == ([1, 3], [])


def test_a_short_write_is_continued(tmp_path, monkeypatch):
    """F18."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:7]))
    with LogWriter(tmp_path / "run.jsonl") as log:
        log.write("epoch", epoch=1, text="something longer")
    assert epochs_of(tmp_path / "run.jsonl") == ([1], [])


def test_a_log_at_its_size_limit_keeps_every_line_whole(tmp_path):
    """F18, by the kernel: RLIMIT_FSIZE cuts the write short."""
    path = tmp_path / "run.jsonl"
    limited = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    )
    process = subprocess.run(
        [sys.executable, "-c", limited + WRITES, str(path), "100"], capture_output=True, text=True, check=False
    )
    assert "File too large" in process.stderr
    epochs, bad = epochs_of(path)
    assert epochs == list(range(1, len(epochs) + 1))
    assert epochs
    assert not bad
    assert path.read_bytes().endswith(b"\n")


def test_a_log_that_is_a_symbolic_link_is_not_written_through(tmp_path):
    """F22."""
    target = tmp_path / "elsewhere"
    (tmp_path / "run.jsonl").symlink_to(target)
    with pytest.raises(OSError, match="symbolic link"):
        LogWriter(tmp_path / "run.jsonl")
    assert not target.exists()


def test_lone_surrogates_survive_as_json_escapes(tmp_path):
    with LogWriter(tmp_path / "run.jsonl") as log:
        log.write("start", spec=os.fsdecode(b"caf\xe9.toml"))
    ((event,), _) = read_log(tmp_path / "run.jsonl")
    assert os.fsencode(event["spec"]) == b"caf\xe9.toml"


TEXTS = st.text(alphabet='a:"\\\u00e9 ,{', max_size=4)
KEYS = st.sampled_from(["event", "time", "epoch", "a", ":", "a:"]) | TEXTS
PAIRS = st.lists(
    st.tuples(KEYS, st.just("epoch") | TEXTS | st.integers(1, 3) | st.dictionaries(TEXTS, TEXTS, max_size=2)
              | st.lists(TEXTS, max_size=2)), max_size=5,
)  # fmt: skip


@given(PAIRS, st.sampled_from([": ", ":", " : "]), st.sampled_from(["", "\n", "\r\n", " x"]), st.booleans())
def test_a_line_is_decoded_at_full_speed_only_if_no_key_is_there_twice(pairs, colon, ending, escaped):
    """Against a decoder that looks at every object's pairs."""

    def unique(found):
        assert len({key for key, _ in found}) == len(found)
        return dict(found)

    members = [json.dumps(key, ensure_ascii=escaped) + colon + json.dumps(value) for key, value in pairs]
    text = "{" + ", ".join(['"event": "epoch", "epoch": 1', *members]) + "}" + ending
    try:
        expected = json.loads(text, object_pairs_hook=unique)
    except (AssertionError, ValueError):
        expected = None
    if expected is None:
        with pytest.raises(ValueError):  # noqa: PT011 - the decoder's own words
            decode(text.encode())
    else:
        assert decode(text.encode()) == expected


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"event": "start"', "not JSON"),
        (b"\xff", "not UTF-8"),
        (b'{"event": "x", "n": ' + b"9" * 5000 + b"}", "a number has too many digits"),
        (b"[" * 100_000, "nested too deeply"),
    ],
    ids=["torn", "bytes", "digits", "brackets"],
)
def test_why_a_line_is_bad_is_said_in_no_parsers_words(tmp_path, line, reason):
    path = tmp_path / "run.jsonl"
    path.write_bytes(line + b"\n")
    assert [bad.reason for bad in read_log(path)[1]] == [reason]
