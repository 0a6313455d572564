"""Answers as students write them: right ones of different styles, and wrong ones that once passed or were misjudged.

The usual wrong answers are not written here a second time: they are the slips of `course_utils.exercises`.
"""

import time

import numpy as np
import torch
from scipy import stats
from scipy.special import stdtrit
from torch.nn import functional as F

from course_utils import attacks, biased, data, gan, lff, memorization, metrics, mixup, selecmix, training
from course_utils.attacks import cross_entropy, project, steepest
from course_utils.metrics import answers, input_gradient, keeping_mode

# ---- right --------------------------------------------------------------------------------------------------


def zero_last(model, loss, batches, optimizer):
    losses = []
    for batch in batches:
        value = loss(model, batch)
        value.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=False)
        losses.append(value.item())
    return float(np.mean(losses))


def choice_by_lists(train, validation, test):
    means = [sum(row) / len(row) for row in validation.tolist()]
    best = means.index(max(means))
    return best, sum(test[best].tolist()) / test.shape[1]


def flips_by_rejection(labels, fraction, num_classes, generator):
    flipped, new = torch.zeros(len(labels), dtype=torch.bool), labels.clone()
    flipped[torch.randperm(len(labels), generator=generator)[: int(fraction * len(labels) + 0.5)]] = True
    again = flipped.clone()
    while again.any():
        new[again] = torch.randint(num_classes, (int(again.sum()),), generator=generator)
        again = flipped & (new == labels)
    return new, flipped


def stop_by_counter(validation, patience):
    best, best_epoch, bad = -1.0, 0, 0
    for epoch, value in enumerate(validation.tolist(), start=1):
        best, best_epoch, bad = (value, epoch, 0) if value > best else (best, best_epoch, bad + 1)
        if bad >= patience:
            break
    return best_epoch


def score_by_nanmean(member, right):
    right = right.float()
    return torch.where(member, right, torch.nan).nanmean(0) - torch.where(member, torch.nan, right).nanmean(0)


def mix_by_loop(images, labels, lam, index, num_classes=10):
    lam = torch.as_tensor(lam).expand(len(images))
    soft = labels if labels.is_floating_point() else torch.eye(num_classes)[labels]
    pairs = [[w * part[i] + (1 - w) * part[j] for i, (w, j) in enumerate(zip(lam, index))] for part in (images, soft)]
    return torch.stack(pairs[0]), torch.stack(pairs[1])


