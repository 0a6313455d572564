// Formulas first, since they change what fits where; then the slides. The page of notes has formulas alone.
window.MathJax = {
  tex: { inlineMath: [["\\(", "\\)"]], displayMath: [["\\[", "\\]"]] },
  svg: { fontCache: "none" },
  options: { enableMenu: false },
  startup: {
    pageReady: () => MathJax.startup.defaultPageReady().then(() => {
      if (!window.Reveal) return;
      Reveal.initialize({
        width: 1024, height: 768, margin: 0, maxScale: 4, center: false, display: "flex", hash: true,
        transition: "none", backgroundTransition: "none", controlsTutorial: false, scrollActivationWidth: null,
        pdfMaxPagesPerSlide: 1, plugins: [RevealNotes],
      });
    }),
  },
};
