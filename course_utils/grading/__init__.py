"""For whoever teaches a class: chapters to hand in and to grade, and a reader's progress on one page."""