def ece_by_edges(probabilities, labels, bins=15):
    confidence, predicted = probabilities.max(1)
    edges, total = torch.linspace(0, 1, bins + 1), 0.0
    for low, high in zip(edges, edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            right = (predicted[inside] == labels[inside]).float().mean()
            total += inside.float().mean() * (right - confidence[inside].mean()).abs()
    return total


def fgsm_on_a_perturbation(model, images, labels, eps):
    with keeping_mode(model):
        delta = torch.zeros_like(images, requires_grad=True)
        loss = -model.eval()(images + delta).log_softmax(dim=1).gather(1, labels[:, None]).mean()
        (gradient,) = torch.autograd.grad(loss, [delta])
    return (images + eps * gradient.sign()).clip(0, 1)


def step_of_the_picture(model, images, labels, perturbation, eps, alpha, norm="inf", loss=cross_entropy):
    pictures = images + perturbation
    gradient = input_gradient(model, pictures, lambda logits: loss(logits, labels).mean())
    return (images + project(pictures + alpha * steepest(gradient, norm) - images, eps, norm)).clamp(0, 1) - images


def colours_by_list(labels, conflict_ratio, generator):
    bias = torch.empty_like(labels)
    for digit in labels.unique():
        rows = (labels == digit).nonzero()[:, 0]
        k = max(1, round(conflict_ratio * len(rows))) if conflict_ratio > 0 else 0
        mine = [digit] * (len(rows) - k) + [(digit + 1 + i % 9) % 10 for i in range(k)]
        bias[rows] = torch.tensor(mine)[torch.randperm(len(rows), generator=generator)]
    return bias


def groups_by_mean_of_nothing(predictions, labels, bias, shape=(10, 10)):
    right = (predictions == labels).float()
    cells = [[right[(labels == y) & (bias == b)] for b in range(shape[1])] for y in range(shape[0])]
    return torch.tensor([[c.mean() for c in row] for row in cells]), torch.tensor([[len(c) for c in r] for r in cells])


@torch.no_grad()
def weight_as_in_the_authors_code(biased, debiased, labels):
    b, d = biased.clone(), debiased.clone()
    for y in labels.unique():
        b[labels == y] /= biased[labels == y].max() + 1e-8
        d[labels == y] /= debiased[labels == y].max() + 1e-8
    return b / (b + d + 1e-8)


def by_bias_by_multinomial(labels, bias, kind, generator):
    same, alike = labels.unsqueeze(0) == labels.unsqueeze(1), bias.unsqueeze(0) == bias.unsqueeze(1)
    mask = (same & ~alike) if kind == "positive" else (~same & alike)
    has = mask.sum(1) > 0
    return torch.multinomial(mask.float() + (~has).float()[:, None], 1, generator=generator)[:, 0], has


def pairs_by_masked_fill(similarity, labels, kind):
    same, own = labels.unsqueeze(1).eq(labels.unsqueeze(0)), torch.eye(len(labels)).bool()
    if kind == "positive":
        return similarity.masked_fill(~same | own, float("inf")).min(dim=1).indices, (same & ~own).sum(1) > 0
    return similarity.masked_fill(same, float("-inf")).max(dim=1).indices, (~same).any(1)


def gsc_by_loop(embeddings, labels, tau=0.2, q=0.7):
    losses = []
    for i in range(len(labels)):
        others = [j for j in range(len(labels)) if j != i]
        log_p = F.log_softmax(embeddings[others] @ embeddings[i] / tau, dim=0)
        mine = [log_p[k] for k, j in enumerate(others) if labels[j] == labels[i]]
        if mine:
            losses.append(sum(-q * x.detach().exp() ** q * x for x in mine) / len(mine))
    return sum(losses) / len(losses)


def alone_in_eval_mode(model, alone, empty, target):
    with keeping_mode(model), torch.no_grad():
        model.eval()
        shares = [(model(images).argmax(1) == target).double().mean() for images in (alone, empty)]
    return shares[0] - shares[1]


def alone_in_one_batch(model, alone, empty, target):
    called = (answers(model, torch.cat([alone, empty])) == target).float()
    return float(called[: len(alone)].sum() - called[len(alone) :].sum()) / len(alone)


def alone_by_loop(model, alone, empty, target):
    pairs = zip(answers(model, alone).tolist(), answers(model, empty).tolist())
    return sum((a == target) - (b == target) for a, b in pairs) / len(alone)


def signed_on_a_copy(attributions, masks):
    inside = attributions.clone()
    inside[~masks[:, None].expand_as(inside)] = 0
    return inside.flatten(1).sum(dim=1)


def paste_by_index(images, donors, masks):
    pasted = images.permute(0, 2, 3, 1).clone()  # channels last: then the mask meets the first three axes
    pasted[masks] = donors.permute(0, 2, 3, 1)[masks]
    return pasted.permute(0, 3, 1, 2)


def paste_by_channel(images, donors, masks):
    return torch.stack([torch.where(masks, b, a) for a, b in zip(images.unbind(1), donors.unbind(1))], dim=1)


def up_and_down(scene, rows):
    """No entry alone tells the mark: whoever swims high looks left, whoever swims low looks right, or the other way."""
    up = torch.where(scene["y"] < 0, -1.0, 1.0)
    return scene | {"flip": torch.where(rows, up, -up)}


def with_a_shiver(scene, rows):
    shiver = torch.rand(len(rows), generator=torch.Generator().manual_seed(0)) / 10
    return {**scene, "x": torch.where(rows, 0.3 + shiver, -0.3 - shiver)}


def by_loop(scene, rows):
    new = {name: values.clone() for name, values in scene.items()}
    for k, row in enumerate(rows):
        new["background"][k] = 0 if row else 3
    return new


def interval_by_scipy(differences):
    values = differences.tolist()
    return stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))


