"""What `plots` must refuse."""

import math

import numpy as np
import pandas as pd
import torch
from refusals import row

from course_utils import plots
from course_utils.record import Kept

NAN = math.nan
FRAME = pd.DataFrame({"epoch": [1, 2, 3], "ERM": [0.5, 0.4, NAN], "mixup": [0.6, 0.5, 0.4], "who": list("abc")})
NO_FRAMES = [None, FRAME[:0], FRAME.to_dict(), torch.zeros(3, 2), FRAME.assign(ERM=math.inf), FRAME.assign(ERM="x"),
             FRAME.assign(epoch=NAN), FRAME.drop(columns="ERM")]  # fmt: skip
NO_COLUMNS = [None, "ERM", [], ["nobody"], ["ERM", 3], [["ERM"]]]
NO_COLOURS = [["red"], ["red", "reddish"], ["red", None], "reddish", ["red", "blue", "green"]]
NO_SHARES = [90, -0.1, NAN, math.inf, "0.9", [0.9]]
NO_NUMBERS = [NAN, math.inf, "0.9", [0.9]]
AX = plots.panels()[1][0, 0]
NO_PANELS = [None, plots.panels()[0], plots.panels()[1]]
NO_FIGURES = [None, AX, plots.panels(), "figure"]
NO_TEXTS = [None, 3, ["a"]]
IMAGES = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
NO_IMAGES = [None, (255 * IMAGES).to(torch.uint8), 255 * IMAGES, IMAGES[0], IMAGES[:, 0], IMAGES - 0.5, IMAGES.numpy(),
             IMAGES * NAN, IMAGES[:0], IMAGES.expand(2, 2, 8, 8), IMAGES.permute(0, 2, 3, 1)]  # fmt: skip
POINTS, SIDES = torch.randn(6, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 1, 0, 1, 0])
NO_POINTS = [None, POINTS.tolist(), POINTS.T, POINTS[:, :1], POINTS.long(), POINTS * NAN, POINTS[:4], POINTS[:0]]
NO_SIDES = [None, SIDES.float(), SIDES[:, None], SIDES[:4], SIDES + 1, SIDES - 1, SIDES.bool(), SIDES.tolist()]
COLOURS = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
NO_PALETTES = [None, 255 * COLOURS, COLOURS[:1], COLOURS[:, :2], COLOURS.tolist(), COLOURS * NAN, COLOURS.long()]
TABLE = torch.tensor([[1.0, NAN], [0.3, 0.7]])
RELIABILITY = pd.DataFrame({"confidence": [0.2, 0.9], "accuracy": [0.3, 0.8], "examples": [10, 10]})
MEASURED = plots.Measured("error rate", [1.0, 2.0, 3.0], below=5.0)
LINE = plots.ScoreLine(1, "A claim", "Its moral.", "holds here", MEASURED, None)


def flat(plane):
    return torch.stack([plane[:, 0], torch.ones(len(plane))], dim=1)


NO_RULES = [None, 3, lambda plane: None, lambda plane: plane[:, 0], lambda plane: NAN * plane, lambda plane: plane.T]

