"""SelecMix: a step and its parts, against a step of ERM; the search for partners, against a table of all pairs."""

from collections.abc import Iterator
from functools import partial

import torch
from torch.nn import functional as F

from benchmarks.measure import Row, in_turn, must_agree
from course_utils import biased, metrics, models, selecmix, training
from course_utils.training import Loss

BATCH, POOL, EPOCHS = 256, 8_192, 12  # as in the grid of chapter 06


def selecmix_steps(n: int = 20_000, pool: int = POOL, turns: int = 9) -> Iterator[Row]:
    """An epoch of each on Colored MNIST; then what the parts of SelecMix take on the same batches."""
    images, labels, _ = biased.colored_mnist("train", 0.01, n=n)
    encoder = models.encoder()
    mixing = selecmix.SelecMix(selecmix.by_similarity(metrics.outputs(encoder, images), labels), pool=pool)
    generator = torch.Generator().manual_seed(0)
    rows = torch.randperm(n, generator=generator).split(BATCH)
    partners = [mixing.partners(part, n, generator) for part in rows]

    def epoch(loss: Loss) -> None:
        net = models.mlp(3 * 28 * 28, dropout=0.2)
        training.fit(net, images, labels, loss=loss, epochs=1, batch_size=BATCH, show=False)

    def auxiliary() -> None:
        training.fit(models.encoder(), images, labels, loss=selecmix.gsc_loss(), epochs=1, batch_size=BATCH, show=False)

    took = in_turn(
        turns,
        erm=lambda: epoch(training.erm),
        selecmix=lambda: epoch(mixing),
        pairing=lambda: [mixing.partners(part, n, generator) for part in rows],
        mixing=lambda: [selecmix.mix_pairs(images, labels, *pair, generator) for pair in zip(rows, partners)],
        auxiliary=auxiliary,
        embeddings=lambda: metrics.outputs(encoder, images),
    )
    # As chapter 06 does: two epochs of the auxiliary model on a third of the images, then its view of all of them.
    run = EPOCHS * took.selecmix + 2 / 3 * took.auxiliary + took.embeddings
    yield Row("a step of SelecMix ÷ a step of ERM", took.selecmix / took.erm, "≤ 2")
    yield Row("of it the search for partners ÷ a step of ERM", took.pairing / took.erm, "low")
    yield Row("of it the mixing of the pairs ÷ a step of ERM", took.mixing / took.erm, "low")
    yield Row("a step of the auxiliary model ÷ a step of ERM", took.auxiliary / took.erm, "low")
    yield Row("SelecMix with its auxiliary model, 12 epochs, by these parts ÷ ERM", run / (EPOCHS * took.erm), "≤ 2")


def partners(n: int = 20_000, pool: int = POOL, batch: int = BATCH, turns: int = 25) -> Iterator[Row]:
    """Partners of the same label for one batch. Both sides find the most dissimilar; of those of another bias, which
    are equally good, each draws its own."""
    generator = torch.Generator().manual_seed(0)
    labels, bias = torch.randint(10, (2, n), generator=generator)
    embeddings = F.normalize(torch.randn(n, 16, generator=generator), dim=1)
    rows, drawn = torch.arange(batch), torch.randint(n, (pool,), generator=generator)

    def similar() -> torch.Tensor:
        similarity = embeddings[rows] @ embeddings[drawn].T
        return torch.where(labels[rows, None] == labels[drawn], similarity, torch.inf).argmin(dim=1)

    def known() -> torch.Tensor:
        allowed = (labels[rows, None] == labels[drawn]) & (bias[rows, None] != bias[drawn])
        return torch.where(allowed, torch.rand(allowed.shape, generator=generator), -1).argmax(dim=1)

    search = {"similarity": selecmix.by_similarity(embeddings, labels), "bias": selecmix.by_bias(labels, bias)}
    quick = {name: partial(pair, rows, drawn, "positive", generator) for name, pair in search.items()}
    found = [(embeddings[rows] * embeddings[drawn[index]]).sum(1) for index in (quick["similarity"]()[0], similar())]
    must_agree(*found, by=1e-5)
    for name, table in {"similarity": similar, "bias": known}.items():
        took = in_turn(turns, table=table, search=quick[name])
        what = f"partners by {name} in a pool of 8,192: a table of all pairs ÷ as SelecMix searches"
        yield Row(what, took.table / took.search, "≥ 1")


BENCHMARKS = (selecmix_steps, partners)
