// Formulas first, since they change what fits where; then the slides. The page of notes has formulas alone, and so have
// slides for paper (…?print-pdf): they stand one below the other. Both print as they are.
window.MathJax = {
  tex: { inlineMath: [["\\(", "\\)"]], displayMath: [["\\[", "\\]"]] },
  svg: { fontCache: "none" },
  options: { enableMenu: false },
  startup: {
    pageReady: () => MathJax.startup.defaultPageReady().then(start),
  },
};

function start() {
  if (!window.Reveal) return;
  if (/print-pdf/.test(location.search)) {
    document.querySelectorAll("link[media=screen]").forEach((link) => link.remove());
    return;
  }
  Reveal.initialize({
    width: 1024, height: 768, margin: 0, maxScale: 4, center: false, display: "flex", hash: true, transition: "none",
    backgroundTransition: "none", controlsTutorial: false, scrollActivationWidth: null, plugins: [RevealNotes],
  });
}
