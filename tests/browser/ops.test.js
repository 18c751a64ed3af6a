// The page for operators in a real browser: what the server says of itself, also while it is restarted.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, openTab } from "./support/browser.js";
import { Node } from "./support/node.js";

const LIMIT = { timeout: 60_000 };

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

test("what operators see is there at once, goes on by itself, and survives a restart of the server", LIMIT, async (context) => {
  const node = await Node.start();
  context.after(() => node.stop());
  const { tab, faults } = await openTab(browser);
  context.after(() => tab.context().close());
  const word = (name) => tab.getByRole("heading", { level: 1, name, exact: true }).waitFor();
  const figure = (name) => tab.locator(".ops-figures > div", { has: tab.getByText(name, { exact: true }) }).getByRole("strong");
  const ask = () => tab.evaluate(() => document.dispatchEvent(new Event("visibilitychange"))); // as when one comes back to the tab
  const shows = (name, value) => figure(name).filter({ hasText: value }).waitFor();

  await node.post("r", [{ type: "run_status", status: "running" }]);
  await node.upload("r", "a.txt", "other", Buffer.from("text"));
  await tab.goto(`${node.url}/ops`);
  await word("WELL");
  assert.equal(await tab.title(), "WELL · ops · runcast");
  await tab.getByText("Nothing is wrong.").waitFor();
  await shows("Runs in use", "1");
  await shows("Viewers", "0");
  await tab.getByText(/^1 artifact, 4 bytes|^1 artifact, 4 B/).waitFor();
  for (const name of ["Parts", "Nodes 1", "Artifacts", "Rooms 1"]) await tab.getByRole("heading", { level: 2, name, exact: true }).waitFor();
  await tab.getByRole("row", { name: /^Journal answers/ }).waitFor();

  // A viewer comes, and events: the figures follow without a reload.
  const viewer = await tab.context().newPage();
  await viewer.goto(`${node.url}/runs/r`);
  await viewer.getByRole("banner").getByText("Live").waitFor();
  await tab.bringToFront();
  await shows("Viewers", "1");
  await node.post("r", Array.from({ length: 100 }, (_, index) => ({ type: "log", text: `line ${index}\n` })));
  await ask();
  await shows("Events in", /[1-9]/);
  await shows("Events out", /[1-9]/);

  await tab.getByRole("button", { name: "Look what is due" }).click();
  await tab.getByRole("status").filter({ hasText: "nothing is due" }).waitFor();

  await node.end("SIGKILL");
  await ask();
  await word("AWAY");
  await tab.getByText(/^The server does not answer: .*It is asked again every five seconds\.$/).waitFor();
  await node.restart();
  await ask();
  await word("WELL");
  await tab.getByText("Nothing is wrong.").waitFor();
  await tab.getByRole("link", { name: "r", exact: true }).click();
  await tab.waitForURL("**/runs/r");
  assert.deepEqual(faults, []);
});
