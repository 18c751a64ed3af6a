// What the page of a run says where it can't show the run as it is now, and where there is no run.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { eventually, launch, live, openTab, word } from "./support/browser.js";
import { Site } from "./support/front.js";
import { Node } from "./support/node.js";

const LIMIT = { timeout: 60_000 };
const FIRST = { Playwright: "reporter:", "Any command": "export RUNCAST_URL=", "Plain HTTP": "curl " }; // of what is copied
const PASSED = { type: "run_status", status: "passed" };

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

// A test with a server, with these settings, and a tab. No script may fail in any of them.
function scene(name, settings, play) {
  test(name, LIMIT, async (context) => {
    const node = await Node.start(settings);
    context.after(() => node.stop());
    const { tab, faults } = await openTab(browser);
    context.after(() => tab.context().close());
    await play({ node, tab, context });
    assert.deepEqual(faults, []);
  });
}

const says = (tab, strong, text) => tab.locator(".banner", { hasText: strong }).getByText(text).waitFor();
const button = (tab, name) => tab.getByRole("button", { name, exact: true });

scene("where nothing was posted there are three ways to post, and each can be copied", {}, async ({ node, tab }) => {
  await tab.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await tab.goto(`${node.url}/runs/r`);
  await tab.getByRole("heading", { name: "Nothing has been posted to r yet." }).waitFor();
  await tab.getByText("You may watch this run.").waitFor();
  await tab.getByText(/^Waiting for the first event, 0:\d\d\.$/).waitFor();
  const copied = () => tab.evaluate(() => navigator.clipboard.readText());
  const ways = await tab.locator(".empty-way h3").allInnerTexts();
  assert.deepEqual(ways, ["Playwright", "Any command", "Plain HTTP"]);
  for (const way of ways) {
    await tab.getByRole("button", { name: `Copy: ${way}` }).last().click();
    await eventually("it is copied", async () => (await copied()).includes(FIRST[way]));
  }
  // What was copied last works as it stands.
  const [, url, body] = /^curl (\S+) [^]*-d '(.*)'$/.exec((await copied()).trim());
  const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  assert.equal(answer.status, 202);
  await word(tab, "RUNNING");
});

scene("a connection that is lost says since when and what one sees, and afterwards how much came meanwhile", {}, async ({ node, tab }) => {
  await node.post("r", [{ type: "run_status", status: "running" }]);
  await tab.goto(`${node.url}/runs/r`);
  await live(tab);
  await node.end("SIGKILL");
  await says(tab, /^Connection lost at \d\d:\d\d:\d\d\./, /You see events up to 1\. Trying again .*The server does not answer\./);
  await word(tab, "RUNNING");
  await node.restart();
  await node.post("r", [{ type: "log", text: "one\n" }, { type: "log", text: "two\n" }]);
  void button(tab, "Try now").click().catch(() => {}); // it may have come back by itself: then there is no such button
  await live(tab);
  await says(tab, "arrived meanwhile.", "Nothing is missing.");
  await tab.getByText("two", { exact: true }).waitFor();
  await button(tab, "OK").click();
  await tab.locator(".banner").waitFor({ state: "detached" });
});

scene("a run that is deleted while it is looked at is gone, and so it is for who comes later", {}, async ({ node, tab }) => {
  await node.post("r", [{ type: "run_status", status: "running" }, { type: "log", text: "the last line\n" }]);
  await tab.goto(`${node.url}/runs/r`);
  await tab.getByText("the last line", { exact: true }).waitFor();
  assert.ok((await fetch(`${node.url}/api/runs/r?force=1`, { method: "DELETE" })).ok);
  await says(tab, "The run is gone.", /^It has expired, or somebody deleted it\. What you see ends with event \d\.$/);
  await live(tab, "Not live");
  await tab.getByText("the last line", { exact: true }).waitFor();
  const late = await tab.context().newPage();
  await late.goto(`${node.url}/runs/r`);
  await says(late, "The run is gone.", "It has expired, or somebody deleted it.");
  await button(late, "All runs").click();
  await late.waitForURL(node.url + "/");
});

scene("a run that has expired says so", { RUNCAST__JOURNAL__SEAL_HOURS: "0", RUNCAST__JOURNAL__RETAIN_HOURS: "1", RUNCAST__JOURNAL__SWEEP_SECS: "1" },
  async ({ node, tab }) => {
    await node.post("r", [{ type: "log", text: "one\n" }, PASSED]);
    await tab.goto(`${node.url}/runs/r`);
    await word(tab, "PASSED");
    await node.editJournal("UPDATE runs SET active_at = active_at - 172800000, last_at = last_at - 172800000");
    await tab.reload();
    await eventually("the run expires", async () => (await fetch(`${node.url}/api/runs/r`)).status === 410);
    await tab.reload();
    await says(tab, "The run is gone.", "It has expired, or somebody deleted it.");
  });

test("a link into what has expired says what is missing, and the log begins with that", LIMIT, async (context) => {
  const node = await Node.start();
  context.after(() => node.stop());
  const lines = Array.from({ length: 400 }, (_, index) => ({ type: "log", text: `line ${index + 1}\n` }));
  await node.post("r", [...lines, PASSED]);
  // The answers of a journal of which the first 100 events have expired.
  const front = await Site.before(node, (request, response) => {
    const after = /[?&]after=(\d+)\b/.exec(request.url);
    if (!request.url.startsWith("/api/runs/r/events?") || after === null || Number(after[1]) >= 100) return false;
    request.url = request.url.replace(after[0], after[0].replace(after[1], "100"));
    response.setHeader("runcast-gap", `${Number(after[1]) + 1}-100`);
    return false;
  });
  context.after(() => front.stop());
  const { tab } = await openTab(browser);
  context.after(() => tab.context().close());
  await tab.goto(`${front.url}/runs/r?l=5`);
  await word(tab, "PASSED");
  await tab.getByRole("status").getByText("The line of this link was in event 5. Events 1 to 100 have expired.").waitFor();
  await button(tab, "Close").click();
  await tab.waitForURL(/\/runs\/r$/);
  await tab.locator(".log-grid").focus();
  await tab.keyboard.press("Home");
  await tab.getByText("Events 1 to 100 have expired", { exact: true }).waitFor();
});
