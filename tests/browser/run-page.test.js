// The page of a run in a real browser, served by the real server.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { launch, lines, live, openTab, range, showsLines, word } from "./support/browser.js";
import { ClosingFront } from "./support/closing.js";
import { Node } from "./support/node.js";
import { png } from "./support/png.js";

const REAL_RUN = (await readFile(new URL("../data/run.ndjson", import.meta.url), "utf8")).trim().split("\n");
const LIMIT = { timeout: 90_000 };
// What is said after codes that are final, and what one can do.
const FINAL = {
  1008: ["The server refused this page.", "Load again"], 4401: ["You are not signed in, or no longer.", "Load again"],
  4403: ["You may not watch this run.", "All runs"], 4410: ["The run is gone.", "All runs"],
};
const TALL = { width: 1400, height: 2400 };

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

// A test with a server, with these settings, and a tab of its own. No script may fail in any of them.
function scene(name, ...rest) {
  const play = rest.pop();
  test(name, LIMIT, async (context) => {
    const node = await Node.start(...rest);
    context.after(() => node.stop());
    const { tab, faults } = await openTab(browser, TALL);
    context.after(() => tab.context().close());
    await play({ node, tab });
    assert.deepEqual(faults, []);
  });
}

const logLines = (first, last) => range(first, last).map((n) => ({ type: "log", text: `line ${n}\n` }));
const texts = (first, last) => range(first, last).map((n) => `line ${n}`);
const numbers = (tab) => tab.getByRole("banner").getByRole("list", { name: "Tests" }).getByRole("listitem").allInnerTexts();
const rows = (tab) => tab.getByRole("tree", { name: "Tests" }).getByRole("treeitem").allInnerTexts();
const passed = (testId) => ({ type: "test_status", testId, status: "passed", data: { title: `pays with ${testId}`, durationMs: 5 } });
const test_ = (tab, name) => tab.getByRole("tree", { name: "Tests" }).getByRole("treeitem", { name });

scene("a page that was there before the run shows it from its first event to its end", async ({ node, tab }) => {
  await tab.goto(`${node.url}/runs/r`);
  await tab.getByRole("heading", { name: "Nothing has been posted to r yet." }).waitFor();
  await node.post("r", REAL_RUN.slice(0, 150));
  await word(tab, "RUNNING");
  for (let at = 150; at < REAL_RUN.length; at += 7) await node.post("r", REAL_RUN.slice(at, at + 7));
  await word(tab, "FAILED");
  await tab.getByText("event 438").waitFor();
  assert.deepEqual(await numbers(tab), ["1\nfailed", "9\npassed", "1\nskipped"]);
  await test_(tab, /rejects an empty company/).click();
  await tab.getByText("expect(locator).toBeVisible() failed").first().waitFor();
  assert.match(new URL(tab.url()).search, /[?&]t=/);
});

scene("who comes in the middle, or after the end, sees the same", async ({ node, tab }) => {
  await node.post("r", REAL_RUN.slice(0, 300));
  await tab.goto(`${node.url}/runs/r`);
  await word(tab, "RUNNING");
  await node.post("r", REAL_RUN.slice(300));
  await word(tab, "FAILED");
  const seen = await lines(tab);
  const late = await tab.context().newPage();
  await late.setViewportSize(TALL);
  await late.goto(`${node.url}/runs/r`);
  await word(late, "FAILED");
  await late.getByText("event 438").waitFor();
  assert.ok(seen.length > 10);
  await showsLines(late, seen);
  assert.deepEqual([await rows(late), await numbers(late)], [await rows(tab), await numbers(tab)]);
});

scene("after its server was killed in the middle nothing is missing, and nothing doubled", async ({ node, tab }) => {
  await node.post("r", [{ type: "run_status", status: "running" }, passed("a"), ...logLines(1, 20)]);
  await tab.goto(`${node.url}/runs/r`);
  await tab.getByText("line 20", { exact: true }).waitFor();
  assert.equal(await node.end("SIGKILL"), "SIGKILL");
  await live(tab, "Reconnecting");
  await node.restart();
  await node.post("r", [passed("b"), ...logLines(21, 40)]);
  await live(tab);
  await tab.getByText("line 40", { exact: true }).waitFor();
  const shown = (await lines(tab)).filter((line) => /^line \d+$/.test(line));
  assert.deepEqual(shown, texts(1, 40));
  assert.deepEqual(await numbers(tab), ["2\npassed"]);
  for (const name of ["a", "b"]) assert.equal(await test_(tab, new RegExp(`pays with ${name}`)).count(), 1, name);
});

