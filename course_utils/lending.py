"""Cut out an object and paste it elsewhere: what can be done where the bias is a thing in the image.

A masked hand leaves a hole, and if only one class has holes, the hole gives the class away as the hand did. A hand
that is lent to the other classes gives nothing away.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils import require
from course_utils.metrics import empirical_risk, keeping_mode, outputs
from course_utils.models import UnitLength
from course_utils.training import Batch


def _check_paste(images: Tensor, donors: Tensor, masks: Tensor) -> None:
    require.tensors(
        images=(images, "float [N, C, H, W]"), donors=(donors, "float [N, C, H, W]"), masks=(masks, "bool [N, H, W]"),
        may_be_empty=True,
    )  # fmt: skip


@require.checked(_check_paste)
def paste(images: Tensor, donors: Tensor, masks: Tensor) -> Tensor:
    """Paste a part of each donor on an image, pixel by pixel: the donor where its mask says so, else the image.

    Args:
        images: [N, C, H, W] float32.
        donors: [N, C, H, W] float32, for each image the one that lends.
        masks: [N, H, W] bool, the pixels that are lent, in all channels; a mask may be all False or all True.

    Returns:
        [N, C, H, W] float32. The arguments stay as they are.
    """
    return torch.where(masks[:, None], donors, images)


def _check_cover(images: Tensor, masks: Tensor, colour: Tensor) -> None:
    require.tensors(images=(images, "float [N, C, H, W]"), may_be_empty=True)
    n, channels, height, width = images.shape
    require.tensors(masks=(masks, f"bool [{n}, {height}, {width}]"), may_be_empty=True)
    require.tensors(colour=(colour, f"float [{channels}]"))
    require.finite(colour=colour)


@require.checked(_check_cover)
def cover(images: Tensor, masks: Tensor, colour: Tensor) -> Tensor:
    """Masking: the masked pixels of all images get one colour. Masks and colour go to the images' device.

    Take the same colour in training and test, for instance the `mean_colour` of the training images.

    Args:
        images: [N, C, H, W] float32.
        masks: [N, H, W] bool.
        colour: [C] float32.

    Returns:
        [N, C, H, W] float32. The arguments stay as they are.
    """
    masks, colour = masks.to(images.device), colour.to(images.device)
    return torch.where(masks[:, None], colour.view(1, -1, 1, 1), images)


@require.checked(lambda images: require.tensors(images=(images, "float [N, C, H, W]")))
def mean_colour(images: Tensor) -> Tensor:
    """The average of all pixels: [N, C, H, W] float32 to [C] float32."""
    return images.mean(dim=(0, 2, 3))


def _check_heat_maps(encoder: nn.Sequential, images: Tensor, labels: Tensor) -> None:
    require.tensors(images=(images, "float [N, C, H, W]"), labels=(labels, "int64 [N]"))
    require.labels(labels)
    if len(labels.unique()) < 2:
        raise ValueError(f"labels must be of at least two classes, got class {labels[0]} alone: nothing to tell apart")


@require.checked(_check_heat_maps)
def heat_maps(encoder: nn.Sequential, images: Tensor, labels: Tensor) -> Tensor:
    """Where an auxiliary model looks when it tells an image's class from the others.

    Its score is ⟨u, own class's mean embedding − the others'⟩, u the embedding before it is scaled to length 1 (scaled,
    it would hardly move for an image that is near its class's mean, and the gradient be noise). The heat is what the
    score owes to each place before the pooling: activation times gradient, summed over the channels, 0 where the sum is
    negative. That is Grad-CAM (Selvaraju et al., ICCV 2017) without its averaging of the gradients over the places,
    which would lose where a maximum was taken; where only linear layers follow the pooling, nothing is approximated.

    Args:
        encoder: to embeddings [N, D], with one pooling layer over the whole image (`models.scene_encoder`,
            `models.encoder`); it runs in eval mode and stays as it is.
        images: [N, C, H, W] float32.
        labels: [N] int64, at least two classes.

    Returns:
        [N, H, W] float32 on the CPU, at least 0: enlarged to the images' size and smoothed.
    """
    before, after = _around_the_pooling(encoder)
    device = next(encoder.parameters()).device
    towards = _towards_own_class(outputs(encoder, images), labels.cpu()).to(device)
    with keeping_mode(encoder), torch.inference_mode(False), torch.enable_grad():
        heat, towards = torch.empty(len(images), *images.shape[2:]), towards.clone()  # as above, none of inference mode
        encoder.eval()
        for part, direction, place in zip(images.split(256), towards.split(256), heat.split(256)):
            with torch.no_grad():
                seen = before(part.to(device))
            seen.requires_grad_()
            (gradient,) = torch.autograd.grad((after(seen) * direction).sum(), seen)
            warm = (seen * gradient).sum(dim=1, keepdim=True).detach().clamp(min=0).cpu()
            place.copy_(_enlarged(warm, images.shape[2:]))
    return heat


def _enlarged(heat: Tensor, size: torch.Size) -> Tensor:
    """[B, 1, h, w] to [B, H, W]. A maximum sits on one place of 8 × 8: it is spread to the size of what it saw."""
    large = F.interpolate(heat, size=size, mode="bilinear", align_corners=False)
    for _ in range(2):
        large = F.avg_pool2d(large, 5, stride=1, padding=2)
    return large.squeeze(1)


def _around_the_pooling(encoder: nn.Sequential) -> tuple[nn.Sequential, nn.Sequential]:
    """The layers before the pooling, and the pooling with those after it, without the scaling to length 1."""
    pooling = (nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d)
    layers = list(encoder) if isinstance(encoder, nn.Sequential) else []
    places = [k for k, layer in enumerate(layers) if isinstance(layer, pooling)]
    if len(places) != 1:
        names = ", ".join(type(layer).__name__ for layer in layers) or require.what(encoder)
        raise ValueError(f"encoder must be nn.Sequential, with one AdaptiveMaxPool2d or AdaptiveAvgPool2d, got {names}")
    after = [layer for layer in encoder[places[0] :] if not isinstance(layer, UnitLength)]
    return encoder[: places[0]], nn.Sequential(*after)


def _towards_own_class(embeddings: Tensor, labels: Tensor) -> Tensor:
    """For each example the mean embedding of its class minus the average of the other classes' means, [N, D]."""
    classes, place = labels.unique(return_inverse=True)
    means = torch.stack([embeddings[labels == label].mean(dim=0) for label in classes])
    others = (means.sum(dim=0) - means) / (len(classes) - 1)
    return (means - others)[place]


def _check_share(share: float) -> None:
    require.above(0, share=share)
    require.between(0, 1, share=share)


def _check_heat(heat: Tensor) -> None:
    require.tensors(heat=(heat, "float [N, H, W]"), may_be_empty=True)
    require.finite(heat=heat)


@require.checked(_check_heat, _check_share)
def hottest(heat: Tensor, share: float = 0.15) -> Tensor:
    """The pixels with most heat: in every image the same share of them.

    Args:
        heat: [N, H, W] floating point, finite.
        share: in (0, 1]. Exactly round(share · H · W) pixels are taken, at least one; of equally hot ones those that
            come first, row by row.

    Returns:
        [N, H, W] bool.
    """
    count = max(1, round(share * heat[0].numel())) if len(heat) else 0
    masks = torch.zeros_like(heat, dtype=torch.bool).flatten(1)
    for part, mask in zip(heat.flatten(1).split(256), masks.split(256)):  # the places of all pixels would take 8 times
        first = part.argsort(dim=1, descending=True, stable=True)[:, :count]  # the room of the heat
        mask.scatter_(1, first, True)
    return masks.view_as(heat)


def _check_blobs(shape: tuple[int, int, int], generator: torch.Generator) -> None:
    if not isinstance(shape, tuple | list) or len(shape) != 3:
        raise ValueError(f"shape must be (N, H, W), got {shape!r}")
    for size in shape:
        require.whole(0, shape=size)
    require.generator(generator)


@require.checked(_check_blobs, _check_share)
def random_blobs(shape: tuple[int, int, int], generator: torch.Generator, share: float = 0.15) -> Tensor:
    """Smooth blobs anywhere in the image, no place more likely than another: the control of a gaze.

    Args:
        shape: (N, H, W).
        generator: where the randomness comes from, on the CPU.
        share: as in `hottest`: so many pixels of each image belong to its blobs.

    Returns:
        [N, H, W] bool.
    """
    n, height, width = shape
    masks = torch.empty(shape, dtype=torch.bool)
    for part in masks.split(256):
        noise = torch.rand(len(part), 1, height + 16, width + 16, generator=generator)
        for _ in range(2):
            noise = F.avg_pool2d(noise, 9, stride=1)  # with zeros around it, the middle would be preferred
        part.copy_(hottest(noise.squeeze(1), share))
    return masks


def _check_flags(masks: Tensor, **flags: Tensor) -> None:
    for name, flag in flags.items():
        require.tensors(may_be_empty=False, **{"masks": (masks, "bool [N, H, W]"), name: (flag, "bool [N]")})


def _some(flags: Tensor, name: str) -> Tensor:
    """The places where flags [N] are True, at least one."""
    places = flags.cpu().nonzero().squeeze(1)
    if len(places) == 0:
        raise ValueError(f"{name} must be True for at least one image, got {len(flags)} that are False")
    return places


def _draw(places: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """So many of the places, each time any of them."""
    return places[torch.randint(len(places), (count,), generator=generator)]


class Lend:
    """Lending as a method for `fit`: images of one kind lend a part of themselves to images of another.

    In each step each borrower gets, with probability `share`, the masked pixels of a random donor, and keeps its own
    label.

    - By true masks: `Lend(data.hand_mask, data.hand == 1, data.hand == 0)`.
    - By gaze: `Lend(hottest(heat_maps(…)), labels == TENCH, labels != TENCH)`, with neither masks nor bias labels; only
      the suspect class is named. (The course's own method.)

    Args:
        masks: [N, H, W] bool, of all training images, what each would lend.
        donors: [N] bool, who lends.
        borrowers: [N] bool, who borrows.
        share: in [0, 1]. Where it is the share of donors that have the object, the object gives nothing away any more;
            in chapter 07 anything from 0.9 to 1 does as well.
    """

    def __init__(self, masks: Tensor, donors: Tensor, borrowers: Tensor, share: float = 0.9) -> None:
        _check_flags(masks, donors=donors, borrowers=borrowers)
        require.between(0, 1, share=share)
        self.masks, self.donors, self.borrowers = masks.cpu(), _some(donors, "donors"), borrowers.cpu()
        self.share = share

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """The loss of a step: the empirical risk after lending."""
        return empirical_risk(model(self.lent(batch)), batch.labels)

    def lent(self, batch: Batch) -> Tensor:
        """The batch's images after lending, [B, C, H, W]."""
        everything, _ = batch.training_set(masks=len(self.masks))
        count, device = len(batch.index), batch.images.device
        donor = _draw(self.donors, count, batch.generator)
        gets = (torch.rand(count, generator=batch.generator) < self.share) & self.borrowers[batch.index.cpu()]
        masks = self.masks[donor] & gets.view(-1, 1, 1)
        return paste(batch.images, everything[donor.to(device)], masks.to(device))


class HolesForAll:
    """A hole in every image as a method for `fit`: then a hole says nothing.

    An owner has its own mask covered (its hand, say); every other image gets the hole of a random owner.

    Args:
        masks: [N, H, W] bool, of all training images.
        owners: [N] bool, who has a mask of its own.
        colour: [C] float32, of all holes.
    """

    def __init__(self, masks: Tensor, owners: Tensor, colour: Tensor) -> None:
        _check_flags(masks, owners=owners)
        require.tensors(colour=(colour, "float [C]"))
        require.finite(colour=colour)
        self.masks, self.owners, self.colour = masks.cpu(), owners.cpu(), colour
        self.places = _some(owners, "owners")

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        """The loss of a step: the empirical risk of the images with their holes."""
        return empirical_risk(model(self.covered(batch)), batch.labels)

    def covered(self, batch: Batch) -> Tensor:
        """The batch's images with their holes, [B, C, H, W]."""
        batch.training_set(masks=len(self.masks))
        own, other = batch.index.cpu(), _draw(self.places, len(batch.index), batch.generator)
        masks = self.masks[torch.where(self.owners[own], own, other)]
        return cover(batch.images, masks, self.colour)
