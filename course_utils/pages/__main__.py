"""`python -m course_utils.pages site | slides 03 | figures 03`."""

import argparse
import sys

from course_utils import folder

parser = argparse.ArgumentParser(prog="python -m course_utils.pages", description="The course without a kernel.")
parser.add_argument("what", choices=["site", "slides", "figures"])
parser.add_argument("chapters", nargs="*", metavar="NN", help="numbers of chapters (slides, figures); none: all")
chosen = parser.parse_args()
if chosen.what == "site" and chosen.chapters:
    parser.error(f"the site has all chapters; name none, got {' '.join(chosen.chapters)}")

# Each needs other packages: only what is asked for is imported.
try:
    folder.demand()
    if chosen.what == "site":
        from course_utils.pages import site

        print(site.build() / "index.html")
    elif chosen.what == "slides":
        from course_utils.pages import slides

        print(*slides.build(chosen.chapters), sep="\n")
    else:
        from course_utils.pages import figures

        print(figures.build(chosen.chapters))
except (ValueError, OSError, RuntimeError) as error:  # what is wrong, with which cell or slide
    sys.exit(str(error))
