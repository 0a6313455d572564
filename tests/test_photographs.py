"""Photographs: the whole path on a made-up folder of Imagenette's layout. Red squares are its hands."""

import hashlib
import io
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.error import URLError

import pytest
import torch
import torchvision
from PIL import Image
from torch import nn

from course_utils import data, notebooks, photographs, plots

OTHER = "n03028079"
SIZE, SIDE = 40, 10  # of the made-up photographs and of the red square in each tench
RED, GREEN = (230, 20, 20), (40, 120, 60)


def jpeg(square=None, size=(SIZE, SIZE)):
    """A green photograph, with a red square whose left and top are given."""
    picture = Image.new("RGB", size, GREEN)
    if square is not None:
        picture.paste(RED, (*square, square[0] + SIDE, square[1] + SIDE))
    file = io.BytesIO()
    picture.save(file, format="jpeg", quality=95, subsampling=0)
    return file.getvalue()


def made_up(folder, unseen=3, seen=2):
    """Tench with a red square at the top left, and churches without, some of ImageNet's validation images."""
    for wnid, square in ((photographs.WNID, (0, 0)), (OTHER, None)):
        for split in ("train", "val"):
            path = folder / "imagenette2-160" / split / wnid
            path.mkdir(parents=True)
            for number in range(unseen):
                (path / f"ILSVRC2012_val_{split}{number:04}.JPEG").write_bytes(jpeg(square))
            for number in range(seen):
                (path / f"{wnid}_{split}{number}.JPEG").write_bytes(jpeg(square))
    return folder


@pytest.fixture
def folder(tmp_path):
    return made_up(tmp_path)


def sees_red():
    """A tiny network of 1,000 classes: the first, if anything is red; else the second."""
    look, say = nn.Conv2d(3, 1, 1), nn.Linear(1, 1_000)
    with torch.no_grad():
        look.weight.copy_(torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1))
        look.bias.fill_(-0.3)
        say.weight.zero_()
        say.bias.fill_(-20)
        say.weight[0, 0], say.bias[:2] = 40, torch.tensor([-8.0, 0.0])
    return nn.Sequential(look, nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), say)


@pytest.fixture
def photos(folder):
    return photographs.load(folder, pixels=SIZE)


@pytest.fixture
def tench(photos):
    return photos.images[photos.tench]


@pytest.fixture
def colour(photos):
    return photos.images.mean(dim=(0, 2, 3))


MASKS = photographs.windows(SIZE, side=0.25, steps=4)


def test_what_is_there_is_found(folder, tmp_path):
    assert photographs.found(folder)
    assert photographs.found(str(folder))
    assert not photographs.found(folder, "320px")
    assert not photographs.found(tmp_path / "nowhere")


def test_the_layout_is_torchvisions():
    archives = torchvision.datasets.Imagenette._ARCHIVES
    assert {size: url.rsplit("/", 1)[1] for size, (url, _) in archives.items()} == {
        size: f"{name}.tgz" for size, name in photographs.SIZES.items()
    }
    assert next(iter(torchvision.datasets.Imagenette._WNID_TO_CLASS)) == photographs.WNID


def test_photographs_are_in_the_courses_form(photos):
    assert photos.images.shape == (12, 3, SIZE, SIZE)
    assert photos.images.dtype == torch.float32
    assert (photos.images.min() >= 0, photos.images.max() <= 1) == (True, True)
    assert photos.classes == [photographs.WNID, OTHER]
    assert photos.labels.tolist() == [0] * 6 + [1] * 6
    assert torch.equal(photos.tench, photos.labels == 0)
    red = photos.images[:, 0, 2:8, 2:8].mean(dim=(1, 2)) > 0.8
    assert torch.equal(red, photos.tench)


def test_images_that_the_stored_network_was_trained_on_are_left_out_unless_asked_for(folder):
    assert len(photographs.load(folder, pixels=8).labels) == 12
    assert len(photographs.load(folder, pixels=8, unseen=False).labels) == 20
    assert photographs.load(folder, per_class=2, pixels=8).labels.tolist() == [0, 0, 1, 1]


