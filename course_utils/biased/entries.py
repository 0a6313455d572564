"""What a scene holds, and that it holds it."""

from typing import Any

from torch import Tensor

from course_utils import require
from course_utils.biased import backgrounds, fishes, hands

# Everything random about N images: tensors [N] or [N, k]. Change an entry and render again.
Scene = dict[str, Tensor]

GRAINS = 64  # tiles of noise: drawn once, so that an image does not depend on those rendered beside it

# What the entries are, `scenes.draw_scene` says.
KINDS = {
    entry: kind
    for kind, entries in {
        "int64 [N]": "species background colour sleeve grain",
        "bool [N]": "hand fish over",
        "float32 [N]": "x y angle flip scale long fat finny bend belly contrast phase often grip reach from handscale"
        " thumb fan skin light light_x light_y warm",
        "float32 [N, 3]": "jitter fins blush",
        "float32 [N, 12]": "backdrop",
    }.items()
    for entry in entries.split()
}
# Of the entries that are numbers of something: how many of it there are.
COUNTS = {
    "species": len(fishes.ANATOMIES),
    "background": len(backgrounds.PAINTERS),
    "colour": len(fishes.COLOURS),
    "sleeve": len(hands.SLEEVES),
    "grain": GRAINS,
}
DIVISORS = ("scale", "long", "finny", "often", "handscale")  # the painters divide by them


def check_scene(scene: Any, name: str = "scene") -> None:
    """Raise a ValueError for what cannot be painted, or would be painted as something else."""
    if not isinstance(scene, dict) or not scene:
        raise ValueError(f"{name} must be a dict of tensors, as draw_scene makes it, got {require.what(scene)}")
    wrong = [f"none called {entry!r}" for entry in KINDS if entry not in scene]
    wrong += [f"one called {entry!r}" for entry in scene if entry not in KINDS]
    if wrong:
        raise ValueError(f"{name} must have draw_scene's entries, got {', '.join(wrong[:3])}")
    require.tensors(may_be_empty=True, **{f"{name}[{entry!r}]": (scene[entry], kind) for entry, kind in KINDS.items()})
    require.finite(**{f"{name}[{entry!r}]": values for entry, values in scene.items()})
    for entry, count in COUNTS.items():
        require.labels(scene[entry], classes=count, name=f"{name}[{entry!r}]")
    for entry in DIVISORS:
        if not (scene[entry] > 0).all():
            raise ValueError(f"{name}[{entry!r}] must be above 0, got {scene[entry].min():g}")
    tones = len(hands.SKIN) - 1
    if not ((scene["skin"] >= 0) & (scene["skin"] <= tones)).all():
        low, high = scene["skin"].aminmax()
        raise ValueError(f"{name}['skin'] must lie in [0, {tones}], got values from {low:g} to {high:g}")
