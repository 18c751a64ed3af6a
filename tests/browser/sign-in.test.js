// Signing in with a real identity provider, and letting a command line in, in a browser.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { findings } from "./support/axe.js";
import { launch, openTab, word } from "./support/browser.js";
import { Site } from "./support/front.js";
import { BINARY, Node } from "./support/node.js";
import { IdentityProvider, signInAs } from "./support/provider.js";

const LIMIT = { timeout: 60_000 };
const RULES = [{ when: { groups: ["dev"] }, scopes: ["view", "control"], runs: ["*"] }];

let browser;
let front; // how people reach the server: its address is known before the server starts
let provider;
let node;
before(async () => {
  browser = await launch();
  front = await Site.before({ get url() { return node.url; } }, () => false);
  provider = await IdentityProvider.start(front.url, (login) => (login === "guest" ? ["guests"] : ["dev"]));
  node = await Node.start({
    RUNCAST__AUTH__MODE: "token", RUNCAST__SERVER__PUBLIC_URL: front.url, RUNCAST__AUTH__OIDC: provider.setting(RULES),
  });
  const headers = { authorization: `Bearer ${await node.firstKey()}`, "content-type": "application/json" };
  const body = JSON.stringify([{ type: "run_status", status: "passed" }]);
  const posted = await fetch(`${node.url}/api/runs/wanted/events`, { method: "POST", headers, body });
  assert.equal(posted.status, 202);
});
after(async () => {
  await browser?.close();
  await node?.stop();
  provider?.stop();
  front?.stop();
});

async function tabFor(context) {
  const opened = await openTab(browser);
  context.after(() => opened.tab.context().close());
  return opened;
}

test("somebody signs in with the provider and comes back to the run", LIMIT, async (context) => {
  const { tab, faults } = await tabFor(context);
  await tab.goto(`${front.url}/runs/wanted`);
  await tab.getByRole("link", { name: "Sign in with corp" }).click();
  await signInAs(tab, "ann");
  await word(tab, "PASSED");
  assert.equal(new URL(tab.url()).pathname, "/runs/wanted");
  // Cookies know no ports: the provider's are among them.
  const cookies = (await tab.context().cookies(front.url)).filter(({ name }) => name.startsWith("runcast"));
  assert.deepEqual(cookies.map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite]), [["runcast", true, "Lax"]]);
  const me = await tab.evaluate(async () => (await fetch("/api/me")).json());
  assert.equal(`${me.subject} ${me.name}`, "corp:ann Name of ann");
  assert.deepEqual(faults, []);
});

test("somebody whom no rule fits, or who says no, is told so and can begin anew", LIMIT, async (context) => {
  const { tab } = await tabFor(context);
  await tab.goto(`${front.url}/auth/login?next=/runs/wanted`);
  await signInAs(tab, "guest");
  await tab.getByRole("heading", { name: "You may do nothing here." }).waitFor();
  assert.deepEqual(await findings(tab), []);
  const { tab: other } = await tabFor(context);
  await other.goto(`${front.url}/auth/login?next=/runs/wanted`);
  await other.getByRole("link", { name: "[ Cancel ]" }).click();
  await other.getByText("the identity provider answers access_denied").waitFor();
  await other.getByRole("link", { name: "Sign in anew" }).click();
  await signInAs(other, "ben");
  await word(other, "PASSED");
});

test("a command line is let in by somebody who signs in for that, and signs out", LIMIT, async (context) => {
  const home = await mkdtemp(join(tmpdir(), "runcast-login-"));
  context.after(() => rm(home, { recursive: true, force: true }));
  const { RUNCAST_TOKEN: _, ...inherited } = process.env;
  const env = { ...inherited, XDG_CONFIG_HOME: home, RUNCAST_URL: front.url };
  const { told, ended } = login(context, env);
  const { url, code } = await told;

  const { tab, faults } = await tabFor(context);
  await tab.setViewportSize({ width: 360, height: 640 });
  await tab.goto(url);
  await tab.getByText(code).waitFor();
  assert.deepEqual(await findings(tab), []);
  await tab.getByRole("link", { name: "Sign in with corp" }).click();
  await signInAs(tab, "cleo");
  await tab.getByText("Only confirm when you have just typed").waitFor();
  await tab.getByText(code).waitFor();
  assert.deepEqual(await findings(tab), []);
  await tab.getByRole("button", { name: "The codes are equal: let it in" }).click();
  await tab.getByRole("heading", { name: "The command line is let in." }).waitFor();
  assert.deepEqual(faults, []);

  assert.match(await ended, /^signed in to http:\/\/127\.0\.0\.1:\d+ as Name of cleo until 2/);
  const file = join(home, "runcast", "credentials.json");
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.match(await readFile(file, "utf8"), /rcast_/);
  const run = promisify(execFile);
  assert.match((await run(BINARY, ["runs"], { env })).stdout, /wanted/);
  // The same server by another address is another one.
  const elsewhere = { ...env, RUNCAST_URL: node.url };
  await assert.rejects(run(BINARY, ["runs"], { env: elsewhere }), /runcast login/);
  assert.match((await run(BINARY, ["logout"], { env })).stdout, /signed out/);
  await assert.rejects(run(BINARY, ["runs"], { env }), /unauthenticated/);
});

test("a command line that is refused gets nothing", LIMIT, async (context) => {
  const home = await mkdtemp(join(tmpdir(), "runcast-login-"));
  context.after(() => rm(home, { recursive: true, force: true }));
  const { told, ended } = login(context, { ...process.env, XDG_CONFIG_HOME: home, RUNCAST_URL: front.url });
  const { url } = await told;
  const { tab } = await tabFor(context);
  await tab.goto(url);
  await tab.getByRole("textbox", { name: "Key" }).fill(await node.firstKey());
  await tab.getByRole("button", { name: "Sign in" }).click();
  await tab.getByRole("button", { name: "Refuse" }).click();
  await tab.getByRole("heading", { name: "The command line is not let in." }).waitFor();
  await assert.rejects(ended, /it was refused in the browser/);
  await tab.goto(url);
  await tab.getByRole("heading", { name: "The command line is not let in." }).waitFor();
});

// `runcast login`: what it tells to open and to compare, and how it ends.
function login(context, env) {
  const child = spawn(BINARY, ["login"], { env, stdio: ["ignore", "pipe", "pipe"] });
  context.after(() => child.kill());
  let output = "";
  let errors = "";
  child.stdout.on("data", (data) => { output += data; });
  const told = new Promise((resolve, reject) => {
    let url;
    createInterface({ input: child.stderr }).on("line", (line) => {
      errors += `${line}\n`;
      url ??= line.match(/http:\S+/)?.[0];
      const code = line.match(/[A-Z]{4}-[A-Z]{4}/)?.[0];
      if (url && code) resolve({ url, code });
    });
    child.once("error", reject);
    child.once("close", () => reject(new Error(errors)));
  });
  const ended = new Promise((resolve, reject) => {
    child.once("close", (status) => (status === 0 ? resolve(output) : reject(new Error(errors))));
  });
  ended.catch(() => {}); // whoever waits is told
  return { told, ended };
}
