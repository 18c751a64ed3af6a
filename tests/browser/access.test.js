// Where a credential is needed: the pages ask for a key, and a share link shows one run to somebody without one.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, openTab, word } from "./support/browser.js";
import { Node } from "./support/node.js";

const LIMIT = { timeout: 60_000 };

let browser;
let node;
let key;
before(async () => {
  browser = await launch();
  node = await Node.start({ RUNCAST__AUTH__MODE: "token" });
  key = await node.firstKey();
  for (const run of ["shared", "other"]) {
    const events = [{ type: "run_status", status: "passed" }];
    const posted = await ask("POST", `/api/runs/${run}/events`, events);
    assert.equal(posted.status, 202);
  }
});
after(async () => {
  await browser?.close();
  await node?.stop();
});

function ask(method, path, body) {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  return fetch(node.url + path, { method, headers, body: JSON.stringify(body) });
}

async function signIn(tab, shown) {
  await tab.getByRole("textbox", { name: "Key" }).fill(shown);
  await tab.getByRole("button", { name: "Sign in" }).click();
}

test("the list asks for a key, says why it takes none, and shows the runs with one", LIMIT, async (context) => {
  const { tab, faults } = await openTab(browser);
  context.after(() => tab.context().close());
  await tab.goto(node.url);
  await tab.getByRole("heading", { name: "Sign in to see the runs." }).waitFor();
  await signIn(tab, "rcast_wrong");
  await tab.getByRole("alert").getByText("this credential is unknown").waitFor();
  await signIn(tab, key);
  await tab.getByRole("row", { name: /shared.*PASSED|PASSED.*shared/ }).waitFor();
  const cookies = await tab.context().cookies();
  assert.deepEqual(cookies.map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite]), [["runcast", true, "Lax"]]);
  assert.notEqual(cookies[0].value, key);
  assert.equal(await tab.evaluate(() => document.cookie), "");
  assert.deepEqual(faults, []);
});

test("a run asks for a key, and is watched live with one", LIMIT, async (context) => {
  const { tab, faults } = await openTab(browser);
  context.after(() => tab.context().close());
  await tab.goto(`${node.url}/runs/other`);
  await tab.getByText("You are not signed in, or no longer.").first().waitFor();
  await signIn(tab, key);
  await word(tab, "PASSED");
  assert.deepEqual(faults, []);
});

test("a share link leads to its run without a key, and to no other one, until it is revoked", LIMIT, async (context) => {
  const made = await (await ask("POST", "/api/runs/shared/shares", {})).json();
  const { tab, faults } = await openTab(browser);
  context.after(() => tab.context().close());
  await tab.goto(made.url);
  await word(tab, "PASSED");
  assert.equal(new URL(tab.url()).pathname, "/runs/shared", "the secret has left the address bar");
  await tab.goto(`${node.url}/runs/other`);
  await tab.getByText("You may not watch this run.").first().waitFor();
  const revoked = await ask("DELETE", `/api/runs/shared/shares/${made.share.id}`);
  assert.equal(revoked.status, 204);
  await tab.goto(`${node.url}/runs/shared`);
  await tab.getByText("You are not signed in, or no longer.").first().waitFor();
  assert.deepEqual(faults, []);
});