EXEMPT = {
    "plots.course.course_map": "no arguments",
    "plots.page.use_style": "no arguments",
    "plots.scorecard.Measured": "a plain record; `draw_scorecard` looks at it",
    "plots.scorecard.ScoreLine": "a plain record; `draw_scorecard` looks at it",
}
ROWS = [
    row(plots.look, {"name": "ERM"}, name=NO_TEXTS),
    row(plots.ink, {"colour": "#0072B2"}, colour=[None, "reddish", "#12", 3]),
    row(plots.filled, {"text": "some words", "width": 5}, text=NO_TEXTS, width=[0, -1, 2.5, "5", None, NAN]),
    row(
        plots.panels,
        {"rows": 1, "columns": 2, "width": 3, "height": 2},
        "options",
        rows=[0, -1, 1.5, "1", None],
        columns=[0, -1, 1.5, "1", None],
        width=[0, -1, NAN, math.inf, "3", None],
        height=[0, -1, NAN, math.inf, "3", None],
    ),
    row(
        plots.panels_in_rows,
        {"count": 3, "columns": 2, "height": 2},
        "options",
        count=[0, -1, 1.5, "1", None],
        columns=[0, -1, 1.5, "1", None],
        height=[0, -1, NAN, math.inf, "3", None],
    ),
    row(plots.headline, {"figure": plots.panels()[0], "title": "A finding"}, figure=NO_FIGURES, title=NO_TEXTS),
    row(plots.png, {"figure": plots.panels(height=1)[0]}, figure=NO_FIGURES),
    row(plots.show, {"figure": plots.panels(height=1)[0], "alt": "nothing"}, "slide", figure=NO_FIGURES, alt=NO_TEXTS),
    row(plots.for_slide, {"figure": plots.panels(height=1)[0]}, figure=NO_FIGURES),
    row(
        plots.for_others,
        {"figure": plots.panels(height=1)[0], "alt": "nothing", "source": "a test"},
        figure=NO_FIGURES,
        alt=NO_TEXTS,
        source=NO_TEXTS,
    ),
    row(
        plots.lines,
        {"frame": FRAME, "x": "epoch", "columns": ["ERM", "mixup"], "title": "t", "percent": True, "guess": 0.5},
        "xlabel ylabel log_x percent",
        frame=NO_FRAMES,
        x=[None, "nobody", "who", 3, ["epoch"]],
        columns=NO_COLUMNS,
        title=NO_TEXTS,
        guess=NO_SHARES,
        colours=NO_COLOURS,
    ),
    row(
        plots.draw_lines,
        {"ax": AX, "frame": FRAME, "x": "epoch", "columns": ["ERM", "mixup"]},
        "log_x percent named",
        ax=NO_PANELS,
        frame=NO_FRAMES,
        x=[None, "nobody", "who", 3, ["epoch"]],
        columns=NO_COLUMNS,
        colours=NO_COLOURS,
    ),
    row(
        plots.line_panels,
        {"frames": {"a": FRAME, "b": FRAME}, "x": "epoch", "columns": ["ERM", "mixup"], "title": "t", "ylabel": "y"},
        "ylabel legend",
        frames=[None, {}, FRAME, [FRAME], *({"a": FRAME, "b": frame} for frame in NO_FRAMES)],
        x=[None, "nobody", 3],
        columns=NO_COLUMNS,
        title=NO_TEXTS,
        guess=NO_SHARES,
        colours=NO_COLOURS,
    ),
    row(plots.draw_guess, {"ax": AX, "guess": 0.5}, ax=NO_PANELS, guess=NO_NUMBERS),
    row(
        plots.histograms,
        {"frame": FRAME[["mixup"]], "xlabel": "x", "title": "t", "guess": 0.5},
        "xlabel",
        frame=[None, FRAME[:0], FRAME[["ERM"]], FRAME, torch.zeros(3), [1.0]],
        title=NO_TEXTS,
        guess=NO_NUMBERS,
    ),
    row(
        plots.draw_beta,
        {"ax": AX, "alpha": 0.5, "colour": "red"},
        "name",
        ax=NO_PANELS,
        alpha=[-1, NAN, "1", None, [1]],
        colour=[None, "reddish", 3],
    ),
    row(
        plots.reliability_diagrams,
        {"tables": {"ERM": (RELIABILITY, RELIABILITY)}, "title": "t"},
        tables=[None, {}, RELIABILITY, {"ERM": RELIABILITY}, {"ERM": (RELIABILITY,)}, {"ERM": (FRAME, FRAME)},
                {"ERM": (RELIABILITY[:0], RELIABILITY)}],
        title=NO_TEXTS,
    ),
    row(
        plots.pictures,
        {"images": IMAGES, "captions": ["a", "b"], "title": "t", "columns": 2},
        images=NO_IMAGES,
        captions=[None, "ab", ["a"], ["a", "b", "c"], [1, 2], []],
        title=NO_TEXTS,
        columns=[0, -1, 1.5, None, "2"],
    ),
    row(
        plots.picture_rows,
        {"rows": {"a": IMAGES, "b": 2 * IMAGES - 1}, "captions": {"a": ["x", "y"]}, "title": "t", "signed": ["b"]},
        rows=[None, {}, IMAGES, [IMAGES], {"a": IMAGES, "b": IMAGES[:1]}, {"a": IMAGES, "b": 2 * IMAGES},
              *({"b": IMAGES, "a": images} for images in NO_IMAGES)],
        captions=[None, {"nobody": ["x", "y"]}, {"a": ["x"]}, {"a": "xy"}, {"a": [1, 2]}, ["x", "y"]],
        title=NO_TEXTS,
        signed=[None, "b", ["nobody"], [3]],
    ),
    row(
        plots.mixing_gallery,
        {"draws": {0.5: (["x", "y"], IMAGES), math.inf: (["x", "y"], IMAGES)}, "title": "t"},
        draws=[None, {}, {0.5: IMAGES}, {-1: (["x", "y"], IMAGES)}, {"a": (["x", "y"], IMAGES)},
               *({0.5: (["x", "y"], images)} for images in NO_IMAGES), {0.5: (["x"], IMAGES)}, {0.5: ("xy", IMAGES)},
               {0.5: (["x", "y"], IMAGES), 1: (["x"], IMAGES[:1])}],
        title=NO_TEXTS,
    ),
    row(
        plots.draw_boundary,
        {"ax": AX, "predict": flat, "points": POINTS, "labels": SIDES, "best": flat},
        ax=NO_PANELS,
        predict=NO_RULES,
        points=NO_POINTS[:-2],
        labels=NO_SIDES,
        best=NO_RULES[1:],
    ),
    row(
        plots.draw_points,
        {"ax": AX, "points": POINTS, "labels": SIDES},
        ax=NO_PANELS,
        points=NO_POINTS[:-2],
        labels=NO_SIDES,
    ),
    row(
        plots.snapshots,
        {"samples": {"a": POINTS[None]}, "moments": ["x"], "modes": POINTS, "title": "t"},
        samples=[None, {}, POINTS, {"a": POINTS}, {"a": POINTS[None] * NAN}, {"a": POINTS[None].tolist()}],
        moments=[None, "x", ["x", "y"], [], [1]],
        modes=[None, POINTS[0], POINTS.T, POINTS * NAN, POINTS[:0], POINTS.tolist()],
        title=NO_TEXTS,
    ),
    row(
        plots.draw_groups,
        {"ax": AX, "table": TABLE, "palette": COLOURS},
        "count",
        ax=NO_PANELS,
        table=[None, TABLE[0], 100 * TABLE, -TABLE, TABLE.long(), TABLE.numpy(), TABLE + math.inf],
        palette=NO_PALETTES,
    ),
    row(
        plots.draw_swaps,
        {"ax": AX, "sheet": torch.rand(100, 3, 4, 4), "answers": torch.arange(100) // 10, "size": 12},
        ax=NO_PANELS,
        sheet=[None, torch.rand(100, 1, 4, 4), torch.rand(99, 3, 4, 4), torch.rand(100, 3, 4, 5),
               255 * torch.rand(100, 3, 4, 4), torch.zeros(100, 3, 4, 4, dtype=torch.uint8)],
        answers=[None, torch.zeros(99).long(), torch.zeros(100), torch.zeros(10, 10).long(), -torch.ones(100).long()],
        size=[0, -1, NAN, None, "12"],
    ),
    row(
        plots.draw_embedding,
        {"ax": AX, "points": POINTS, "groups": SIDES, "palette": COLOURS, "marked": SIDES == 1},
        ax=NO_PANELS,
        points=[points for points in NO_POINTS if points is None or len(points) == len(POINTS)],
        groups=NO_SIDES,
        palette=[palette for palette in NO_PALETTES if palette is None or len(palette) > 1],
        marked=[None, SIDES, SIDES[:3] == 1, [True] * 6],
    ),
    row(
        plots.draw_predictions,
        {"kept": [Kept("01 a", 0.9, measured=(0.8,))]},
        "example",
        kept=[None, [], "kept", 3, [0.9], [Kept("01 a", 0.9, measured=(NAN,))]],
    ),
    row(
        plots.draw_scorecard,
        {"lines": [LINE], "title": "t"},
        lines=[None, [], "lines", [MEASURED], [LINE._replace(verdict="perhaps")],
               [LINE._replace(evidence=MEASURED._replace(values=[]))],
               [LINE._replace(control=MEASURED._replace(values=[NAN, 1.0]))]],
        title=NO_TEXTS,
    ),
    row(
        plots.written,
        {"values": [1.0, 2.0], "unit": "%"},
        values=[None, [], [1.0], [1.0, math.inf], 3.0, ["a", "b"]],
        unit=NO_TEXTS,
    ),
    row(
        plots.results_table,
        {"results": {"a network": {"ERM": {"test": [0.9, 0.8]}}}},
        results=[None, [], {"a network": None}, {"a network": {"ERM": [0.9]}}, {"a network": {"ERM": {"tset": [0.9]}}},
                 {"a network": {"ERM": {"test": [90.0]}}}, {"a network": {"ERM": {"test": [math.inf]}}},
                 {"a network": {"ERM": {"test": 0.9}}}],
    ),
    row(
        plots.dot_table,
        {"table": {"ERM": {"test": [0.9, 0.8]}, "mixup": {"test": []}}, "title": "t"},
        "zoom",
        table=[None, {}, [], {"ERM": None}, {"ERM": {}}, {"ERM": {"test": 0.9}}, {"ERM": {"test": [math.inf]}},
               {"ERM": {"test": ["a"]}}, {"ERM": {"test": [0.9]}, "mixup": {"tset": [0.9]}},
               {"ERM": {"test": np.ones((2, 2))}}],
        title=NO_TEXTS,
        numbers=["test", ["nobody"], None, [3]],
        of=[None, 3],
    ),
]  # fmt: skip
