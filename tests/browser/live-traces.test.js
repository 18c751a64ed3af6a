// Playwright's trace viewer on a trace that grows while it is looked at, in a real browser. It holds what the pinned version
// of the viewer says on its socket.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Cluster } from "../../clients/js/test/support/cluster.js";
import { launch, openTab } from "./support/browser.js";
import { LiveTrace } from "./support/live.js";
import { Node, VIEWER } from "./support/node.js";
import { trace as recordedTrace } from "./support/trace.js";
import { unzip } from "./support/unzip.js";

const LIMIT = { timeout: 90_000 };
const QUICK = {
  RUNCAST__ARTIFACTS__LIVE_TRACE_POSTS_PER_SEC: "1000", RUNCAST__ARTIFACTS__LIVE_TRACE_POLL_MS: "100",
  RUNCAST__ARTIFACTS__LIVE_TRACE_UPDATE_MS: "200",
};

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

function scene(name, settings, play) {
  test(name, LIMIT, async (context) => {
    const node = await Node.start({ ...QUICK, ...settings });
    context.after(() => node.stop());
    const { tab, faults } = await openTab(browser);
    context.after(() => tab.context().close());
    await play({ node, tab, faults, trace: await LiveTrace.recorded(), context });
  });
}

// Rows of the list of actions, once there are more than `than`.
async function actions(tab, than = 0) {
  await tab.waitForFunction((than) => document.querySelectorAll(".action-title").length > than, than);
  return tab.locator(".action-title").count();
}

const bar = (tab, text) => tab.locator("#runcast-live").filter({ hasText: text }).waitFor();
const shot = async (tab, name) => {
  if (process.env.SHOTS) await writeFile(`${process.env.SHOTS}/${name}.png`, await tab.screenshot());
};

scene("a trace grows in the viewer while it is looked at, without a reload", {}, async ({ node, tab, faults, trace }) => {
  const sockets = [], sent = [], pages = [];
  tab.on("websocket", (socket) => {
    sockets.push(new URL(socket.url()).pathname);
    socket.on("framesent", ({ payload }) => sent.push(JSON.parse(payload)));
  });
  tab.on("framenavigated", (frame) => { if (frame === tab.mainFrame()) pages.push(frame.url()); });

  await tab.goto(node.url + trace.viewer);
  await bar(tab, "Waiting for the trace");
  let seen = 0;
  for (const share of [0.3, 0.5, 0.7, 0.8]) {
    await trace.grow(node.url, share);
    seen = await actions(tab, seen);
    await shot(tab, `grows-${share}`);
  }
  await trace.grow(node.url, 1);
  await tab.getByText("After Hooks").waitFor();
  assert.equal(pages.length, 1, "nothing was loaded anew");
  await bar(tab, "live");
  await tab.waitForFunction(() => document.querySelector(".film-strip-frame"));
  const snapshot = tab.frameLocator("iframe[name=snapshot].snapshot-visible");
  await snapshot.locator("body *").first().waitFor({ state: "attached" });

  // What the viewer of this version says: another one may say something else.
  assert.deepEqual(sockets, ["/live-traces/r/t/ws"]);
  assert.deepEqual(sent.slice(0, 1), [{ id: 1, method: "initialize", params: {} }]);
  assert.deepEqual(new Set(sent.map(({ method }) => method)).difference?.(new Set(["initialize", "ping"])) ?? new Set(), new Set());
  assert.deepEqual(faults, []);
});

scene("the trace of a test that runs is one click away from the page of its run", {}, async ({ node, tab, faults, trace }) => {
  await node.post("r", [
    { type: "run_status", status: "running" },
    { type: "test_status", testId: "pays", status: "running", data: { title: "pays", attempt: 0, slot: 0, traceId: "t" } },
  ]);
  await trace.grow(node.url, 0.3);
  await tab.goto(`${node.url}/runs/r`);
  const [viewer] = await Promise.all([tab.waitForEvent("popup"), tab.getByRole("link", { name: "Live trace" }).click()]);
  await bar(viewer, "live");
  const seen = await actions(viewer);
  await trace.grow(node.url, 1);
  await actions(viewer, seen);
  assert.equal(new URL(tab.url()).pathname, "/runs/r", "the page of the run is still there");
  assert.equal(await viewer.evaluate(() => opener), null);
  assert.deepEqual(faults, []);
});

scene("who does not follow is left where they are until they do", {}, async ({ node, tab, trace }) => {
  await trace.grow(node.url, 0.4);
  await tab.goto(node.url + trace.viewer);
  const seen = await actions(tab);
  await tab.getByLabel("Follow").uncheck();
  await trace.grow(node.url, 1);
  await bar(tab, "there is more");
  assert.equal(await tab.locator(".action-title").count(), seen);
  await tab.getByLabel("Follow").check();
  await actions(tab, seen);
});

scene("the page has its own service worker, also where the viewer was opened before", {}, async ({ node, tab, trace }) => {
  await tab.goto(node.url + "/trace/");
  await tab.waitForFunction(() => navigator.serviceWorker.controller);
  await trace.grow(node.url, 1);
  await tab.goto(node.url + trace.viewer);
  await actions(tab);
  const worker = await tab.evaluate(() => navigator.serviceWorker.controller.scriptURL);
  assert.equal(new URL(worker).pathname, "/live-traces/r/t/v/sw.bundle.js");
});

