// Texts of whoever means no good, wherever the pages show texts: markup, marks of direction, characters without width, NUL,
// and far too much of it. They are text, turn nothing around them, and leave the page as wide as the window.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, openTab, word } from "./support/browser.js";
import { Node } from "./support/node.js";

const LIMIT = { timeout: 90_000 };
const MARKUP = `<img src=x onerror="window.ran = 1"><script>window.ran = 1</` + `script>`;
const TURNED = "\u202egnp.exe\u2066", UNSEEN = "\u200b\u2060\u00ad", NUL = "nul\u0000nul", LONG = "long ".repeat(48_000);
const ALL = [MARKUP, TURNED, UNSEEN, NUL, LONG];
const EVIL = `${MARKUP}${TURNED}${UNSEEN}${NUL} ${"w".repeat(500)}`;
const META = { project: EVIL, title: EVIL, branch: EVIL, commit: EVIL, author: EVIL, labels: [EVIL], ciUrl: "javascript:window.ran=1" };
const ERROR = { message: EVIL, snippet: EVIL, stack: EVIL, location: EVIL };
const STEP = { stepNumber: 1, id: "1", phase: "end", title: EVIL, subtitle: EVIL, category: EVIL, params: { url: EVIL }, error: ERROR };

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

// What is wrong with what a tab shows.
function wrongOn(tab) {
  return tab.evaluate(() => {
    const wrong = [];
    if (window.ran !== undefined) wrong.push("something ran");
    if (document.querySelector("img[src=x], #page script, [onerror], a[href^=javascript]") !== null) wrong.push("markup became an element");
    const wide = document.documentElement.scrollWidth - innerWidth;
    if (wide > 0) wrong.push(`${wide} pixels wider than the window`);
    for (const one of document.querySelectorAll("button, strong, h1, h2")) {
      let box = one.parentElement;
      while (box !== null && !/auto|scroll/.test(getComputedStyle(box).overflowX)) box = box.parentElement;
      if (box === null && one.getBoundingClientRect().right > innerWidth) wrong.push(`${one.outerHTML.slice(0, 100)} is cut off`);
    }
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { data, parentElement } = texts.currentNode;
      if (data.includes("\0")) wrong.push(`NUL in ${parentElement.outerHTML.slice(0, 100)}`);
      if (data.length > 20_000) wrong.push(`${data.length} characters in ${parentElement.outerHTML.slice(0, 100)}`);
      if (!/[\u202a-\u202e\u2066-\u2069]/.test(data)) continue;
      // It turns what is beside it, unless it has a box of its own.
      let box = parentElement;
      while (getComputedStyle(box).display === "inline" && !/isolate|plaintext/.test(getComputedStyle(box).unicodeBidi)) box = box.parentElement;
      if (box.textContent.trim() !== data.trim()) wrong.push(`${box.outerHTML.slice(0, 200)} is turned around`);
    }
    for (const text of [document.title, ...[...document.querySelectorAll("[title], [aria-label]")].flatMap((one) => ["title", "aria-label"].map((name) => one.getAttribute(name) ?? ""))]) {
      if (text.length > 5_000 || /[\0\u202a-\u202e\u2066-\u2069]/.test(text)) wrong.push(`a title or label: ${JSON.stringify(text.slice(0, 100))}`);
    }
    return wrong;
  });
}

async function shot(tab, name) {
  if (process.env.SHOTS) await tab.screenshot({ path: `${process.env.SHOTS}/hostile-${name}.png` });
}