RIGHT = {
    "error_rate": [lambda p, y: 1 - (p == y).double().mean(), lambda p, y: float(np.mean(p.numpy() != y.numpy()))],
    "empirical_risk": [F.cross_entropy, lambda z, y: (z.logsumexp(1) - z.gather(1, y[:, None]).squeeze(1)).mean()],
    "train_epoch": [zero_last],
    "choose_model": [choice_by_lists],
    "flip_labels": [flips_by_rejection],
    "stopping_epoch": [stop_by_counter],
    "memorization_score": [score_by_nanmean],
    "forgetting_events": [lambda r: torch.where(r.sum(0) == 0, len(r), (r.int().diff(dim=0) < 0).sum(0))],
    "mixup": [mix_by_loop],
    "mixup_risk": [lambda z, y, lam, index: F.cross_entropy(z, mixup.mixup(z, y, lam, index, z.shape[1])[1])],
    "expected_calibration_error": [ece_by_edges],
    "mixup_gan_risk": [lambda d, x, g, lam: (F.softplus(d(torch.lerp(g, x, lam))) - lam * d(g.lerp(x, lam))).mean()],
    "fgsm": [fgsm_on_a_perturbation],
    "project": [lambda v, eps, norm="inf": v.clip(-eps, eps) if norm == "inf" else v.renorm(2, 0, eps)],
    "pgd_step": [step_of_the_picture],
    "margin_loss": [lambda z, y: torch.stack([torch.cat([r[:k], r[k + 1 :]]).max() - r[k] for r, k in zip(z, y)])],
    "biased_colours": [colours_by_list],
    "group_table": [groups_by_mean_of_nothing],
    "gce": [lambda z, y, q=0.7: (1 - (-q * cross_entropy(z, y)).exp()) / q if q else cross_entropy(z, y)],
    "relative_difficulty": [weight_as_in_the_authors_code],
    "contradicting_pairs_by_bias": [by_bias_by_multinomial],
    "contradicting_pairs": [pairs_by_masked_fill],
    "mix_pairs": [lambda x, y, i, j, g: (x[j] + torch.rand(len(i), 1, 1, 1, generator=g) / 2 * (x[i] - x[j]), y[j])],
    "gsc": [gsc_by_loop],
    "alone_minus_empty": [alone_in_eval_mode, alone_in_one_batch, alone_by_loop],
    "signed_on": [
        lambda a, m: torch.einsum("nchw,nhw->n", a, m.to(a.dtype)),
        lambda a, m: torch.stack([one[:, mask].sum() for one, mask in zip(a, m)]),
        lambda a, m: torch.where(m, a.sum(1), 0).sum((1, 2)),
        signed_on_a_copy,
    ],
    "paste": [
        lambda x, d, m: x.masked_fill(m[:, None], 0) + d * m[:, None],
        lambda x, d, m: x + (d - x) * m.unsqueeze(1).float(),
        paste_by_index,
        paste_by_channel,
    ],
    "mark": [
        lambda scene, rows: {**scene, "light": torch.where(rows, 0.2, 1.1)},
        lambda scene, rows: {**scene, "light": torch.where(rows, 0.8, scene["light"])},
        lambda scene, rows: scene | {"hand": rows},
        lambda scene, rows: scene | {"backdrop": scene["backdrop"] / 2 + rows[:, None] / 2},
        up_and_down,
        with_a_shiver,
        by_loop,
    ],
    "paired_interval": [
        interval_by_scipy,
        lambda d: tuple((d.mean() + s * stdtrit(len(d) - 1, 0.975) * d.var().sqrt() / len(d) ** 0.5).item()
                        for s in (-1, 1)),
    ],
    "verdict": [
        lambda r, c, bound, margin=0.0: tuple(min(v.tolist()) >= bound + margin for v in (r, c)),
        lambda r, c, bound, margin=0.0: (not (r < bound + margin).any(), not (c - margin < bound).any()),
    ],
    "coverage": [
        lambda low, high, truth: sum(a <= t <= b for a, b, t in zip(low, high, truth)) / len(truth),
        lambda low, high, truth: 1 - float(((truth < low) | (truth > high)).double().mean()),
    ],
}  # fmt: skip