def test_the_seed_chooses_the_photographs(folder):
    for wnid in (photographs.WNID, OTHER):
        path = folder / "imagenette2-160" / "val" / wnid
        for number in range(8):
            (path / f"ILSVRC2012_val_more{number}.JPEG").write_bytes(jpeg((4 * number, 0)))
    first, again, other = (photographs.load(folder, per_class=5, pixels=SIZE, seed=seed).images for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_middle_square_is_taken(folder):
    path = folder / "imagenette2-160" / "val" / photographs.WNID
    for old in folder.glob(f"*/*/{photographs.WNID}/*"):
        old.unlink()
    (path / "ILSVRC2012_val_wide.JPEG").write_bytes(jpeg((SIZE, 0), size=(2 * SIZE, SIZE)))
    image = photographs.load(folder, pixels=SIZE).images[0]
    assert (image[0, 4, 22:28] > 0.8).all()
    assert (image[0, 4, :18] < 0.3).all()


def test_no_photographs_are_a_sentence(folder, tmp_path):
    with pytest.raises(data.DataFileError, match="there are no photographs here; download=True fetches them, once"):
        photographs.load(tmp_path / "nowhere")
    with pytest.raises(data.DataFileError, match="no photograph of a tench is called ILSVRC2012_val_"):
        photographs.load(made_up(tmp_path / "seen", unseen=0))
    for old in folder.glob(f"*/*/{OTHER}/*"):
        old.unlink()
    for download in (False, True):
        with pytest.raises(data.DataFileError, match="imagenette2-160 holds a part of the photographs only: delete it"):
            photographs.load(folder, download=download)


def test_a_damaged_photograph_is_named(folder):
    (folder / "imagenette2-160" / "val" / OTHER / "ILSVRC2012_val_val0001.JPEG").write_bytes(jpeg()[:40])
    with pytest.raises(data.DataFileError, match=f"imagenette2-160/val/{OTHER}/ILSVRC2012_val_val0001.JPEG is"):
        photographs.load(folder, pixels=SIZE)


@pytest.fixture
def offline(monkeypatch):
    """No connection, wherever torchvision and PyTorch ask for one."""

    def no_connection(*arguments, **options):
        raise URLError("no connection")

    monkeypatch.setattr("urllib.request.urlopen", no_connection)
    monkeypatch.setattr("torch.hub.urlopen", no_connection)


def test_without_being_asked_for_nothing_is_done_and_nothing_fetched(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(photographs, "stored_network", None)
    monkeypatch.setattr(photographs, "load", None)
    assert photographs.fetch(False, tmp_path) is None
    assert capsys.readouterr().out == "The section on real photographs was not asked for, and does not run.\n"
    assert not list(tmp_path.iterdir())


def test_without_a_connection_there_is_one_sentence_and_no_error(tmp_path, folder, offline, monkeypatch, capsys):
    assert photographs.fetch(True, tmp_path / "empty") is None
    said = capsys.readouterr().out.splitlines()[-1]  # before it PyTorch says what it tries
    assert said.startswith("The section on real photographs does not run: resnet18-f37072fd.pth, the weights of ")
    assert "could not be fetched and read (URLError: <urlopen error no connection>). Is there a connection?" in said
    monkeypatch.setattr(photographs, "stored_network", lambda *a, **o: sees_red())
    assert photographs.fetch(True, tmp_path / "empty") is None
    assert "the photographs could not be fetched and read (" in capsys.readouterr().out
    assert photographs.fetch(True, folder, pixels=SIZE)[1].images.shape == (12, 3, SIZE, SIZE)  # they are there


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A server on this machine that has photographs and weights, where torchvision looks for its own. Its folder."""
    folder = made_up(tmp_path / "web")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder))
    address = f"http://127.0.0.1:{server.server_port}"
    with tarfile.open(folder / "imagenette2-160.tgz", "w:gz") as file:
        file.add(folder / "imagenette2-160", "imagenette2-160")
    checksum = hashlib.md5((folder / "imagenette2-160.tgz").read_bytes()).hexdigest()
    torch.save(sees_red().state_dict(), folder / "tiny")
    name = f"tiny-{hashlib.sha256((folder / 'tiny').read_bytes()).hexdigest()[:8]}.pth"
    (folder / "tiny").rename(folder / name)
    archive = (f"{address}/imagenette2-160.tgz", checksum)
    monkeypatch.setitem(torchvision.datasets.Imagenette._ARCHIVES, "160px", archive)
    stands_for_torchvisions(monkeypatch, f"{address}/{name}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder
    server.shutdown()
    server.server_close()


def stands_for_torchvisions(monkeypatch, url):
    """The tiny network, its weights at this address, for every name."""
    seen = SimpleNamespace(mean=[0.0] * 3, std=[1.0] * 3)
    weights = SimpleNamespace(url=url, meta={"categories": ["tench", "church"]}, transforms=lambda: seen)
    monkeypatch.setattr("torchvision.models.list_models", lambda: ["resnet18", "tiny"])
    monkeypatch.setattr("torchvision.models.get_model_weights", lambda name: SimpleNamespace(DEFAULT=weights))
    monkeypatch.setattr("torchvision.models.get_model", lambda name: sees_red())


def test_what_is_fetched_once_is_there(tmp_path, web, monkeypatch):
    """Through torchvision's own code, an archive with its checksum and weights with their hash."""
    net, photos = photographs.fetch(True, tmp_path / "here", pixels=SIZE)
    assert torch.equal(photographs.said(net, photos.images).called, photos.tench)
    assert sorted(path.suffix for path in (tmp_path / "here").iterdir()) == ["", ".pth", ".tgz"]
    for file in web.glob("*.*"):
        file.unlink()
    assert photographs.stored_network(tmp_path / "here")(photos.images).shape == (12, 1_000)
    assert photographs.fetch(True, tmp_path / "here", pixels=SIZE) is not None


def test_weights_that_are_not_torchvisions_are_not_loaded(tmp_path, monkeypatch):
    torch.save(sees_red().state_dict(), tmp_path / "tiny-00000000.pth")
    stands_for_torchvisions(monkeypatch, (tmp_path / "tiny-00000000.pth").as_uri())
    with pytest.raises(data.DataFileError, match="tiny-00000000.pth, the weights of tiny, could not be .*hash"):
        photographs.stored_network(tmp_path / "here", "tiny", download=True)
    (tmp_path / "here" / "tiny-00000000.pth").write_bytes(b"half of it")
    with pytest.raises(
        data.DataFileError, match="tiny-00000000.pth, the weights of tiny, could not be fetched and read"
    ):
        photographs.stored_network(tmp_path / "here", "tiny")


def test_the_stored_network_normalises_first_and_knows_the_tench(tmp_path, monkeypatch):
    with pytest.raises(data.DataFileError, match="there are no weights of resnet18 here; download=True fetches them"):
        photographs.stored_network(tmp_path)
    for name in ("fcn_resnet50", "raft_small", "nonsense", None, ["resnet18"]):
        with pytest.raises(ValueError, match="name must be that of one of torchvision's networks of .*, got "):
            photographs.stored_network(tmp_path, name)
    with pytest.raises(ValueError, match="folder must be a path, got None"):
        photographs.stored_network(None)
    weights = torchvision.models.get_model_weights("squeezenet1_1").DEFAULT
    torch.save(torchvision.models.get_model("squeezenet1_1").state_dict(), tmp_path / weights.url.rsplit("/", 1)[1])
    before = torch.random.get_rng_state()
    net = photographs.stored_network(tmp_path, "squeezenet1_1")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.allclose(net[0](torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)), torch.zeros(3, 1, 1), atol=1e-6)
    assert not net.training
    assert net(torch.rand(2, 3, 64, 64)).shape == (2, 1_000)


def test_windows_reach_from_edge_to_edge():
    masks = photographs.windows(10, side=0.4, steps=3)
    assert masks.shape == (9, 10, 10)
    assert masks.sum(dim=(1, 2)).tolist() == [16] * 9
    assert masks[0, :4, :4].all()
    assert masks[4, 3:7, 3:7].all()
    assert masks[2, :4, 6:].all()
    assert masks[8, 6:, 6:].all()


def test_the_strongest_window_is_the_planted_one(tench, colour):
    tried = photographs.try_windows(sees_red(), tench, MASKS, colour)
    assert tried.strongest.tolist() == [0] * 6
    assert tried.alone.called.sum(dim=1).tolist() == [1] * 6
    assert tried.alone.called[:, 0].all()
    assert not tried.covered.called[:, 0].any()
    assert tried.covered.called[:, 1:].all()
    assert tried.whole.called.all()
    assert not tried.nothing.called.any()
    assert tried.alone.probability.shape == tried.covered.probability.shape == (6, 16)
    assert ((tried.alone.probability > 0.5) == tried.alone.called).all()


def test_another_class_can_be_asked_about(tench, colour):
    tried = photographs.try_windows(sees_red(), tench, MASKS, colour, target=1)
    assert tried.nothing.called.all()
    assert not tried.whole.called.any()
    assert tried.covered.called[:, 0].all()


def test_the_summary_tells_the_planted_window_from_the_others(photos, tench, colour):
    groups = {"tench": tench, "others": photos.images[~photos.tench]}
    tried = {name: photographs.try_windows(sees_red(), part, MASKS, colour) for name, part in groups.items()}
    table = photographs.summary(tried)
    shares = {"whole": 1, "strongest alone": 1, "any alone": 1 / 16}
    shares |= {"strongest covered": 0, "another covered": 1, "nothing": 0}
    assert table.loc["tench"].to_dict() == pytest.approx(shares)
    assert (table.loc["others"] == 0).all()


def test_a_map_is_the_mean_over_the_windows_that_hold_a_pixel():
    masks = photographs.windows(4, side=0.75, steps=2)
    values = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0]])
    maps = photographs.heat(values, masks)
    assert maps[0, 0, 0] == 1
    assert maps[0, 0, 2] == 0.5
    assert maps[0, 2, 2] == 0.25
    assert maps[0, 3, 3] == 0
    assert maps[1, 3, 3] == 2
    assert photographs.heat(values, masks & (torch.arange(4) > 0))[0, 0, 0] == 0


