"""Data: what `load_mnist`, `holdout` and the label noise promise a student."""

import errno
import gzip
import hashlib
import shutil

import pytest
import torch
from scipy.stats import ks_2samp
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split

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


def test_the_first_of_a_subset_need_not_be_loaded_with_the_rest():
    images, labels = data.load_mnist("test", n=300, seed=3)
    first = data.load_mnist("test", n=40, seed=3, of=300)
    assert torch.equal(first[0], images[:40]) and torch.equal(first[1], labels[:40])
    with pytest.raises(ValueError, match="n must be a whole number, from 1 to 300, got None"):
        data.load_mnist("test", of=300)


OTHER = b"\0\0\10\1\0\0\0\1\5"
FOUND = {
    "missing": "no file",
    "cut short": "does not unpack",
    "a bit flipped": "does not unpack (CRC check failed",
    "a folder": "what cannot be read",
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
    elif kind == "a bit flipped":
        path.write_bytes(content[:-6] + bytes([content[-6] ^ 16]) + content[-5:])
    elif kind == "a folder":
        path.unlink()
        path.mkdir()
    elif kind == "another file":
        path.write_bytes(gzip.compress(OTHER))
    elif kind == "a web page":
        path.write_bytes(b"<html>503 Service Unavailable</html>")
    elif kind == "empty":
        path.write_bytes(b"")


NAME = "t10k-labels-idx1-ubyte"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the data, from which the course reads."""
    shutil.copytree(data.MNIST, tmp_path / "mnist")
    monkeypatch.setattr(data, "MNIST", tmp_path / "mnist")
    return tmp_path / "mnist"


def complaint():
    with pytest.raises(data.DataFileError) as error:
        data.load_mnist("test")
    return str(error.value)


@pytest.mark.parametrize("kind", FOUND)
def test_a_damaged_file_is_named_with_its_checksum_and_how_to_mend_it(kind, folder):
    damaged(kind, folder / f"{NAME}.gz")
    words = complaint()
    for part in (f"{NAME}.gz", data.CHECKSUMS[NAME], FOUND[kind], "git restore data/mnist"):
        assert part in words


def test_a_file_that_may_not_be_read_is_named(folder, monkeypatch):
    (folder / f"{NAME}.gz").chmod(0)
    try:
        (folder / f"{NAME}.gz").read_bytes()
    except PermissionError:
        pass
    else:  # whom the system lets read anything, or it knows no such permission

        def denied(path):
            raise PermissionError(errno.EACCES, "Permission denied", path)

        monkeypatch.setattr(data.gzip, "open", denied)
    words = complaint()
    assert "what cannot be read (Permission denied)" in words and "git restore data/mnist" in words


def test_no_flipped_bit_and_no_missing_end_gives_other_labels(folder):
    """All of a file's kinds of bytes are tried: its head, its content, its checksum."""
    right = data.read_mnist("test")[1]
    whole = (folder / f"{NAME}.gz").read_bytes()
    cut_short = [whole[:end] for end in (*range(0, 20, 3), *range(20, len(whole), 401))]
    bits = (*range(0, 8 * 28, 3), *range(8 * 28, 8 * len(whole), 907), *range(8 * (len(whole) - 8), 8 * len(whole), 3))
    flipped = [whole[: b // 8] + bytes([whole[b // 8] ^ 1 << b % 8]) + whole[b // 8 + 1 :] for b in bits]
    refused = 0
    for content in cut_short + flipped:
        (folder / f"{NAME}.gz").write_bytes(content)
        try:
            labels = data._read_idx(NAME)
        except data.DataFileError:
            refused += 1
        else:  # a bit of the file's date or name in its head
            assert torch.equal(labels.long(), right)
    assert refused > 0.7 * len(cut_short + flipped)


def test_a_course_that_was_installed_away_from_its_data_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(data.folder, "ROOT", tmp_path / "site-packages")
    monkeypatch.setattr(data, "MNIST", tmp_path / "site-packages" / "data" / "mnist")
    words = complaint()
    assert "site-packages" in words and "no file" in words and data.CHECKSUMS["t10k-images-idx3-ubyte"] in words
    assert "installed without --editable" in words and "pip install --editable ." in words
    assert "git restore" not in words


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


def test_the_two_moons_are_scikit_learns():
    """Without noise, every one of our points lies on scikit-learn's moon of its class."""
    points, labels = data.two_moons(200, noise=0, seed=0)
    theirs, classes = make_moons(4000, noise=None)
    for label in (0, 1):
        moon = torch.tensor(theirs[classes == label], dtype=torch.float32)
        assert torch.cdist(points[labels == label], moon).min(dim=1).values.max() < 2e-3
    assert labels.bincount().tolist() == [100, 100]


def difference(points, labels, theirs, classes):
    """The smallest p-value of a two-sample test: of each class's x, y and distances from the middle of its circle."""
    theirs, classes = torch.tensor(theirs, dtype=torch.float32), torch.tensor(classes)
    found = []
    for label, middle in enumerate(torch.tensor([[0.0, 0.0], [1.0, 0.5]])):
        samples = [part[of == label] - middle for part, of in ((points, labels), (theirs, classes))]
        samples = [torch.cat([sample, sample.norm(dim=1, keepdim=True)], dim=1) for sample in samples]
        found += [ks_2samp(ours, others).pvalue for ours, others in zip(*(sample.T.numpy() for sample in samples))]
    return min(found)


@pytest.mark.parametrize("noise", [0.1, 0.35])
def test_noisy_moons_are_distributed_as_scikit_learns(noise):
    ours = data.two_moons(4_000, noise, seed=0)
    assert difference(*ours, *make_moons(4_000, noise=noise, random_state=0)) > 0.01
    assert difference(*ours, *make_moons(4_000, noise=1.4 * noise, random_state=0)) < 1e-3  # the test could fail


def left_halves(draw):
    """Of 100 points in one class, how many are in its left half, seed by seed."""
    return [int((points[torch.as_tensor(labels) == 0][:, 0] < 0).sum()) for points, labels in map(draw, range(40))]


def test_moons_are_independent_draws_and_scikit_learns_are_not():
    """Of independent points 50 ± 5 are in the left half; of evenly spaced ones 50."""
    ours = torch.tensor(left_halves(lambda seed: data.two_moons(200, 0, seed)))
    assert 3.5 < ours.float().std() < 6.5
    assert set(left_halves(lambda seed: make_moons(200, random_state=seed))) == {50}


@pytest.mark.parametrize("n", [10, 50, 90])
def test_a_stratified_part_has_scikit_learns_shares(n):
    labels = torch.tensor([0] * 61 + [1] * 30 + [2] * 9)
    ours = labels[data.stratified(labels, n, seed=0)].bincount(minlength=3)
    theirs = train_test_split(labels.numpy(), train_size=n, stratify=labels.numpy(), random_state=0)[0]
    assert (ours - torch.tensor(theirs).bincount(minlength=3)).abs().max() <= 1


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
