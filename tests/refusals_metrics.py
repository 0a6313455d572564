"""What `metrics` must refuse."""

import math

import torch
from refusals import row
from torch import nn

from course_utils import metrics

NET, IMAGES = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), torch.rand(4, 3, 2, 2)
LABELS, LOGITS = torch.tensor([0, 1, 2, 0]), torch.tensor([[2.0, 1, 0], [0, 2, 1], [0, 1, 2], [0, 1, 0]])
PROBABILITIES = LOGITS.softmax(dim=1)
TABLE, COUNTS = torch.tensor([[0.5, 1.0], [0.0, math.nan]]), torch.tensor([[2, 1], [3, 0]])
ALIGNED, SHARES = torch.eye(2, dtype=torch.bool), torch.tensor([0.1, 0.2, 0.4])


def changed(values, to, place=0):
    """A copy with another number at a place of the flattened tensor."""
    new = values.clone()
    new.view(-1)[place] = to
    return new


class Says(nn.Module):
    """A network that gives these logits, whatever it sees."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, images):
        return (self.logits + 0 * images.flatten().sum()).expand(len(images), *self.logits.shape)


NO_NETWORKS = [None, nn.Linear, lambda images: images.flatten(1), NET[1].weight]
NO_ANSWERS = [Says(torch.zeros(())), Says(torch.zeros(1)), Says(torch.zeros(3, 2)), Says(torch.tensor([0, math.nan]))]
NO_IMAGES = [None, IMAGES.numpy(), IMAGES.tolist(), (255 * IMAGES).byte(), IMAGES.double(), torch.tensor(0.5)]
NO_LABELS = [None, LABELS.tolist(), LABELS.numpy(), LABELS.float(), LABELS.int(), LABELS == 0, LABELS[:, None],
             LABELS[:3], LABELS[:0], changed(LABELS, -1), changed(LABELS, -100)]  # fmt: skip
NO_CLASSES = [*NO_LABELS, changed(LABELS, 3)]
NO_LOGITS = [None, LOGITS.numpy(), LOGITS.long(), LOGITS[0], LOGITS[None], LOGITS[:0]]
NO_COUNTS = [0, -1, 2.5, math.nan, "3", None]
NO_TARGETS = [-1, 3, 1.0, None, "1", LABELS]
NO_TABLES = [None, TABLE.tolist(), TABLE[0], TABLE[None], COUNTS, 100 * TABLE, -TABLE]
NO_SIZES = [None, COUNTS.numpy(), COUNTS.float(), COUNTS[:1], COUNTS[0], COUNTS - 1]
NO_SHARES = [None, [0.1, 0.2], SHARES.numpy(), torch.tensor([1, 2, 3]), SHARES[:0], SHARES[None], SHARES[:, None],
             changed(SHARES, math.nan), changed(SHARES, math.inf)]  # fmt: skip
ELSEWHERE = torch.zeros(4, dtype=torch.int64, device="meta")
CANDIDATES = torch.rand(3, 4, 2)
SEEN = {"model": NET, "images": IMAGES}
ALONE = {"model": NET, "alone": IMAGES, "empty": IMAGES / 2, "target": 1}
EFFECT = {"model": NET, "with_object": IMAGES, "without": IMAGES / 2, "target": 1}
OTHERS = [*NO_IMAGES, IMAGES[:3], IMAGES[:, :1], IMAGES[:0]]

ROWS = [
    row(metrics.keeping_mode, {"model": NET}, model=NO_NETWORKS),
    row(metrics.outputs, SEEN, model=NO_NETWORKS, images=NO_IMAGES, chunk=NO_COUNTS),
    row(metrics.answers, SEEN, model=NO_NETWORKS + NO_ANSWERS, images=NO_IMAGES),
    row(
        metrics.empirical_risk,
        {"logits": LOGITS, "labels": LABELS},
        logits=NO_LOGITS,
        labels=[*NO_CLASSES, ELSEWHERE, LOGITS[:3], LOGITS[:, :2]],
    ),
    row(
        metrics.error_rate,
        {"predictions": LABELS, "labels": LABELS},
        predictions=[None, [0, 1, 2, 0], LABELS.numpy(), LOGITS, LABELS.float(), LABELS[None], LABELS[:0]],
        labels=[*NO_LABELS, ELSEWHERE],
    ),
    row(
        metrics.accuracy,
        SEEN | {"labels": LABELS},
        model=NO_NETWORKS + NO_ANSWERS,
        images=NO_IMAGES,
        labels=NO_CLASSES,
    ),
    row(
        metrics.choose_model,
        dict(zip(("train", "validation", "test"), CANDIDATES)),
        train=[None, CANDIDATES.numpy()[0], CANDIDATES, CANDIDATES[0].long(), changed(CANDIDATES[0], math.nan)],
        validation=[None, CANDIDATES[0].T, CANDIDATES[0, :3], changed(CANDIDATES[0], math.nan)],
        test=[None, CANDIDATES[0, 0], CANDIDATES[0, :0], CANDIDATES[0, :, :1], changed(CANDIDATES[0], math.inf)],
    ),
    row(
        metrics.group_table,
        {"predictions": LABELS, "labels": LABELS, "bias": LABELS, "shape": (3, 3)},
        predictions=[None, [0, 1, 2, 0], LABELS.numpy(), LOGITS, LABELS.float(), LABELS[:, None]],
        labels=[*NO_CLASSES, ELSEWHERE],
        bias=NO_CLASSES,
        shape=[None, 3, (3,), (3, 3, 3), (3, 0), (3.0, 3), "33"],
    ),
    row(
        metrics.group_report,
        {"accuracy": TABLE, "counts": COUNTS, "aligned": ALIGNED},
        accuracy=[*NO_TABLES, changed(TABLE, math.nan)],
        counts=[*NO_SIZES, COUNTS.flip(1)],
        aligned=[ALIGNED.long(), ALIGNED[0], ALIGNED[:1], ALIGNED.tolist()],
    ),
    row(metrics.reweighted_accuracy, {"accuracy": TABLE, "counts": COUNTS}, accuracy=NO_TABLES, counts=NO_SIZES),
    row(
        metrics.group_accuracies,
        SEEN | {"labels": LABELS, "bias": LABELS},
        model=NO_NETWORKS + NO_ANSWERS,
        images=NO_IMAGES,
        labels=[*NO_LABELS, changed(LABELS, 10)],
        bias=[*NO_LABELS, changed(LABELS, 10)],
    ),
    row(
        metrics.check_probabilities,
        {"probabilities": PROBABILITIES, "labels": LABELS, "bins": 5},
        probabilities=[*NO_LOGITS, LOGITS, 2 * PROBABILITIES, changed(PROBABILITIES, math.nan)],
        labels=[*NO_CLASSES, ELSEWHERE],
        bins=NO_COUNTS,
    ),
    row(
        metrics.expected_calibration_error,
        {"probabilities": PROBABILITIES, "labels": LABELS, "bins": 5},
        probabilities=[*NO_LOGITS, LOGITS, 2 * PROBABILITIES, changed(PROBABILITIES, math.nan)],
        labels=[*NO_CLASSES, ELSEWHERE],
        bins=NO_COUNTS,
    ),
    row(
        metrics.reliability,
        {"probabilities": PROBABILITIES, "labels": LABELS, "bins": 5},
        probabilities=[*NO_LOGITS, LOGITS, 2 * PROBABILITIES, changed(PROBABILITIES, math.nan)],
        labels=[*NO_CLASSES, ELSEWHERE],
        bins=NO_COUNTS,
    ),
    row(
        metrics.temperature,
        {"logits": LOGITS, "labels": LABELS},
        # all right, worse than a guess, nothing told
        logits=[*NO_LOGITS, 9 * torch.eye(3)[LABELS], -LOGITS, 0 * LOGITS, changed(LOGITS, math.nan),
                changed(LOGITS, math.inf)],
        labels=[*NO_CLASSES, ELSEWHERE],
    ),
    row(metrics.Tempered, {"model": NET, "temperature": 2.0}, model=NO_NETWORKS,
        temperature=[0, -1, math.nan, math.inf, "2", None]),
    row(metrics.paired_interval, {"differences": SHARES}, differences=[*NO_SHARES, SHARES[:1]]),
    row(
        metrics.verdict,
        {"runs": SHARES, "control": SHARES[:2], "bound": 0.2, "margin": 0.1},
        runs=NO_SHARES,
        control=NO_SHARES,
        bound=[None, math.nan, math.inf, "0.2", SHARES],
        margin=[None, -0.1, math.nan, math.inf, "0.2"],
    ),
    row(
        metrics.coverage,
        {"low": SHARES - 1, "high": SHARES, "truth": SHARES / 2},
        low=[*NO_SHARES, SHARES + 1],
        high=[*NO_SHARES, SHARES[:2], SHARES - 2],
        truth=[*NO_SHARES, SHARES[:2]],
    ),
    row(
        metrics.gradient_norms,
        SEEN | {"labels": LABELS, "chunk": 3},
        model=NO_NETWORKS + NO_ANSWERS,
        images=[*NO_IMAGES, IMAGES[:0]],
        labels=[*NO_CLASSES, PROBABILITIES[:3], PROBABILITIES[:, :2]],
        chunk=NO_COUNTS,
    ),
    row(metrics.margin_slopes, SEEN, model=NO_NETWORKS + NO_ANSWERS, images=[*NO_IMAGES, IMAGES[:0]], chunk=NO_COUNTS),
    row(
        metrics.margin_distances,
        SEEN,
        model=NO_NETWORKS + NO_ANSWERS,
        images=[*NO_IMAGES, IMAGES[:0]],
        norm=[None, 2, "l2", math.inf, ["2"]],
        chunk=NO_COUNTS,
    ),
    row(
        metrics.input_gradient,
        SEEN | {"score": torch.sum},
        model=NO_NETWORKS,
        images=NO_IMAGES,
        score=[None, 1.0, "sum", lambda logits: logits, lambda logits: logits.sum().item()],
    ),
    row(
        metrics.log_odds,
        {"logits": LOGITS, "target": 1},
        logits=[None, LOGITS.numpy(), LOGITS.long(), LOGITS[0], LOGITS[None], LOGITS[:, :1]],
        target=NO_TARGETS,
    ),
    row(metrics.alone_minus_empty, ALONE, model=NO_NETWORKS + NO_ANSWERS, alone=OTHERS, empty=OTHERS,
        target=NO_TARGETS),
    row(metrics.effects, EFFECT, model=NO_NETWORKS + NO_ANSWERS, with_object=OTHERS, without=OTHERS,
        target=NO_TARGETS),
    row(
        metrics.attributions,
        SEEN | {"target": 1, "baseline": torch.zeros(3), "steps": 2},
        model=NO_NETWORKS + NO_ANSWERS,
        images=[*NO_IMAGES, IMAGES[0], IMAGES[:0]],
        target=NO_TARGETS,
        baseline=[None, 0.5, [0.0] * 3, torch.zeros(2), torch.zeros(3).long(), torch.zeros(1, 3), torch.tensor(0.0)],
        steps=NO_COUNTS,
    ),
    row(
        metrics.signed_on,
        {"attributions": IMAGES - 0.5, "masks": IMAGES[:, 0] > 0.5},
        attributions=[None, IMAGES.numpy(), IMAGES.byte(), IMAGES[0], IMAGES[:0]],
        masks=[None, IMAGES[:, 0], (IMAGES[:, 0] > 0.5).long(), IMAGES[:, :1] > 0.5, IMAGES[:3, 0] > 0.5],
    ),
]  # fmt: skip
