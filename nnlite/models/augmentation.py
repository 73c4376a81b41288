"""Augmentation: small random distortions of images, drawn anew each time that they are trained on.

Every pixel of a distorted image is taken from some place of the original, between its pixels by bilinear interpolation.
Where from is the sum of an affine map and of smooth random waves, and all of that is linear in a few random numbers an
image. One matrix product of these with a fixed basis therefore gives the places of all pixels of a whole batch.
"""

import math

import numpy as np
from numpy.typing import NDArray

AFFINE = 3  # basis functions of an affine map: x, y and 1
LOST_VARIANCE = 1e-3  # share of the waves' variance that may be left out: a hundredth of a pixel where they are strong


class Augmentation:
    """Distorts batches of images of one shape; what is taken from outside an image is black.

    Each image is moved, turned, scaled and slanted about its middle by amounts that are uniform in plus or minus those
    given here, and is then distorted by waves: each pixel's displacement is `elastic` times noise, uniform in -1 to 1,
    that has been smoothed by a Gaussian. If that is wanted, half of them are mirrored before.

    Source: P. Simard, D. Steinkraus and J. Platt, Best practices for convolutional neural networks applied to visual
    document analysis, 2003, section 2. The smoothed noise is drawn as what it is but for a tiny remainder, a normal
    variable, in the basis of its principal components.

    Args:
        shape: height and width of the images.
        shift: pixels, along each axis.
        rotation: degrees.
        scale: share of the width and, independently, of the height.
        shear: degrees that upright strokes are slanted by.
        elastic: alpha; with sigma = 4 a pixel is displaced by 0.041 alpha along each axis, in root mean square.
        sigma: standard deviation of the Gaussian, in pixels.
        mirror: whether left and right change places, in half of the images.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        shift: float = 0.0,
        rotation: float = 0.0,
        scale: float = 0.0,
        shear: float = 0.0,
        elastic: float = 0.0,
        sigma: float = 4.0,
        mirror: bool = False,
    ) -> None:
        self.shape, self.mirror = shape, mirror
        self.shift, self.scale, self.elastic = shift, scale, elastic
        self.rotation, self.shear = math.radians(rotation), math.radians(shear)
        self._waves = waves(shape, sigma) if elastic else np.zeros((0, math.prod(shape)), np.float32)
        height, width = shape
        y, x = np.mgrid[:height, :width].reshape(2, -1)
        affine = np.stack([x - (width - 1) / 2, y - (height - 1) / 2, np.ones(height * width)])
        self._basis = np.concatenate([affine.astype(np.float32), self._waves])

    @property
    def distorts(self) -> bool:
        """Whether it does anything at all."""
        return any((self.shift, self.rotation, self.scale, self.shear, self.elastic, self.mirror))

    def __call__(self, images: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Distort each of `images` (n, pixels) in a way of its own, drawn from `rng`."""
        return sample(images, self.shape, *self._places(len(images), rng))

    def _places(self, count: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Where the pixels of `count` images come from: rows and columns, (count, pixels) each."""
        coefficients = np.empty((2, count, len(self._basis)), np.float32)
        amounts = rng.random((6, count), np.float32) * 2.0 - 1.0
        coefficients[..., :AFFINE] = self._affine(*amounts)
        if self.elastic:
            normals = rng.standard_normal((2, count, len(self._waves)), np.float32)
            coefficients[..., AFFINE:] = normals * self.elastic
        if self.mirror:
            mirrored = rng.random(count, np.float32) < 0.5
            coefficients[1, mirrored] *= -1.0
            coefficients[1, mirrored, AFFINE - 1] += self.shape[1] - 1
        rows, columns = (coefficients.reshape(2 * count, -1) @ self._basis).reshape(2, count, -1)
        return rows, columns

    def _affine(
        self,
        down: NDArray[np.float32],
        across: NDArray[np.float32],
        turn: NDArray[np.float32],
        taller: NDArray[np.float32],
        wider: NDArray[np.float32],
        slant: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Row and column as functions of x, y and 1, (2, n, 3), for amounts (n,) from -1 to 1."""
        # The place that a pixel comes from, so: first turned, then slanted, then scaled.
        cosine, sine = np.cos(turn * self.rotation), np.sin(turn * self.rotation)
        tangent = np.tan(slant * self.shear)
        height, width = 1.0 / (1.0 + taller * self.scale), 1.0 / (1.0 + wider * self.scale)
        middle = [(side - 1) / 2 for side in self.shape]
        rows = [-sine * height, cosine * height, middle[0] + down * self.shift]
        columns = [
            (cosine - tangent * sine) * width,
            (sine + tangent * cosine) * width,
            middle[1] + across * self.shift,
        ]
        coefficients: NDArray[np.float32] = np.stack([np.stack(rows, axis=1), np.stack(columns, axis=1)])
        return coefficients


def waves(shape: tuple[int, int], sigma: float) -> NDArray[np.float32]:
    """Functions (k, pixels) whose sum, with independent standard normal weights, is smoothed noise.

    It is noise, uniform in -1 to 1 in each pixel and of variance 1/3, also around the image, after a Gaussian of
    standard deviation `sigma`. A Gaussian is separable, and so the functions are products of the principal components
    along each axis; the k strongest are those that leave out no more than `LOST_VARIANCE`.
    """
    axes = [_principal_components(length, sigma) for length in shape]
    products = np.einsum("ai,bj->abij", *axes).reshape(-1, math.prod(shape)) / math.sqrt(3.0)
    variances = np.sum(products**2, axis=1)
    strongest = np.argsort(-variances, kind="stable")
    kept = np.searchsorted(np.cumsum(variances[strongest]), (1.0 - LOST_VARIANCE) * variances.sum()) + 1
    functions: NDArray[np.float32] = products[strongest[:kept]].astype(np.float32)
    return functions


def _principal_components(length: int, sigma: float) -> NDArray[np.float64]:
    """Functions (length, length) on a line, whose random sum is noise of variance 1 after the Gaussian."""
    reach = math.ceil(4 * sigma)
    distances = np.arange(length)[:, None] - np.arange(-reach, length + reach)[None, :]
    kernel = np.exp(-0.5 * (distances / sigma) ** 2)
    kernel /= kernel[length // 2].sum()
    left, strengths, _ = np.linalg.svd(kernel, full_matrices=False)
    # An eigenvector's sign is arbitrary, and not the same with every BLAS.
    signs = np.sign(left[np.argmax(np.abs(left), axis=0), np.arange(length)])
    components: NDArray[np.float64] = (left * (strengths * signs)).T
    return components


def sample(
    images: NDArray[np.uint8], shape: tuple[int, int], rows: NDArray[np.float32], columns: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """The shades at places between the pixels, by bilinear interpolation; outside an image it is black.

    Args:
        images: (n, height * width).
        shape: height and width.
        rows: the places (n, k) in each image, from 0 at the middle of the first row; may be overwritten.
        columns: likewise.
    """
    count, (height, width) = len(images), shape
    # A black frame: one pixel before the first, two after the last, so that a place on the edge has neighbours, too.
    stride = width + 3
    framed = np.zeros((count, height + 3, stride), np.float32)
    framed[:, 1:-2, 1:-2] = images.reshape(count, height, width)
    for places, length in ((rows, height), (columns, width)):
        np.clip(np.add(places, 1.0, out=places), 0.0, length + 1.0, out=places)
    above, left = rows.astype(np.int32), columns.astype(np.int32)
    rows -= above
    columns -= left
    first = above
    first *= stride
    first += left
    first += np.arange(0, framed.size, framed[0].size, dtype=np.int32)[:, None]
    pixels = framed.ravel()
    upper, lower = (_between(pixels, first + down, columns) for down in (0, stride))
    lower -= upper
    lower *= rows
    upper += lower
    upper += 0.5
    return upper.astype(np.uint8)


def _between(pixels: NDArray[np.float32], first: NDArray[np.int32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    """The shades a `share` of the way from the pixels numbered `first` to the next ones."""
    left = pixels.take(first)
    right = pixels[1:].take(first)
    right -= left
    right *= share
    left += right
    return left