test("whatever is posted is text, on every page and in every part of it", LIMIT, async (context) => {
  const node = await Node.start({ RUNCAST__CATALOG__SUMMARY_MS: "50" });
  context.after(() => node.stop());
  const tests = ALL.map((title, index) => ({ testId: `t${index}`, title: [title, MARKUP], file: EVIL, tags: [MARKUP], project: MARKUP, annotations: [{ type: EVIL, description: EVIL }] }));
  for (const one of tests) await node.post("r", [{ type: "test_plan", tests: [one] }]);
  await node.post("r", [
    { type: "worker", state: "joined", slots: 1, name: EVIL },
    { type: "run_status", status: "running", data: { total: 5, workers: 1, meta: META } },
    { type: "test_status", testId: "t0", status: "running", data: { slot: 0, attempt: 0 } },
    { type: "test_step", testId: "t0", step: STEP },
    { type: "test_status", testId: "t0", status: "failed", data: { attempt: 0, errors: [ERROR], attachments: [{ name: EVIL, contentType: EVIL, artifact: EVIL }, { name: MARKUP, contentType: "text/html", artifact: "page.html" }] } },
    { type: "test_status", testId: "t1", status: "running", data: { slot: 0, attempt: 0 } },
    { type: MARKUP.slice(0, 64), message: EVIL },
    ...ALL.map((text) => ({ type: "log", text: `${text}\n` })),
    { type: "run_error", message: EVIL, error: ERROR },
  ]);
  await node.upload("r", "page.html", "other", Buffer.from(MARKUP), "text/html");
  const { tab, faults } = await openTab(browser);
  context.after(() => tab.context().close());
  const wrong = new Set();
  const look = async (name, on = tab) => {
    await shot(on, name);
    for (const one of await wrongOn(on)) wrong.add(`${name}: ${one}`);
  };

  await tab.goto(`${node.url}/runs/r?userId=${encodeURIComponent(TURNED + MARKUP.slice(0, 40))}`);
  await word(tab, "FAILING");
  const tree = tab.getByRole("tree", { name: "Tests" });
  await tree.getByRole("treeitem", { name: /onerror/ }).first().click();
  await tab.getByRole("region", { name: "Error" }).first().getByText(/onerror/).first().waitFor();
  await tab.getByRole("grid", { name: "Lines of the log" }).getByText(/gnp\.exe/).first().waitFor();
  await look("run");
  await tab.getByRole("button", { name: "Share" }).click();
  await tab.getByRole("textbox", { name: "Link" }).waitFor();
  await look("share");
  await tab.keyboard.press("Escape");
  await tab.keyboard.press("Control+f");
  await tab.keyboard.type("onerror");
  await tab.locator("mark").first().waitFor();
  await tab.locator('.search-elsewhere[aria-busy="false"]').waitFor();
  await look("search");
  await tab.keyboard.press("Escape");
  await tab.getByRole("button", { name: "Wall" }).click();
  await tab.locator(".tile").first().waitFor();
  await look("wall");
  await tab.goBack();

  // Who has control is named to the others, and so is who asks for it; then a question.
  await tab.getByRole("button", { name: "Take control" }).click();
  await tab.locator(".lease").filter({ hasText: "You have control" }).waitFor();
  const { tab: other, faults: othersFaults } = await openTab(browser, { width: 390, height: 844 });
  context.after(() => other.context().close());
  await other.goto(`${node.url}/runs/r?userId=bob`);
  const pane = (name) => other.getByRole("navigation", { name: "Panes" }).getByRole("button", { name }).click();
  await pane("Steer");
  await other.locator(".lease").filter({ hasText: /has control/ }).waitFor();
  await other.getByRole("button", { name: "Ask", exact: true }).click();
  await tab.locator(".lease").filter({ hasText: "bob asks for control" }).waitFor();
  await look("lease");
  await look("phone", other);
  await node.post("r", [{
    type: "ai_stuck", askId: "q", testId: "t1", needs: "click", message: EVIL, question: EVIL, goal: EVIL, attempts: [EVIL], lastError: EVIL, expiresInSecs: 600,
    candidates: [{ id: "a", label: EVIL, score: 0.5 }, { id: "b", label: LONG.slice(0, 400) }],
  }]);
  await word(tab, "NEEDS YOU");
  await tab.getByRole("button", { name: "Answer", exact: true }).click(); // another test is open
  await tab.locator(".ask").waitFor();
  await look("ask");
  await other.locator(".ask").waitFor();
  await look("phone-ask", other);
  for (const name of ["Tests", "Steps", "Log", "Time"]) {
    await pane(name);
    await look(`phone-${name}`, other);
  }
  await tab.locator(".ask").getByRole("button", { name: /^Send/ }).click();
  await tab.locator(".ask-ended").waitFor();
  await look("answered");

  await node.post("r", [{ type: "run_status", status: "failed", message: EVIL, data: { error: EVIL } }]);
  await word(tab, "FAILED");
  await tab.getByRole("region", { name: "Failures" }).waitFor();
  await look("ended");
  await tab.goto(node.url);
  await tab.getByText("FAILED").first().waitFor();
  await look("list");
  await tab.goto(`${node.url}/ops`);
  await tab.getByRole("heading", { name: /^Rooms/ }).waitFor();
  await look("ops");
  assert.deepEqual([...wrong], []);
  assert.deepEqual([...faults, ...othersFaults], []);
});
