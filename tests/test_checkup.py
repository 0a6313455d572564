"""The self-check passes here, and says what to do where something is missing."""

import pytest

from course_utils import checkup, data


def test_everything_works_here(capsys):
    assert checkup.checkup()
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("✓") for line in lines)
    for word in ("Python", "torch", "data", "device", "training", "sliders"):
        assert any(word in line for line in lines), word


def missing_package(monkeypatch):
    real = checkup.metadata.version

    def version(name):
        if name == "seaborn":
            raise checkup.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(checkup.metadata, "version", version)


def old_package(monkeypatch):
    real = checkup.metadata.version
    monkeypatch.setattr(checkup.metadata, "version", lambda name: "2.5.1+cpu" if name == "torch" else real(name))


def new_package(monkeypatch):
    real = checkup.metadata.version
    monkeypatch.setattr(checkup.metadata, "version", lambda name: "2.0.0rc1" if name == "scipy" else real(name))


def no_widget_manager(monkeypatch):
    monkeypatch.setattr(checkup, "jupyter_path", list)


def damaged_data(monkeypatch):
    def load_mnist(split="train", n=None):
        raise data.DataFileError("t10k-images-idx3-ubyte.gz is not the file\n  run `git restore data/mnist`")

    monkeypatch.setattr(checkup.data, "load_mnist", load_mnist)


@pytest.mark.parametrize(
    ("break_it", "look", "says"),
    [
        (missing_package, checkup._packages, "✗ seaborn is missing\n    → close JupyterLab and run `make lab`"),
        (old_package, checkup._packages, "✗ torch 2.5.1+cpu (2.6 or newer)\n    → close JupyterLab"),
        (new_package, checkup._packages, "✗ scipy 2.0.0rc1 (1.11 or newer, below 2)\n    → close JupyterLab"),
        (no_widget_manager, checkup._sliders, "✗ sliders: JupyterLab's widget manager is missing\n    → sliders would"),
        (damaged_data, checkup._data, "✗ t10k-images-idx3-ubyte.gz is not the file"),
    ],
)
def test_what_is_missing_is_named_with_what_to_do(break_it, look, says, monkeypatch):
    break_it(monkeypatch)
    assert any(str(line).startswith(says) for line in look())


def test_one_failure_does_not_hide_what_comes_after_it(monkeypatch, capsys):
    damaged_data(monkeypatch)
    assert not checkup.checkup()
    page = capsys.readouterr().out
    assert page.count("✗") >= 2  # the data, and the training that needs them
    assert "✓ sliders" in page


@pytest.mark.parametrize("version", ["2.6", "2.14.1+cpu", "2.10.0rc1"])
def test_versions_are_compared_as_numbers(version, monkeypatch):
    real = checkup.metadata.version
    monkeypatch.setattr(checkup.metadata, "version", lambda name: version if name == "torch" else real(name))
    assert f"✓ torch {version} (2.6 or newer)" in map(str, checkup._packages())
