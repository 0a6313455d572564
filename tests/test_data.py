"""Data: what `load_mnist`, `holdout` and the label noise promise a student."""

import gzip
import hashlib
import shutil

import pytest
import torch
from sklearn.datasets import make_moons

from course_utils import data

LABELS = torch.arange(1000) % 10


@pytest.mark.parametrize(("split", "size"), [("train", 60_000), ("test", 10_000)])
def test_mnist_is_whole(split, size):
    images, labels = data.load_mnist(split)
    assert images.shape == (size, 1, 28, 28)
    assert images.dtype == torch.float32
    assert labels.shape == (size,)
    assert labels.dtype == torch.int64
    assert images.min() == 0
    assert images.max() == 1
    assert labels.unique().tolist() == list(range(10))


def test_mnist_is_mnist():
    """The first test image is the 7 that everybody knows, upright and bright on dark."""
    images, labels = data.load_mnist("test")
    assert labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    rows = images[0, 0].sum(dim=1)
    assert rows[7:9].sum() > rows[20:22].sum()  # the bar of the 7 is above its stem


def test_a_subset_is_stratified_and_follows_its_seed():
    _, everything = data.load_mnist("train")
    images, labels = data.load_mnist("train", n=100, seed=3)
    shares = everything.bincount() * 100 / len(everything)
    assert (labels.bincount() - shares).abs().max() < 1
    again, _ = data.load_mnist("train", n=100, seed=3)
    other, _ = data.load_mnist("train", n=100, seed=4)
    assert torch.equal(images, again)
    assert not torch.equal(images, other)


@pytest.mark.parametrize("n", [0, -1, 10_001])
def test_a_subset_larger_than_the_data_is_refused(n):
    with pytest.raises(ValueError, match=f"n must be between 1 and the 10000 examples there are, got {n}"):
        data.load_mnist("test", n=n)


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split must be 'train' or 'test', got 'validation'"):
        data.load_mnist("validation")


OTHER = b"\0\0\10\1\0\0\0\1\5"
FOUND = {
    "missing": "no file",
    "cut short": "does not unpack",
    "another file": hashlib.sha256(OTHER).hexdigest(),
    "a web page": "does not unpack",
    "empty": hashlib.sha256(b"").hexdigest(),
}


def damaged(kind, path):
    """Damage a data file in one of the ways in which files are damaged."""
    content = path.read_bytes()
    if kind == "missing":
        path.unlink()
    elif kind == "cut short":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "another file":
        path.write_bytes(gzip.compress(OTHER))
    elif kind == "a web page":
        path.write_bytes(b"<html>503 Service Unavailable</html>")
    elif kind == "empty":
        path.write_bytes(b"")


@pytest.mark.parametrize("kind", FOUND)
def test_a_damaged_file_is_named_with_its_checksum_and_how_to_mend_it(kind, tmp_path, monkeypatch):
    shutil.copytree(data.MNIST, tmp_path / "mnist")
    monkeypatch.setattr(data, "MNIST", tmp_path / "mnist")
    name = "t10k-labels-idx1-ubyte"
    damaged(kind, tmp_path / "mnist" / f"{name}.gz")
    with pytest.raises(data.DataFileError) as error:
        data.load_mnist("test")
    for part in (f"{name}.gz", data.CHECKSUMS[name], FOUND[kind], "git restore data/mnist"):
        assert part in str(error.value)


def test_holdout_takes_every_class_in_its_share_and_nothing_twice():
    labels = torch.cat([torch.zeros(900), torch.ones(90), torch.full((10,), 2)]).long()
    rest, held = data.holdout(labels, 100, seed=1)
    assert labels[held].bincount().tolist() == [90, 9, 1]
    assert sorted(torch.cat([rest, held]).tolist()) == list(range(1000))
    assert not torch.equal(held, held.sort().values)


def test_holdout_of_everything_leaves_nothing():
    rest, held = data.holdout(LABELS, 1000)
    assert len(rest) == 0
    assert len(held) == 1000


@pytest.mark.parametrize("fraction", [0, 0.25, 0.4, 1])
def test_flipped_labels_are_exactly_as_many_as_asked_and_never_true(fraction):
    new, flipped = data.flip_labels(LABELS, fraction, 10, torch.Generator().manual_seed(0))
    assert flipped.sum() == round(fraction * 1000)
    assert torch.equal(new != LABELS, flipped)
    assert new.min() >= 0
    assert new.max() <= 9


def test_flipped_labels_go_to_all_other_classes_alike():
    threes = torch.full((9000,), 3)
    new, _ = data.flip_labels(threes, 1, 10, torch.Generator().manual_seed(0))
    counts = new.bincount(minlength=10)
    assert counts[3] == 0
    assert counts[counts > 0].min() > 900
    assert counts.max() < 1100