scene("after a restart that drained the server nothing is missing either", async ({ node, tab }) => {
  await node.post("r", [{ type: "run_status", status: "running" }, ...logLines(1, 20)]);
  await tab.goto(`${node.url}/runs/r`);
  await showsLines(tab, ["Run running", ...texts(1, 20)]);
  assert.equal(await node.end("SIGTERM"), 0);
  await node.restart();
  await node.post("r", logLines(21, 40));
  await tab.getByText("line 40", { exact: true }).waitFor();
  assert.deepEqual((await lines(tab)).filter((line) => /^line \d+$/.test(line)), texts(1, 40));
});

scene("a page connects again after every close but a final one, and says what to do after that", async ({ node, tab }) => {
  const { closeCodes } = JSON.parse(await readFile(new URL("../../docs/vocabulary.json", import.meta.url), "utf8"));
  await node.post("r", [{ type: "run_status", status: "running" }]);
  const front = await ClosingFront.start(node);
  try {
    for (const { code, text, reconnect } of closeCodes.filter(({ code }) => code !== null)) {
      await tab.goto(`${front.url}/runs/r`);
      await live(tab);
      const next = front.next();
      front.close(code, text);
      if (reconnect === "never") {
        await tab.getByRole("banner").getByText("Live", { exact: true }).waitFor({ state: "detached" });
        const [says, act] = FINAL[code] ?? ["Not connected.", "Try now"];
        const banner = tab.locator(".banner", { hasText: says });
        await banner.getByRole("button", { name: act }).waitFor();
        assert.match(await banner.innerText(), /(?:You see events up to|What you see ends with event) 1\./, String(code));
        if (act !== "Try now") continue;
        await banner.getByRole("button", { name: act }).click();
        await live(tab);
      } else {
        await next;
        await live(tab);
      }
    }
  } finally {
    front.stop();
  }
});

