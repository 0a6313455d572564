"""Lending: pixels go where the mask says and nowhere else; a gaze is found where a planted mark is."""

import pytest
import torch
from torch import nn

from course_utils import lending, metrics, models, training
from course_utils.selecmix import gsc_loss
from course_utils.training import Batch


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def some_images(n=6, size=4, seed=0):
    return torch.rand(n, 3, size, size, generator=seeded(seed))


def some_masks(n=6, size=4, seed=1):
    return torch.rand(n, size, size, generator=seeded(seed)) < 0.4


@pytest.fixture
def batch():
    """Half of 40 images; whose colour tells which one it is."""
    images = torch.arange(40.0).view(40, 1, 1, 1).expand(40, 3, 4, 4).clone()
    index = torch.arange(0, 40, 2)
    return Batch(images[index], index % 4, index, seeded(7), (images, torch.arange(40) % 4))


def test_masks_of_other_images_than_the_trained_ones_are_refused(batch):
    """After `holdout`, say: each image would get another one's mask."""
    masks, flags = some_masks(50), torch.ones(50, dtype=torch.bool)
    colour = torch.zeros(3)
    for method in (lending.Lend(masks, flags, flags), lending.HolesForAll(masks, flags, colour)):
        with pytest.raises(ValueError, match="masks must be made for the 40 examples .* got masks for 50"):
            method(nn.Identity(), batch)


# ---- paste, cover ------------------------------------------------------------------------------------------------


def test_pasting_takes_each_pixel_from_where_the_mask_says_in_all_channels():
    images, donors, masks = some_images(), some_images(seed=5), some_masks()
    before = [part.clone() for part in (images, donors, masks)]
    pasted = lending.paste(images, donors, masks)
    assert pasted.dtype == torch.float32
    for n in range(6):
        for row in range(4):
            for column in range(4):
                source = donors if masks[n, row, column] else images
                assert torch.equal(pasted[n, :, row, column], source[n, :, row, column])
    assert all(torch.equal(part, old) for part, old in zip((images, donors, masks), before))
    pasted.zero_()
    assert torch.equal(images, before[0])
    assert torch.equal(donors, before[1])


def test_pasting_nothing_gives_the_image_and_pasting_all_the_donor():
    images, donors = some_images(), some_images(seed=5)
    nothing = torch.zeros(6, 4, 4, dtype=torch.bool)
    assert torch.equal(lending.paste(images, donors, nothing), images)
    assert torch.equal(lending.paste(images, donors, ~nothing), donors)
    assert lending.paste(images[:0], donors[:0], nothing[:0]).shape == (0, 3, 4, 4)


def test_pasting_keeps_channels_last():
    images, donors = (part.contiguous(memory_format=torch.channels_last) for part in (some_images(), some_images()))
    assert lending.paste(images, donors, some_masks()).is_contiguous(memory_format=torch.channels_last)


def test_covering_puts_one_colour_under_the_mask_and_leaves_the_rest():
    images, masks, colour = some_images(), some_masks(), torch.tensor([0.1, 0.5, 0.9])
    before = images.clone()
    covered = lending.cover(images, masks, colour).permute(0, 2, 3, 1)
    assert (covered[masks] == colour).all()
    assert torch.equal(covered[~masks], images.permute(0, 2, 3, 1)[~masks])
    assert torch.equal(images, before)


def test_the_mean_colour_is_numpys():
    images = some_images()
    assert lending.mean_colour(images).numpy() == pytest.approx(images.numpy().mean(axis=(0, 2, 3)), abs=1e-6)


# ---- Where an encoder looks --------------------------------------------------------------------------------------


def test_of_every_image_exactly_the_share_of_pixels_with_most_heat():
    heat = torch.rand(5, 8, 8, generator=seeded())
    masks = lending.hottest(heat, 0.15)
    assert masks.dtype == torch.bool
    assert (masks.sum(dim=(1, 2)) == round(0.15 * 64)).all()
    for image, mask in zip(heat, masks):
        assert image[mask].min() > image[~mask].max()


