"""`python -m course_utils.grading report | assignment | environment`: see docs/class.md."""

import argparse
import sys
from pathlib import Path

from course_utils import folder, record


def main(words: list[str]) -> None:
    """Do what the command line says; what goes wrong is said in a sentence."""
    options = _parser().parse_args(words)
    folder.print_anything()
    try:
        folder.demand()
        if options.what == "report":
            _report(options.paths)
        elif options.what == "assignment":
            from course_utils.grading import assignment  # imports torch: a report need not wait for it

            assignment.make(options.chapter, options.seed, options.folder)
        else:
            from course_utils.grading import environment

            environment.make()
    except (ValueError, OSError) as error:
        sys.exit(f"{error}")


def _report(paths: list[Path]) -> None:
    from course_utils.grading import report

    if paths:
        print(report.write_class(paths))
        return
    record.exercises()  # takes over a record from before there was `work/`
    print(report.write(record.path()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m course_utils.grading", description="See docs/class.md.")
    what = parser.add_subparsers(dest="what", required=True)
    report = what.add_parser("report", help="your progress on one page; or a class's, a row a student")
    report.add_argument("paths", nargs="*", type=Path, metavar="PATH",
                        help="students' records (my_course.json), or folders with such files")  # fmt: skip
    assignment = what.add_parser("assignment", help="a chapter for nbgrader")
    assignment.add_argument("chapter", help='its number, such as "03"')
    assignment.add_argument(
        "--seed", type=int, help="of the inputs that answers are tried on; kept in the class's folder"
    )
    assignment.add_argument("--folder", type=Path, help="the class's folder, else build/class")
    what.add_parser("environment", help="make .grading/, an environment of its own for nbgrader")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