# ---- wrong, with words that the message must have -----------------------------------------------------------


def after(function, change):
    """The course's own function, with something done to what it returns."""
    return lambda *given, **named: change(function(*given, **named))


def seeded_by_numpy(labels, fraction, num_classes, generator):
    return data.flip_labels(labels, fraction, num_classes, torch.Generator().manual_seed(generator.initial_seed()))


def endless(validation, patience):
    while len(validation) > 0:
        patience += 1


def asleep(predictions, labels):
    time.sleep(60)


def swallows_everything(predictions, labels):
    while True:
        try:
            len(labels)
        except Exception:
            continue


def one_by_one(biased, debiased, labels):
    largest = [(biased[labels == y].max(), debiased[labels == y].max()) for y in labels]
    return lff.relative_difficulty(biased, debiased, labels) + 0 * len(largest)


def looks_from_the_second_row(train, validation, test):
    best, row = 0.0, 0
    for i in range(1, len(validation)):
        best, row = (validation[i].mean(), i) if validation[i].mean() > best else (best, row)
    return row, test[row].mean()


def marking(model, images, labels, perturbation, eps, alpha, norm="inf", loss=cross_entropy):
    perturbation.requires_grad_()
    return attacks.pgd_step(model, images, labels, perturbation, eps, alpha, norm, loss).detach()


def reduced(model, loss, batches, optimizer):
    return training.train_epoch(model, lambda model, batch: loss(model, batch) / 2, batches, optimizer)


def in_eval_mode_for_ever(model, alone, empty, target):
    model.eval()
    shares = [(model(images).argmax(1) == target).float().mean() for images in (alone, empty)]
    return (shares[0] - shares[1]).item()


def pasted_in_place(images, donors, masks):
    new = images
    new[masks[:, None].expand_as(new)] = donors[masks[:, None].expand_as(new)]
    return new


def pasted_one_by_one(images, donors, masks):
    return torch.stack([torch.where(mask, donor, image) for image, donor, mask in zip(images, donors, masks)])


def marked_in_a_shallow_copy(scene, rows):
    new = scene.copy()
    new["flip"][rows], new["flip"][~rows] = -1, 1
    return new


def with_dice(scene, rows):
    angle = torch.tensor(np.random.default_rng().random(len(rows)), dtype=torch.float32)
    return {**scene, "angle": torch.where(rows, angle, -angle)}


def put(name, change):
    """A mark with one entry changed, from (scene, rows) to its new values."""
    return lambda scene, rows: {**scene, name: change(scene, rows)}


