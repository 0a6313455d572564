"""The experiments at the papers' scale: `python -m course_utils.reproduce colored-mnist --help`.

A run is one training of one method on all 60,000 digits, and a row of a CSV file. Rows that are there already are not
computed again: you can stop the command at any time and start it later.
"""

import argparse
import csv
import itertools
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from math import nan
from pathlib import Path
from typing import NamedTuple

import joblib
import pandas as pd
import torch
from torch import Tensor, nn

from course_utils import biased, data, lff, metrics, mixup, models, progress, selecmix, training

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "data" / "results" / "colored_mnist.csv"
METRICS = ("aligned", "conflicting", "unbiased", "worst_group", "plain", "estimate")
COLUMNS = (
    "protocol", "data", "method", "ratio", "noise", "seed", "split", "selected", "epoch", *METRICS, "seconds",
    "threads", "python", "torch", "commit",
)  # fmt: skip


class Protocol(NamedTuple):
    """How a network is trained and when it is tested, the same for every method and every ratio."""

    hidden: tuple[int, ...]
    scale: float  # what pixels in [0, 1] are multiplied with
    lr: float
    epochs: int
    schedule: training.Schedule
    dropout: float
    mixing: dict  # options of SelecMix
    watch_test: bool  # test after each epoch, to name the best one too; otherwise once, after the last


# The first is the course's own, the second what it was chosen from (by `estimate`). The last is that of SelecMix's
# code, whose auxiliary model is a larger one and is trained along with the classifier. `table` keeps them apart.
OURS = Protocol((100, 100, 100), 1.0, 2e-3, 12, training.one_cycle, 0.2, {"pool": 8_192}, False)
PROTOCOLS = {
    "ours": OURS,
    "ours, no dropout": OURS._replace(dropout=0.0),
    "literature": Protocol(
        (100, 100, 16), 1 / 255, 5e-3, 200, training.constant, 0.0, {"pool": 1_024, "alone": 0.0}, True
    ),
}  # fmt: skip
BATCH = 256


class Run(NamedTuple):
    """One cell of the grid, for one seed."""

    protocol: str
    method: str
    ratio: float
    noise: float  # share of the training labels that are made wrong
    seed: int
    split: str = "test"  # or "validation": train without those digits, and `estimate` how good the model is


class Scaled(nn.Module):
    """Multiplies the pixels with a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, images: Tensor) -> Tensor:
        """Images of any shape."""
        return self.factor * images


class TrainingSet(NamedTuple):
    """What a method may be made of. Only the oracle looks at the bias."""

    images: Tensor
    labels: Tensor
    bias: Tensor
    seed: int
    mixing: dict


def auxiliary(given: TrainingSet) -> nn.Module:
    """What tells how similar two biases are: an encoder, trained for two epochs on a third of the pictures."""
    model = models.encoder(seed=given.seed)
    third = slice(len(given.labels) // 3)
    training.fit(
        model, given.images[third], given.labels[third], loss=selecmix.gsc_loss(), epochs=2, lr=1e-2,
        batch_size=BATCH, seed=given.seed, show=False,
    )  # fmt: skip
    return model


def mixing(given: TrainingSet, oracle: bool = False, **options) -> selecmix.SelecMix:
    """SelecMix for this training set, with partners by an auxiliary model or by the true bias."""
    if oracle:
        pairing = selecmix.by_bias(given.labels, given.bias)
    else:
        pairing = selecmix.by_similarity(metrics.predict(auxiliary(given), given.images), given.labels)
    return selecmix.SelecMix(given.images, given.labels, pairing, **given.mixing | options)


def resample(images: Tensor, labels: Tensor, rows: Tensor, partners: Tensor, generator: torch.Generator):
    """The control without mixing: each example gives way to its partner."""
    return images.index_select(0, partners), labels[partners]


def mix_softly(images: Tensor, labels: Tensor, rows: Tensor, partners: Tensor, generator: torch.Generator):
    """The control with mixup's own rule: lam ~ Uniform(0, 1), and the labels mixed like the images."""
    lam = torch.rand(len(rows), generator=generator)
    both = torch.cat([rows, partners])
    index = torch.arange(len(both)).roll(len(rows))  # the first half's partners are the second half
    mixed, soft = mixup.mixup(images.index_select(0, both), labels[both], torch.cat([lam, 1 - lam]), index)
    return mixed[: len(rows)], soft[: len(rows)]


