"""All targets by name, each loaded with what it needs alone: a process that fuzzes one starts sooner."""

from importlib import import_module

from fuzzing.target import Target

MODULES = {
    "sweep_files": ("sweep-file", "settings", "condition"),
    "logs": ("log", "event", "index"),
    "answers": ("answer", "arguments"),
    "data_files": ("idx", "dataset", "picture", "grid", "checkpoint", "wheel"),
    "messages": ("parcel", "claim", "reference"),
    "hostile_texts": ("texts",),
}
NAMES = tuple(name for names in MODULES.values() for name in names)
PLANTED = {"planted": ("planted", "still", "crash")}  # to see that the guard sees


def target(name: str) -> Target:
    """The target called `name`."""
    module = next(module for module, names in (MODULES | PLANTED).items() if name in names)
    return next(each for each in import_module(f"fuzzing.{module}").TARGETS if each.name == name)