def test_random_labels_do_not_look_at_the_image():
    labels = torch.arange(20_000) % 10
    new, changed = data.random_labels(labels, 10, torch.Generator().manual_seed(0))
    assert torch.equal(changed, new != labels)
    assert 0.88 < changed.float().mean() < 0.92  # one in ten stays right by accident
    assert new.bincount().min() > 1800


def test_label_noise_leaves_its_argument_alone_and_follows_the_generator():
    before = LABELS.clone()
    for noise in (lambda g: data.flip_labels(LABELS, 0.4, 10, g), lambda g: data.random_labels(LABELS, 10, g)):
        first, second, other = (noise(torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2))
        assert torch.equal(first, second)
        assert not torch.equal(first, other)
    assert torch.equal(LABELS, before)


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_a_fraction_outside_0_1_is_refused(fraction):
    with pytest.raises(ValueError, match=r"fraction must be in \[0, 1\], got"):
        data.flip_labels(LABELS, fraction, 10, torch.Generator())


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (LABELS.float(), "labels must be a tensor .* got torch.float32"),
        ([1, 2], "labels must be a tensor .* got list"),
        (LABELS.view(10, 100), "labels must be a tensor"),
        (LABELS + 1, "labels must lie in 0…9, got values from 1 to 10"),
        (LABELS - 1, "labels must lie in 0…9, got values from -1 to 8"),
    ],
)
def test_labels_that_are_not_labels_are_refused(labels, says):
    for noise in (data.random_labels, lambda y, k, g: data.flip_labels(y, 0.5, k, g)):
        with pytest.raises(ValueError, match=says):
            noise(labels, 10, torch.Generator())


def test_flipping_needs_a_second_class():
    with pytest.raises(ValueError, match="num_classes must be at least 2"):
        data.flip_labels(torch.zeros(5).long(), 0.5, 1, torch.Generator())


def test_the_two_moons_are_scikit_learns():
    """Without noise, every one of our points lies on scikit-learn's moon of its class."""
    points, labels = data.two_moons(200, noise=0, seed=0)
    theirs, classes = make_moons(4000, noise=None)
    for label in (0, 1):
        moon = torch.tensor(theirs[classes == label], dtype=torch.float32)
        assert torch.cdist(points[labels == label], moon).min(dim=1).values.max() < 2e-3
    assert labels.bincount().tolist() == [100, 100]


def test_the_noise_of_the_moons_has_the_deviation_asked_for():
    clean, _ = data.two_moons(20_000, noise=0, seed=5)
    noisy, _ = data.two_moons(20_000, noise=0.3, seed=5)
    assert abs((noisy - clean).std() - 0.3) < 0.01


def test_the_best_logits_are_the_true_probabilities():
    """Where they say 70 to 80 %, class 1 is there in as many cases."""
    points, labels = data.two_moons(20_000, noise=0.35, seed=1)
    second = data.best_logits(points, noise=0.35).softmax(dim=1)[:, 1]
    for low in torch.arange(0, 1, 0.1):
        inside = (second >= low) & (second < low + 0.1)
        assert abs(second[inside].mean() - labels[inside].float().mean()) < 0.06


def test_the_best_possible_error_is_the_overlap_of_the_two_densities():
    """Half the integral of the smaller density, on a grid of its own; and no neighbouring rule errs less."""
    step, noise = 0.05, 0.35
    side = torch.arange(-3.5, 4.5, step)
    grid = torch.cartesian_prod(side, side)
    # best_logits leaves out what both densities have in common: 1 / (200 · 2π · noise²).
    density = data.best_logits(grid, noise).exp() / (200 * 2 * torch.pi * noise**2)
    assert torch.allclose(density.sum(dim=0) * step**2, torch.ones(2), atol=1e-3)
    overlap = 0.5 * density.min(dim=1).values.sum().item() * step**2
    points, labels = data.two_moons(20_000, noise, seed=1)
    logits = data.best_logits(points, noise)
    error = (logits.argmax(dim=1) != labels).float().mean().item()
    assert abs(error - overlap) < 0.01
    for shift in (-1, 1):
        assert ((logits + torch.tensor([0, shift])).argmax(dim=1) != labels).float().mean() > error
    with pytest.raises(ValueError, match="noise must be above 0"):
        data.best_logits(points, noise=0)


def test_impossible_moons_are_refused():
    with pytest.raises(ValueError, match="n must be at least 2"):
        data.two_moons(1)
    with pytest.raises(ValueError, match="noise must be at least 0, got -0.1"):
        data.two_moons(10, noise=-0.1)