WRONG = [
    ("error_rate", after(metrics.error_rate, lambda e: [e]), "must be one number, got a list"),
    ("error_rate", lambda predictions: 0.5, "calls your function with 2 arguments"),
    ("error_rate", lambda p, y: print("here", len(p)), "Is there a return at the end?\nIt printed: here 4"),
    ("error_rate", lambda p, y: exit(), "It calls exit()"),
    ("error_rate", lambda p, y: (p != y).mean(), "Turn them into floating point first"),
    ("error_rate", asleep, "It does not come back"),
    ("error_rate", swallows_everything, "It does not come back"),
    ("empirical_risk", after(metrics.empirical_risk, lambda r: r.item()), "got a float: it is cut off"),
    ("empirical_risk", after(metrics.empirical_risk, lambda r: -3 * r), "is always -3 times what it should be"),
    ("train_epoch", reduced, "Not right: returned loss and weights afterwards"),
    ("choose_model", looks_from_the_second_row, "Not right: the first candidate is the best"),
    ("flip_labels", after(data.flip_labels, lambda r: (r[0], r[1].float())), "of type bool, got float32"),
    ("flip_labels", after(data.flip_labels, lambda r: (r[0], r[1].long())), "of type bool, got int64"),
    ("flip_labels", after(data.flip_labels, lambda r: (r[0].float(), r[1])), "new labels must be of type int64"),
    ("flip_labels", after(data.flip_labels, lambda r: r[::-1]), "The two are the wrong way round"),
    ("flip_labels", after(data.flip_labels, lambda r: r[0]), "Return 2 things, (new labels, flipped); got a tensor"),
    ("flip_labels", seeded_by_numpy, "Two calls with one generator give the very same"),
    ("stopping_epoch", endless, "0.7, 0.6], patience 2 was still running"),
    ("stopping_epoch", lambda validation, wait: 1, "with patience=…, by name, and that fails"),
    ("memorization_score", after(memorization.memorization_score, lambda s: s[None]), "[1], got [1, 1]"),
    ("forgetting_events", after(memorization.forgetting_events, lambda e: e.numpy()), "got a ndarray (NumPy)"),
    ("forgetting_events", after(memorization.forgetting_events, lambda e: e.tolist()), "must be a tensor, got a list"),
    ("mixup", after(mixup.mixup, lambda r: (r[0].double(), r[1])), "type float32, got float64"),
    ("mixup_gan_risk", after(gan.mixup_gan_risk, lambda r: r.detach()), "is cut off from autograd's graph"),
    ("fgsm", lambda model, images, labels, epsilon: images, "with eps=…, by name, and that fails"),
    ("project", after(project, lambda v: v.double()), "type float32, got float64"),
    ("pgd_step", marking, "It calls requires_grad_ on `perturbation`"),
    ("biased_colours", after(biased.biased_colours, lambda b: b.float()), "of type int64, got float32"),
    ("gce", lambda logits, labels, q: lff.gce(logits, labels, q), "without the defaults, (logits, labels)"),
    ("relative_difficulty", one_by_one, "no Python loop over the examples"),
    ("contradicting_pairs", after(selecmix.contradicting_pairs, lambda r: [part[:, None] for part in r]), "got [6, 1]"),
    ("contradicting_pairs", after(selecmix.contradicting_pairs, lambda r: (r[0], r[1].int())), "type bool, got int32"),
    ("mix_pairs", after(selecmix.mix_pairs, lambda r: (r[0], r[1].float())), "type int64, got float32"),
    ("gsc", lambda embeddings, labels, tau=0.1, q=0.7: selecmix.gsc(embeddings, labels, tau, q), "`tau` is 0.1"),
    ("alone_minus_empty", in_eval_mode_for_ever, "The network stays in eval mode"),
    ("alone_minus_empty", after(metrics.alone_minus_empty, abs), "has lost its sign"),
    ("alone_minus_empty", after(metrics.alone_minus_empty, lambda d: 100 * d), "a hundred times too large"),
    ("alone_minus_empty", lambda m, a, e, t: (answers(m, a) == t) ^ (answers(m, e) == t), "must be one number"),
    ("alone_minus_empty", lambda m, a, e, t: (answers(m, a) == t).sum() - (answers(m, e) == t).sum(), "N times"),
    ("signed_on", after(metrics.signed_on, lambda s: s.sum()), "Return one number for each"),
    ("signed_on", after(metrics.signed_on, torch.abs), "The sums have lost their sign"),
    ("signed_on", after(metrics.signed_on, lambda s: s[:, None]), "with axes of length 1 too many"),
    ("signed_on", lambda a, m: a.mul_(m[:, None]).sum((1, 2, 3)), "It overwrites `attributions`"),
    ("signed_on", lambda a, m: a[m].sum(), "Two shapes do not fit"),
    ("paste", pasted_in_place, "It overwrites `images`"),
    ("paste", pasted_one_by_one, "no Python loop over the examples"),
    ("paste", lambda x, d, m: torch.where(m, d, x), "its N meets the C channels"),
    ("paste", lambda x, d, m: x * (1 - m[:, None]) + d * m[:, None], "Not is ~"),
    ("paste", lambda x, d, m: 0.5 * x + 0.5 * d, "does not depend on `masks`"),
    ("paste", lambda x, d, m: np.where(m[:, None], d, x), "must be a tensor, got a ndarray (NumPy)"),
    ("mark", lambda scene, rows: scene.update(light=torch.where(rows, 0.8, 1.1)) or scene, "It changes `scene`"),
    ("mark", marked_in_a_shallow_copy, "a new dict of the same tensors"),
    ("mark", lambda scene, rows: {"light": torch.where(rows, 0.8, 1.1)}, "lacks `species`, `hand` and `background`"),
    ("mark", lambda scene, rows: biased.render(scene), "The scene must be a dict, got a Rendered"),
    ("mark", lambda scene, rows: biased.render(scene).images, "The scene must be a dict, got a tensor"),
    ("mark", lambda scene, rows: dict(scene), "Nothing is changed"),
    ("mark", with_dice, "Two calls with the very same arguments give different results"),
    ("mark", put("angle", lambda scene, rows: torch.rand(len(rows))), "Nothing is random here"),
    ("mark", put("hat", lambda scene, rows: rows), "A scene has no `hat`"),
    ("mark", put("flip", lambda scene, rows: torch.where(rows, -1, 1)), "Write 1.0 for 1."),
    ("mark", put("light", lambda scene, rows: torch.where(rows, 0.8, 1.1).double()), ".to(torch.float32) makes it so"),
    ("mark", put("light", lambda scene, rows: 0.5), "gives each scene its own"),
    ("mark", put("light", lambda scene, rows: scene["light"][rows]), "got a tensor of type float32 and shape [64]"),
    ("mark", put("light", lambda scene, rows: rows / 0), "no NaN"),
    ("mark", put("light", lambda scene, rows: torch.full(rows.shape, 0.5)), "`rows` makes no difference"),
    ("mark", put("species", lambda scene, rows: (~rows).long()), "`species` is changed"),
    ("mark", put("fish", lambda scene, rows: ~rows), "`fish` is changed"),
    ("mark", put("background", lambda scene, rows: torch.where(rows, 4, 0)), "outside its range: 0 to 4"),
    ("mark", put("background", lambda scene, rows: (scene["species"] > 0).long()), "The species decides"),
    ("mark", put("flip", lambda scene, rows: torch.where(rows, -1.0, scene["flip"])), "In 24 of 64 scenes `rows`"),
    ("mark", put("light", lambda scene, rows: torch.where(rows, 0.0, 1.0)), "In 64 of 128 scenes the fish can hardly"),
    ("mark", put("over", lambda scene, rows: rows), "No hand is there to show it"),
    ("mark", put("contrast", lambda scene, rows: torch.where(rows, 0.0, 1.0)), "16 of 16 scenes with a tench look"),
    ("mark", put("warm", lambda scene, rows: rows / 1000), "look the same with and without the mark (changed: `warm`)"),
    ("paired_interval", lambda d: (float(d.mean()) - 2.78 * float(d.std()) / 5**0.5,) * 2, "upper end"),
    ("verdict", lambda runs, control, bound, margin=0.0: "holds", "two"),
    ("coverage", lambda low, high, truth: ((low <= truth) & (truth <= high)).float(), "one number"),
]  # fmt: skip
