// Part of searchtools.js, which declares the same name with `var` where there is none.
// Chapters and guides before the package's reference, which has a page of its own for nearly every word.
var Scorer = {
  score: ([page, title, anchor, words, score]) => (page.startsWith("api/") ? score - 20 : score),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