def test_of_equally_hot_pixels_the_first_are_taken_and_never_too_many():
    heat = torch.zeros(2, 4, 4)
    heat[1, 3, 3] = 1
    masks = lending.hottest(heat, 0.25).flatten(1)
    assert masks[0].nonzero().squeeze(1).tolist() == [0, 1, 2, 3]
    assert masks[1].nonzero().squeeze(1).tolist() == [0, 1, 2, 15]
    assert lending.hottest(heat, 1e-9).sum().item() == 2
    assert lending.hottest(heat, 1).all()


@pytest.fixture(scope="module")
def spots():
    """Noise with a spot somewhere, red in class 0 and blue in class 1. And where it is."""
    images, labels = 0.3 * torch.rand(200, 3, 32, 32, generator=seeded()), torch.arange(200) % 2
    masks = torch.zeros(200, 32, 32, dtype=torch.bool)
    for mask, (row, column) in zip(masks, torch.randint(25, (200, 2), generator=seeded(1)).tolist()):
        mask[row : row + 8, column : column + 8] = True
    colours = torch.eye(3)[2 * labels]
    return lending.paste(images, colours[:, :, None, None].expand_as(images), masks), labels, masks


@pytest.mark.parametrize("pool", models.POOLING)
def test_the_heat_is_on_the_mark_by_which_the_class_is_known(spots, pool):
    images, labels, masks = spots
    encoder = models.scene_encoder(pool)
    training.fit(encoder, images, labels, loss=gsc_loss(), epochs=8, lr=5e-3, batch_size=50, show=False)
    hottest = lending.heat_maps(encoder, images, labels).flatten(1).argmax(dim=1)
    assert masks.flatten(1)[torch.arange(200), hottest].float().mean() > 0.8


