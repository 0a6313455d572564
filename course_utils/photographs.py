"""A hand alone, and a hand covered, on real photographs: the last section of chapter 07, for those with a network.

The photographs are Imagenette's (ten classes of ImageNet, the tench among them), the network is one of torchvision's,
trained on ImageNet. Nobody has drawn masks of their hands. So the question is asked of windows: of which piece of a
photograph, shown alone, does the network say "tench" (as Brendel & Bethge, ICLR 2019, ask it of their own network), and
what does it say when just that piece is covered? Whether the piece is a hand, the reader sees and counts; boxes that
the reader has drawn around hands can be asked about too (`hands`).

The authors had no photographs: everything here has been tried on a made-up folder of the same layout, nothing on the
real one. What comes out is yours to find.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn

from course_utils import data, metrics, models, plots, progress, require

FOLDER = data.MNIST.parent / "imagenette"  # photographs and weights go there, and nowhere else; git ignores it
SIZES = {"160px": "imagenette2-160", "320px": "imagenette2-320", "full": "imagenette2"}  # the folder of each size
WNID, TENCH = "n01440764", 0  # what ImageNet calls the tench, and its place among the 1,000 classes: the first
UNSEEN = "ILSVRC2012_val_"  # so begin the names of ImageNet's validation images, on which no stored network was trained
IMAGES, MASKS = "float [N, 3, H, W]", "bool [K, H, W]"
CHUNK = 32  # images a forward pass: a photograph takes far more memory than a digit


class Photographs(NamedTuple):
    """Some photographs and their classes."""

    images: Tensor  # [N, 3, S, S] float32 in [0, 1]
    labels: Tensor  # [N] int64, places in classes
    classes: list[str]  # the classes' folders, in the order of their names

    @property
    def tench(self) -> Tensor:
        """[N] bool, which of them show a tench."""
        return self.labels == self.classes.index(WNID)


class Said(NamedTuple):
    """What a network says of some images about one class."""

    probability: Tensor  # float32 in [0, 1], any shape
    called: Tensor  # bool, in the same shape: no other class is more probable


class Tried(NamedTuple):
    """What it says of N images: as they are, of each of K windows alone, and with each window covered."""

    whole: Said  # [N]
    alone: Said  # [N, K]
    covered: Said  # [N, K]
    nothing: Said  # [1], of an image of one colour

    @property
    def strongest(self) -> Tensor:
        """[N] int64, for each image the window that is alone most probably of the class."""
        return self.alone.probability.argmax(dim=1)


def found(folder: Path | str = FOLDER, size: str = "160px") -> bool:
    """Whether there are photographs of tench and of another class: `folder/imagenette2-160/train/n01440764/*.JPEG`, …

    Args:
        folder: where Imagenette was unpacked.
        size: a key of SIZES.
    """
    _check_place(folder, size)
    classes = {path.parent.name for path in _files(folder, size)}
    return WNID in classes and len(classes) > 1


def _check_place(folder: Path | str, size: str = "160px") -> None:
    if not isinstance(folder, Path | str):
        raise ValueError(f"folder must be a path, got {require.what(folder)}")
    require.one_of(SIZES, size=size)


def _files(folder: Path | str, size: str) -> list[Path]:
    """The photographs of both of Imagenette's splits, in the order of their classes and names."""
    paths = [*(Path(folder) / SIZES[size]).glob("train/*/*"), *(Path(folder) / SIZES[size]).glob("val/*/*")]
    return sorted((path for path in paths if path.suffix.lower() == ".jpeg"), key=lambda path: path.parts[-2:])


def fetch(wanted: bool, folder: Path | str = FOLDER, **options) -> tuple[nn.Module, Photographs] | None:
    """A network and photographs; or none, and a sentence on the page that says why: never an error.

    Args:
        wanted: whether to ask for them at all. What is not in the folder is then downloaded into it, once.
        folder: where they are, or will be.
        options: go to `load`.

    Returns:
        (network, photographs), or `None`.
    """
    _check_place(folder)
    if not wanted:
        print("The section on real photographs was not asked for, and does not run.")
        return None
    try:
        return stored_network(folder, download=True), load(folder, download=True, **options)
    except data.DataFileError as error:
        print(f"The section on real photographs does not run: {error}")
        return None


