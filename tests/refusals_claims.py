"""What `claims` must refuse."""

import math

import torch
from refusals import row

from course_utils.claims import Claim, Difference, Evidence

PIECE = Evidence("error", [1, 2, 3], above=0)
NO_VALUES = [None, [], "123", 5, ["1", "2", "3"], [1, None, 3], torch.rand(3, 2), torch.tensor(1.0), [[1, 2, 3]]]
NO_BOUND = [math.nan, "0", None, [0], 9]  # 9 is above the other bound
NO_MARGIN = [-1, math.nan, math.inf, "0", None, 4]  # 4 leaves nothing between the bounds
BOUNDS = {"what": "error", "above": 0.0, "below": 5.0, "margin": 0.5, "unit": "%"}
FINDING = {"name": "Claim 1", "text": "It falls.", "evidence": [PIECE], "limits": "One network.", "of": 1,
           "condition": "", "controls": [PIECE]}  # fmt: skip

ROWS = [
    row(Evidence, BOUNDS | {"values": [1, 2, 3]}, "what unit", values=NO_VALUES, margin=NO_MARGIN,
        above=[*NO_BOUND, math.inf], below=[math.nan, "0", None, [0], -1, -math.inf]),
    row(Difference, BOUNDS | {"values": [1, 2, 3]}, "what unit", values=[*NO_VALUES, [1, 2]], margin=NO_MARGIN,
        above=[*NO_BOUND, math.inf], below=[math.nan, "0", None, [0], -1, -math.inf]),
    row(
        Claim,
        FINDING,
        "name text limits condition",
        evidence=[None, [], PIECE, [1.0], ["✓"], [Evidence]],
        of=[0, 10, "1", 1.5, [1]],
        controls=[None, PIECE, [1.0]],
    ),
]  # fmt: skip
EXEMPT = {"claims.so_far": "asks for nothing"}
