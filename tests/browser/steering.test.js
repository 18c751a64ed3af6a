// The page of a run steers it: what one page wants, another one sees, and the worker does.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { eventually, launch, openTab, word } from "./support/browser.js";
import { Node } from "./support/node.js";

const LIMIT = { timeout: 90_000 };

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

// A test with a server and a tab for each of these people. No script may fail in any of them.
function scene(name, people, args, play) {
  test(name, LIMIT, async (context) => {
    const node = await Node.start({}, args);
    context.after(() => node.stop());
    const tabs = await Promise.all(people.map(() => openTab(browser)));
    context.after(() => Promise.all(tabs.map(({ tab }) => tab.context().close())));
    const open = (run) => Promise.all(tabs.map(({ tab }, index) => tab.goto(`${node.url}/runs/${run}?userId=${people[index]}`)));
    await play({ node, open, tabs: tabs.map(({ tab }) => tab) });
    for (const { faults } of tabs) assert.deepEqual(faults, []);
  });
}

const button = (tab, name) => tab.getByRole("button", { name, exact: true });
const JOINED = { type: "worker", state: "joined", slots: 1 };

scene("what one page wants, the other sees, and may undo", ["ada", "bob"], [], async ({ node, open, tabs: [ada, bob] }) => {
  await node.post("r", [{ type: "run_status", status: "running" }, JOINED]);
  await open("r");
  await button(ada, "Pause").click();
  for (const tab of [ada, bob]) await word(tab, "PAUSED");
  const { commands } = await (await fetch(`${node.url}/api/runs/r`)).json();
  await node.post("r", [{ type: "command_status", commandId: commands[0].commandId, status: "done" }]);
  await button(bob, "Resume").click();
  for (const tab of [ada, bob]) await word(tab, "RUNNING");
  const page = await (await fetch(`${node.url}/api/runs/r/events`)).json();
  const wanted = page.events.filter(({ by }) => by).map(({ type, by }) => [type, by.name]);
  assert.deepEqual(wanted, [["pause_requested", "ada"], ["resume_requested", "bob"]]);
});

scene("who has control is named to the others, who may take it", ["ada", "bob"], [], async ({ node, open, tabs: [ada, bob] }) => {
  await node.post("r", [{ type: "run_status", status: "running" }, JOINED]);
  await open("r");
  await button(ada, "Take control").click();
  await ada.getByText(/You have control/).first().waitFor();
  await bob.getByText(/ada has control/).first().waitFor();
  await button(ada, "Give back").click();
  await button(bob, "Take control").click();
  await ada.getByText(/bob has control/).first().waitFor();
});

scene("a password that answers a question is in no log", ["ada"], [], async ({ node, open, tabs: [ada] }) => {
  await node.post("r", [
    { type: "run_status", status: "running" }, JOINED,
    { type: "ai_stuck", askId: "pw", needs: "credential", message: "The password?" },
  ]);
  await open("r");
  await word(ada, "NEEDS YOU");
  const field = ada.locator('input[type="password"]');
  await field.fill("hunter2");
  await field.press("Enter");
  await ada.getByText("The password?").first().waitFor();
  await word(ada, "RUNNING");
  const log = await (await fetch(`${node.url}/api/runs/r/events`)).text();
  assert.ok(log.includes('"ask_answered"') && !log.includes("hunter2"), log);
});

scene("the demo's question is answered by a key, and its run is paused and goes on", ["ada"], ["--demo"], async ({ node, open, tabs: [ada] }) => {
  const run = await eventually("the demo's run goes on", async () => {
    // Beside it is an earlier one, which is running too until all of it is posted.
    const { runs } = await (await fetch(`${node.url}/api/runs`)).json();
    return runs.some(({ status }) => status === "passed") && runs.find(({ status }) => status !== "passed")?.runId;
  });
  await open(run);
  await word(ada, "NEEDS YOU");
  await ada.keyboard.press("2");
  await ada.keyboard.press("Enter");
  await ada.getByText(/goes on with .* as ada says/).first().waitFor();
  await button(ada, "Pause").click();
  await word(ada, "PAUSED");
  await button(ada, "Resume").click();
  await ada.getByRole("banner").getByRole("heading", { name: /RUNNING|FAILING/ }).waitFor();
});
