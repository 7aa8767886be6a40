// Looks at pages as a person's browser does: nothing on the console, nothing fetched, every number that of the report,
// no barrier that axe knows, nothing wider than a phone. Called by the stage `page` of scripts/test.
//
//   node cli/tests/page-check.mjs FOLDER CHROMIUM PAGE.html REPORT.jsonl [PAGE REPORT]...
//
// FOLDER has playwright-core and axe-core, and takes the screenshots.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, executablePath, ...files] = process.argv.slice(2);
const require = createRequire(resolve(folder, "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const views = [
  { name: "light", width: 1280, height: 900, colorScheme: "light" },
  { name: "dark", width: 1280, height: 900, colorScheme: "dark" },
  { name: "phone", width: 390, height: 844, colorScheme: "light" },
];
const problems = [];
const report = (what) => { problems.push(what); console.error(what); };
const expect = (holds, what) => holds || report(what);

// The formats of core/src/unit.rs, written a second time.
const scaled = (value, units) => {
  const [scale, unit] = units.findLast(([scale]) => value >= scale) ?? units[0];
  const x = value / scale;
  return `${x.toFixed(scale === 1 ? 0 : x < 10 ? 2 : x < 100 ? 1 : 0)} ${unit}`;
};
const nanos = (value) => scaled(Math.round(value), [[1, "ns"], [1e3, "µs"], [1e6, "ms"], [1e9, "s"]]);
const bytes = (value) => scaled(Math.round(value), [[1, "B"], [1e3, "kB"], [1e6, "MB"], [1e9, "GB"]]);
const formats = { nanos, bytes, speed: (value) => `${bytes(value)}/s`, count: String, times: (value) => value.toFixed(2) };

const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b), middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
};
const prompt = ({ prompt, prompt_tokens }) => prompt ?? prompt_tokens;

// The table of first tokens, out of the report's lines: rows of [model, cache, prompt, policy, numbers…].
const firstTokens = (lines) => {
  const cases = new Map();
  for (const { case: one, status, metrics, first_token } of lines.filter((line) => line.kind === "run")) {
    if (one.probe !== "first_token" || status !== "ok") continue;
    const variant = one.variant.replace(/[\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
    const key = JSON.stringify([variant, one.cache, String(prompt(one)), one.policy]);
    cases.set(key, [...(cases.get(key) ?? []), { metrics, phases: first_token.phases }]);
  }
  return [...cases].map(([key, runs]) => {
    const phase = (name) => median(runs.flatMap(({ phases }) => phases.filter((one) => one.phase === name).map((one) => one.wall_ns)));
    const metric = (name) => median(runs.map(({ metrics }) => metrics[name]).filter((value) => value !== null));
    const phases = ["load", "context", "prefill", "decode"].map(phase);
    return [...JSON.parse(key), metric("wall_ns"), ...phases, metric("major_faults"), metric("bytes_fetched")];
  });
};

// As the browser has it: cells of tables, and every number with what it claims to be.
const read = () => ({
  tables: Object.fromEntries([...document.querySelectorAll("table")].map((table) => [
    `${table.closest("article")?.id ?? ""} ${table.caption?.textContent ?? ""}`.trim(),
    [...(table.tBodies[0]?.rows ?? [])].map((row) => [...row.cells].map((cell) => {
      const number = cell.querySelector("data");
      return number ? Number(number.value) : cell.textContent;
    })),
  ])),
  numbers: [...document.querySelectorAll("data[class]")].map((one) => [one.className, Number(one.value), one.textContent]),
  figures: [...document.querySelectorAll("#device-0 figure")].map((figure) => [...figure.querySelectorAll(".number")].map((one) => one.textContent)),
  overflow: document.documentElement.scrollWidth - innerWidth,
  headings: [...document.querySelectorAll("h1, h2, h3")].map((heading) => heading.tagName).join(""),
});

const near = (a, b) => a === b || (typeof a === "number" && Math.abs(a - b) <= 1e-9 * Math.abs(b));

const numbers = (name, shown, lines) => {
  expect(shown.numbers.length > 20, `${name}: found ${shown.numbers.length} numbers`);
  for (const [unit, value, text] of shown.numbers) {
    const format = formats[unit];
    expect(!format || format(value) === text, `${name}: ${value} ${unit} is shown as ${text}`);
  }
  const expected = firstTokens(lines), found = shown.tables["device-0 First tokens, medians over blocks"] ?? [];
  expect(found.length === expected.length, `${name}: found ${found.length} first tokens, expected ${expected.length}`);
  for (const row of expected) {
    const same = found.find((other) => row.slice(0, 4).every((cell, index) => cell === other[index]));
    expect(same?.every((cell, index) => near(cell, row[index])), `${name}: found ${same}, the report has ${row}`);
  }
  const medians = expected.filter((row) => row[1] === "cold").map((row) => nanos(row[4]));
  const bars = shown.figures.flat();
  expect(medians.every((one) => bars.includes(one)), `${name}: the bars say ${bars}, the report ${medians}`);
};

const check = async (browser, file, lines, view) => {
  const name = `${basename(file, ".html")} (${view.name})`;
  const context = await browser.newContext({ viewport: view, colorScheme: view.colorScheme, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && report(`${name}: console: ${message.text()}`));
  page.on("pageerror", (error) => report(`${name}: ${error}`));
  page.on("dialog", (dialog) => { report(`${name}: a dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => {
    const allowed = request.url().startsWith("data:") || request.url() === pathToFileURL(file).href;
    expect(allowed, `${name}: fetches ${request.url().slice(0, 80)}`);
  });
  await page.goto(pathToFileURL(file).href);
  await page.screenshot({ path: resolve(folder, `${basename(file, ".html")}-${view.name}.png`), fullPage: true });
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
  const shown = await page.evaluate(read);
  numbers(name, shown, lines);
  expect(shown.overflow <= 0, `${name}: ${shown.overflow} px wider than the screen`);
  expect(shown.headings.startsWith("H1H2"), `${name}: headings are ${shown.headings}`);
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement.className) === "skip", `${name}: Tab doesn't offer to skip to the answer`);
  const sorted = await page.evaluate(() => {
    const head = document.querySelector("table.sortable th.n");
    head?.querySelector("button").click();
    return head?.ariaSort;
  });
  expect(sorted === "ascending", `${name}: a click on a heading sorts nothing`);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run());
  for (const { impact, id, nodes } of violations) {
    const serious = ["serious", "critical"].includes(impact);
    expect(!serious, `${name}: axe: ${id} (${impact}) at ${nodes.slice(0, 3).map((node) => node.target).join(", ")}`);
  }
  await context.close();
};

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
for (let index = 0; index < files.length; index += 2) {
  const lines = readFileSync(files[index + 1], "utf8").trim().split("\n").map((line) => JSON.parse(line));
  for (const view of views) await check(browser, resolve(files[index]), lines, view);
}
await browser.close();

console.log(`${files.length / 2} pages in ${views.length} views: ${problems.length} problems`);
process.exit(problems.length ? 1 : 0);