def test_the_contact_sheet_shows_the_strongest_window_of_each_image(photos, colour):
    tried = photographs.try_windows(sees_red(), photos.images, MASKS, colour)
    figure = photographs.contact_sheet(photos.images, tried, MASKS, title="t", n=7)
    shown = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in shown[:6]] == [f"{place}: 100 %" for place in range(6)]
    assert len(shown) == 7
    for ax in shown[:6]:
        assert ax.images[0].get_array().shape == (SIDE, SIDE, 3)
        assert ax.images[0].get_array()[..., 0].mean() > 0.8
    assert shown[6].images[0].get_array()[..., 0].mean() < 0.3


def test_maps_and_rulers_are_drawn(tench, colour):
    tried = photographs.try_windows(sees_red(), tench, MASKS, colour)
    figure = photographs.heat_sheet(tench, tried, MASKS, title="t", n=3)
    assert [ax.get_title() for ax in figure.axes[:3]] == ["0: 100 %", "1: 100 %", "2: 100 %"]
    for ax in (figure.axes[3], figure.axes[6]):  # alone, and lost if covered: both at the square
        darkness = ax.images[0].get_array().squeeze()
        assert darkness[:SIDE, :SIDE].min() > 0.9
        assert darkness[SIDE:, SIDE:].max() < 0.1
    figure = photographs.with_rulers(tench, title="t", n=5)
    assert [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes if ax.images] == list("01234")
    assert plots.png(figure)


