"""For property tests: the same examples on every machine. HYPOTHESIS_PROFILE=long tries many more, drawn anew."""

import os

from hypothesis import settings

settings.register_profile("course", derandomize=True, deadline=None, max_examples=30)
settings.register_profile("long", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "course"))