# For each method, from a training set to the loss of `fit`.
METHODS: dict[str, Callable[[TrainingSet], training.Loss]] = {
    "erm": lambda given: training.erm,
    "mixup": lambda given: mixup.mixup_loss(alpha=1.0),
    "lff": lambda given: lff.LfF(given.labels),
    "selecmix": mixing,
    "selecmix-positives": lambda given: mixing(given, kinds=["positive"]),
    "selecmix-negatives": lambda given: mixing(given, kinds=["negative"]),
    "selecmix-oracle": lambda given: mixing(given, oracle=True),
    "lff-selecmix": lambda given: selecmix.lff_selecmix(lff.LfF(given.labels), mixing(given)),
    "resampling": lambda given: mixing(given, mix=resample),
    "soft-labels": lambda given: mixing(given, mix=mix_softly),
    "none-alone": lambda given: mixing(given, alone=0.0),
}


def network(method: str, protocol: Protocol, seed: int) -> nn.Module:
    """The network that is trained: two of them for LfF."""

    def one(seed: int) -> nn.Module:
        mlp = models.mlp(3 * 28 * 28, protocol.hidden, seed=seed, dropout=protocol.dropout)
        return nn.Sequential(Scaled(protocol.scale), mlp)

    return lff.Pair(one(seed + 1_000), one(seed)) if method.startswith("lff") else one(seed)


def run(cell: Run) -> list[dict]:
    """Train and test: one row, or two where the best epoch is named beside the last."""
    protocol = PROTOCOLS[cell.protocol]
    images, labels, bias = biased.colored_mnist(
        "train+validation" if cell.split == "test" else "train", cell.ratio, cell.seed
    )
    told, _ = data.flip_labels(labels, cell.noise, 10, torch.Generator().manual_seed(cell.seed))
    given = TrainingSet(images, told, bias, cell.seed, protocol.mixing)
    start = time.perf_counter()
    history = training.fit(
        network(cell.method, protocol, cell.seed), images, told, loss=METHODS[cell.method](given),
        epochs=protocol.epochs, lr=protocol.lr, batch_size=BATCH, schedule=protocol.schedule, seed=cell.seed,
        callback=judge(cell, protocol, given), show=False,
    )  # fmt: skip
    about = cell._asdict() | {"data": "colored-mnist", "seconds": round(time.perf_counter() - start, 1)} | versions()
    chosen = {"last": history.rows[-1]}
    if protocol.watch_test:  # written first: a run counts as finished when its last epoch is in the file
        chosen = {"best on test": max(history.rows, key=lambda row: row["unbiased"])} | chosen
    return [
        about | {"selected": selected, "epoch": row["epoch"]} | {name: round(row.get(name, nan), 5) for name in METRICS}
        for selected, row in chosen.items()
    ]


def judge(cell: Run, protocol: Protocol, given: TrainingSet) -> Callable[[int, nn.Module], dict[str, float]]:
    """The callback of `fit`: how good the model is, after the last epoch or after each."""
    images, labels, bias = biased.colored_mnist(cell.split, cell.ratio, cell.seed)

    def judged(epoch: int, model: nn.Module) -> dict[str, float]:
        if not protocol.watch_test and epoch < protocol.epochs:
            return {}
        if cell.split == "test":
            return metrics.group_accuracies(model, images, labels, bias)
        return {"estimate": estimate(model, metrics.predict(auxiliary(given), images), images, labels)}

    return judged


def estimate(model: nn.Module, embeddings: Tensor, images: Tensor, labels: Tensor) -> float:
    """What the unbiased accuracy may be, from validation pictures with the bias of the training set and no word of it.

    The pictures that the auxiliary model calls contradicting stand for the bias-conflicting ones: nine tenths of a
    set without bias. At a ratio of 0.5 % there are 25 of those in 5,000, so the number is a rough one.

    Args:
        model: from images to logits.
        embeddings: [N, D] of length 1, what the auxiliary model sees in the images.
        images, labels: [N, 3, 28, 28] float32 in [0, 1] and [N] int64.

    Returns:
        a share in [0, 1].
    """
    right = (metrics.predict(model, images).argmax(dim=1) == labels).float()
    contradicting = []
    for kind in selecmix.KINDS:
        index, has_partner = selecmix.contradicting_pairs(embeddings @ embeddings.T, labels, kind)
        contradicting.append(right[index[has_partner]].mean())
    return (0.9 * torch.stack(contradicting).mean() + 0.1 * right.mean()).item()


def versions() -> dict[str, str | int]:
    """What a number may depend on besides its seed."""
    git = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return {
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "commit": git.stdout.strip() or "unknown",
    }