def test_three_figures_with_words_go_to_the_page(tench, colour, monkeypatch):
    shown = []
    monkeypatch.setattr(plots, "show", lambda figure, alt, **_: shown.append((figure.get_suptitle(), alt)))
    photographs.show(tench, photographs.try_windows(sees_red(), tench, MASKS, colour), MASKS)
    assert "called tench on 6 of 6 images" in " ".join(shown[0][0].split())
    assert len(shown) == 3
    assert all(len(alt.split()) >= 8 for _, alt in shown)


def test_the_readers_boxes_are_asked_about_alone_and_covered(tench, colour):
    table = photographs.hands(sees_red(), tench, {0: (0, 0, SIDE, SIDE), 4: (0, 0, SIDE, SIDE + 5)}, colour)
    assert table["called"].to_dict() == {
        "whole": 1, "hand alone": 1, "another box alone": 0, "hand covered": 0, "another box covered": 1, "nothing": 0,
    }  # fmt: skip
    assert ((table["probability"] > 0.9) == (table["called"] == 1)).all()
    beside = photographs.hands(sees_red(), tench, {0: (20, 20, 30, 30)}, colour)["called"]
    assert (beside["hand alone"], beside["hand covered"]) == (0, 1)


def test_the_control_box_is_the_mirror_image_that_overlaps_least(tench, colour):
    """A box in the left half that reaches from top to bottom is mirrored to the right."""
    table = photographs.hands(sees_red(), tench.flip(3), {0: (0, 0, SIDE, SIZE)}, colour)["called"]
    assert (table["hand alone"], table["another box alone"]) == (0, 1)


def test_the_folder_is_not_gits():
    ignored = (notebooks.NOTEBOOKS.parent / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert f"data/{photographs.FOLDER.name}/" in ignored
