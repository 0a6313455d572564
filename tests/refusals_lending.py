"""What `lending` must refuse."""

import torch
from refusals import row
from torch import nn

from course_utils import lending, models

IMAGES, HEAT, LABELS = torch.rand(4, 3, 8, 8), torch.rand(4, 8, 8), torch.tensor([0, 0, 1, 1])
MASKS, FLAGS, COLOUR = HEAT > 0.5, LABELS > 0, torch.zeros(3)
PICTURES = [None, IMAGES.numpy(), (255 * IMAGES).to(torch.uint8), IMAGES[0], IMAGES.flatten(1), IMAGES[None]]
CUTS = [None, MASKS.numpy(), MASKS.float(), MASKS.long(), MASKS[:, None], MASKS[:2], MASKS[0], MASKS[..., :7]]
CHOSEN = [None, FLAGS.tolist(), FLAGS.long(), FLAGS.float(), FLAGS[:2], FLAGS[:, None]]
COLOURS = [None, 0.5, [0.0, 0.0, 0.0], COLOUR.long(), COLOUR[None], COLOUR * float("nan")]
SHARES = [None, 0, -0.1, 1.5, 15, float("nan"), "0.5"]

ROWS = [
    row(
        lending.paste,
        {"images": IMAGES, "donors": IMAGES, "masks": MASKS},
        images=PICTURES,
        donors=[*PICTURES, IMAGES[:2], IMAGES[:, :1]],
        masks=CUTS,
    ),
    row(
        lending.cover,
        {"images": IMAGES, "masks": MASKS, "colour": COLOUR},
        images=PICTURES,
        masks=CUTS,
        colour=[*COLOURS, COLOUR[:1]],
    ),
    row(lending.mean_colour, {"images": IMAGES}, images=[*PICTURES, IMAGES[:0]]),
    row(
        lending.heat_maps,
        {"encoder": models.encoder(), "images": IMAGES, "labels": LABELS},
        encoder=[None, models.encoder, nn.AdaptiveAvgPool2d(1), models.mlp(192), nn.Sequential()],
        images=[*PICTURES, IMAGES[:0]],
        labels=[
            None,
            LABELS.tolist(),
            LABELS.float(),
            LABELS > 0,
            LABELS[:2],
            LABELS[:, None],
            LABELS - 1,
            0 * LABELS,
            LABELS.repeat(2),
        ],
    ),
    row(
        lending.hottest,
        {"heat": HEAT},
        heat=[None, HEAT.numpy(), HEAT.long(), MASKS, HEAT[0], HEAT[None], HEAT / 0, HEAT * float("nan")],
        share=SHARES,
    ),
    row(
        lending.random_blobs,
        {"shape": (2, 8, 8), "generator": torch.Generator()},
        shape=[None, 8, (8, 8), (2, 8, 8.5), (2, -8, 8), "288"],
        generator=[None, 0, torch.Generator],
        share=SHARES,
    ),
    row(
        lending.Lend,
        {"masks": MASKS, "donors": FLAGS, "borrowers": ~FLAGS},
        masks=CUTS[:5],
        donors=[*CHOSEN, FLAGS & ~FLAGS],
        borrowers=CHOSEN,
        share=[None, -0.1, 1.5, float("nan"), "0.9"],
    ),
    row(
        lending.HolesForAll,
        {"masks": MASKS, "owners": FLAGS, "colour": COLOUR},
        masks=CUTS[:5],
        owners=[*CHOSEN, FLAGS & ~FLAGS],
        colour=COLOURS,
    ),
]
