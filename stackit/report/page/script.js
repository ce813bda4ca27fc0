"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  const keyOf = (row, at) => {
    const cell = row.cells[at];
    const key = cell.dataset.key;
    return key === undefined ? cell.textContent.trim() : Number(key);
  };
  const isMissing = (key) => key === "" || key === "-";
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));

  const sort = (header) => {
    const table = header.closest("table");
    const at = header.cellIndex;
    const ascending = header.getAttribute("aria-sort") !== "ascending";
    const rows = [...table.tBodies[0].rows].map((row) => ({ row, key: keyOf(row, at) }));
    rows.sort((one, other) => {
      const missing = isMissing(one.key) - isMissing(other.key);
      return missing || (ascending ? 1 : -1) * compare(one.key, other.key);
    });
    all("th[aria-sort]", table).forEach((one) => one.setAttribute("aria-sort", "none"));
    header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    rows.forEach(({ row }) => table.tBodies[0].append(row));
  };
  all("table.sortable thead th").forEach((header) => {
    const button = header.querySelector("button");
    button.disabled = false;
    button.addEventListener("click", () => sort(header));
  });

  all(".toggle").forEach((label) => {
    label.hidden = false;
    const box = label.querySelector("input");
    const update = () => label.parentElement.classList.toggle("hide-left-out", !box.checked);
    box.addEventListener("change", update);
    update();
  });

  const themes = all("button[data-theme]");
  const choose = (theme) => {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    themes.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.theme === theme)));
  };
  themes.forEach((one) => one.addEventListener("click", () => choose(one.dataset.theme)));

  const unfold = document.getElementById("unfold");
  const open = (isOpen) => {
    all("details").forEach((one) => { one.open = isOpen; });
    unfold.setAttribute("aria-pressed", String(isOpen));
    unfold.textContent = isOpen ? "Close all tables" : "Open all tables";
  };
  unfold.addEventListener("click", () => open(unfold.getAttribute("aria-pressed") !== "true"));
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    closed.forEach((one) => { one.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((one) => { one.open = false; }));

  all(".controls").forEach((one) => { one.hidden = false; });
})();
