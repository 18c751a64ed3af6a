// The page of a run steers it: what one page wants, another one sees, and the worker does.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, openTab, rows, says } from "./support/browser.js";
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

scene("what one page wants, the other sees, and may undo", ["ada", "bob"], [], async ({ node, open, tabs: [ada, bob] }) => {
  await node.post("r", [{ type: "run_status", status: "running" }]);
  await open("r");
  await button(ada, "pause").click();
  for (const tab of [ada, bob]) await says(tab, "held", /paused by ada until \d\d:\d\d:\d\d UTC/);
  assert.equal(await button(bob, "pause").isVisible(), false);
  await button(bob, "resume").click();
  for (const tab of [ada, bob]) await button(tab, "pause").waitFor();
  assert.equal(await bob.locator("#held").textContent(), "");
  const types = (await rows(ada)).map(([, , type]) => type);
  assert.deepEqual(types, ["run_status", "pause_requested", "resume_requested"]);
  assert.deepEqual((await rows(ada)).slice(1).map(([, , , text]) => text), ["by ada", "by bob"]);
});

scene("who has control is named to whoever is refused", ["ada", "bob"], [], async ({ node, open, tabs: [ada, bob] }) => {
  await node.post("r", [{ type: "run_status", status: "running" }]);
  await open("r");
  await button(ada, "take control").click();
  await says(ada, "held", "you have control");
  await says(bob, "held", "ada has control");
  await button(bob, "pause").click(); // stopping is always allowed
  await says(bob, "held", "paused by bob");
  await button(bob, "resume").click();
  await says(bob, "refused", /resume refused: .*ada/);
  await button(bob, "take control from ada").click();
  await says(bob, "held", "you have control");
  await says(ada, "held", "bob has control");
  await button(bob, "resume").click();
  await button(bob, "give control back").click();
  await button(ada, "take control").waitFor();
});

scene("a page that has lost its connection gives its command on the next one", ["ada"], [], async ({ node, open, tabs: [ada] }) => {
  await node.post("r", [{ type: "run_status", status: "running" }]);
  await open("r");
  await button(ada, "pause").waitFor();
  await node.end("SIGKILL");
  await says(ada, "state", "reconnecting");
  await button(ada, "pause").click();
  await node.restart();
  await says(ada, "held", "paused by ada");
});

scene("a question is answered by text, and a password is not in the log", ["ada"], [], async ({ node, open, tabs: [ada] }) => {
  const markup = `<img src=x onerror="window.ran = 1">`;
  await node.post("r", [
    { type: "run_status", status: "running" },
    { type: "ai_stuck", askId: "markup", needs: "choice", message: markup, candidates: [{ id: "c", label: markup }] },
    { type: "ai_stuck", askId: "city", needs: "text", message: "Which city?" },
    { type: "ai_stuck", askId: "pw", needs: "credential", message: "The password?" },
  ]);
  await open("r");
  const ask = (words) => ada.locator("#asks form").filter({ hasText: words });
  await ask("Which city?").getByLabel("answer").fill("Ulm");
  await ask("The password?").getByLabel("answer").fill("hunter2");
  await button(ask(markup), markup).click();
  await ask(markup).waitFor({ state: "detached" });
  assert.equal(await ask("Which city?").getByLabel("answer").inputValue(), "Ulm", "what is typed stays");
  await ask("Which city?").getByLabel("answer").press("Enter");
  await ask("Which city?").waitFor({ state: "detached" });
  assert.equal(await ask("The password?").getByLabel("answer").getAttribute("type"), "password");
  await button(ask("The password?"), "answer").click();
  await ask("The password?").waitFor({ state: "detached" });
  const log = await (await fetch(`${node.url}/api/runs/r/events`)).text();
  assert.ok(log.includes('"value":"Ulm"') && !log.includes("hunter2"), log);
  assert.equal(await ada.evaluate(() => window.ran), undefined);
});

scene("the demo's worker asks, and goes on by a click", ["ada"], ["--demo"], async ({ node, open, tabs: [ada] }) => {
  let run;
  for (const end = Date.now() + 20_000; !run && Date.now() < end;) {
    run = (await (await fetch(`${node.url}/api/runs`)).json()).runs[0]?.runId;
  }
  await open(run);
  await button(ada, "Last page").waitFor();
  if (process.env.SCREENSHOT) await ada.screenshot({ path: process.env.SCREENSHOT });
  await button(ada, "Last page").click();
  await ada.locator("#events li", { hasText: 'goes on with "Last page", as ada says' }).waitFor();
  await ada.locator("#asks form").waitFor({ state: "detached" });
  await button(ada, "pause").click();
  await says(ada, "status", "paused");
  await says(ada, "held", "paused by ada");
  await button(ada, "resume").click();
  await says(ada, "status", "running");
});
