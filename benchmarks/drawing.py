"""Data sets that are made, against a loop over their pictures."""

from collections.abc import Iterator

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import to_tensor

from benchmarks.measure import Row, in_turn, must_agree
from course_utils import biased, data


def colouring(n: int = 5_000, turns: int = 9) -> Iterator[Row]:
    """`paint`, against PIL: each digit becomes a picture, its three channels are scaled, and a tensor again."""
    pixels, labels = (part[:n] for part in data.read_mnist("train"))

    def together() -> Tensor:
        grey = pixels.unsqueeze(1).float().div_(255)
        return biased.paint(grey, labels, 0.005, torch.Generator().manual_seed(0))

    def one_by_one() -> Tensor:
        noise = 0.005 * torch.randn(n, 3, generator=torch.Generator().manual_seed(0))
        inks = (biased.PALETTE[labels] + noise).clamp(0, 1).tolist()
        return torch.stack([coloured(grey, ink) for grey, ink in zip(pixels.numpy(), inks)])

    def coloured(grey, ink: list[float]) -> Tensor:
        digit = Image.fromarray(grey)
        return to_tensor(Image.merge("RGB", [digit.point(lambda value, share=share: value * share) for share in ink]))

    must_agree(one_by_one(), together(), by=1 / 255)
    took = in_turn(turns, loop=one_by_one, together=together)
    yield Row("Colored MNIST, 5,000 digits painted one by one with PIL ÷ together", took.loop / took.together, "≥ 5")


def rendering(n: int = 300, turns: int = 5) -> Iterator[Row]:
    """`render`, against itself on one scene at a time: what a loop would cost that draws the same pictures."""
    scene = biased.fish_and_hand("train", n, 0.01, None).scene
    single = [{name: values[k : k + 1] for name, values in scene.items()} for k in range(n)]

    def one_by_one() -> Tensor:
        return torch.cat([biased.render(one).images for one in single])

    must_agree(one_by_one(), biased.render(scene).images, by=1e-6)
    took = in_turn(turns, loop=one_by_one, together=lambda: biased.render(scene))
    yield Row("Fish & Hand, 300 scenes rendered one by one ÷ together", took.loop / took.together, "≥ 5")


BENCHMARKS = (colouring, rendering)
