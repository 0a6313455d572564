"use strict";

// A slider pages through the stored pictures of a widget.
for (const frames of document.querySelectorAll(".frames")) {
  const [pictures, labels, alts] = ["pictures", "labels", "alts"].map((name) => JSON.parse(frames.dataset[name]));
  const [slider, said, link, image] = ["input", "output", "a", "img"].map((name) => frames.querySelector(name));
  const name = frames.querySelector("label").textContent;
  const show = () => {
    const label = labels[slider.value];
    said.textContent = label;
    slider.setAttribute("aria-valuetext", label);
    image.src = link.href = pictures[slider.value];
    image.alt = `${name}: ${label}. ${alts[slider.value]}`;
  };
  const fetched = [];
  const fetchAll = () => {
    if (!fetched.length) fetched.push(...pictures.map((source) => Object.assign(new Image(), { src: source })));
  };
  slider.addEventListener("pointerenter", fetchAll);
  slider.addEventListener("focus", fetchAll);
  slider.addEventListener("input", show);
  frames.querySelector(".control").hidden = false;
  show();
}

// What scrolls sideways in its own box can be reached by keyboard; what fits is no stop on the way.
const scrolls = document.querySelectorAll(".highlight pre, pre.output, .table-wrapper, div.math, .math-wrapper");
const reach = () => {
  for (const box of scrolls) {
    if (box.scrollWidth > box.clientWidth + 1) {
      box.tabIndex = 0;
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", box.matches(".table-wrapper") ? "Table" : box.matches(".math, .math-wrapper") ? "Formula" : "Code");
    } else {
      for (const attribute of ["tabindex", "role", "aria-label"]) box.removeAttribute(attribute);
    }
  }
};
const watcher = new ResizeObserver(reach);
watcher.observe(document.body);
for (const box of document.querySelectorAll("details")) box.addEventListener("toggle", reach);
