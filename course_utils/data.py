"""MNIST as tensors; subsets, splits and label noise; two toy data sets in the plane.

A data set is a pair of tensors and nothing more: `images [N, C, H, W]` float32 in [0, 1] and
`labels [N]` int64. The 60,000 training images are for training and validation. The 10,000 test
images are for reporting, once everything has been chosen.
"""

import gzip
import hashlib
import io
import math
import shutil
import zlib
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from course_utils import folder, require

MNIST = folder.ROOT / "data" / "mnist"

# SHA-256 of each file once unpacked (data/README.md says where the files come from).
CHECKSUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
PREFIX = {"train": "train", "test": "t10k"}

# The ring of Gaussians: eight centres at distance 4 from the middle, and the standard deviation around each.
RING_STD = 0.25
_ANGLES = 2 * math.pi * torch.arange(8) / 8
RING = 4 * torch.stack([_ANGLES.cos(), _ANGLES.sin()], dim=1)

REPAIR = "run `git restore data/mnist` in the course's folder, or clone the course again"


class DataFileError(OSError):
    """A data file is missing or is not the file that the course ships."""


def load_mnist(
    split: str = "train", n: int | None = None, seed: int = 0, of: int | None = None
) -> tuple[Tensor, Tensor]:
    """MNIST, or a stratified part of it.

    Args:
        split: "train" (60,000 images, also the place to take validation data from: see `holdout`)
            or "test" (10,000 images, for reporting only).
        n: how many images, with every class in its share of the split; `None` for all, in file order.
        seed: which `n` images, and in which order.
        of: if given, the first `n` of those that `load_mnist(split, of, seed)` gives, in the memory of `n`.

    Returns:
        images [n, 1, 28, 28] float32 in [0, 1], and labels [n] int64 in 0…9.

    Raises:
        DataFileError: a file is missing or damaged; the message says how to repair it.
    """
    require.whole(0, seed=seed)
    pixels, labels = read_mnist(split)
    if of is not None:
        require.whole(1, len(labels), of=of)
        require.whole(1, of, n=cast(int, n))  # None, too, is refused
    if n is not None:
        rows = stratified(labels, of or n, seed)[:n]
        pixels, labels = pixels[rows], labels[rows]
    return pixels.unsqueeze(1).float().div_(255), labels


def read_mnist(split: str) -> tuple[Tensor, Tensor]:
    """A split as it stands in the files: a quarter of the memory of `load_mnist`, and the same error.

    Args:
        split: "train" (60,000 images) or "test" (10,000).

    Returns:
        pixels [N, 28, 28] uint8 in 0…255, and labels [N] int64 in 0…9, in the order of the files.
    """
    require.one_of(PREFIX, split=split)
    pixels = _read_idx(f"{PREFIX[split]}-images-idx3-ubyte")
    return pixels, _read_idx(f"{PREFIX[split]}-labels-idx1-ubyte").long()


# Not scikit-learn's train_test_split(stratify=…): it refuses a class with one example and fewer examples than classes,
# its import takes a second and 75 MB of a kernel, and the stored results are of these draws.
def stratified(labels: Tensor, n: int, seed: int = 0) -> Tensor:
    """`n` of the examples, every class in its share.

    Args:
        labels: [N] int64.
        n: how many, 1…N.
        seed: which ones, and in which order.

    Returns:
        their places [n] int64, shuffled, none twice. Of each class its share of n, rounded up or down.
    """
    require.labels(labels)
    require.whole(1, len(labels), n=n)
    require.whole(0, seed=seed)
    generator = torch.Generator().manual_seed(int(seed))
    shuffled = torch.randperm(len(labels), generator=generator)
    kinds, counts = labels.unique(return_counts=True)
    parts = [shuffled[labels[shuffled] == kind][:share] for kind, share in zip(kinds, _shares(counts, n))]
    return torch.cat(parts)[torch.randperm(n, generator=generator)]


