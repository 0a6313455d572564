"""What `selecmix` must refuse."""

import torch
from refusals import row
from torch.nn.functional import normalize

from course_utils import lff, selecmix

LABELS, BIAS = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])
IMAGES, PLACES, SIMILAR = torch.rand(4, 1, 2, 2), torch.tensor([0, 2]), torch.eye(4)
EMBEDDED = normalize(torch.eye(4) + 0.1, dim=1)
PAIRING = selecmix.by_bias(LABELS, BIAS)
DICE = torch.Generator()
CLASSES = [
    None,
    [0, 0, 1, 1],
    LABELS.numpy(),
    LABELS.float(),
    LABELS > 0,
    LABELS[:, None],
    LABELS[:3],
    LABELS.repeat(2),
    LABELS - 1,
    LABELS[:0],
    torch.zeros(4, dtype=torch.long, device="meta"),
]
# Of two that do not fit each other, the second is named.
ALONE = [bad for bad in CLASSES if getattr(bad, "shape", (4,)) in ((4,), (0,), (4, 1))]
KINDS = [None, "intra", 1, ["positive"], torch.tensor(0)]
SEEDS = [None, 0, torch.Generator]
POSITIVE = [None, 0, -1, float("nan"), float("inf"), "0.2"]
SHARES = [None, 0, -0.1, 1.1, float("nan"), "0.7"]
WHERE = [None, [0, 2], PLACES.float(), PLACES.int(), PLACES + 2, PLACES - 1]
UNIT = [
    None,
    EMBEDDED.numpy(),
    EMBEDDED[0],
    EMBEDDED[None],
    2 * EMBEDDED,
    EMBEDDED.long(),
    0 * EMBEDDED,
    EMBEDDED * float("nan"),
]
METHOD = selecmix.SelecMix(PAIRING)

ROWS = [
    row(
        selecmix.contradicts,
        {"labels": LABELS, "bias": BIAS, "rows": PLACES, "partners": PLACES, "kind": "positive"},
        labels=ALONE,
        bias=CLASSES,
        rows=[*WHERE, torch.arange(3)],
        partners=[*WHERE, torch.arange(3)],
        kind=KINDS,
    ),
    row(
        selecmix.contradicting_pairs,
        {"similarity": SIMILAR, "labels": LABELS, "kind": "positive"},
        similarity=[
            None,
            SIMILAR.numpy(),
            SIMILAR.long(),
            SIMILAR[:3],
            SIMILAR[:, :3],
            SIMILAR[0],
            SIMILAR[None],
            SIMILAR / 0,
            SIMILAR[:0, :0],
        ],
        labels=ALONE,
        kind=KINDS,
    ),
    row(
        selecmix.contradicting_pairs_by_bias,
        {"labels": LABELS, "bias": BIAS, "kind": "negative", "generator": DICE},
        labels=ALONE,
        bias=CLASSES,
        kind=KINDS,
        generator=SEEDS,
    ),
    row(
        selecmix.mix_pairs,
        {"images": IMAGES, "labels": LABELS, "rows": PLACES, "partners": PLACES, "generator": DICE},
        images=[None, IMAGES.numpy(), (255 * IMAGES).to(torch.uint8), IMAGES[0], IMAGES.flatten(1), IMAGES[:0]],
        labels=CLASSES,
        rows=[*WHERE, PLACES[None]],
        partners=[*WHERE, torch.arange(3), PLACES[None]],
        generator=SEEDS,
    ),
    row(selecmix.supcon, {"embeddings": EMBEDDED, "labels": LABELS}, embeddings=UNIT, labels=CLASSES, tau=POSITIVE),
    row(
        selecmix.gsc,
        {"embeddings": EMBEDDED, "labels": LABELS},
        embeddings=UNIT,
        labels=CLASSES,
        tau=POSITIVE,
        q=SHARES,
    ),
    row(
        selecmix.log_probabilities,
        {"embeddings": EMBEDDED, "labels": LABELS, "tau": 0.2},
        embeddings=UNIT,
        labels=CLASSES,
        tau=POSITIVE,
    ),
    row(
        selecmix.mean_over_positives,
        {"losses": SIMILAR, "positive": SIMILAR > 0},
        losses=[None, SIMILAR.long(), SIMILAR[0]],
        positive=[None, SIMILAR, SIMILAR[:3] > 0, SIMILAR[0] > 0],
    ),
    row(selecmix.gsc_loss, {}, tau=POSITIVE, q=SHARES),
    row(selecmix.by_similarity, {"embeddings": EMBEDDED, "labels": LABELS}, embeddings=UNIT, labels=CLASSES),
    row(selecmix.by_bias, {"labels": LABELS, "bias": BIAS}, labels=ALONE, bias=CLASSES),
    row(
        selecmix.SelecMix,
        {"pairing": PAIRING},
        pairing=[None, "similarity", EMBEDDED],
        kinds=[None, [], "positive", ["intra"], {"positive"}, 1],
        alone=[None, -0.1, 1.1, float("nan"), "0.1"],
        pool=[None, 0, -1, 2.5, "9"],
        mix=[None, "mix_pairs", IMAGES],
    ),
    row(
        selecmix.lff_selecmix,
        {"lff": lff.LfF(), "mixing": METHOD},
        lff=[None, "lff", 0.7],
        mixing=[None, "selecmix", 0.1],
        weight=[None, -1, float("nan"), float("inf"), "0.1"],
    ),
    row(
        selecmix.contradicting_share,
        {"pairing": PAIRING, "labels": LABELS, "bias": BIAS, "kind": "positive", "pool": 4},
        pairing=[None, "bias"],
        labels=ALONE,
        bias=CLASSES,
        kind=KINDS,
        pool=[None, 0, -1, 2.5, "9"],
        seed=[None, -1, 2.5, "0", DICE],
    ),
]
