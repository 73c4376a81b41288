"""Settings: `--set key=value`, which changes any key of a sweep file."""

from collections.abc import Iterable
from typing import Any

from nnlite.errors import InputError, nearest
from nnlite.sweep.tables import SearchTable, SpaceTable, SweepTable, Table
from nnlite.sweep.toml_file import parsed

PLACES = ("fixed", "grid", "zip", "search")  # a hyperparameter stands in one of these alone
SECTIONS = (*PLACES, "when", "objective", "pruning", "limits", "space")


def apply_settings(table: Table, settings: Iterable[str]) -> None:
    """Merge `key=value` texts into `table`, in place.

    A value is typed as TOML, else a plain string. A bare key of the top level is meant as such, any other bare key as
    `fixed.<key>`, and a dotted key reaches into any table: `search.trials`, `search.learning_rate.low`,
    `space.0.grid.hidden`. A hyperparameter that is set leaves all other tables.
    """
    for setting in settings:
        key, equals, text = setting.partition("=")
        key = key.strip()
        if not equals or not key:
            raise InputError(f"--set {setting}: expected key=value")
        parts = key.split(".") if "." in key else [key] if key in SweepTable.model_fields else ["fixed", key]
        _set(table, parts, _toml_value(text), setting)


def _set(table: Table, parts: list[str], value: Any, setting: str) -> None:
    if len(parts) == 1:
        table[parts[0]] = value
        if parts == ["seeds"] and isinstance(table.get("fixed"), dict):
            table["fixed"].pop("seed", None)
        return
    home, parts = _home(table, parts, setting)
    section, *inner = parts
    known = SECTIONS if home is table else SpaceTable.model_fields
    if section not in known or len(inner) > (2 if section == "search" else 1):
        raise InputError(f"--set {setting}: there is no table {section!r}; {nearest(section, known)}")
    if not inner:
        home[section] = value
        return
    name = inner[0]
    if section in PLACES and not (section == "search" and name in SearchTable.model_fields):
        _take_out(table, home, name, but=section)
        if name == "seed":
            table.pop("seeds", None)  # two ways to say the same
    place = home
    for part in (section, *inner[:-1]):
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            raise InputError(f"--set {setting}: {part} is no table")
    place[inner[-1]] = value


def _home(table: Table, parts: list[str], setting: str) -> tuple[Table, list[str]]:
    """The table whose sections the key means: the file's top level, or one of its spaces."""
    if parts[0] != "space":
        return table, parts
    spaces = table.get("space")
    count = len(spaces) if isinstance(spaces, list) else 0
    number = parts[1]
    if len(parts) == 2 or not (number.isascii() and number.isdigit() and int(number[:9]) < count):
        there_are = f"they are space.0 to space.{count - 1}" if count else "the file has none"
        raise InputError(f"--set {setting}: expected space.NUMBER.TABLE; {there_are}")
    home = spaces[int(number)] if spaces else None
    if not isinstance(home, dict):
        raise InputError(f"--set {setting}: space.{number} is no table")
    return home, parts[2:]


def _take_out(table: Table, home: Table, name: str, *, but: str) -> None:
    """Remove a hyperparameter from every table but the one that it is to stand in."""
    spaces = table.get("space")
    for each in [home, *(spaces if home is table and isinstance(spaces, list) else [])]:
        if not isinstance(each, dict):
            continue
        for section in PLACES:
            held = each.get(section)
            if not isinstance(held, dict) or (each is home and section == but):
                continue
            if section == "search":
                if name in held and name not in SearchTable.model_fields:
                    del held[name]
                    if not held.keys() - SearchTable.model_fields.keys():
                        del each[section]  # nothing is left to sample
            else:
                held.pop(name, None)


def _toml_value(text: str) -> Any:
    try:
        table = parsed(f"value = {text}")
    except (ValueError, RecursionError):
        return text.strip()
    return table["value"] if len(table) == 1 else text.strip()
