"""What `widgets` must refuse."""

import math

import torch
from matplotlib.figure import Figure
from refusals import row
from torch import nn

from course_utils import biased, widgets
from course_utils.claims import Claim, Evidence
from course_utils.memorization import NoisyRun

NAN = math.nan
DICE = torch.Generator().manual_seed(0)
DIGITS, LABELS = torch.rand(12, 1, 28, 28, generator=DICE), torch.tensor([*range(10), 1, 1])
NO_DIGITS = [None, (255 * DIGITS).to(torch.uint8), 255 * DIGITS, DIGITS[:, 0], DIGITS[:, :, :14],
             DIGITS.numpy(), DIGITS * NAN, DIGITS[:0], DIGITS.expand(12, 3, 28, 28)]  # fmt: skip
NO_LABELS = [None, LABELS.float(), LABELS[:, None], LABELS[:10], LABELS + 1, LABELS - 1, LABELS.clamp(max=8),
             LABELS.tolist()]  # fmt: skip
TEN = DIGITS[:10]
NO_TEN = [None, (255 * TEN).to(torch.uint8), 255 * TEN, TEN[:9], TEN[:, 0], TEN[:, :, :14], TEN.numpy(), TEN * NAN]
NET = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).eval()
NO_NETS = [None, {}, NET, [NET], {"a": nn.Linear}, {"a": None}, {1: NET}, {"a": NET, "b": lambda x: x}]
NO_PLACES = [-1, 10, 2.5, None, "3", NAN]
SHEET = torch.rand(100, 3, 28, 28, generator=DICE)
NO_SHEETS = [None, SHEET[:, :1], SHEET[:99], (255 * SHEET).to(torch.uint8), SHEET[:, :, :14], SHEET.numpy()]
BIASED = biased.BiasedRun(LABELS, LABELS.flip(0), LABELS.expand(2, 12), torch.zeros(2, 100).long())
NOISY = NoisyRun(DIGITS, LABELS, LABELS.flip(0), LABELS.expand(2, 12), torch.tensor([0.5, 0.6]))
SHORT = NOISY._replace(seen=NOISY.seen[:1], test=NOISY.test[:1])
NO_RUNS = [None, {}, NOISY, [NOISY], {0.5: None}, {90: NOISY}, {"a": NOISY}, {0.1: NOISY, 0.5: SHORT}]
SEEN = widgets.Embedded(
    torch.rand(10, 3, 4, 4, generator=DICE), torch.arange(10) % 2, torch.arange(10) % 3,
    {"late": nn.functional.normalize(torch.randn(10, 4, generator=DICE))},
)  # fmt: skip
NO_SEEN = [None, SEEN.images, tuple(SEEN)]
SCENE = biased.draw_scene(torch.tensor([0]), torch.tensor([True]), torch.tensor([0]), DICE)
NO_SCENES = [None, {}, [SCENE], {name: values[:0] for name, values in SCENE.items()},
             {name: values for name, values in SCENE.items() if name != "hand"}]  # fmt: skip
SPECIES = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 4)).eval()
CARD = Claim("Claim 1", "text", [Evidence("error", [1.0, 2.0, 3.0], below=5.0)], "none", of=1)


def blank(**values):
    return Figure(figsize=(1, 1))


