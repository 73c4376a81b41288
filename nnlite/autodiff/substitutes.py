"""What to write instead of a function that a tape cannot record.

Errors that refuse a function end with one of these sentences.
"""

import sys
from types import FrameType

USE_PLAIN = "if its result may be treated as constant, call it on nnlite.stop_gradient(x)"

# By name, or by the beginning of a name that ends with a dot: what has a derivative rule and can take its place.
INSTEAD = {
    "np.apply_along_axis": "np.stack of the function's results",
    "np.apply_over_axes": "the function with a tuple of axes",
    "np.array": "np.stack",
    "np.c_": "np.column_stack or np.concatenate",
    "np.choose": "np.select or np.where",
    "copy.deepcopy": "np.copy(x)",
    "np.corrcoef dtype=": "np.astype around it",
    "np.cov dtype=": "np.astype around it",
    "np.fft.": "a product with the matrices np.cos(angles) and np.sin(angles), angles = 2 pi j k / n",
    "np.full": "np.broadcast_to(x, shape)",
    "np.full_like": "np.broadcast_to(x, np.shape(array))",
    "np.geomspace": "np.exp(np.linspace(np.log(start), np.log(stop), num))",
    "np.histogram": "a sum of smooth kernels, such as np.exp(-np.square(x - centers))",
    "np.i0": "scipy.special.i0",
    "np.interp period=": "x % period, with points sorted and repeated by a period on both sides",
    "np.lib.scimath.": "the function of this name in np itself",
    "np.linalg.cond": "a quotient of np.linalg.svd(x)[1]",
    "np.linalg.eig": "np.linalg.eigh, for symmetric matrices",
    "np.linalg.eigvals": "np.linalg.eigvalsh, for symmetric matrices",
    "np.linalg.tensorinv": "np.linalg.inv of the reshaped array",
    "np.linalg.tensorsolve": "np.linalg.solve of the reshaped array",
    "np.ma.": "np.where, or where= of a reduction",
    "np.nextafter": "x itself",
    "np.piecewise": "np.select or np.where",
    "np.poly": "np.convolve, factor by factor",
    "np.poly1d": "np.polyval",
    "np.polyadd": "np.pad and +",
    "np.polyder": "a[:-1] * np.arange(len(a) - 1, 0, -1)",
    "np.polyfit": "np.linalg.lstsq of np.vander(x, degree + 1)",
    "np.polyint": "a / np.arange(len(a), 0, -1)",
    "np.polymul": "np.convolve",
    "np.polysub": "np.pad and -",
    "np.r_": "np.concatenate or np.stack",
    "np.real_if_close": "x itself",
    "np.sort_complex": "np.sort",
    "np.trim_zeros": "indexing",
    "scipy.integrate.trapezoid": "np.trapezoid",
    "scipy.special.log_softmax": "x - np.logaddexp.reduce(x)",
    "scipy.special.logsumexp": "np.logaddexp.reduce(x), along an axis or with axis=None",
    "scipy.special.softmax": "np.exp(x - np.logaddexp.reduce(x))",
    "np.unique": "np.sort, or indexing with np.unique(nnlite.stop_gradient(x), return_index=True)[1]",
}


for name in ("np.unique_all", "np.unique_counts", "np.unique_inverse", "np.unique_values"):
    INSTEAD[name] = INSTEAD["np.unique"]
for name, instead in {"var": "np.mean(np.square(x - mean))", "std": "np.sqrt(np.mean(np.square(x - mean)))"}.items():
    INSTEAD[f"np.{name} mean="] = instead

LIBRARIES = ("numpy", "scipy", "pandas", "copy")


def library_call() -> str:
    """The function of a library that the program called, and that came here; empty if the program came itself.

    An error is to name what the user wrote: np.full, and not the np.copyto inside.
    """
    frame: FrameType | None = sys._getframe(1)
    found = ""
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("nnlite.autodiff"):
            found = ""  # which called the library itself
        elif module.partition(".")[0] in LIBRARIES:
            found = _public_name(frame) or found
        else:
            break
        frame = frame.f_back
    return found


def _public_name(frame: FrameType) -> str:
    """What a program calls the function, or the class, whose code a frame runs; empty if that is private."""
    name = frame.f_code.co_qualname.partition(".")[0]
    if name == "AxisConcatenator":
        return "np.c_"
    module = getattr(frame.f_globals.get(name), "__module__", frame.f_globals["__name__"])
    home = ".".join(part for part in module.split(".") if not part.startswith("_"))
    return "" if name.startswith("_") else f"{home.replace('numpy', 'np', 1)}.{name}"


def told(message: str) -> str:
    """The message, with the function of a library that the program called, and its substitute, if it names neither."""
    call = library_call()
    if not call or message.startswith(call):
        return message
    substitute = INSTEAD.get(call)
    return f"in {call}: {message}" + (f"; write {substitute} instead of {call}" if substitute else "")


def way_out(name: str) -> str:
    """What to do where the function of this name is refused."""
    substitute = INSTEAD.get(name) or INSTEAD.get(name[: name.rfind(".") + 1])
    return f"write {substitute}, or, {USE_PLAIN}" if substitute else USE_PLAIN