scene("nothing in an event is more than text", async ({ node, tab }) => {
  const markup = `<img src=x onerror="window.ran = 1"><script>window.ran = 1</` + `script>`;
  const odd = [null, 1, true, "text", [], [null], {}, { toString: 1, valueOf: 1, title: { toString: 1 } }];
  await node.post("r", [
    { type: "run_status", status: "running", data: { meta: { project: markup, title: markup, branch: markup, ciUrl: "javascript:window.ran=1" } } },
    { type: markup.slice(0, 64), message: markup },
    { type: "test_plan", tests: [{ testId: markup, title: [markup, "\u202e\u200bturned\u0000"], file: markup, tags: [markup] }] },
    { type: "test_status", testId: markup, status: "failed", data: { title: markup, errors: [{ message: markup, snippet: markup, location: markup }] } },
    { type: "test_status", testId: "long", status: "passed", data: { title: "x".repeat(240_000) } },
    { type: "test_step", testId: markup, step: { stepNumber: 1, phase: "end", title: markup, subtitle: markup, error: { message: markup } } },
    { type: "log", timestamp: markup, text: `"><svg onload="window.ran = 1">\u001b]0;title\u0007\u001b[2J` },
    ...odd.map((value) => ({ type: "odd", status: value, step: value, data: value, tests: value, message: value, text: value, testId: value, error: value })),
    ...odd.map((value) => ({ type: "log", text: value, testId: value, data: value })),
  ]);
  await tab.goto(`${node.url}/runs/r`);
  await word(tab, "FAILING");
  await test_(tab, /onerror/).first().click();
  await tab.getByRole("grid", { name: "Lines of the log" }).getByText('"><svg onload="window.ran = 1">').waitFor();
  assert.equal(await tab.evaluate(() => window.ran), undefined);
  assert.equal(await tab.locator("img[src=x], #page script").count(), 0);
  assert.equal(await tab.locator('a[href^="javascript:"]').count(), 0);
  const wide = await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${wide} pixels wider than the window`);
});

scene("the newest picture of the worker that is looked at is shown, and on the wall those of all", async ({ node, tab }) => {
  await node.post("r", [
    { type: "run_status", status: "running" },
    { type: "worker", state: "joined", slots: 2 },
    ...[0, 1].map((slot) => ({ type: "test_status", testId: `t${slot}`, status: "running", data: { title: `test ${slot}`, slot, workerIndex: slot } })),
  ]);
  await tab.goto(`${node.url}/runs/r`);
  await word(tab, "RUNNING");
  const looked = async () => (await (await fetch(`${node.url}/api/runs/r/commands?hints=x`)).json()).hints?.screens ?? [];
  const drawn = (count) => tab.waitForFunction((count) => [...document.querySelectorAll("canvas")].filter((canvas) => {
    const context = canvas.getContext("2d");
    return canvas.width > 0 && context.getImageData(canvas.width >> 1, canvas.height >> 1, 1, 1).data[3] > 0;
  }).length >= count, count);
  await node.postFrame("r", png(320, 200), "-/0");
  await node.postFrame("r", png(320, 200), "-/1");
  await drawn(1);
  assert.ok(Array.isArray(await looked()));
  await tab.getByRole("button", { name: "Wall" }).click();
  await node.postFrame("r", png(300, 200), "-/0");
  await node.postFrame("r", png(300, 200), "-/1");
  await drawn(2);
});

scene("a link leads to the test, the line and the moment that it was copied at", async ({ node, tab }) => {
  await node.post("r", [{ type: "run_status", status: "running" }, ...logLines(1, 400)]);
  await node.post("r", [{ type: "test_status", testId: "t", status: "failed", data: { title: "pays", error: "no money" } }]);
  await tab.goto(`${node.url}/runs/r?l=50`);
  await tab.getByText("line 49", { exact: true }).waitFor();
  assert.equal(await tab.getByRole("switch", { name: "Follow" }).getAttribute("aria-checked"), "false");
  await tab.goto(`${node.url}/runs/r?at=100`);
  await tab.getByText(/You look at .*event 100 of 402/).waitFor();
  await word(tab, "RUNNING");
  await tab.getByRole("button", { name: "Back to live" }).first().click();
  await word(tab, "FAILING");
});

scene("a long run does not fill the page", async ({ node, tab }) => {
  for (let at = 1; at <= 30_000; at += 5_000) await node.post("r", logLines(at, at + 4_999));
  await tab.goto(`${node.url}/runs/r`);
  await tab.getByText("line 30000", { exact: true }).waitFor();
  const nodes = await tab.evaluate(() => document.querySelectorAll("*").length);
  assert.ok(nodes < 4_000, `${nodes} elements`);
});

test("a page of another site can neither read nor watch", LIMIT, async (context) => {
  const node = await Node.start();
  context.after(() => node.stop());
  const { tab } = await openTab(browser);
  context.after(() => tab.context().close());
  await tab.goto("data:text/html,<p>another site</p>");
  const outcome = await tab.evaluate(async (url) => {
    const socket = new WebSocket(url.replace("http", "ws") + "/ws/runs/r");
    const [fetched, opened] = await Promise.all([
      fetch(url + "/api/runs").then(() => true, () => false),
      new Promise((resolve) => { socket.onopen = () => resolve(true); socket.onerror = () => resolve(false); }),
    ]);
    return { fetched, opened };
  }, node.url);
  assert.deepEqual(outcome, { fetched: false, opened: false });
});

scene("a part of the worker that does not come is loaded again, and the run is shown meanwhile", async ({ node, tab }) => {
  await node.post("r", [{ type: "run_status", status: "running" }, ...logLines(1, 20)]);
  const front = await ClosingFront.start(node);
  try {
    const [, worker] = /data-worker="([^"]+)"/.exec(await (await fetch(`${node.url}/runs/r`)).text());
    const [, part] = /import\("\.\/([^"]+)"\)/.exec(await (await fetch(node.url + worker)).text());
    let ignored = 0;
    front.ignores = (url) => url.endsWith(part) && (ignored += 1) <= 2;
    await tab.goto(`${front.url}/runs/r`);
    await word(tab, "RUNNING");
    await showsLines(tab, ["Run running", ...texts(1, 20)]);
    await live(tab);
    assert.ok(ignored > 2);
  } finally {
    front.stop();
  }
});
