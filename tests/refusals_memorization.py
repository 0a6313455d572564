"""What `memorization` must refuse."""

import torch
from refusals import row

from course_utils import memorization

MEMBER = torch.tensor([[True, False, True], [False, True, True]])

ROWS = [
    row(
        memorization.memorization_score,
        {"member": MEMBER, "right": MEMBER},
        member=[MEMBER.float(), MEMBER[0], None],
        right=[MEMBER.long(), MEMBER[:1], MEMBER.T],
    ),
]
