"""A claim that somebody holds is refused in one sentence, whatever its file says."""

import fcntl
import json

import pytest

from nnlite.cli.app import sentence_of
from nnlite.errors import BusyError
from nnlite.sweep.claim import CLAIM_NAME, claim

HOSTILE = (
    b"",
    b"\xff\0",
    b"[" * 2000,
    b'{"pid": 1}',
    b"[1]",
    b"9" * 5000,
    json.dumps({"pid": "\x1b[2J\n", "host": "x" * 900, "since": None}).encode(),
)


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_a_held_folder_is_busy_whatever_its_claim_says(tmp_path, content):
    path = tmp_path / CLAIM_NAME
    path.write_bytes(content)
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="is being trained by") as caught, claim(tmp_path):
            pass
    assert sentence_of(caught.value).isprintable()
    assert path.read_bytes() == content
