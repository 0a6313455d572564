"""One name for a thing: terms in bold stand in the glossary, and a paper is cited in the one form its entry gives."""

import re
from pathlib import Path

import nbformat
import pytest

from course_utils.notebooks import CHAPTERS, NOTEBOOKS, find
from course_utils.references import cite, entries, families, form

ROOT = Path(NOTEBOOKS).parent
PROSE = {
    path.stem: [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    for path in find([])
}
LABELS = {"Predict"}  # before a question; other labels ("Find the mistake.", "1.") end like sentences
SUMMARY = r"^## (What you have seen|Summary)"  # repeats the terms, as the aims in a chapter's first cell do


# ---------------------------------------------------------------------------------------------------------------------
# The bibliography


BIBLIOGRAPHY = entries()
BY_URL = {entry["url"]: entry for entry in BIBLIOGRAPHY.values()}


def code_and_data():
    """What cites papers outside the notebooks, with line breaks mended."""
    paths = [*(ROOT / "course_utils").rglob("*.py"), ROOT / "data" / "README.md", ROOT / "data/results/published.csv"]
    return re.sub(r"\s+", " ", " ".join(path.read_text(encoding="utf-8") for path in paths))


@pytest.mark.parametrize("key", BIBLIOGRAPHY)
def test_an_entry_is_whole_and_its_key_says_who_and_when(key):
    entry = BIBLIOGRAPHY[key]
    assert {"title", "author", "venue", "year", "url"} <= set(entry)
    assert {"booktitle", "journal", "howpublished"} & set(entry)
    plain = families(entry)[0].lower().replace(" ", "").replace("á", "a")
    assert re.fullmatch(rf"{plain}{entry['year']}[a-z]+", key)
    assert re.fullmatch(r"https://[^\s()]+", entry["url"])


def test_the_bibliography_is_in_order_and_names_each_paper_once():
    assert list(BIBLIOGRAPHY) == sorted(BIBLIOGRAPHY)
    assert len(BY_URL) == len(BIBLIOGRAPHY)


@pytest.mark.parametrize("name", PROSE)
def test_a_link_out_of_a_notebook_is_a_citation_in_its_one_form(name):
    for cell in PROSE[name]:
        for text, url in re.findall(r"\[([^\]]*)\]\((https?:[^)\s]*)\)", cell):
            assert url in BY_URL, f"{url} is not in docs/references.bib"
            assert text == form(BY_URL[url])


@pytest.mark.parametrize("name", PROSE)
def test_no_paper_is_cited_without_a_link(name):
    """A year outside a link is a citation in another form."""
    for cell in PROSE[name]:
        text = re.sub(r"\[[^\]]*\]\([^)\s]*\)", "", cell)
        assert not re.search(r".*\b(?:19|20)\d\d\b(?!,\d).*", text), text


def test_citations_in_the_code_have_the_same_form():
    forms = {form(entry) for entry in BIBLIOGRAPHY.values()}
    for found in re.findall(r"[\w-]+(?: Sreelatha)? et al\., [^;.,()]{0,30}? (?:19|20)\d\d", code_and_data()):
        assert any(one.endswith(found) for one in forms), found


def test_a_key_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="zhang2107understanding"):
        cite("zhang2107understanding")


def test_what_the_scorecard_quotes_is_in_the_bibliography():
    from course_utils.reproduce.scorecard import SCORECARD  # here, so that the words are checked without it, too

    keys = {found.key for row in SCORECARD.values() for found in row.published}
    assert keys
    assert keys <= set(BIBLIOGRAPHY)


def test_every_entry_is_cited():
    prose, rest = " ".join(sum(PROSE.values(), [])), code_and_data()
    for key, entry in BIBLIOGRAPHY.items():
        title = entry["title"].replace("{", "").replace("}", "").lower()
        said = f"({entry['url']})" in prose or form(entry) in rest or key in rest or title in rest.lower()
        assert said, f"{key} is cited nowhere"


# ---------------------------------------------------------------------------------------------------------------------
# The glossary


def glossary():
    """[(names, Korean, sentence, chapter)]; "soft, soft label (x)" has the names soft, soft label and x."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    return [(re.split(r", | \(|\)$", term.removesuffix(")")), *rest) for term, *rest in rows[1:]]


def plain(term):
    return re.sub(r"^the ", "", term.lower())


GLOSSARY = glossary()
MEANT = {plain(name): row for row in GLOSSARY for name in row[0]}


def bold(name):
    """The terms that a chapter explains. Not one: aims, summary, a table's row heads, code, a sentence, a label."""
    body = re.split(SUMMARY, "\n\n".join(PROSE[name][1:]), flags=re.M)[0]
    body = re.sub(r"^\| \*\*[^|]*\||`[^`]+`|^```.*?^```", "|", body, flags=re.M | re.S)
    found = re.findall(r"\*\*(.+?)\*\*", body, re.S)
    return [plain(text) for text in found if not text.endswith((".", ":", "?", "!")) and text not in LABELS]


@pytest.mark.parametrize("name", PROSE)
def test_every_bold_term_is_in_the_glossary_under_this_chapter(name):
    """Emphasis is in italics. A term is bold once in the course: where it is first explained."""
    terms = bold(name)
    for term in terms:
        assert term in MEANT, f"**{term}**: a term for docs/glossary.md, or emphasis (*italics*)?"
        assert name in MEANT[term][3], f"**{term}** was explained in {MEANT[term][3]}"
    assert len({id(MEANT[term]) for term in terms}) == len(terms), "a term is bold twice"


@pytest.mark.parametrize("row", GLOSSARY, ids=lambda row: row[0][0])
def test_a_row_of_the_glossary_is_whole_and_its_term_is_bold_in_its_chapter(row):
    names, korean, sentence, chapter = row
    assert re.search(r"[가-힣]", korean), "the Korean word, or that the English one is used"
    assert sentence[0].isupper() or sentence.startswith("GCE")
    assert sentence.endswith((".", ".)"))
    stem = re.fullmatch(r"\[(\d\d)\]\(\.\./notebooks/(\1_\w+)\.ipynb\)", chapter)[2]
    assert stem in CHAPTERS
    everything = plain(" ".join(PROSE[stem]))
    assert any(f"**{lead}{name.lower()}**" in everything for name in names for lead in ("", "the "))


def test_the_glossary_is_in_order_and_names_each_term_once():
    terms = [row[0][0].lower() for row in GLOSSARY]
    assert terms == sorted(terms)
    assert len(MEANT) == sum(len(row[0]) for row in GLOSSARY)


def test_the_first_page_leads_to_glossary_and_bibliography():
    page = " ".join(PROSE["00_start_here"])
    assert "(../docs/glossary.md)" in page
    assert "(../docs/references.bib)" in page
