"""What `photographs` must refuse. (What is missing or damaged in a folder is a DataFileError: test_photographs.py.)"""

import math
import tempfile
from pathlib import Path

import torch
from PIL import Image
from refusals import row
from refusals_data import NO_SEED, no_count
from refusals_models import NO_NETWORK
from torch import nn

from course_utils import photographs

NAN = math.nan
IMAGES = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
NO_IMAGES = [
    None, IMAGES.tolist(), IMAGES.numpy(), (255 * IMAGES).byte(), IMAGES[0], IMAGES[:, :1], IMAGES[None], IMAGES[:0],
    IMAGES.permute(0, 2, 3, 1), IMAGES * 255, IMAGES - 1, IMAGES * NAN,
]  # fmt: skip
MODEL = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
MASKS = photographs.windows(8, 0.5, 2)
NO_MASKS = [None, MASKS.tolist(), MASKS.float(), MASKS[0], MASKS[:0], MASKS[:, :4], MASKS[None]]
COLOUR = torch.tensor([0.2, 0.4, 0.6])
NO_COLOUR = [None, (0.2, 0.4, 0.6), COLOUR.numpy(), COLOUR[:1], COLOUR[None], COLOUR * 255, COLOUR * NAN]
TRIED = photographs.try_windows(MODEL, IMAGES, MASKS, COLOUR)
NO_TRIED = [None, {"tench": TRIED}, TRIED.alone, TRIED._replace(alone=TRIED.whole)]
SHEET = {"images": IMAGES, "tried": TRIED, "masks": MASKS}
KEPT = tempfile.TemporaryDirectory()  # for as long as this module
FOLDER = Path(KEPT.name)
for wnid in (photographs.WNID, "n03028079"):
    path = FOLDER / "imagenette2-160" / "val" / wnid / "ILSVRC2012_val_0.JPEG"
    path.parent.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(path)
NO_FOLDER = [None, 3, [FOLDER]]
NO_SIZE = [None, 160, "small", ["160px"]]
NO_TARGET = [None, -1, 4, 2.5, "tench"]
BOX = (0, 0, 4, 4)


ROWS = [
    row(photographs.found, {"folder": FOLDER}, folder=NO_FOLDER, size=NO_SIZE),
    row(photographs.fetch, {"wanted": False}, "wanted options", folder=NO_FOLDER),
    row(
        photographs.load,
        {"folder": FOLDER, "pixels": 8},
        "unseen download",
        folder=NO_FOLDER,
        per_class=no_count(),
        size=NO_SIZE,
        pixels=no_count(),
        seed=NO_SEED,
    ),
    row(photographs.windows, {"pixels": 8}, pixels=no_count(), side=[None, 0, 1, -0.1, 1.5, NAN, "0.4"],
        steps=no_count(least=2)),
    row(photographs.said, {"model": MODEL, "images": IMAGES}, model=NO_NETWORK, images=NO_IMAGES, target=NO_TARGET),
    row(
        photographs.try_windows,
        {"model": MODEL, "images": IMAGES, "masks": MASKS, "colour": COLOUR},
        model=NO_NETWORK,
        images=NO_IMAGES,
        masks=NO_MASKS,
        colour=NO_COLOUR,
        target=NO_TARGET,
    ),
    row(photographs.summary, {"tried": {"tench": TRIED}}, tried=[None, {}, TRIED, [TRIED], {"tench": TRIED.alone}]),
    row(
        photographs.heat,
        {"values": TRIED.alone.probability, "masks": MASKS},
        values=[None, TRIED.alone.probability.tolist(), TRIED.alone.called, TRIED.whole.probability],
        masks=[*NO_MASKS[:5], MASKS[:3], MASKS[None]],
    ),
    row(photographs.contact_sheet, SHEET | {"title": "t"}, "title", images=NO_IMAGES, tried=NO_TRIED, masks=NO_MASKS,
        n=no_count()),
    row(photographs.heat_sheet, SHEET | {"title": "t"}, "title", images=NO_IMAGES, tried=NO_TRIED, masks=NO_MASKS,
        n=no_count()),
    row(photographs.with_rulers, {"images": IMAGES, "title": "t"}, "title", images=NO_IMAGES, n=no_count()),
    row(photographs.show, SHEET, images=NO_IMAGES, tried=NO_TRIED, masks=NO_MASKS),
    row(
        photographs.hands,
        {"model": MODEL, "images": IMAGES, "boxes": {0: BOX}, "colour": COLOUR},
        model=NO_NETWORK,
        images=NO_IMAGES,
        boxes=[
            None, {}, [BOX], {3: BOX}, {-1: BOX}, {"0": BOX}, {0: BOX[:3]}, {0: None}, {0: (0, 0, 4.5, 4)},
            {0: (4, 0, 0, 4)}, {0: (0, 0, 9, 4)}, {0: (-1, 0, 4, 4)}, {0: (0, 4, 4, 4)},
        ],
        colour=NO_COLOUR,
        target=NO_TARGET,
    ),
]  # fmt: skip
EXEMPT = {
    "photographs.Photographs": "a record: what goes into it has been checked where it is made",
    "photographs.Said": "a record",
    "photographs.Tried": "a record",
    "photographs.stored_network": "needs weights: test_photographs.py has what it refuses",
}
