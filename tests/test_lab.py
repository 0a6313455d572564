"""`python -m course_utils.lab` without a browser: what it passes on to JupyterLab, and what it says. test_browser.py
tests what then stands on the page."""

import json
import os
import sys
from pathlib import Path

import pytest
from jupyterlab.labapp import LabApp

from course_utils import copies, plots
from course_utils.lab import __main__ as lab

SETTINGS = json.loads((lab.CONFIG / "labconfig" / "default_setting_overrides.json").read_text(encoding="utf-8"))


@pytest.fixture
def started(monkeypatch):
    """What JupyterLab was started with, without starting it; no copies are made, no server runs, no browser opens."""
    calls = []
    monkeypatch.setattr(copies, "bring_up_to_date", lambda: ["Nine chapters copied."])
    monkeypatch.setattr(LabApp, "launch_instance", calls.append)
    monkeypatch.setattr(lab, "list_running_servers", list)
    monkeypatch.setattr(lab.webbrowser, "open", lambda address: calls.append(address))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "mine")
    return calls


def serving(folder):
    return lambda: [{"root_dir": str(folder), "url": "http://localhost:8888/", "token": "abc"}]


def test_the_copies_come_first_and_your_own_options_and_settings_go_with_it(started, capsys):
    lab.main(["--no-browser", "--port", "9000"])
    assert capsys.readouterr().out.startswith("Nine chapters copied.\nJupyterLab starts.")
    assert started == [["--no-browser", "--port", "9000"]]
    assert os.environ["JUPYTER_CONFIG_PATH"].split(os.pathsep) == [str(lab.CONFIG), "mine"]


def test_a_second_start_shows_the_server_that_runs(started, capsys, monkeypatch):
    monkeypatch.setattr(lab, "list_running_servers", serving(copies.WORK.parent))
    lab.main([])
    address = "http://localhost:8888/lab/tree/work/00_start_here.ipynb?token=abc"
    assert started == [address]
    assert address in capsys.readouterr().out
    lab.main(["--no-browser"])
    assert started == [address]
    lab.main(["--port", "9000"])
    assert started[1:] == [["--port", "9000"]]


def test_another_folders_server_does_not_matter(started, tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "list_running_servers", serving(tmp_path))
    lab.main([])
    assert started == [[]]


@pytest.mark.parametrize("plugin", SETTINGS)
def test_jupyterlab_knows_every_setting(plugin):
    """A setting under a name that it does not know would be ignored silently."""
    share = Path(sys.prefix) / "share" / "jupyter"
    package, name = plugin.split(":")
    found = [*share.glob(f"lab/schemas/{package}/{name}.json")]
    found += share.glob(f"labextensions/{package}/schemas/{package}/{name}.json")
    assert found, f"no {plugin} in {share}"
    assert set(SETTINGS[plugin]) <= set(json.loads(found[0].read_text(encoding="utf-8"))["properties"])


@pytest.fixture
def shown(monkeypatch):
    """What `plots.show` puts on the page for a figure whose words are hard to write in HTML."""
    calls = []
    monkeypatch.setattr(plots.page, "display", lambda what, **options: calls.append((what, options)))

    def show():
        calls.clear()
        plots.show(plots.panels(width=1, height=1)[0], alt='one "two"\n<three> & four')
        return calls[0]

    return show


def test_in_jupyterlab_a_figure_has_its_words_where_screen_readers_find_them(shown, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "work/00_start_here.ipynb")
    what, _ = shown()
    assert set(what) == {"text/html", "text/plain"}
    assert what["text/html"].startswith(
        '<img alt="one &quot;two&quot;&#10;&lt;three&gt; &amp; four" src="data:image/png;base64,iVBOR'
    )


def test_elsewhere_a_figure_is_a_png(shown, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    what, options = shown()
    alt = 'one "two"\n<three> & four'
    assert what["image/png"].startswith(b"\x89PNG") and what["text/plain"] == alt
    assert options["metadata"] == {"image/png": {"alt": alt}}