def load(
    folder: Path | str = FOLDER, per_class: int = 20, size: str = "160px", pixels: int = 160, unseen: bool = True,
    seed: int = 0, download: bool = False,
) -> Photographs:  # fmt: skip
    """Photographs from a folder in Imagenette's layout, their middle square.

    Args:
        folder: where Imagenette was unpacked.
        per_class: how many of each class, at least 1; where there are fewer, all.
        size: which of Imagenette's sizes, a key of SIZES; the smallest is a download of 100 MB.
        pixels: along a side, after the shorter side has been scaled to so many.
        unseen: take those alone whose names say that they are ImageNet's validation images. A network stored with
            torchvision was trained on most of the others: Imagenette's own splits do not tell the two apart.
        seed: which ones.
        download: fetch what is not there, by torchvision's `Imagenette`.

    Raises:
        DataFileError: there are none, a part of them, none unseen, one that is damaged, or no connection; in a
            sentence.
    """
    _check_place(folder, size)
    require.whole(per_class=per_class, pixels=pixels)
    require.whole(0, seed=seed)
    _make_sure(folder, size, download)
    files = [path for path in _files(folder, size) if not unseen or path.name.startswith(UNSEEN)]
    classes = sorted({path.parent.name for path in files})
    if WNID not in classes:
        raise data.DataFileError(f"no photograph of a tench is called {UNSEEN}…; unseen=False takes the others too.")
    labels = torch.tensor([classes.index(path.parent.name) for path in files])
    order = torch.randperm(len(files), generator=torch.Generator().manual_seed(int(seed)))
    rows = torch.cat([order[labels[order] == label][:per_class] for label in range(len(classes))])
    from torchvision.transforms import CenterCrop, Compose, Resize, ToTensor  # 80 MB, which only photographs need

    scale = Compose([Resize(pixels), CenterCrop(pixels), ToTensor()])
    images = [_read(files[row], scale) for row in progress.track(rows.tolist(), "reading photographs")]
    return Photographs(torch.stack(images), labels[rows], classes)


def _make_sure(folder: Path | str, size: str, download: bool) -> None:
    """Raise a DataFileError unless the photographs are there, after a download if one is asked for."""
    if not found(folder, size) and (Path(folder) / SIZES[size]).exists():
        raise data.DataFileError(f"{SIZES[size]} holds a part of the photographs only: delete it, and ask again.")
    if not found(folder, size) and not download:
        raise data.DataFileError("there are no photographs here; download=True fetches them, once.")
    if not found(folder, size):
        with _one_sentence("the photographs"):
            from torchvision.datasets import Imagenette

            Imagenette(folder, size=size, download=True)


def _read(path: Path, scale: Callable[[Image.Image], Tensor]) -> Tensor:
    try:
        with Image.open(path) as photograph:
            return scale(photograph.convert("RGB"))
    except OSError as error:
        place = "/".join(path.parts[-4:])
        raise data.DataFileError(f"{place} is no photograph that can be read ({type(error).__name__}).") from None


@contextmanager
def _one_sentence(what: str) -> Iterator[None]:
    """Whatever goes wrong with a download, or with what was downloaded: a DataFileError that says so."""
    try:
        yield
    except Exception as error:  # a file of which a part is missing can raise anything
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        advice = "Is there a connection? If so, delete what is there of it, and ask again."
        raise data.DataFileError(f"{what} could not be fetched and read ({why}). {advice}") from None


