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
export async function openTab(browser) {
  const tab = await (await browser.newContext({ viewport: { width: 1100, height: 700 } })).newPage();
  const faults = [];
  tab.on("pageerror", (error) => faults.push(String(error)));
  tab.on("console", (message) => {
    if (message.type() === "error" && /Content Security Policy|Uncaught/.test(message.text())) faults.push(message.text());
  });
  return { tab, faults };
}

// The events' rows: [seq, time, type, text] each.
export function rows(tab) {
  return tab.$$eval("#events li:not(.note)", (list) => list.map((li) => [...li.children].map((cell) => cell.textContent)));
}

export async function seqs(tab) {
  return (await rows(tab)).map(([seq]) => Number(seq));
}

// Waits until the element says what is expected.
export function says(tab, id, expected) {
  return tab.locator("#" + id).filter({ hasText: expected }).waitFor();
}

export function range(first, last) {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
