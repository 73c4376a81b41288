"""What to write instead of a function that a tape cannot record.

Errors that refuse a function end with one of these sentences.
"""

USE_PLAIN = "if its result may be treated as constant, call it on nnlite.stop_gradient(x)"

# By name, or by the beginning of a name that ends with a dot: what has a derivative rule and can take its place.
INSTEAD = {
    "np.apply_along_axis": "np.stack of the function's results",
    "np.apply_over_axes": "the function with a tuple of axes",
    "np.array": "np.stack",
    "np.choose": "np.select or np.where",
    "np.fft.": "a product with the matrices np.cos(angles) and np.sin(angles), angles = 2 pi j k / n",
    "np.histogram": "a sum of smooth kernels, such as np.exp(-np.square(x - centers))",
    "np.i0": "scipy.special.i0",
    "np.linalg.cond": "a quotient of np.linalg.svd(x)[1]",
    "np.linalg.eig": "np.linalg.eigh, for symmetric matrices",
    "np.linalg.eigvals": "np.linalg.eigvalsh, for symmetric matrices",
    "np.linalg.tensorinv": "np.linalg.inv of the reshaped array",
    "np.linalg.tensorsolve": "np.linalg.solve of the reshaped array",
    "np.nextafter": "x itself",
    "np.piecewise": "np.select or np.where",
    "np.poly": "np.convolve, factor by factor",
    "np.polyadd": "np.pad and +",
    "np.polyder": "a[:-1] * np.arange(len(a) - 1, 0, -1)",
    "np.polyfit": "np.linalg.lstsq of np.vander(x, degree + 1)",
    "np.polyint": "a / np.arange(len(a), 0, -1)",
    "np.polymul": "np.convolve",
    "np.polysub": "np.pad and -",
    "np.real_if_close": "x itself",
    "np.sort_complex": "np.sort",
    "np.trim_zeros": "indexing",
    "np.unique": "np.sort, or indexing with np.unique(nnlite.stop_gradient(x), return_index=True)[1]",
}


def way_out(name: str) -> str:
    """What to do where the function of this name is refused."""
    substitute = INSTEAD.get(name) or INSTEAD.get(name[: name.rfind(".") + 1])
    return f"write {substitute}, or, {USE_PLAIN}" if substitute else USE_PLAIN
