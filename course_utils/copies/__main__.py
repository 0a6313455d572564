"""`python -m course_utils.copies` brings your copies in work/ up to date; `--pull` fetches the newest course first."""

import subprocess
import sys

from course_utils import copies, folder
from course_utils.copies import pull


def main(arguments: list[str]) -> int:
    """Do it and say what was done. After fetching, the new course's own code does the merging, in a new process."""
    if arguments not in ([], ["--pull"]):
        print("usage: python -m course_utils.copies [--pull]")
        return 2
    folder.print_anything()
    for sentence in pull.pull() if arguments else copies.bring_up_to_date():
        print(sentence, flush=True)
    if not folder.is_here():
        return 1
    if not arguments:
        return 0
    code = subprocess.run([sys.executable, "-m", "course_utils.copies"], cwd=pull.ROOT).returncode
    if code:
        print("The new version needs to be installed: run `make lab`, which then brings your copies up to date.")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
