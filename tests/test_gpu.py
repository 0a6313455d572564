"""On a GPU: every method trains there and ends as it does on the CPU, up to rounding. Skipped where there is none.

The networks take few and short steps: rounding then stays small, and a tensor left on the wrong device stops the test.
"""

from functools import partial

import pytest
import torch
from torch import nn

from course_utils import attacks, biased, data, gan, lff, metrics, mixup, models, reproduce, selecmix, training
from course_utils.reproduce import Run
from course_utils.reproduce.experiments import colored_mnist

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that PyTorch can use through CUDA"),
]
IMAGES, LABELS = data.load_mnist(n=600)


@pytest.fixture(autouse=True)
def exactly():
    """Convolutions with all digits of float32, as on a CPU."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


@pytest.fixture
def on_both(monkeypatch):
    """Do something on the CPU and on the GPU; gives both results, on the CPU."""

    def both(work):
        results = []
        for device in ("cpu", "cuda"):
            monkeypatch.setenv(models.DEVICE, device)
            assert models.chosen_device().type == device
            results.append(work())
        return results

    return both


def close(a, b, tolerance=2e-3):
    return torch.allclose(a.detach().cpu().float(), b.detach().cpu().float(), atol=tolerance, rtol=1e-2)


def weights(*nets):
    return torch.cat([weight.detach().cpu().flatten() for net in nets for weight in net.parameters()])


def colored():
    return biased.colored_mnist("train", 0.05, n=600)


def losses():
    images, labels, bias = colored()
    embeddings = nn.functional.normalize(torch.randn(600, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    by_bias, by_similarity = selecmix.by_bias(labels, bias), selecmix.by_similarity(embeddings, labels)
    return {
        "erm": training.erm,
        "mixup": mixup.mixup_loss(1.0),
        "mixup, a lam for each": mixup.mixup_loss(1.0, per_example=True),
        "lff": lff.LfF(),
        "selecmix": selecmix.SelecMix(by_similarity, pool=256),
        "selecmix, oracle": selecmix.SelecMix(by_bias, pool=256),
        "lff + selecmix": selecmix.lff_selecmix(lff.LfF(), selecmix.SelecMix(by_similarity, pool=256)),
    }


@pytest.mark.parametrize("name", losses() if torch.cuda.is_available() else ["erm"])
def test_fit(name, on_both):
    def work():
        images, labels, _ = colored()
        one = partial(models.mlp, 3 * 28 * 28, (32,))
        net = lff.Pair(one(seed=1), one(seed=0)) if "lff" in name else one()
        history = training.fit(
            net, images, labels, loss=losses()[name], epochs=2, batch_size=100, show=False,
            validation=(images[:100], labels[:100]) if "lff" not in name else None,
            callback=lambda epoch, net: metrics.group_accuracies(net, *colored()),
        )  # fmt: skip
        assert next(net.parameters()).device.type == models.chosen_device().type
        return weights(net), torch.tensor(history.frame()["train_loss"])

    cpu, gpu = on_both(work)
    assert all(close(a, b) for a, b in zip(cpu, gpu))


def test_fit_with_dropout_and_a_contrastive_loss(on_both):
    def work():
        images, labels, _ = colored()
        net = models.encoder()
        training.fit(net, images, labels, loss=selecmix.gsc_loss(), epochs=1, batch_size=200, show=False)
        dropping = models.mlp(dropout=0.2)  # its draws differ from device to device
        training.fit(dropping, IMAGES, LABELS, epochs=1, show=False)
        return weights(net)

    assert close(*on_both(work))


@pytest.mark.parametrize("alpha", [None, 1.0])
def test_fit_many(alpha, on_both):
    def work():
        nets = [models.mlp(hidden=(16,), seed=seed) for seed in range(7)]
        rows = data.subsets(range(7), 300, of=600)
        near = None if alpha is None else [mixup.vicinity(alpha)] * 7
        record = training.fit_many(nets, IMAGES, LABELS[rows], rows, epochs=2, vicinities=near, watch=IMAGES[:50])
        assert record.seen.device.type == record.watched.device.type == "cpu"
        return weights(*nets), (record.watched == LABELS[:50]).float().mean()

    (cpu, right), (gpu, as_right) = on_both(work)
    assert close(cpu, gpu) and abs(right - as_right) < 0.02


def test_side_by_side(on_both):
    def train(seed):
        net = models.mlp(hidden=(16,), seed=seed)
        training.fit(net, IMAGES, LABELS, epochs=1, seed=seed, show=False)
        return weights(net)

    cpu, gpu = on_both(lambda: torch.cat(training.side_by_side(train, range(3), "three")))
    assert close(cpu, gpu)


@pytest.mark.parametrize("norm", ["inf", "2"])
@pytest.mark.parametrize("where", ["images on the CPU", "images beside the model"])
def test_attacks(norm, where, on_both):
    def work():
        net = models.small_cnn()
        training.fit(net, IMAGES, LABELS, epochs=2, lr=1e-2, show=False)
        device = "cpu" if "CPU" in where else models.chosen_device()
        images, labels = IMAGES[:100].to(device), LABELS[:100].to(device)
        options = {"eps": 0.1 if norm == "inf" else 1.0, "norm": norm, "random_start": True, "restarts": 2}
        found = attacks.pgd(net, images, labels, alpha=0.02 if norm == "inf" else 0.2, steps=10, **options,
                            generator=torch.Generator().manual_seed(0))  # fmt: skip
        assert found.device == images.device
        single = attacks.fgsm(net, images, labels, eps=0.1)
        stands = attacks.robust_accuracy(net, images, labels, partial(attacks.fgsm, eps=0.1))
        slopes = metrics.gradient_norms(net, images, labels), metrics.margin_slopes(net, images)
        assert all(torch.isfinite(slope).all() for slope in slopes)
        return (found - images).abs().cpu().mean(), (single - images).cpu().abs().mean(), torch.tensor(stands)

    for a, b in zip(*on_both(work)):
        assert abs(a - b) < 0.05


def test_gans(on_both):
    def work():
        alphas = [gan.real_or_fake, partial(mixup.sample_lam, 1.0)] * 2
        return gan.train_gans(alphas, seeds=range(4), steps=3, moments=3)

    cpu, gpu = on_both(work)
    assert all(close(a, b, 1e-2) for a, b in zip(cpu, gpu))


def test_a_row_of_reproduce(on_both, monkeypatch):
    load = biased.colored_mnist
    monkeypatch.setattr(biased, "colored_mnist", lambda split, ratio, seed: load(split, ratio, seed, n=600))
    short = {name: protocol._replace(epochs=2) for name, protocol in reproduce.PROTOCOLS.items()}
    monkeypatch.setattr(colored_mnist, "PROTOCOLS", short)
    for method in reproduce.METHODS:
        (cpu,), (gpu,) = on_both(lambda method=method: reproduce.run(Run("ours", method, 0.05, 0.1, 3)))
        assert 0 <= gpu["unbiased"] <= 1, method
        assert abs(cpu["unbiased"] - gpu["unbiased"]) < 0.25, method  # dropout draws differ


def test_the_command_line_can_ask_for_it(monkeypatch):
    monkeypatch.setenv(models.DEVICE, "cpu")
    from course_utils.reproduce.__main__ import parse

    assert parse(["run", "colored-mnist", "--device", "cuda"]).device == "cuda"
    assert models.chosen_device().type == "cuda"
    assert training.cores() == 1