def stored_network(folder: Path | str = FOLDER, name: str = "resnet18", download: bool = False) -> nn.Sequential:
    """One of torchvision's networks, as it was trained on ImageNet.

    Args:
        folder: where its weights are, or will be.
        name: as in `torchvision.models`, of a network that knows the tench; the smaller the quicker ("resnet18": 45
            MB).
        download: fetch the weights if they are not there.

    Returns:
        a model from images [N, 3, S, S] in [0, 1] to the logits of ImageNet's 1,000 classes, the tench the first. Its
        first layer is the normalisation.

    Raises:
        DataFileError: no weights, damaged ones, or no connection; in a sentence.
    """
    from torchvision import models as stored
    from torchvision.transforms import Normalize

    _check_place(folder)
    weights = stored.get_model_weights(name).DEFAULT if name in stored.list_models() else None
    if weights is None or weights.meta.get("categories", [""])[TENCH] != "tench":
        raise ValueError(f"name must be that of one of torchvision's networks of ImageNet's classes, got {name!r}")
    file = Path(weights.url).name
    if not download and not (Path(folder) / file).exists():
        raise data.DataFileError(f"there are no weights of {name} here; download=True fetches them, once.")
    with _one_sentence(f"{file}, the weights of {name},"):
        state = torch.hub.load_state_dict_from_url(
            weights.url, model_dir=str(folder), map_location="cpu", check_hash=True, weights_only=True
        )
        with models.seeded(0):  # its first weights, which are thrown away, are drawn
            net = stored.get_model(name)
        net.load_state_dict(state)
    seen = weights.transforms()
    return nn.Sequential(Normalize(seen.mean, seen.std), net).eval()


def windows(pixels: int, side: float = 0.4, steps: int = 4) -> Tensor:
    """Square windows, spread evenly from edge to edge; they overlap where side · steps is above 1.

    Args:
        pixels: S, along a side of the images.
        side: of a window, as a share of the image's, in (0, 1).
        steps: windows along a side, at least 2.

    Returns:
        [steps², S, S] bool, from the top left in reading order.
    """
    require.whole(pixels=pixels)
    require.whole(2, steps=steps)
    require.above(0, side=side)
    if side >= 1:
        raise ValueError(f"side must be below 1, got {side}")
    length = max(1, round(side * pixels))
    masks = torch.zeros(steps, steps, pixels, pixels, dtype=torch.bool)
    starts = torch.linspace(0, pixels - length, steps).round().int().tolist()
    for row, top in enumerate(starts):
        for column, left in enumerate(starts):
            masks[row, column, top : top + length, left : left + length] = True
    return masks.flatten(0, 1)


def said(model: nn.Module, images: Tensor, target: int = TENCH) -> Said:
    """What a model [N, 3, H, W] to logits [N, K] says of N images about the class `target`: [N] each."""
    require.network(model)
    require.tensors(images=(images, IMAGES))
    require.box(images=images)
    logits = metrics.outputs(model, images, chunk=CHUNK)
    require.whole(0, logits.shape[1] - 1, target=target)
    return Said(logits.softmax(dim=1)[:, target], logits.argmax(dim=1) == target)


def try_windows(model: nn.Module, images: Tensor, masks: Tensor, colour: Tensor, target: int = TENCH) -> Tried:
    """Show each window of each image alone, on one colour; and cover each window with that colour.

    That are N · (2K + 1) images: for 20 photographs and 16 windows 660, a quarter of a minute with "resnet18".

    Args:
        model: from images [N, 3, H, W] to logits.
        images: [N, 3, H, W] in [0, 1].
        masks: [K, H, W] bool, the windows.
        colour: [3], e.g. the mean of all photographs. What is covered with it is no photograph any more: the empty
            image, and other classes' windows, say what that alone does.
        target: the class that is asked about.
    """
    require.tensors(images=(images, IMAGES), masks=(masks, MASKS), colour=(colour, "float [3]"))
    require.box(colour=colour)
    paint = colour.view(-1, 1, 1)
    alone, covered = [], []
    for mask in progress.track(masks, "trying windows"):
        alone.append(said(model, torch.where(mask, images, paint), target))
        covered.append(said(model, torch.where(mask, paint, images), target))
    nothing = paint.expand_as(images[:1])
    return Tried(said(model, images, target), _stacked(alone), _stacked(covered), said(model, nothing, target))


def _stacked(windows: list[Said]) -> Said:
    """From K times [N] to [N, K]."""
    return Said(*(torch.stack(parts, dim=1) for parts in zip(*windows)))