EXEMPT = {
    "widgets.erm.moons_playground": "no arguments",
    "widgets.erm.digit_browser": "no arguments",
    "widgets.selecmix.Embedded": "a plain record; `draw_pairs` and `pair_desk` look at it",
}
ROWS = [
    row(
        widgets.SliderFigure,
        {"draw": blank, "alt": "nothing", "start": {"k": 2}, "along": "k", "k": [1, 2]},
        draw=[None, 3, Figure(), lambda: blank(), lambda other: blank(), lambda k, more: blank(), lambda k: None,
              lambda k: "figure", lambda k: (blank(), 3)],
        alt=[None, "", " ", 3],
        start=[3, "k", [2], {"nobody": 2}, {"k": 3}, {"k": None}, {"k": "2"}, {"k": NAN}, {"k": [2]}],
        along=[None, "nobody", 3, ["k"]],
        controls=[None, [], "abc", 3, [None], [("a", None)], [("a", 1, 2)], [(1, 2)], [1, 1], [("a", 1), ("a", 2)],
                  [("a", 1), ("A ", 2)], [("a", 1), ("b", 1)], [[1]], [{}], [NAN], [torch.zeros(2)]],
    ),
    row(widgets.one_of_each, {"images": DIGITS, "labels": LABELS}, images=NO_DIGITS, labels=NO_LABELS),
    row(
        widgets.draw_attack,
        {"images": TEN, "nets": {"a": NET}, "digit": 3, "eps": 0.1, "steps": 2, "model": "a"},
        images=NO_TEN,
        nets=NO_NETS,
        digit=NO_PLACES,
        eps=[-0.1, NAN, math.inf, None, "0.1"],
        steps=[0, -1, 2.5, None],
        model=["nobody", None, NET, 0],
    ),
    row(
        widgets.attack_desk,
        {"nets": {"a": NET}, "images": DIGITS, "labels": LABELS},
        nets=NO_NETS,
        images=NO_DIGITS,
        labels=NO_LABELS,
    ),
    row(
        widgets.draw_biased_run,
        {"run": BIASED, "sheet": SHEET, "epoch": 2, "conflict_ratio": 0.01},
        run=[None, NOISY, tuple(BIASED)],
        sheet=NO_SHEETS,
        epoch=[0, 3, 1.5, None, "1"],
        conflict_ratio=[-0.1, 1.1, NAN, "0.1"],
    ),
    row(
        widgets.bias_desk,
        {"runs": {0.01: BIASED, 0.05: BIASED}, "sheet": SHEET},
        runs=[None, {}, BIASED, [BIASED], {0.5: NOISY}, {90: BIASED},
              {0.1: BIASED, 0.2: BIASED._replace(test=LABELS[None])}],
        sheet=NO_SHEETS,
    ),
    row(
        widgets.draw_moons,
        {"capacity": 2, "examples": 10, "noise": 0.1},
        capacity=[0, -1, 2.5, None, "2"],
        examples=[0, 1, -1, 10.5, None],
        noise=[0, -0.1, NAN, math.inf, None],
    ),
    row(
        widgets.draw_hand,
        {"scene": SCENE, "nets": {"a": SPECIES}, "fish": "tench", "hand": "none", "background": "water", "x": 0.0,
         "angle": 5, "network": "a"},
        scene=NO_SCENES,
        nets=NO_NETS,
        fish=["whale", None, 0],
        hand=["left", None, 0.1],
        background=["desert", None, 0],
        x=[-1.5, 2, NAN, None, "0"],
        angle=[NAN, math.inf, 400, None, "5"],
        network=["nobody", None, SPECIES],
    ),
    row(widgets.hand_desk, {"nets": {"a": SPECIES}, "scene": SCENE}, nets=NO_NETS, scene=NO_SCENES),
    row(widgets.draw_by_heart, {"run": NOISY, "epoch": 1}, run=[None, BIASED, tuple(NOISY)], epoch=[0, 3, 1.5, None]),
    row(widgets.by_heart, {"runs": {0.4: NOISY}}, runs=NO_RUNS),
    row(
        widgets.draw_mixing,
        {"pair": TEN, "nets": {"a": NET, "b": NET}, "alphas": {"a": 0.0, "b": 1.0}, "first": 3, "second": 4,
         "lam": 0.4, "alpha": "b"},
        pair=NO_TEN,
        nets=NO_NETS,
        alphas=[None, {}, {"a": 0.0}, [0.0, 1.0], {"a": 0.0, "b": -1.0}, {"a": 0.0, "b": "1"}, {"a": 0.0, "b": NAN}],
        first=NO_PLACES,
        second=NO_PLACES,
        lam=[-0.1, 1.1, NAN, None, "0.4"],
        alpha=["nobody", None, 1.0],
    ),
    row(
        widgets.mixing_desk,
        {"nets": {"a": NET, "b": NET}, "alphas": {"a": 0.0, "b": 1.0}, "images": DIGITS, "labels": LABELS},
        nets=NO_NETS,
        alphas=[None, {}, {"a": 0.0}, [0.0, 1.0], {"a": 0.0, "b": -1.0}],
        images=NO_DIGITS,
        labels=NO_LABELS,
    ),
    row(widgets.card_desk, {"claims": {1: CARD}}, claims=[None, {}, CARD, [CARD], {1: None}, {1: "Claim 1"}]),
    row(
        widgets.draw_pairs,
        {"seen": SEEN, "anchor": 3, "moment": "late"},
        seen=NO_SEEN,
        anchor=[-1, 10, 2.5, None],
        moment=["early", None, 0],
    ),
    row(
        widgets.pair_desk,
        {"seen": SEEN, "anchors": torch.arange(10)},
        seen=NO_SEEN,
        anchors=[None, torch.arange(9), torch.arange(10) + 1, torch.arange(10) - 1, torch.rand(10), list(range(10))],
    ),
]  # fmt: skip
