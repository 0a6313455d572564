"""Chapter 08: the nine cards, one after the other, for the projector."""

from collections.abc import Mapping

from course_utils import require
from course_utils.claims import Claim
from course_utils.widgets.slider import SliderFigure


def card_desk(claims: Mapping[int, Claim]) -> SliderFigure:
    """A card at a time.

    Args:
        claims: by number, in the order in which they are leafed through.
    """
    if not isinstance(claims, Mapping) or not claims or not all(isinstance(one, Claim) for one in claims.values()):
        raise ValueError(f"claims must be Claims by their numbers, at least one, got {require.what(claims)}")
    return SliderFigure(
        lambda claim: claims[claim].figure(),
        alt="The card of one claim: what was measured, one dot a run, beside its bound and its control.",
        claim=list(claims),
    )