def summary(tried: Mapping[str, Tried]) -> pd.DataFrame:
    """Which share of the images is called by the class, a row for each group of images.

    The columns: the whole image; its strongest window alone, and any window alone (the mean over all); the strongest
    window covered, and any other covered; nothing but the colour. The strongest window is the best of K tries, in a
    photograph without a tench too: so a tench's is to be held against another class's. A window that carries the class
    is missed when it is covered, and more than another one.
    """
    if not isinstance(tried, Mapping) or not tried or not all(isinstance(seen, Tried) for seen in tried.values()):
        raise ValueError(f"tried must be a dict of what try_windows found, not empty, got {require.what(tried)}")
    rows = {}
    for name, seen in tried.items():
        best = nn.functional.one_hot(seen.strongest, seen.alone.called.shape[1]).bool()
        shares = {"whole": seen.whole.called, "strongest alone": seen.alone.called[best]}
        shares |= {"any alone": seen.alone.called, "strongest covered": seen.covered.called[best]}
        shares |= {"another covered": seen.covered.called[~best], "nothing": seen.nothing.called}
        rows[name] = {column: called.float().mean().item() for column, called in shares.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


def heat(values: Tensor, masks: Tensor) -> Tensor:
    """A map of windows: at each pixel the mean over the windows that hold it.

    Args:
        values: [N, K], e.g. `tried.alone.probability`, or what covering takes: `whole[:, None] − covered`.
        masks: [K, H, W] bool; a pixel in no window gets 0.

    Returns:
        [N, H, W].
    """
    require.tensors(values=(values, "float [N, K]"), masks=(masks, MASKS))
    share = masks.float() / masks.sum(dim=0).clamp(min=1)
    return torch.einsum("nk,khw->nhw", values, share)


def _check_sheet(images: Tensor, tried: Tried, masks: Tensor, n: int = 1) -> None:
    if not isinstance(tried, Tried):
        raise ValueError(f"tried must be what try_windows found, got {require.what(tried)}")
    require.tensors(images=(images, IMAGES), masks=(masks, MASKS), tried=(tried.alone.probability, "float [N, K]"))
    require.box(images=images)
    require.whole(n=n)


def contact_sheet(images: Tensor, tried: Tried, masks: Tensor, *, title: str, n: int = 20) -> Figure:
    """The strongest window of each image, from the strongest down, `n` at most: count the hands.

    Each bears the place of its image in `images`, and the probability of the class for this window alone.
    """
    _check_sheet(images, tried, masks, n)
    best = tried.alone.probability.amax(dim=1)
    order = best.argsort(descending=True, stable=True)[:n].tolist()
    pieces = [_cut(images[place], masks[tried.strongest[place]]) for place in order]
    captions = [f"{place}: {100 * best[place]:.0f} %" for place in order]
    return plots.pictures(torch.stack(pieces), captions, title=title)


def _cut(image: Tensor, mask: Tensor) -> Tensor:
    """The piece of the image inside a window."""
    rows, columns = (mask.any(dim=side).nonzero().squeeze(1) for side in (1, 0))
    return image[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def heat_sheet(images: Tensor, tried: Tried, masks: Tensor, *, title: str, n: int = 8) -> Figure:
    """The first `n` images; where a window alone is of the class (dark: surely); what is lost where one is covered."""
    _check_sheet(images, tried, masks, n)
    lost = (tried.whole.probability[:, None] - tried.covered.probability).clamp(min=0)
    maps = {"alone": tried.alone.probability, "lost if\ncovered": lost}
    rows = {"image": images[:n]} | {name: heat(values, masks)[:n, None] for name, values in maps.items()}
    captions = [f"{place}: {100 * share:.0f} %" for place, share in enumerate(tried.whole.probability[:n].tolist())]
    return plots.picture_rows(rows, {"image": captions}, title=title)


def with_rulers(images: Tensor, *, title: str, n: int = 8) -> Figure:
    """The first `n` images, four in a row, with their pixels counted at the edges: to read boxes for `hands` from."""
    require.tensors(images=(images, IMAGES))
    require.box(images=images)
    require.whole(n=n)
    count = len(images[:n])
    figure, axes = plots.panels(-(-count // 4), 4, height=0.6 + 2.4 * -(-count // 4))
    for place, ax in enumerate(axes.flat):
        ax.set_visible(place < count)
        if place < count:
            ax.imshow(images[place].permute(1, 2, 0).numpy())
            ax.set_title(str(place), fontsize=plots.SMALL)
            ax.tick_params(labelsize=plots.SMALL)
            ax.grid(True, color="white", linewidth=0.5, alpha=0.5)
            ax.set_axisbelow(False)
    plots.headline(figure, title)
    return figure


def show(images: Tensor, tried: Tried, masks: Tensor) -> None:
    """Put three figures of tench on the page: their strongest windows, their maps, and some of them with rulers."""
    _check_sheet(images, tried, masks)
    called = int(tried.alone.called.any(dim=1).sum())
    title = f"Alone, the strongest window is called tench on {called} of {len(images)} images: how many are hands?"
    plots.show(
        contact_sheet(images, tried, masks, title=title),
        alt="Pieces of photographs, one of each image, from the surest tench down; each with the place of its image "
        "and the probability of tench. What they show, nobody has said: count the hands.",
    )
    plots.show(
        heat_sheet(images, tried, masks, title="Where a window alone is a tench, and where covering one costs it"),
        alt="Eight images with the probability of tench, and below each two maps: dark where windows alone are called "
        "tench, and dark where covering a window takes the tench away.",
    )
    plots.show(
        with_rulers(images, title="Pixels counted, to read the boxes of hands from"),
        alt="Eight images of tench with their pixels counted along both edges.",
    )


def hands(
    model: nn.Module, images: Tensor, boxes: Mapping[int, tuple[int, int, int, int]], colour: Tensor,
    target: int = TENCH,
) -> pd.DataFrame:  # fmt: skip
    """Hands alone and hands covered, from boxes that you have drawn around them.

    The control is a box as large at another place: of the three mirror images the one that overlaps least with the
    hand's. Where a hand is in the middle it overlaps all the same, and says less.

    Args:
        model: from images [N, 3, H, W] to logits.
        images: [N, 3, H, W] in [0, 1].
        boxes: for some images (their places in `images`) the hand's left, top, right and bottom in pixels.
        colour: [3], for all that is not shown.
        target: the class that is asked about.

    Returns:
        for what is shown ("whole", "hand alone", …), "called": the share of the images called by the class, and its
        mean "probability".
    """
    require.tensors(images=(images, IMAGES), colour=(colour, "float [3]"))
    require.box(colour=colour)
    hand = _box_masks(boxes, images)
    mirrored = torch.stack([hand.flip(sides) for sides in ((2,), (1,), (1, 2))])  # [3, n, H, W]
    overlap = (mirrored & hand).sum(dim=(2, 3))
    other = mirrored[overlap.argmin(dim=0), torch.arange(len(hand))]
    photographs, paint = images[list(boxes)], colour.view(-1, 1, 1)
    hand, other = hand.unsqueeze(1), other.unsqueeze(1)
    shown = {
        "whole": photographs,
        "hand alone": torch.where(hand, photographs, paint),
        "another box alone": torch.where(other, photographs, paint),
        "hand covered": torch.where(hand, paint, photographs),
        "another box covered": torch.where(other, paint, photographs),
        "nothing": paint.expand_as(photographs[:1]),
    }
    answers = {name: said(model, part, target) for name, part in shown.items()}
    rows = {
        name: {"called": answer.called.float().mean().item(), "probability": answer.probability.mean().item()}
        for name, answer in answers.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _box_masks(boxes: Mapping[int, tuple[int, int, int, int]], images: Tensor) -> Tensor:
    """Boxes as masks [n, H, W]."""
    if not isinstance(boxes, Mapping) or not boxes:
        raise ValueError(f"boxes must be a dict of at least one box, got {require.what(boxes)}")
    n, _, height, width = images.shape
    masks = torch.zeros(len(boxes), height, width, dtype=torch.bool)
    for mask, (place, box) in zip(masks, boxes.items()):
        require.whole(0, n - 1, boxes=place)
        four = isinstance(box, Sequence) and len(box) == 4 and all(isinstance(number, int) for number in box)
        left, top, right, bottom = box if four else (0, 0, 0, 0)
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            raise ValueError(
                f"boxes must be left, top, right and bottom inside {width} × {height} pixels, "
                f"got {box} for image {place}"
            )
        mask[top:bottom, left:right] = True
    return masks
