"""What `references` must refuse."""

from refusals import row

from course_utils import references

KEY, ENTRY = next(iter(references.entries().items()))

EXEMPT = {"references.entries": "reads the one bibliography, without arguments"}
ROWS = [
    row(references.families, {"entry": ENTRY}, entry=[None, {}, KEY, {"title": "no author"}]),
    row(references.form, {"entry": ENTRY}, entry=[None, {}, KEY, {"author": "A, B", "year": "1991"}]),
    row(references.cite, {"key": KEY}, key=["nobody1991", "", None, 3, [KEY], ENTRY]),
]