def test_heat_is_gradient_times_activation_before_the_pooling():
    """By hand, on an encoder with one feature whose activations are the image itself."""
    encoder = nn.Sequential(nn.Identity(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(1, 2, bias=False))
    encoder[3].weight.data[:] = torch.tensor([[1.0], [0.0]])
    images = torch.zeros(2, 1, 32, 32)
    images[0, 0, 10, 20], images[1, 0, 5, 5] = 3.0, 1.0
    heat = lending.heat_maps(encoder, images, torch.tensor([0, 1]))
    # Means (3, 0) and (1, 0): class 0 looks towards (2, 0), class 1 away from it, which is no heat. Twice smoothed by
    # 5 × 5, 6 = 3 · 2 at one place is 6 · 5 / 25 · 5 / 25 there, and as much in all.
    assert heat[0, 10, 20].item() == pytest.approx(6 * 25 / 625)
    assert heat[0].sum().item() == pytest.approx(6)
    assert heat[0].argmax().item() == 10 * 32 + 20
    assert heat[1].sum().item() == 0


def test_heat_maps_leave_the_encoder_as_it_was():
    encoder = models.scene_encoder().train()
    encoder[1].eval()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    images, labels = some_images(300, 32), torch.arange(300) % 3
    kept = images.clone()
    with torch.no_grad():
        heat = lending.heat_maps(encoder, images, labels)
    assert heat.shape == (300, 32, 32)
    assert heat.dtype == torch.float32
    assert heat.min() >= 0
    assert not heat.requires_grad
    assert torch.equal(images, kept)
    assert encoder.training
    assert encoder[4].training
    assert not encoder[1].training
    assert all(parameter.grad is None for parameter in encoder.parameters())
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_the_courses_first_encoder_has_heat_too():
    heat = lending.heat_maps(models.encoder(), some_images(8, 32), torch.arange(8) % 2)
    assert heat.shape == (8, 32, 32)


# ---- Lend, HolesForAll -------------------------------------------------------------------------------------------


def test_borrowers_get_the_masked_pixels_of_a_donor_and_nothing_else_changes(batch):
    donors, borrowers, masks = torch.arange(40) < 10, torch.arange(40) >= 20, some_masks(40)
    lent = lending.Lend(masks, donors, borrowers, share=1.0).lent(batch)
    sources = set()
    for image, own in zip(lent, batch.index.tolist()):
        found = image.unique().long().tolist()
        if own < 20:
            assert found == [own]
            continue
        (source,) = set(found) - {own}
        sources.add(source)
        assert donors[source]
        assert torch.equal(image[0] == source, masks[source])
    assert len(sources) > 3


def test_about_the_share_of_the_borrowers_gets_something():
    images = torch.arange(1_000.0).view(-1, 1, 1, 1).expand(-1, 3, 2, 2)
    index, full = torch.arange(1_000), torch.ones(1_000, 2, 2, dtype=torch.bool)
    donors = index == 0
    for share in (0.0, 0.3, 1.0):
        batch = Batch(images, index, index, seeded(), (images, index))
        lent = lending.Lend(full, donors, ~donors, share).lent(batch)[1:, 0, 0, 0]
        assert (lent == 0).float().mean().item() == pytest.approx(share, abs=0.05)
    batch = Batch(images, index, index, seeded(), (images, index))
    assert (lending.Lend(full, donors, ~donors).lent(batch)[:, 0, 0, 0] == 0).float().mean() == pytest.approx(
        0.9, abs=0.03
    )


def test_the_draws_are_the_batch_generators_and_no_others(batch):
    lend = lending.Lend(some_masks(40), torch.arange(40) < 20, torch.arange(40) >= 20)
    holes = lending.HolesForAll(some_masks(40), torch.arange(40) < 20, torch.full((3,), -1.0))
    for method in (lend.lent, holes.covered):
        torch.manual_seed(0)
        state = torch.get_rng_state()
        first = method(batch._replace(generator=seeded(1)))
        assert torch.equal(torch.get_rng_state(), state)
        torch.manual_seed(5)
        assert torch.equal(first, method(batch._replace(generator=seeded(1))))
        assert not torch.equal(first, method(batch._replace(generator=seeded(2))))


def test_the_loss_is_the_risk_of_the_lent_images_with_their_own_labels(batch):
    lend = lending.Lend(some_masks(40), torch.arange(40) < 20, torch.arange(40) >= 20)
    net = models.mlp(48, (), 4)
    before = [part.clone() for part in (*batch[:3], *batch.data)]
    loss = lend(net, batch._replace(generator=seeded(3)))
    lent = lend.lent(batch._replace(generator=seeded(3)))
    assert torch.equal(loss, metrics.empirical_risk(net(lent), batch.labels))
    assert all(torch.equal(part, old) for part, old in zip((*batch[:3], *batch.data), before))


def test_an_owner_has_its_own_hole_and_every_other_image_an_owners(batch):
    owners, masks = torch.arange(40) % 4 == 0, some_masks(40)
    covered = lending.HolesForAll(masks, owners, torch.tensor([-1.0, -2.0, -3.0])).covered(batch)
    others = set()
    for image, own in zip(covered, batch.index.tolist()):
        hole = image[0] == -1
        assert torch.equal(image[:, hole], torch.tensor([-1.0, -2.0, -3.0])[:, None].expand(3, int(hole.sum())))
        assert (image[:, ~hole] == own).all()
        if owners[own]:
            assert torch.equal(hole, masks[own])
        else:
            others.update(n for n in owners.nonzero().squeeze(1).tolist() if torch.equal(hole, masks[n]))
            assert any(torch.equal(hole, masks[n]) for n in owners.nonzero().squeeze(1).tolist())
    assert len(others) > 2


@pytest.mark.parametrize("method", ["lend", "holes"])
def test_fit_takes_it_as_a_loss(method):
    images, labels, masks = some_images(64, 32), torch.arange(64) % 4, some_masks(64, 32)
    chosen = labels == 0
    loss = {"lend": lending.Lend(masks, chosen, ~chosen), "holes": lending.HolesForAll(masks, chosen, torch.zeros(3))}
    nets = [models.scene_cnn() for _ in range(2)]
    for net in nets:
        training.fit(net, images, labels, loss=loss[method], epochs=2, batch_size=16, show=False)
    first, second = (metrics.outputs(net, images) for net in nets)
    assert torch.equal(first, second)


def test_random_blobs_are_as_large_as_a_gaze_and_prefer_no_place():
    blobs = lending.random_blobs((2_000, 32, 32), torch.Generator().manual_seed(0))
    assert blobs.flatten(1).sum(dim=1).unique().tolist() == [154]
    often = blobs.float().mean(dim=0)
    assert often.min() > 0.10 and often.max() < 0.20
    again = lending.random_blobs((2_000, 32, 32), torch.Generator().manual_seed(0))
    assert torch.equal(blobs, again)
    inside = (blobs[:, 1:] == blobs[:, :-1]).float().mean()  # smooth: neighbours mostly agree
    assert inside > 0.9
