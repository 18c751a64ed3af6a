// A team on a network: two nodes on all addresses, where a credential is needed. A job of GitHub Actions publishes without
// any stored secret, a developer signs in and steers, a manager opens a link, a stranger gets nothing, an operator looks on.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { promisify } from "node:util";

import { buildToken, connect } from "../../clients/js/dist/index.js";
import { buildServer } from "../../clients/js/test/support/build-server.js";
import { eventually, launch, openTab, word } from "./support/browser.js";
import { Cluster } from "./support/cluster.js";
import { Site } from "./support/front.js";
import { BINARY } from "./support/node.js";
import { IdentityProvider, signInAs } from "./support/provider.js";

const OPENAPI = new URL("../../src/http/openapi.json", import.meta.url);
const run = promisify(execFile);
const button = (tab, name) => tab.getByRole("button", { name, exact: true });

test("a team works on a network, and a stranger gets nothing", { timeout: 240_000 }, async (context) => {
  const builds = await buildServer(context);
  let cluster;
  const front = await Site.before({ get url() { return cluster.nodes[0]; } }, () => false);
  context.after(() => front.stop());
  const provider = await IdentityProvider.start(front.url, () => ["dev"]);
  context.after(() => provider.stop());
  const first = (await run(BINARY, ["key", "generate"])).stdout.trim();
  const issuers = [{ preset: "github-actions", issuer: builds.url, rules: [{ when: { repository_owner_id: "7" } }] }];
  cluster = await Cluster.start(2, {
    RUNCAST__SERVER__PUBLIC_URL: front.url, RUNCAST__AUTH__MODE: "token", RUNCAST__AUTH__BOOTSTRAP_KEY: first,
    RUNCAST__AUTH__SIGNING_KEYS: "a key of the test that all nodes have", RUNCAST__AUTH__ISSUERS: JSON.stringify(issuers),
    RUNCAST__AUTH__OIDC: provider.setting([{ when: { groups: ["dev"] }, scopes: ["view", "control"], runs: ["gh-*"] }]),
  }, ["--listen", "0.0.0.0"]);
  context.after(() => cluster.stop());
  const [one, two] = cluster.nodes;
  const browser = await launch();
  context.after(() => browser.close());

  // The job: its token is exchanged, and is good for the runs of its build.
  const token = buildToken(two, { ...builds.github, RUNCAST_AUDIENCE: front.url });
  const worker = connect({ url: two, token }).run("gh-42-9-1");
  const problems = [];
  const publisher = worker.publish({ onError: (problem) => problems.push(problem.message) });
  context.after(() => publisher.close({ timeoutMs: 0 }));
  publisher.emit({ type: "run_status", status: "running" });
  publisher.emit({ type: "worker", state: "joined", slots: 1 });
  assert.equal((await publisher.flush({ timeoutMs: 60_000 })).delivered, true, problems.join());
  assert.deepEqual(builds.asked, [front.url]);
  const form = new URLSearchParams({
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange", subject_token: builds.jwt(front.url, builds.claims),
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
  });
  const exchanged = await (await fetch(`${one}/api/token`, { method: "POST", body: form })).json();
  const job = { authorization: `Bearer ${exchanged.access_token}`, "content-type": "application/json" };
  for (const other of ["gh-42-10-1", "gh-43-9-1", "shop"]) {
    const body = JSON.stringify([{ type: "log", text: "x" }]);
    const posted = await fetch(`${one}/api/runs/${other}/events`, { method: "POST", headers: job, body });
    assert.equal(posted.status, 403, other);
    assert.equal((await fetch(`${one}/api/runs/${other}`, { headers: job })).status, 403, other);
  }
  assert.equal((await fetch(`${one}/api/runs/gh-42-9-1/commands`, { method: "POST", headers: job, body: '{"type":"pause"}' })).status, 403);

  // The developer.
  const { tab, faults } = await openTab(browser);
  await tab.goto(`${front.url}/runs/gh-42-9-1`);
  await tab.getByRole("link", { name: "Sign in with corp" }).click();
  await signInAs(tab, "ann");
  await word(tab, "RUNNING");
  await button(tab, "Pause").click();
  await word(tab, "PAUSED");
  const pause = await eventually("the other node has the command", async () => {
    const state = await (await fetch(`${two}/api/runs/gh-42-9-1`, { headers: job })).json();
    return state.commands[0];
  });
  assert.deepEqual([pause.by.name, pause.by.verified], ["Name of ann", true]);
  publisher.emit({ type: "command_status", commandId: pause.commandId, status: "done" });

  // The manager.
  await button(tab, "Share").click();
  await tab.getByRole("textbox", { name: /^For whom/ }).fill("the manager");
  await button(tab, "Make link").click();
  const link = await tab.getByRole("textbox", { name: "The new link" }).inputValue();
  const guest = await openTab(browser);
  const guestOnTwo = await openTab(browser);
  const path = new URL(link).pathname;
  await guest.tab.goto(link);
  await word(guest.tab, "PAUSED");
  await guestOnTwo.tab.goto(two + path);
  await word(guestOnTwo.tab, "PAUSED");
  assert.equal(await button(guest.tab, "Resume").count(), 0);
  const asked = (tab, way, path, body) => tab.evaluate(async ([method, path, body]) => {
    const headers = { "content-type": "application/json" };
    return (await fetch(path, { method, headers, body })).status;
  }, [way, path, body]);
  assert.equal(await asked(guest.tab, "GET", "/api/runs/gh-42-9-1"), 200);
  assert.equal(await asked(guest.tab, "POST", "/api/runs/gh-42-9-1/commands", '{"type":"resume"}'), 403);
  assert.equal(await asked(guest.tab, "POST", "/api/runs/gh-42-9-1/shares", "{}"), 403);
  assert.equal(await asked(guest.tab, "GET", "/api/runs/gh-42-10-1"), 403);
  await button(tab, "Revoke the manager").click();
  await tab.getByText("Sure?").click();
  await tab.getByText("No links yet.").waitFor();
  for (const revoked of [guest.tab, guestOnTwo.tab]) {
    await revoked.getByText("You are not signed in, or no longer.").first().waitFor();
    assert.equal(await asked(revoked, "GET", "/api/runs/gh-42-9-1"), 401);
  }
  await tab.keyboard.press("Escape");
  await button(tab, "Resume").click();
  await word(tab, "RUNNING");
  assert.deepEqual(faults, []);

  // A stranger, at every route there is.
  const { paths } = JSON.parse(await readFile(OPENAPI, "utf8"));
  let closed = 0;
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, { security }] of Object.entries(item)) {
      if (!Array.isArray(security) || security.length === 0) continue;
      const url = two + path.replace("{runId}", "gh-42-9-1").replaceAll(/\{\w+\}/g, "1");
      const answer = await fetch(url, { method: method.toUpperCase(), redirect: "manual" });
      assert.equal(answer.status, 401, `${method} ${path}`);
      assert.doesNotMatch(await answer.text(), /corp:ann|Name of ann|running/i, `${method} ${path}`);
      closed += 1;
    }
  }
  assert.ok(closed > 60, `${closed} routes`);

  // The operator.
  const env = { ...process.env, RUNCAST_URL: one, RUNCAST_TOKEN: first };
  await run(BINARY, ["key", "create", "prometheus", "--scope", "metrics"], { env });
  assert.match((await run(BINARY, ["key", "list"], { env })).stdout, /prometheus/);
  const asOperator = { authorization: `Bearer ${first}` };
  const { events } = await (await fetch(`${two}/api/runs/gh-42-9-1/events`, { headers: asOperator })).json();
  const acts = events.filter(({ by }) => by).map(({ type, by }) => `${type} ${by.subject} ${by.name}`);
  assert.deepEqual(acts, ["pause_requested corp:ann Name of ann", "resume_requested corp:ann Name of ann"]);
  const text = JSON.stringify(events);
  for (const secret of [first, exchanged.access_token, path.split("/").pop()]) assert.ok(!text.includes(secret), "no secret is told");
});
