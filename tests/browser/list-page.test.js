// The list of runs in a real browser, served by the real server.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { launch, openTab, word } from "./support/browser.js";
import { Node } from "./support/node.js";

const REAL_RUN = (await readFile(new URL("../data/run.ndjson", import.meta.url), "utf8")).trim().split("\n");
const LIMIT = { timeout: 60_000 };

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

function scene(name, play) {
  test(name, LIMIT, async (context) => {
    const node = await Node.start();
    context.after(() => node.stop());
    const { tab, faults } = await openTab(browser);
    context.after(() => tab.context().close());
    await play({ node, tab });
    assert.deepEqual(faults, []);
  });
}

scene("the list shows runs as they come, and leads to their pages", async ({ node, tab }) => {
  await tab.goto(node.url);
  await tab.getByRole("heading", { name: "No run has been posted yet." }).waitFor();
  const { packages } = await (await fetch(node.url + "/clients")).json();
  const { install } = packages.find(({ name }) => name === "@runcast/playwright");
  await tab.getByText(install).waitFor();
  const now = new Date().toISOString();
  await node.post("real-run", REAL_RUN);
  await node.post("nightly:2", [{ type: "run_status", timestamp: now, status: "running", data: { meta: { project: "shop", number: 7, branch: "main" } } }]);
  await tab.getByRole("link", { name: /shop/ }).first().waitFor();
  await tab.getByText("RUNNING").first().waitFor();
  await tab.getByText("FAILED").first().waitFor();
  await tab.getByRole("link", { name: /real-run/ }).first().click();
  await word(tab, "FAILED");
  assert.equal(new URL(tab.url()).pathname, "/runs/real-run");
});
