"""The exercises of chapter 07: a hand alone with its control, attribution with its sign, a mask to paste along, and a
bias of one's own."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.biased import SPECIES, Scene, changed, draw_scene, render, swim_left
from course_utils.exercises.calls import TRAIN_MODE
from course_utils.exercises.differ import kind_of, listed
from course_utils.exercises.exercise import Case, Dice, Exercise, Slip
from course_utils.lending import paste
from course_utils.metrics import alone_minus_empty, signed_on
from course_utils.models import seeded

# ---- the object alone, with its control ---------------------------------------------------------------------


def _network(classes: int, norm: bool = False, seed: int | None = None) -> nn.Sequential:
    """A small network for images [N, 3, 2, 2]; its BatchNorm, if any, is in train mode, its ReLU in eval mode."""
    with seeded(classes if seed is None else seed):
        layers = [nn.Flatten(), nn.Linear(12, 8), *([nn.BatchNorm1d(8)] if norm else []), nn.ReLU()]
        last = nn.Linear(8, classes)
    network = nn.Sequential(*layers, last)
    last.weight.data.mul_(4)  # images count more than the biases
    network[-2].eval()
    return network


def _alone(about: str, n: int, model: nn.Module, target: int, seed: int) -> Case:
    """Noise, and the same noise with a bright spot in a corner."""
    generator = torch.Generator().manual_seed(seed)
    empty = torch.randn(n, 3, 2, 2, generator=generator)
    alone = empty.clone()
    alone[:, :, 0, 0] += 3 * torch.rand(n, 3, generator=generator)
    return Case(about, model=model, alone=alone, empty=empty, target=target)


def _other_alone(dice: Dice) -> Iterator[Case]:
    """The class is one whose share the object changes."""
    for n in (dice.whole(12, 30), dice.whole(31, 60), dice.whole(61, 90), dice.whole(91, 150)):
        case = _alone("", n, _network(dice.whole(3, 5), norm=n > 90, seed=dice.seed()), 0, dice.seed())
        shares = [alone_minus_empty(**case.arguments(target=k)) for k in range(3)]
        case.given["target"] = shares.index(max(shares, key=abs))
        yield case


THREE, FIVE, NORMED = _network(3), _network(5), _network(4, norm=True)
WITH, WITHOUT = "answers(model, alone)", "answers(model, empty)"
SHARES = "called.float().mean() - called_anyway.float().mean()"


def _both(instead: str, equals: str = " == target") -> tuple[str, str, str, str]:
    """A change of the two comparisons: in `instead`, X stands for the images."""
    with_it, without = (instead.replace("X", images) + equals for images in ("alone", "empty"))
    return f"{WITH} == target", with_it, f"{WITHOUT} == target", without


ANSWERS = (
    "Asked for is what the model *answers*, the class with the largest logit, and in what share of the images. It "
    "averages {instead} instead."
)
ALONE_MINUS_EMPTY = Exercise(
    reference=alone_minus_empty,
    returns=("difference",),
    cases=(
        _alone("four images", 4, THREE, 1, 0),
        _alone("the same four, another class", 4, THREE, 0, 0),
        _alone("one image", 1, THREE, 1, 5),
        _alone("thirty images", 30, THREE, 0, 2),
        _alone("thirty images, five classes", 30, FIVE, 2, 5),
        _alone("forty images, five classes", 40, FIVE, 1, 4),
        _alone("a network with BatchNorm that was left in train mode", 40, NORMED, 3, 2),
    ),
    others=_other_alone,
    slips=(
        Slip("That is the share with the object alone. A model must answer something, and some images get this answer "
             "without it, too: subtract the share of `empty`. That is the control.", SHARES, "called.float().mean()"),
        Slip("That is the share of the empty images, the control alone.", SHARES, "called_anyway.float().mean()"),
        Slip("The sign is turned around: it must be the share with the object minus the share without. (Or does it "
             "count the images that get *another* answer?)", SHARES, "called_anyway.float().mean() - "
             "called.float().mean()"),
        Slip("The two shares are added. The control is subtracted.", SHARES,
             "called.float().mean() + called_anyway.float().mean()"),
        Slip(ANSWERS.format(instead="the probability of the class"), *_both("outputs(model, X).softmax(dim=1)[:, "
             "target]", "")),
        Slip(ANSWERS.format(instead="the logit of the class"), *_both("outputs(model, X)[:, target]", "")),
        Slip("An answer counts only where its probability is above ½. With more than two classes the largest may well "
             "be smaller: argmax.", *_both("outputs(model, X).softmax(dim=1)[:, target]", " > 0.5")),
        Slip("argmax goes along the images. For each image the largest of its logits [N, K] is wanted: dim=1.",
             *_both("outputs(model, X).argmax(dim=0)")),
        Slip("argmax without dim= counts through the whole table. For each image the largest of its logits [N, K] is "
             "wanted: dim=1.", *_both("outputs(model, X).argmax()")),
        Slip("argmin takes the class that the model believes in least.", *_both("outputs(model, X).argmin(dim=1)")),
        Slip("`target` is not used: it asks for class 0.", *_both("answers(model, X)", " == 0")),
        Slip("[target] takes the answer to one image, by its place. == target asks each of them.",
             *_both("answers(model, X)[target]", "")),
        Slip("Both shares are those of the same images, so they cancel: one must be that of `empty`.", WITHOUT, WITH),
        Slip("It shows the model the difference of the two images, which no camera ever took. Ask about `alone` and "
             "about `empty`, and subtract the shares.", SHARES,
             "(answers(model, alone - empty) == target).float().mean()"),
        Slip("Chance is subtracted, 1 / K. That is no control: an empty image may be called `target` never, or always.",
             SHARES, "called.float().mean() - 1 / outputs(model, alone).shape[1]"),
        Slip(TRAIN_MODE, *_both("model(X).argmax(dim=1)")),
        Slip("It counts whom the object brings to this answer, and not whom it takes away from it. A difference of "
             "shares has both.", SHARES, "(called & ~called_anyway).float().mean()"),
        Slip("It counts the images that get the answer both with and without the object.", SHARES,
             "(called & called_anyway).float().mean()"),
        Slip("It counts the images whose answer changes, whatever it is before and after. Only `target` matters, and "
             "in which direction.", SHARES, f"({WITH} != {WITHOUT}).float().mean()"),
        Slip("It counts the images that come to the answer or leave it. The two must be subtracted.", SHARES,
             "(called != called_anyway).float().mean()"),
        Slip("The share is taken among the images that do not get the answer anyway. Take it among all, and subtract.",
             SHARES, "called[~called_anyway].float().mean()"),
        Slip("The shares are divided. A difference is asked for: it is defined even where no empty image gets the "
             "answer.", SHARES, "called.float().mean() / called_anyway.float().mean()"),
        Slip("It subtracts from each image's prediction before it compares with `target`. First ask of each image "
             "whether it is called `target`, then average.", SHARES,
             f"({WITH} - {WITHOUT} == target).float().mean()"),
    ),
    hints=(
        "What would a network score that calls every image a tench, whether there is a hand or not? What must be "
        "taken off?",
        "answers(model, images) runs the network in eval mode and gives each image's class. Compare with target, "
        "average, and do the same for the empty images.",
    ),
)  # fmt: skip

# ---- attribution, with its sign -----------------------------------------------------------------------------


def _masks(n: int, height: int, width: int, seed: int, share: float = 0.4) -> Tensor:
    return torch.rand(n, height, width, generator=torch.Generator().manual_seed(seed)) < share


def _owed(about: str, n: int, channels: int, height: int, width: int, seed: int, masks: Tensor | None = None) -> Case:
    """Attributions of both signs, and their masks."""
    drawn = torch.randn(n, channels, height, width, generator=torch.Generator().manual_seed(seed))
    masks = _masks(n, height, width, seed + 100) if masks is None else masks
    return Case(about, attributions=drawn, masks=masks)


def _other_owed(dice: Dice) -> Iterator[Case]:
    for channels in (1, 2, 3, 3):
        n, height, width = dice.whole(3, 6), dice.whole(2, 5), dice.whole(2, 5)
        yield _owed(f"images of {channels} channels", n, channels, height, width, dice.seed())
    yield _owed("as many images as channels and pixels in a row", 3, 3, 3, 3, dice.seed())


MEETS = (
    "A mask [N, H, W] beside [N, C, H, W] is matched from the right: its N meets the C channels. masks[:, None], of "
    "shape [N, 1, H, W], meets each image in all its channels."
)
FOR_ALL = "One mask is used for all images. Each has its own."
ON_MASK = "(attributions * masks[:, None]).sum(dim=(1, 2, 3))"
UNIT = (
    "It is divided by {what}. Return the plain sum: it is in log-odds, like the true effect of taking the hand away, "
    "and can be held against it."
)
WHOLE = "attributions.sum(dim=(1, 2, 3))"
SIGNED_ON = Exercise(
    reference=signed_on,
    returns=("sums",),
    loose=("sums",),
    cases=(
        Case("two images of one channel, 1 × 2 pixels", attributions=[[[[0.5, -2.0]]], [[[-1.0, 3.0]]]],
             masks=[[[True, True]], [[True, False]]]),
        _owed("three images of three channels", 3, 3, 2, 4, 0),
        _owed("two images of two channels", 2, 2, 3, 3, 1),
        _owed("one image", 1, 3, 2, 2, 2, torch.tensor([[[True, False], [True, True]]])),
        _owed("three square images of three channels", 3, 3, 3, 3, 3),
        _owed("an empty mask and a full one", 2, 2, 2, 3, 4, torch.tensor([False, True]).view(2, 1, 1).expand(2, 2, 3)),
        _owed("seven images of three channels", 7, 3, 5, 4, 5),
    ),
    others=_other_owed,
    variants=((ON_MASK, "torch.where(masks[:, None], attributions, 0).sum(dim=(1, 2, 3))"),),
    slips=(
        Slip("With absolute values a pixel that speaks *against* the class counts as if it spoke for it, and nothing "
             "cancels. Keep the signs.", "(attributions *", "(attributions.abs() *"),
        Slip("Only the positive part is added up. What speaks against the class belongs to the sum.",
             "(attributions *", "(attributions.clamp(min=0) *"),
        Slip("Squares have no sign: a pixel that speaks *against* the class counts as if it spoke for it.",
             "(attributions *", "(attributions.square() *"),
        *(Slip("It counts pixels, as if all weighed the same. Add up what they contribute.", "(attributions *", counted)
            for counted in ("((attributions > 0) *", "(attributions.sign() *")),
        Slip("The rest of the image is subtracted. Asked for is the masked part alone.", ON_MASK,
             "torch.where(masks[:, None], attributions, -attributions).sum(dim=(1, 2, 3))"),
        Slip("The channels are added up with their signs, but then each pixel loses its own. No abs() anywhere.",
             ON_MASK, "(attributions.sum(dim=1).abs() * masks).sum(dim=(1, 2))"),
        Slip("The mask is not used: that is the sum over the whole image.", " * masks[:, None]", ""),
        Slip("The mask is turned around: that is what the answer owes to everything else.", "masks[:, None]",
             "~masks[:, None]"),
        Slip(MEETS, "masks[:, None]", "masks"),
        Slip(FOR_ALL, "masks[:, None]", "masks[:1, None]"),
        Slip(FOR_ALL, "masks[:, None]", "masks.any(dim=0)"),
        Slip("Rows and columns of the mask are swapped.", "masks[:, None]", "masks[:, None].mT"),
        Slip("The channels are averaged. Red, green and blue each have their part of the climb: add them up.", ON_MASK,
             "(attributions.mean(dim=1) * masks).sum(dim=(1, 2))"),
        Slip("Only the first channel is added up.", ON_MASK, "(attributions[:, 0] * masks).sum(dim=(1, 2))"),
        Slip("Each pixel gives its largest channel alone. Red, green and blue each have their part: add them up.",
             ON_MASK, "(attributions.amax(dim=1) * masks).sum(dim=(1, 2))"),
        Slip("Each pixel gives its largest channel alone, and without its sign. Add up all three, as they are.",
             ON_MASK, "(attributions.abs().amax(dim=1) * masks).sum(dim=(1, 2))"),
        Slip("That is the mean over the whole image. Add up; do not divide by the number of pixels.", ON_MASK,
             "(attributions * masks[:, None]).mean(dim=(1, 2, 3))"),
        *(Slip(UNIT.format(what="the number of masked pixels"), ON_MASK, f"{ON_MASK} / masks.sum(dim=(1, 2)){floor}")
            for floor in ("", ".clamp(min=1)")),
        *(Slip(UNIT.format(what="the number of masked pixels (in all channels)"), ON_MASK,
             f"{ON_MASK} / (masks.sum(dim=(1, 2)) * attributions.shape[1]){floor}") for floor in ("",
             ".clamp(min=1)")),
        Slip(UNIT.format(what="the sum over the whole image, which may be near 0, or negative"), ON_MASK,
             f"{ON_MASK} / {WHOLE}"),
        Slip(UNIT.format(what="the sum of all absolute values"), ON_MASK,
             f"{ON_MASK} / {WHOLE.replace('.sum', '.abs().sum')}"),
        Slip("A share of absolute values: it says how much of the heat lies there, not what it does to the answer. "
             "Return the plain sum, with signs.", ON_MASK, f"{ON_MASK.replace('s *', 's.abs() *')} / "
             f"{WHOLE.replace('.sum', '.abs().sum')}"),
        Slip("A share of the positive parts: what speaks against the class is left out. Return the plain sum, with "
             "signs.", ON_MASK, f"{ON_MASK.replace('s *', 's.clamp(min=0) *')} / "
             f"{WHOLE.replace('.sum', '.clamp(min=0).sum')}"),
        Slip("The channels are yet to be added up: one number for each image.", "dim=(1, 2, 3)", "dim=(2, 3)"),
        Slip("The pixels are yet to be added up: one number for each image.", "dim=(1, 2, 3)", "dim=1"),
        Slip("It adds up the images, and keeps the channels. One number for each image: dim=(1, 2, 3).",
             "dim=(1, 2, 3)", "dim=(0, 2, 3)"),
    ),
    hints=(
        "A pixel of the hand speaks for the class with +2, its neighbour against it with −2. What do they do to the "
        "answer together? And which axes does one number for each image leave?",
        "A product with the mask (False counts as 0), which needs an axis for the channels first; then the sum over "
        "all axes but the first.",
    ),
)  # fmt: skip

# ---- paste along a mask -------------------------------------------------------------------------------------


def _pasting(
    about: str, shape: tuple[int, int, int, int], seed: int, masks: Tensor | None = None, seconds: float | None = None
) -> Case:
    images, donors = torch.rand(2, *shape, generator=torch.Generator().manual_seed(seed))
    masks = _masks(shape[0], *shape[2:], seed + 200) if masks is None else masks
    return Case(about, images=images, donors=donors, masks=masks, seconds=seconds)


def _other_pastings(dice: Dice) -> Iterator[Case]:
    for channels in (1, 2, 3, 3):
        shape = dice.whole(3, 6), channels, dice.whole(2, 5), dice.whole(2, 5)
        yield _pasting(f"images of {channels} channels", shape, dice.seed())
    yield _pasting("as many images as channels and pixels in a row", (3, 3, 3, 3), dice.seed())


PASTED = "torch.where(masks[:, None], donors, images)"
PASTE = Exercise(
    reference=paste,
    returns=("pasted images",),
    cases=(
        Case("one image of one channel, 1 × 2 pixels", images=[[[[0.1, 0.2]]]], donors=[[[[0.8, 0.9]]]],
             masks=[[[False, True]]]),
        _pasting("three images of three channels", (3, 3, 2, 4), 0),
        _pasting("two images of two channels", (2, 2, 3, 3), 1),
        _pasting("an empty mask and a full one", (2, 2, 2, 3), 2, torch.tensor([False, True]).view(2, 1, 1).expand(2,
            2, 3)),
        _pasting("three square images of three channels", (3, 3, 3, 3), 3),
        _pasting("seven images of three channels", (7, 3, 5, 4), 4),
        _pasting("40,000 images of one pixel", (40_000, 2, 1, 1), 5, seconds=0.1),
    ),
    others=_other_pastings,
    variants=((PASTED, "images * ~masks[:, None] + donors * masks[:, None]"),),
    slips=(
        Slip("The wrong way round: where the mask is True the *donor's* pixels belong, elsewhere the image's.", PASTED,
             "torch.where(masks[:, None], images, donors)"),
        Slip(MEETS, "masks[:, None]", "masks"),
        Slip(FOR_ALL, "masks[:, None]", "masks[:1, None]"),
        Slip(FOR_ALL, "masks[:, None]", "masks.any(dim=0)"),
        Slip("One donor is used for all images. Each has its own.", "donors, images)", "donors[:1], images)"),
        Slip("Rows and columns of the mask are swapped.", "masks[:, None]", "masks[:, None].mT"),
        Slip("The donor's pixels are added to the image's. They take their place: first make the image 0 there.",
             PASTED, "images + donors * masks[:, None]"),
        Slip("The donor's pixels are added to the image's, and clamped. They take their place.", PASTED,
             "(images + donors * masks[:, None]).clamp(0, 1)"),
        Slip("The two are averaged under the mask: a ghost of the hand. Lending gives the donor's pixels whole.",
             PASTED, "torch.where(masks[:, None], (images + donors) / 2, images)"),
        Slip("The masked pixels are 0: a hole, and nothing lent. The donor's pixels belong there.", PASTED,
             "images * ~masks[:, None]"),
        Slip("Only what is lent is there. Outside the mask the image's own pixels stay.", PASTED,
             "donors * masks[:, None]"),
        Slip("The images come back as they were. Does it write into a copy, and return another one? images[masks] = … "
             "on what was indexed or cloned before changes the copy only.", PASTED, "images"),
        Slip("The donors come back as they were: whole images, no part of one.", PASTED, "donors"),
        Slip("masked_scatter takes the donor's numbers in turn, from the first on, and not from the same places. "
             "torch.where takes them from the same places.", PASTED, "images.masked_scatter(masks[:, None], donors)"),
        Slip("Only the first channel is lent. The mask holds in all of them.", PASTED,
             "torch.cat([torch.where(masks[:, None], donors, images)[:, :1], images[:, 1:]], dim=1)"),
        Slip("Whole images are exchanged, wherever a mask holds any True. It is a matter of pixels.", "masks[:, None]",
             "masks.flatten(1).any(dim=1).view(-1, 1, 1, 1)"),
        Slip("It pastes where the donor is brighter, too. The mask alone says where.", PASTED,
             "torch.where(masks[:, None] | (donors > images), donors, images)"),
        Slip("The brighter of the two pixels stays. Under the mask it is the donor's, whatever it is.", PASTED,
             "torch.maximum(images, donors * masks[:, None])"),
        Slip("The mask's share of each image is mixed in, as in mixup. It is a matter of pixels: all of one, none of "
             "the other.", PASTED, "images.lerp(donors, masks.float().mean(dim=(1, 2)).view(-1, 1, 1, 1))"),
    ),
    hints=(
        "Of which shape must a mask be, to choose in all channels of its image at once?",
        "torch.where(condition, this, that) chooses number by number; an axis of length 1 is stretched. "
        "masks[:, None] has one for the channels.",
    ),
)  # fmt: skip

# ---- a bias of one's own ------------------------------------------------------------------------------------

EVERY_WAY = 2, 2, len(SPECIES)  # of the large case: with and without the mark, twice the very same, species
OF_THE_HAND = {"grip", "from", "reach", "over", "handscale", "thumb", "fan", "skin", "blush", "sleeve"}
SHOWS = 0.01  # of a pixel's range: two steps of 255 and a half
RULES = "help(biased.draw_scene) lists all entries."


def _scenes(species: Tensor, seed: int) -> Scene:
    """Fish without hands, on each background in turn."""
    nothing = torch.zeros_like(species)
    return draw_scene(species, nothing, torch.arange(len(species)) % 4, torch.Generator().manual_seed(seed))


def _every_way(draws: int, seed: int) -> Case:
    """A few scenes in each of `EVERY_WAY`: what differs between two of them can have one cause only."""
    form = *EVERY_WAY, draws
    drawn = _scenes(torch.zeros(draws, dtype=torch.long), seed)
    scene = {name: values.repeat(16, *[1] * (values.dim() - 1)) for name, values in drawn.items()}
    scene["species"] = torch.arange(len(SPECIES)).view(1, 1, -1, 1).expand(form).flatten()
    rows = torch.tensor([True, False]).view(2, 1, 1, 1).expand(form).flatten()
    return Case("each scene with and without the mark", scene=scene, rows=rows)


def _marking(about: str, rows: list[bool], seed: int) -> Case:
    return Case(about, scene=_scenes(torch.arange(len(rows)) % 4, seed), rows=rows)


def _other_scenes(dice: Dice) -> Iterator[Case]:
    """Nothing is asked for by name, so the rules are the same; the fish, their places and backgrounds are others."""
    yield _every_way(32, dice.seed())  # so many that no right mark is hidden in a quarter of them by chance
    for n in (dice.whole(20, 30), dice.whole(31, 40)):  # enough that one fish in the dark does no harm
        yield _marking("other scenes", (dice.rand(n) < 0.5).tolist(), dice.seed())


def _judge_mark(given: Mapping[str, Any], got: Mapping[str, Any]) -> Iterator[str]:
    scene, marked = given["scene"], got["scene"]
    broken = list(_not_kept(scene, marked))
    yield from broken
    if broken:
        return
    try:
        images, without_fish = (render(each).images for each in (marked, changed(marked, fish=False)))
    except Exception as error:  # whatever a student may put in
        yield _not_rendered(scene, marked, error)
        return
    pixels = ((images - without_fish).abs().amax(dim=1) > 0.05).sum(dim=(1, 2))
    unseen = (pixels < 20).sum()
    if unseen > len(pixels) / 10:
        yield f"In {unseen} of {len(pixels)} scenes the fish can hardly be seen. Who could tell its species?"
    if len(images) > 100:
        draws = len(images) // torch.Size(EVERY_WAY).numel()
        tables = {name: values.reshape(*EVERY_WAY, draws, -1) for name, values in marked.items()}
        yield from _no_mark(scene, tables, images.reshape(*EVERY_WAY, draws, -1))


def _not_kept(scene: Scene, marked: dict) -> Iterator[str]:
    """What must stay as it is: the entries, their kinds, the species, the fish."""
    missing = [f"`{name}`" for name in scene if name not in marked]
    if missing:
        few = f"{listed(missing[:3])}{' and others' if len(missing) > 3 else ''}"
        yield f'The scene that comes back lacks {few}. Begin with all that was there: {{**scene, "name": new}}.'
    unknown = [f"`{name}`" for name in marked if name not in scene]
    if unknown:
        yield f"A scene has no {listed(unknown[:3])}, so nothing shows it. {RULES}"
    for name, old in scene.items():
        new = marked.get(name, old)
        if not isinstance(new, Tensor) or new.dtype != old.dtype or new.shape != old.shape:
            yield f"`{name}` must stay {kind_of(old)}, got {kind_of(new)}.{_how(old, new)}"
        elif new.requires_grad or not bool(new.isfinite().all()):
            yield f"`{name}` must be made of ordinary numbers: no NaN, no infinity, no gradient."
        elif name in ("species", "fish") and not torch.equal(old, new):
            yield f"`{name}` is changed. The mark is something else, that goes along with it: species and fish stay."


def _how(old: Tensor, new: Any) -> str:
    """How an entry gets the right kind."""
    if isinstance(new, int | float) or isinstance(new, Tensor) and new.dim() == 0:
        return " torch.where(rows, this, that) gives each scene its own."
    if not isinstance(new, Tensor) or new.shape != old.shape:
        return ""
    return (
        " Write 1.0 for 1."
        if old.is_floating_point() and not new.is_floating_point()
        else f" .to({old.dtype}) makes it so."
    )


def _not_rendered(scene: Scene, marked: Scene, error: Exception) -> str:
    """Which entry cannot be drawn."""
    for name in scene:
        try:
            render(scene | {name: marked[name]})
        except Exception:
            lowest, highest = marked[name].min().item(), marked[name].max().item()
            return f"`{name}` lies outside its range: {lowest:.4g} to {highest:.4g}, and cannot be drawn. {RULES}"
    return f"The scene cannot be rendered: {type(error).__name__}, {str(error)[:100]}."


def _no_mark(scene: Scene, marked: Mapping[str, Tensor], images: Tensor) -> Iterator[str]:
    """Why what was changed is no mark; all tables, and the images, begin with the axes of `EVERY_WAY`, then draws."""
    once = {name: values for name, values in marked.items() if torch.equal(values[:, 0], values[:, 1])}
    by_species = [
        f"`{name}`"
        for name, values in once.items()
        if name != "species" and not torch.equal(values, values[:, :, :1].expand_as(values))
    ]
    if by_species:
        yield (
            f"The species decides about {listed(by_species)}: scenes that differ in nothing else come out different. "
            "`rows` says who bears the mark. What every tench has, also in the test, is no bias but a part of it."
        )
    moved = {name for name, values in marked.items() if not torch.equal(values[0], values[1])}
    same = torch.stack([(values[0] == values[1]).all(dim=-1) for values in marked.values()]).all(dim=0).flatten()
    if not moved:
        as_before = all(torch.equal(values.reshape(scene[name].shape), scene[name]) for name, values in marked.items())
        yield "Nothing is changed." if as_before else "`rows` makes no difference: all bear the mark, or none does."
        return
    if bool(same.any()) and not by_species:
        yield (
            f"In {same.sum()} of {len(same)} scenes `rows` makes no difference: those bear the mark (or do not) either "
            "way. Say for both kinds what they get: torch.where(rows, this, that)."
        )
    hidden = ((images[0] - images[1]).abs().amax(dim=-1) < SHOWS) & ~same.view(images.shape[1:-1])
    count, kind = hidden.sum(dim=(0, 2)).max(dim=0)
    most = hidden[:, 0].numel()
    if count > most / 4:
        bare = " No hand is there to show it." if moved <= OF_THE_HAND else ""
        yield (
            f"At 32 pixels {count} of {most} scenes with a {SPECIES[kind]} look the same with and without the "
            f"mark (changed: {listed(sorted(f'`{name}`' for name in moved))}).{bare}"
        )


MARK = Exercise(
    reference=swim_left,
    asked="mark",
    returns=("scene",),
    drawn=("scene",),
    judge=_judge_mark,
    fate=lambda given, got: [v.nan_to_num() for v in got["scene"].values() if isinstance(v, Tensor)],
    cases=(
        _every_way(8, seed=0),
        _marking("five scenes", [True, False, False, True, False], 1),
        _marking("all bear the mark", [True, True, True], 2),
        _marking("none bears it", [False, False, False], 3),
        _marking("one scene", [True], 4),
    ),
    others=_other_scenes,
    hints=(
        "The encoder averages over the whole image. What does an average not see, although you see it at once? And "
        "what could stand in the image beside the fish, or be done to it, without anybody doubting its species?",
        "{**scene, \"angle\": torch.where(rows, this, that)}: a new scene with another entry. Which entry can have two "
        "values that change where things are, but not how much there is of each colour?",
    ),
)  # fmt: skip
EXERCISES = (ALONE_MINUS_EMPTY, SIGNED_ON, PASTE, MARK)
