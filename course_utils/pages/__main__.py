"""`python -m course_utils.pages site | slides 03 | figures 03`."""

import argparse
import sys

parser = argparse.ArgumentParser(prog="python -m course_utils.pages", description="The course without a kernel.")
parser.add_argument("what", choices=["site", "slides", "figures"])
parser.add_argument("chapters", nargs="*", metavar="NN", help="numbers of chapters (slides, figures); none: all")
chosen = parser.parse_args()

# Each needs other packages: only what is asked for is imported.
if chosen.what == "site":
    from course_utils.pages import site

    print(site.build() / "index.html")
elif chosen.what == "slides":
    from course_utils.pages import slides

    try:
        print(*slides.build(chosen.chapters), sep="\n")
    except ValueError as error:  # what is wrong with which slide, a line each
        sys.exit(str(error))
else:
    from course_utils.pages import figures

    print(figures.build(chosen.chapters))
