// Themes and sorting: all that a page can do beyond being read. Without scripts it lacks only these.
(() => {
  const root = document.documentElement, button = document.getElementById("theme");
  const schemes = ["light dark", "light", "dark"], names = ["Auto", "Light", "Dark"];
  let scheme = 0;
  const show = () => {
    root.style.colorScheme = schemes[scheme];
    button.textContent = names[scheme];
    button.setAttribute("aria-label", "Theme: " + names[scheme]);
  };
  button.hidden = false;
  button.onclick = () => { scheme = (scheme + 1) % schemes.length; show(); };
  show();

  const key = (row, column) => {
    const cell = row.cells[column], number = cell.querySelector("data");
    return number ? Number(number.value) : cell.textContent;
  };
  const compare = (a, b) => typeof a == "number" && typeof b == "number" ? a - b : String(a).localeCompare(String(b));
  for (const head of document.querySelectorAll("table.sortable thead th")) {
    const sort = document.createElement("button");
    sort.type = "button";
    sort.append(...head.childNodes);
    head.append(sort);
    sort.onclick = () => {
      const down = head.ariaSort == "ascending", body = head.closest("table").tBodies[0];
      for (const other of head.parentNode.cells) other.ariaSort = null;
      head.ariaSort = down ? "descending" : "ascending";
      const rows = [...body.rows].sort((a, b) => compare(key(a, head.cellIndex), key(b, head.cellIndex)));
      body.append(...(down ? rows.reverse() : rows));
    };
  }
})();
