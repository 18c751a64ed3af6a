// axe on the pages, in the states in which people see them: it finds nothing of impact serious or critical.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { findings } from "./support/axe.js";
import { launch, openTab, word } from "./support/browser.js";
import { Node } from "./support/node.js";
import { png } from "./support/png.js";

const LIMIT = { timeout: 60_000 };
const DESK = { width: 1400, height: 900 }, PHONE = { width: 390, height: 844 };
const REAL_RUN = (await readFile(new URL("../data/run.ndjson", import.meta.url), "utf8")).trim().split("\n");
const META = { project: "shop", number: 7, branch: "main", commit: "9f3c21e00ab", author: "ada", labels: ["pr"] };
const [RED, OFF] = ["\u001b[31m", "\u001b[39m"];
const SCHEMES = [["light", null], ["dark", ["color-contrast"]]]; // with the rules of axe; null: all
const RUNNING = [
  { type: "worker", state: "joined", slots: 2 },
  { type: "run_status", status: "running", data: { total: 5, workers: 2, meta: META } },
  { type: "test_plan", tests: ["a", "b", "c", "d", "e"].map((testId) => ({ testId, title: ["cart", `pays with ${testId}`], file: "cart.spec.js", tags: ["@slow"] })) },
  { type: "test_status", testId: "a", status: "passed", data: { attempt: 0, slot: 0, workerIndex: 0, durationMs: 1200 } },
  { type: "test_status", testId: "b", status: "running", data: { attempt: 0, slot: 0, workerIndex: 0 } },
  { type: "test_step", testId: "b", step: { stepNumber: 1, id: "1", phase: "end", title: "Click", durationMs: 30 } },
  { type: "test_step", testId: "b", step: { stepNumber: 2, id: "2", phase: "begin", title: "Fill the form", params: { url: "http://shop.test/#/cart" } } },
  { type: "log", text: `one line\n${RED}a red line${OFF}\n`, level: "warn" },
];
const QUESTION = {
  type: "ai_stuck", askId: "q", testId: "b", needs: "click", message: "Which one shall I click?", screenshot: "ask.png", expiresInSecs: 600,
  candidates: [{ id: "one", label: "First page", box: [10, 10, 60, 30], score: 0.7 }, { id: "two", label: "Last page", box: [90, 10, 60, 30], score: 0.2 }],
};

let browser, node;
before(async () => {
  [browser, node] = await Promise.all([launch(), Node.start()]);
  await node.post("failed", REAL_RUN);
  await node.post("running", RUNNING);
  await node.post("asks", RUNNING);
  await node.upload("asks", "ask.png", "screenshot", png(320, 200));
  await node.post("asks", [QUESTION]);
});
after(async () => {
  await browser?.close();
  await node?.stop();
});

// Shows a page in several states, and asks axe about each; of dark colours about contrasts alone: all else is the same.
function scene(name, viewport, path, show) {
  test(name, LIMIT, async (context) => {
    const { tab, faults } = await openTab(browser, viewport);
    context.after(() => tab.context().close());
    await tab.emulateMedia({ reducedMotion: "reduce" });
    await tab.goto(node.url + path);
    for await (const state of show(tab)) {
      for (const [colorScheme, rules] of SCHEMES) {
        await tab.emulateMedia({ colorScheme });
        if (process.env.SHOTS) await tab.screenshot({ path: `${process.env.SHOTS}/${name}-${state}-${colorScheme}.png`.replaceAll(" ", "_") });
        assert.deepEqual(await findings(tab, rules), [], `${state}, ${colorScheme}`);
      }
    }
    assert.deepEqual(faults, []);
  });
}

const button = (tab, name) => tab.getByRole("button", { name, exact: true });

async function* list(tab) {
  await tab.getByText("NEEDS YOU").first().waitFor();
  await tab.getByText("FAILED").first().waitFor();
  yield "runs";
}

async function* running(tab) {
  await word(tab, "RUNNING");
  await tab.getByText("a red line").waitFor();
  yield "test";
  await button(tab, "Share").click();
  await tab.getByRole("dialog").getByText("Link to what you see").waitFor();
  yield "share";
  await tab.keyboard.press("Escape");
  await tab.keyboard.press("?");
  await tab.getByText("to the newest line, and follow").waitFor();
  yield "keys";
  await tab.keyboard.press("Escape");
  await button(tab, "Wall").click();
  await tab.locator(".tile").first().waitFor();
  yield "wall";
}

async function* failed(tab) {
  await word(tab, "FAILED");
  await tab.getByRole("treeitem", { name: /rejects an empty company/ }).click();
  await tab.getByRole("region", { name: "Error" }).waitFor();
  yield "error";
  await tab.keyboard.press("Control+f");
  await tab.keyboard.type("company");
  await tab.locator("mark").first().waitFor();
  yield "search";
  await button(tab, "Export").click();
  await tab.getByRole("dialog").getByRole("link", { name: /ZIP/ }).waitFor();
  yield "export";
}

async function* asks(tab) {
  await word(tab, "NEEDS YOU");
  const answer = button(tab, "Answer"); // leads to the question where there is one pane alone
  await tab.getByText("Which one shall I click?").first().waitFor();
  if (await answer.isVisible()) await answer.click();
  await tab.getByRole("heading", { name: "Which one shall I click?" }).waitFor();
  yield "question";
}

async function* phone(tab) {
  await tab.getByRole("treeitem", { name: /rejects an empty company/ }).waitFor();
  for (const name of ["Tests", "Steps", "Log", "Time", "Steer"]) {
    await tab.getByRole("navigation", { name: "Panes" }).getByRole("button", { name }).click();
    yield name;
  }
}

scene("list", DESK, "/", list);
scene("list on a phone", PHONE, "/", list);
scene("a run that goes on", DESK, "/runs/running", running);
scene("a failed run", DESK, "/runs/failed", failed);
scene("a run that asks", DESK, "/runs/asks", asks);
scene("a run that asks on a phone", PHONE, "/runs/asks", asks);
scene("a failed run on a phone", PHONE, "/runs/failed", phone);
scene("a run of which nothing was posted", DESK, "/runs/empty", async function* (tab) {
  await tab.getByText("This page is connected.").waitFor();
  yield "empty";
});
scene("ops", DESK, "/ops", async function* (tab) {
  await tab.getByRole("heading", { name: "WELL" }).waitFor();
  await tab.getByRole("heading", { name: /^Rooms/ }).waitFor();
  yield "ops";
});
