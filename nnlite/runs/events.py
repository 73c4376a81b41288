"""Events: what one line of a log says, in strict JSON, UTF-8, with an `event` and a UTC `time`.

This module alone knows the format. A number that is not finite is written as null. What is no strict JSON, has a key
twice, or an `event`, `epoch` or `status` that cannot be one, is no event.
"""

import json
import math
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

STATUSES = ("completed", "pruned", "diverged", "failed", "interrupted")

Event = dict[str, Any]


def encode(event: Mapping[str, object]) -> bytes:
    """Strict JSON in UTF-8 without the newline; NumPy scalars become numbers, and numbers that are not finite null."""
    return json.dumps(_strict(event), allow_nan=False, ensure_ascii=False, separators=(", ", ": ")).encode(
        "utf-8", "backslashreplace"
    )


class NotAnEventError(ValueError):
    """A line is JSON, or nearly, but no event; its text says why."""


def decode(line: bytes) -> Event:
    """The event on one line.

    Raises:
        ValueError: it is not strict JSON, not an object, or its `event`, `epoch` or `status` cannot be one.
    """
    text = line.decode("utf-8")
    event = _flat(text) or _DECODER.decode(text)
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        raise NotAnEventError("no JSON object with an event")
    first = 1 if event["event"] == "epoch" else 0
    epoch = event.get("epoch", 0)
    if isinstance(epoch, bool) or not isinstance(epoch, int) or epoch < first:
        raise NotAnEventError(f"epoch is {reprlib.repr(epoch)}, not a whole number from {first}")
    if event["event"] == "end" and event.get("status") not in STATUSES:
        raise NotAnEventError(f"status is {reprlib.repr(event.get('status'))}, not one of {', '.join(STATUSES)}")
    return event


def decode_epochs(lines: bytes) -> list[Event] | None:
    """The events on these whole lines, at the parser's full speed, if they are plain epochs, one after the other.

    Returns:
        None if one of the lines is another event or none, or an epoch has no time or does not follow the one before.
    """
    count = lines.count(b"\n")
    # Each line has one brace at its begin, one at its end, and no other: its object holds no objects.
    if not (lines.startswith(b"{") and lines.endswith(b"}\n") and lines.count(b"}\n{") == count - 1):
        return None
    if not lines.count(b"{") == lines.count(b"}") == count or b"\\" in lines:
        return None
    try:
        text = lines.decode("utf-8")
        events = _PLAIN.decode(f"[{text.replace('}', '},', count - 1)}]")
        numbers = [event["epoch"] for event in events]
        first = numbers[0]
        are_epochs = {event["event"] for event in events} == {"epoch"} and {*map(type, numbers)} == {int} and first > 0
        follow = numbers == list(range(first, first + count))
        return events if are_epochs and follow and _have_all_keys(events, text) else None
    except (KeyError, TypeError, ValueError, RecursionError):
        return None  # whoever decodes the lines one by one learns why


def why_not_an_event(error: ValueError | RecursionError) -> str:
    """Why a line is no event, in other words than the parser's."""
    if isinstance(error, NotAnEventError):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    # What is neither is an integer of more digits than Python reads.
    return "not JSON" if isinstance(error, json.JSONDecodeError) else "a number has too many digits"


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str):  # a NumPy scalar
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _refuse_constant(name: str) -> None:
    raise NotAnEventError(f"{name} is not JSON")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise NotAnEventError("an object has the same key twice")
    return result


def _flat(text: str) -> Event | None:
    """The object on a line without nested objects or escapes, at the parser's full speed; None for any other line."""
    if "\\" in text or not text.startswith("{"):
        return None
    try:
        event, end = _PLAIN.raw_decode(text)
    except (ValueError, RecursionError):
        return None  # the strict decoder says why
    return event if text[end:] in ("\n", "") and _have_all_keys([event], text) else None


def _have_all_keys(events: Sequence[Event], text: str) -> bool:
    """Whether certainly no object in `text` has a key twice, of which only one was kept.

    A call for each object, to look for that, would take as long as parsing. Here colons tell: one follows each key, and
    if beside those of each `time` there are as many as keys were kept, no key was lost.
    """
    times = [time for event in events if isinstance(time := event.get("time"), str)]
    return text.count(":") == sum(map(len, events)) + "".join(times).count(":")


_PLAIN = json.JSONDecoder(parse_constant=_refuse_constant)
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_unique_keys)
