"""`SEEDS` at the top of a chapter may be any distinct numbers, and every question be answered: each chapter runs so,
with trainings cut short.

Cut short, an epoch is one step. What comes out is nonsense; that no cell stops is what is asked here. What the cards
say on other seeds has to be read off a real run.
"""

import re
from itertools import islice

import nbformat
import pytest
import torch

from course_utils import data, gan, plots, predictions, record, training
from course_utils.notebooks import find
from course_utils.training import loop, many

BOOKS = {path.stem: nbformat.read(path, as_version=4) for path in find([])}
STEPS = {"04_adversarial": 8}  # for each epoch: enough for a network that an attack can fool
TAKES_SEEDS = [name for name, book in BOOKS.items() if any("\nSEEDS = " in "\n" + cell.source for cell in book.cells)]


@pytest.fixture
def cut_short(monkeypatch, name):
    """Few steps for each epoch and for the GANs, and no picture drawn."""
    steps = STEPS.get(name, 1)
    for room, name in ((loop, "batches"), (many, "_batches")):
        take = getattr(room, name)
        monkeypatch.setattr(room, name, lambda *arguments, take=take: islice(take(*arguments), steps))
    monkeypatch.setattr(gan, "train_gans", lambda *a, train=gan.train_gans, **k: train(*a, **k | {"steps": 16}))
    monkeypatch.setattr(plots, "show", lambda figure, alt, **_: None)


@pytest.fixture
def answers(monkeypatch, tmp_path):
    """A reader who answers every question, a half, or the first of the names, and keeps a record. Gives for the name of
    each question the names that it lets choose."""
    choices, predict = {}, predictions.predict

    def answer(said, of, unit="%", among=()):
        choices[of] = among
        return predict(among[0] if among else "0.5", of, unit, among)

    monkeypatch.setattr(predictions, "predict", answer)
    monkeypatch.setattr(record, "_waiting", {})
    monkeypatch.setenv("COURSE_RECORD", str(tmp_path / "record.json"))
    return choices


def run(name, seeds):
    """Every cell of a chapter with these seeds, in one process."""
    names, used = {"__name__": "__main__"}, 0
    for cell in BOOKS[name].cells:
        if cell.cell_type == "code":
            source, found = re.subn(r"^SEEDS = .*$", f"SEEDS = {seeds}", cell.source, flags=re.M)
            used += found
            exec(compile(source, f"{name}: {cell.id}", "exec"), names)
    assert used == 1
    return names


def test_most_chapters_take_seeds():
    assert len(TAKES_SEEDS) >= 6


@pytest.mark.notebook
@pytest.mark.parametrize("name", TAKES_SEEDS)
def test_a_chapter_runs_on_any_seeds_and_answers_every_prediction_in_its_own_unit(name, cut_short, answers, capsys):
    source = "\n".join(cell.source for cell in BOOKS[name].cells)
    seeds = eval(re.search(r"^SEEDS = (.*)$", source, re.M)[1])
    run(name, (1000, 7, 3_000_000, 12, 99, 5_000, 31, 2)[: len(seeds)])
    told = re.findall(r"You predicted (.+?)\. Measured: (.+)\.", capsys.readouterr().out)
    assert len(told) >= source.count(".beside(") > 0
    for predicted, measured in told:
        if predicted == "50 %":
            assert not (float(measured.split()[0]) < 0 or float(measured.split()[0]) > 100), measured
    kept = {one.of: one for one in record.predictions()}
    assert set(kept) == set(answers)
    for of, names in answers.items():
        assert not names or kept[of].measured in names, of
        assert names or all(isinstance(value, float) for value in kept[of].measured), of
        assert kept[of].among == len(names)
    claims = re.findall(r'"(Claim \d.*?)"', source)
    assert len(record.verdicts()) >= len(claims)


def test_other_seeds_draw_other_images_and_a_larger_part_begins_with_the_smaller():
    rows = data.subsets((0, 1000, 50), 500, of=20_000)
    assert rows.shape == (3, 500)
    assert all(len(row.unique()) == 500 and row.max() < 20_000 for row in rows)
    assert len(torch.cat([rows[0], rows[1]]).unique()) > 900
    assert torch.equal(data.subsets((50,), 500, of=20_000)[0], rows[2])
    assert torch.equal(data.subsets((50,), 900, of=20_000)[0, :500], rows[2])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(((), 5, 10), "seeds must be .*not empty"), (((0,), 0, 10), "from 1 to 10, got 0"), (((0,), 11, 10), "got 11")],
)
def test_subsets_that_cannot_be_are_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        data.subsets(*arguments)


def test_groups_of_stacked_networks_hold_each_once_and_come_in_pairs():
    for networks in (1, 2, 3, 10, 18, 200):
        groups = many._groups(networks)
        assert [m for part in groups for m in range(networks)[part]] == list(range(networks))
        assert len(groups) % 2 == 0 or networks == 1
        assert max(part.stop - part.start for part in groups) <= many.TOGETHER
    assert training.side_by_side(lambda _: len(many._groups(6)), [0]) == [1]