def read(path: Path = RESULTS) -> pd.DataFrame:
    """The finished runs in a file; none if there is no such file.

    A crash in the middle of writing leaves a last line without its end; `append` cuts it off, and this leaves it out.

    Raises:
        ValueError: the file holds other columns than COLUMNS.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    whole = text[: text.rfind("\n") + 1]
    rows = list(csv.DictReader(whole.splitlines()))
    if whole and whole.splitlines()[0] != ",".join(COLUMNS):
        raise ValueError(f"{path} does not begin with the columns {', '.join(COLUMNS)}: give another file, or move it")
    frame = pd.DataFrame(rows, columns=COLUMNS)
    numbers = {"ratio": float, "noise": float, "seed": int, "epoch": int, "seconds": float, "threads": int}
    return frame.astype(numbers | dict.fromkeys(METRICS, float))


def append(path: Path, rows: Sequence[dict]) -> None:
    """Add the rows of one run to the file in a single write, and make sure that they are on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", newline="", encoding="utf-8") as file:
        file.seek(0)
        text = file.read()
        file.truncate(len(text[: text.rfind("\n") + 1].encode()))
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if "\n" not in text:
            writer.writeheader()
        writer.writerows(rows)
        file.flush()
        os.fsync(file.fileno())


def missing(cells: Iterable[Run], path: Path) -> list[Run]:
    """The cells that the file does not hold yet."""
    rows = read(path).query("selected == 'last'")
    done = {Run(*row) for row in rows[list(Run._fields)].itertuples(index=False)}
    return [cell for cell in cells if cell not in done]


def run_all(cells: Sequence[Run], path: Path, jobs: int) -> None:
    """Run what is missing, `jobs` runs at a time with one thread each, and write down each as it ends."""
    todo = missing(cells, path)
    print(f"{len(cells) - len(todo)} of {len(cells)} runs are in {path} already, {len(todo)} to go")
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
    with progress.bar(len(todo), "runs") as bar:
        for rows in parallel(joblib.delayed(alone_on_a_core)(cell) for cell in todo):
            append(path, rows)
            bar.set_postfix_str(f"{rows[-1]['method']}, {rows[-1]['ratio']:g}")
            bar.update()


@models.one_thread()
def alone_on_a_core(cell: Run) -> list[dict]:
    """`run` on one thread: two runs side by side finish sooner than one after the other with two threads each."""
    return run(cell)


def table(results: pd.DataFrame, measure: str = "unbiased") -> pd.DataFrame:
    """Mean ± standard deviation over the seeds, in percent: a row for each protocol, noise, selection and method, a
    column for each ratio; behind a number, in how many runs it was measured."""
    groups = results.groupby(["protocol", "noise", "selected", "method", "ratio"], sort=False)[measure]

    def cell(values: pd.Series) -> str:
        spread = f" ± {100 * values.std():.1f}" if len(values) > 1 else ""
        return f"{100 * values.mean():.1f}{spread} ({len(values)})"

    return groups.apply(cell).unstack("ratio", fill_value="").sort_index(axis=1)


def seeds(text: str) -> list[int]:
    """A text such as 0-4 or 0,3,7 as a list of numbers."""
    try:
        parts = [part.split("-") for part in text.split(",")]
        return [seed for part in parts for seed in range(int(part[0]), int(part[-1]) + 1)]
    except ValueError:
        raise argparse.ArgumentTypeError(f"seeds must look like 0-4 or 0,3,7; got {text!r}") from None


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m course_utils.reproduce", description=__doc__)
    parser.add_argument("data", choices=["colored-mnist"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="METHOD",
                        help="of " + ", ".join(METHODS))  # fmt: skip
    parser.add_argument("--ratios", nargs="+", type=float, default=biased.RATIOS,
                        help="shares of bias-conflicting training pictures")  # fmt: skip
    parser.add_argument(
        "--split",
        choices=["test", "validation"],
        default="test",
        help="validation: to choose settings, without the test set and without bias labels",
    )
    parser.add_argument("--noise", nargs="+", type=float, default=[0.0], help="shares of wrong training labels")
    parser.add_argument("--seeds", type=seeds, default=list(range(5)), help="0-4, or 0,3,7")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="ours")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the CSV file that grows (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=1 if models.best_device().type != "cpu" else os.cpu_count(),
                        help="runs at a time, each with one thread and 1.5 GB (default: %(default)s)")  # fmt: skip
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the grid that the command line asks for, and print its table."""
    asked = parse(arguments)
    grid = itertools.product(asked.seeds, asked.noise, asked.ratios, asked.methods)
    cells = [Run(asked.protocol, method, ratio, noise, seed, asked.split) for seed, noise, ratio, method in grid]
    run_all(cells, asked.out, asked.jobs)
    results, measure = read(asked.out), {"test": "unbiased", "validation": "estimate"}[asked.split]
    print(f"\n{measure} on {asked.split}, in percent, mean ± standard deviation (runs):\n")
    print(table(results[results.split == asked.split], measure).to_string())


if __name__ == "__main__":
    # Other processes find the functions by the module's name, which is not __main__ there.
    from course_utils import reproduce

    reproduce.main()