scene("nothing of a live trace runs or is a page of its own", {}, async ({ node, tab }) => {
  const script = (name) => `fetch('/api/runs/${name}', { headers: { 'x-pw-serviceworker': 'skip' } })`;
  const asked = [];
  tab.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const zip = recordedTrace({
    title: "evil", files: { "evil.html": `<!doctype html><script>${script("page")}</script><p>evil page` },
    body: [["P", { [`x><script>${script("script")}</script><img src=x onerror="${script("onerror")}"><p y`]: "" }, "Hello from the shop"]],
  });
  await new LiveTrace(unzip(zip), "r", "t").grow(node.url, 1);
  await tab.goto(`${node.url}/live-traces/r/t/v/?isServer`);
  await tab.frameLocator("iframe[name=snapshot].snapshot-visible").getByText("Hello from the shop").waitFor();
  const own = encodeURIComponent("/live-traces/r/t/1/traces.dir");
  const page = await tab.goto(`${node.url}/live-traces/r/t/v/file/evil.html?trace=${own}`);
  assert.equal(page.status(), 403);
  await tab.evaluate(() => fetch("/api/runs/test"));
  assert.deepEqual(asked.filter((path) => path.startsWith("/api/runs/")), ["/api/runs/test"]);
});

scene("the viewer connects again when the server was restarted, and goes on", {}, async ({ node, tab, trace }) => {
  await trace.grow(node.url, 0.4);
  await tab.goto(node.url + trace.viewer);
  const seen = await actions(tab);
  await node.end("SIGKILL");
  await bar(tab, "Connecting");
  await node.restart();
  await bar(tab, "live");
  await trace.grow(node.url, 1);
  await actions(tab, seen);
});

test("a trace that grows in the viewer of one node survives the death of the node that takes it in", LIMIT, async (context) => {
  const home = await mkdtemp(join(tmpdir(), "runcast-browser-"));
  await mkdir(join(home, "objects"));
  const cluster = await Cluster.start(2, {
    ...QUICK, RUNCAST__ARTIFACTS__TRACE_VIEWER_DIR: VIEWER, RUNCAST__OBJECTS__URL: `dir:${join(home, "objects")}`,
    RUNCAST__OBJECTS__SIGNING_KEY: "a key that both nodes have, of some length",
  });
  context.after(async () => {
    await cluster.stop();
    await rm(home, { recursive: true, force: true });
  });
  const { tab, faults } = await openTab(browser);
  context.after(() => tab.context().close());
  const [first, second] = cluster.nodes, trace = await LiveTrace.recorded();
  await tab.goto(second.url + trace.viewer);
  await trace.grow(first.url, 0.3);
  let seen = await actions(tab);
  await trace.grow(first.url, 0.5);
  seen = await actions(tab, seen);
  await first.end("SIGKILL");
  await trace.grow(second.url, 0.7);
  seen = await actions(tab, seen);
  await trace.grow(second.url, 1);
  await tab.getByText("After Hooks").waitFor();
  assert.deepEqual(faults, []);
});

scene("a trace that is too large is said to have stopped", { RUNCAST__ARTIFACTS__LIVE_TRACE_BYTES: "3000000" },
  async ({ node, tab, trace }) => {
    await trace.grow(node.url, 0.4);
    await tab.goto(node.url + trace.viewer);
    await actions(tab);
    const answer = await trace.post(node.url, [["resources/large", 0, Buffer.alloc(2_500_000)]]);
    assert.equal(answer.status, 413);
    assert.equal((await answer.json()).code, "live_trace_full");
    await bar(tab, "stopped: larger than 3.0 MB");
  });

scene("the viewer opens its own trace and no other, and no page that steers a test runner", {},
  async ({ node, tab, trace }) => {
    await trace.grow(node.url, 1);
    const secret = await LiveTrace.recorded("r", "secret");
    await secret.grow(node.url, 1);
    await tab.goto(node.url + trace.viewer);
    await actions(tab);
    const contexts = (trace) => tab.evaluate(async (trace) => {
      const answer = await fetch("contexts?" + new URLSearchParams({ trace }));
      return answer.status;
    }, trace);
    assert.equal(await contexts("/live-traces/r/t/9/traces.dir"), 200);
    for (const other of [
      "/live-traces/r/secret/9/traces.dir", "/live-traces/r/t/../secret/9/traces.dir", "/live-traces/r/t/9/traces.dir?x",
      "/live-traces/r/t/9/1-trace.trace", "/api/runs/r/artifacts/a/download?redirect=1", "http://127.0.0.1:9/traces.dir",
    ]) {
      assert.equal(await contexts(other), 400, other);
    }
    for (const page of ["uiMode.html", "..%2f..%2fsecret/1/traces.dir", "VERSION2"]) {
      assert.equal((await fetch(`${node.url}/live-traces/r/t/v/${page}`)).status, 404, page);
    }
    // What is in a trace is no page of ours.
    const answer = await fetch(`${node.url}/live-traces/r/t/1/resources/f83a501d9185a7a58a574026808ce59ab3d9ea22.html`);
    assert.equal(answer.headers.get("content-type"), "application/octet-stream");
    assert.equal(answer.headers.get("content-security-policy"), "sandbox; default-src 'none'");
  });
