// Debian's Chromium, and what the tests read from the pages.

import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
}

// A tab in a session of its own. `faults` are the errors of its scripts, and what its content policy refused.
export async function openTab(browser, viewport = { width: 1400, height: 900 }) {
  const tab = await (await browser.newContext({ viewport })).newPage();
  const faults = [];
  tab.on("pageerror", (error) => faults.push(String(error)));
  tab.on("console", (message) => {
    if (message.type() === "error" && /Content Security Policy|TrustedScript|Uncaught/.test(message.text())) faults.push(message.text());
  });
  return { tab, faults };
}

// Waits until the bar has the word, and returns its element.
export async function word(tab, expected) {
  const heading = tab.getByRole("banner").getByRole("heading", { level: 1, name: expected, exact: true });
  await heading.waitFor();
  return heading;
}

// Waits until the bar says whether it is live.
export function live(tab, words = "Live") {
  return tab.getByRole("banner").getByText(words).waitFor();
}

// The texts of the log's lines that are drawn.
export function lines(tab) {
  return tab.getByRole("grid", { name: "Lines of the log" }).getByRole("row")
    .evaluateAll((rows) => rows.map((row) => row.lastElementChild.textContent));
}

// Waits until the log's drawn lines are these.
export async function showsLines(tab, expected) {
  await tab.waitForFunction((expected) => {
    const rows = [...document.querySelectorAll('[role="grid"][aria-label="Lines of the log"] [role="row"]')];
    return JSON.stringify(rows.map((row) => row.lastElementChild.textContent)) === expected;
  }, JSON.stringify(expected)).catch(async (error) => {
    throw new Error(`the log shows ${JSON.stringify(await lines(tab))}`, { cause: error });
  });
}

export function range(first, last) {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

// Waits until some picture of a screen has been drawn.
export function drawn(tab) {
  return tab.waitForFunction(() => [...document.querySelectorAll("canvas.picture-canvas")].some((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, 1);
    return data.some((value, index) => index % 4 === 3 && value === 255);
  }));
}

// Asks again and again until there is something, and returns it.
export async function eventually(what, ask, within = 20_000) {
  for (const until = Date.now() + within; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const found = await ask();
    if (found) return found;
    if (Date.now() > until) throw new Error(`${what}: not within ${within} ms`);
  }
}