def _shares(counts: Tensor, n: int) -> list[int]:
    """`n` divided over the classes in proportion to `counts`; the largest remainders are rounded up."""
    exact = counts.double() * n / counts.sum()
    shares = exact.floor().long()
    missing = n - int(shares.sum())
    shares[(exact - shares).argsort(descending=True, stable=True)[:missing]] += 1
    return shares.tolist()


def holdout(labels: Tensor, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Set `n` examples aside, for validation: those that `stratified` takes.

    Returns:
        (rest, held): two index tensors [N − n] and [n], disjoint, together all of 0…N − 1. `rest` keeps the order of
        the data, `held` is shuffled.
    """
    held = stratified(labels, n, seed)
    kept = torch.ones(len(labels), dtype=torch.bool)
    kept[held] = False
    return kept.nonzero().squeeze(1), held


def subsets(seeds: Sequence[int], n: int, of: int) -> Tensor:
    """For each seed its own examples: which `n` of `of` a training with that seed takes.

    A seed's subset hangs on nothing but the seed, so two seeds may have some examples in common: a share of n / of on
    average. A smaller `n` gives the first ones of a larger.

    Args:
        seeds: whole numbers, at least one.
        n: how many for each seed, 1…of.
        of: how many examples there are.

    Returns:
        rows [seeds, n] int64 in 0…of − 1, no example twice in a row.
    """
    if not isinstance(seeds, Sequence) or len(seeds) == 0:
        raise ValueError(f"seeds must be a list of whole numbers, not empty, got {require.what(seeds)}")
    for seed in seeds:
        require.whole(0, seeds=seed)
    require.whole(of=of)
    require.whole(1, of, n=n)
    return torch.stack([torch.randperm(of, generator=torch.Generator().manual_seed(int(seed)))[:n] for seed in seeds])


def random_labels(labels: Tensor, num_classes: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Labels drawn uniformly, without a look at the image (Zhang et al., ICLR 2017).

    A drawn label can be the true one, so about 1 / num_classes of them stay right.

    Args:
        labels: [N] int64 in 0…num_classes − 1.
        num_classes: how many classes there are to draw from.
        generator: where the randomness comes from.

    Returns:
        (new labels [N] int64, changed [N] bool: where the new label differs from the old).
    """
    require.whole(num_classes=num_classes)
    require.labels(labels, classes=num_classes)
    require.generator(generator)
    drawn = torch.randint(num_classes, labels.shape, generator=generator)
    return drawn, drawn != labels


def _check_flips(labels: Tensor, fraction: float, num_classes: int, generator: torch.Generator) -> None:
    require.whole(2, num_classes=num_classes)
    require.labels(labels, classes=num_classes)
    require.between(0, 1, fraction=fraction)
    require.generator(generator)


@require.checked(_check_flips)
def flip_labels(labels: Tensor, fraction: float, num_classes: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Symmetric label noise: an exact share of the labels becomes another class, never the true one.

    Args:
        labels: [N] int64 in 0…num_classes − 1.
        fraction: the share to flip, in [0, 1]; exactly round(fraction · N) labels are flipped.
        num_classes: how many classes there are, at least 2.
        generator: where the randomness comes from.

    Returns:
        (new labels [N] int64, flipped [N] bool: which ones were changed).
    """
    flipped = torch.zeros(len(labels), dtype=torch.bool)
    flipped[torch.randperm(len(labels), generator=generator)[: round(fraction * len(labels))]] = True
    # A step of 1…K−1 around the circle of K classes never comes back to the true one.
    step = torch.randint(1, num_classes, labels.shape, generator=generator)
    return torch.where(flipped, (labels + step) % num_classes, labels), flipped


# Not scikit-learn's make_moons: it spaces its points evenly along the arcs, and chapter 01 is about independent draws.
def two_moons(n: int, noise: float = 0.25, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two interleaved half circles with Gaussian noise: a toy whose distribution you can draw from at will.

    Args:
        n: how many points, at least 2; half of them in each class.
        noise: standard deviation of the noise on each coordinate, at least 0.
        seed: which points.

    Returns:
        points [n, 2] float32, in random order, and labels [n] int64 in {0, 1}.
    """
    require.whole(2, n=n)
    require.at_least(0, noise=noise)
    require.whole(0, seed=seed)
    generator = torch.Generator().manual_seed(int(seed))
    labels = torch.arange(n)[torch.randperm(n, generator=generator)] % 2
    upper, lower = _half_circles(math.pi * torch.rand(n, generator=generator))
    points = torch.where(labels[:, None] == 0, upper, lower)
    return points + noise * torch.randn(n, 2, generator=generator), labels


def best_logits(points: Tensor, noise: float = 0.25) -> Tensor:
    """What the best possible classifier of `two_moons` says: no rule has a smaller true error, or true risk.

    It knows what no data tell for certain: how dense each class is at a point. That is the average, along the class's
    half circle (here over 200 places), of the noise's Gaussian around each place.

    Args:
        points: [N, 2] float32 or float64.
        noise: with which `two_moons` draws, above 0, or the classes have no density.

    Returns:
        logits [N, 2], each class's log-density and one constant: their softmax is the true probability of each class.
    """
    require.tensors(points=(points, "float [N, 2]"))
    require.finite(points=points)
    require.above(0, noise=noise)
    places = _half_circles(math.pi * (torch.arange(200, dtype=points.dtype) + 0.5) / 200)
    logits = [(-(torch.cdist(points, arc) ** 2) / (2 * noise**2)).logsumexp(dim=1) for arc in places]
    return torch.stack(logits, dim=1)


def _half_circles(angle: Tensor) -> tuple[Tensor, Tensor]:
    """The places [n, 2] at these angles on the upper half circle, class 0, and on the lower one, class 1."""
    upper = torch.stack([angle.cos(), angle.sin()], dim=1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], dim=1)
    return upper, lower


def ring_of_gaussians(n: int, generator: torch.Generator) -> Tensor:
    """A mixture of eight Gaussians on a ring, to see which of them a generator leaves out.

    Their centres are RING; each has standard deviation RING_STD on both coordinates, and the same weight.

    Args:
        n: how many points, at least 1.
        generator: where the randomness comes from.

    Returns:
        points [n, 2] float32.
    """
    require.whole(n=n)
    require.generator(generator)
    centre = RING[torch.randint(len(RING), (n,), generator=generator)]
    return centre + RING_STD * torch.randn(n, 2, generator=generator)


def _read_idx(name: str) -> Tensor:
    """One IDX file as a uint8 tensor, after its checksum has been found right."""
    path = MNIST / f"{name}.gz"
    try:
        unpacked = io.BytesIO()
        with gzip.open(path) as file:
            shutil.copyfileobj(file, unpacked)
        content = unpacked.getbuffer()  # what the tensor will stand on: 47 MB, and no second copy of them
        found = hashlib.sha256(content).hexdigest()
    except FileNotFoundError:
        found = "no file"
    except (IsADirectoryError, PermissionError) as error:
        found = f"what cannot be read ({error.strerror})"
    except (OSError, EOFError, zlib.error) as error:
        found = f"a file that does not unpack ({error})"
    if found != CHECKSUMS[name]:
        raise DataFileError(
            f"{path} is not the file that the course ships.\n"
            f"  expected SHA-256 (unpacked): {CHECKSUMS[name]}\n"
            f"  found:                       {found}\n"
            f"  to repair it: {REPAIR if folder.is_here() else folder.NOT_HERE}"
        )
    # IDX: two zero bytes, a type byte, the number of dimensions, then each dimension as a big-endian int32.
    header = 4 + 4 * content[3]
    shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, header, 4)]
    return torch.frombuffer(content, dtype=torch.uint8, offset=header).view(shape)
