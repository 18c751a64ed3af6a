// The pages in a real browser, served by the real server.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launch, openTab, range, rows, says, seqs } from "./support/browser.js";
import { Node } from "./support/node.js";
import { png } from "./support/png.js";

const REAL_RUN = (await readFile(new URL("../data/run.ndjson", import.meta.url), "utf8")).trim().split("\n");
const LIMIT = { timeout: 60_000 };

// Without a trace viewer no artifact has a link into it. Nothing is opened in this one.
const viewer = await mkdtemp(join(tmpdir(), "runcast-viewer-"));
await writeFile(join(viewer, "index.html"), "");
after(() => rm(viewer, { recursive: true }));

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

// A test with a server, with these settings, and a tab of its own. No script may fail in any of them.
function scene(name, ...rest) {
  const play = rest.pop();
  test(name, LIMIT, async (context) => {
    const node = await Node.start(...rest);
    context.after(() => node.stop());
    const { tab, faults } = await openTab(browser);
    context.after(() => tab.context().close());
    await play({ node, tab });
    assert.deepEqual(faults, []);
  });
}

async function waitForRows(tab, count) {
  await tab.waitForFunction((count) => document.querySelectorAll("#events li:not(.note)").length === count, count);
}

scene("the list shows the runs and leads to their pages", async ({ node, tab }) => {
  await tab.goto(node.url);
  await says(tab, "note", "No run yet");
  await node.post("real-run", REAL_RUN);
  await node.post("nightly:2", [{ type: "run_status", status: "running" }]);
  const row = tab.locator("#runs tr", { hasText: "real-run" });
  await row.filter({ hasText: "failed" }).filter({ hasText: "438" }).waitFor();
  await tab.locator("#runs tr", { hasText: "nightly:2" }).filter({ hasText: "running" }).waitFor();
  assert.equal(await tab.locator("#note").textContent(), "");
  await row.getByRole("link").click();
  await says(tab, "run", "real-run");
  await waitForRows(tab, REAL_RUN.length);
});

scene("a page shows all events of a real run in order, those before it opened and those after", async ({ node, tab }) => {
  await node.post("r", REAL_RUN.slice(0, 150));
  await tab.goto(`${node.url}/runs/r`);
  await says(tab, "status", "running");
  for (let at = 150; at < REAL_RUN.length; at += 7) await node.post("r", REAL_RUN.slice(at, at + 7));
  await says(tab, "status", "failed");
  await waitForRows(tab, REAL_RUN.length);
  const shown = await rows(tab);
  assert.deepEqual(shown.map(([seq]) => Number(seq)), range(1, REAL_RUN.length));
  const posted = REAL_RUN.map((line) => JSON.parse(line));
  assert.deepEqual(shown.map(([, , type]) => type), posted.map(({ type }) => type));
  assert.deepEqual(shown.map(([, time]) => time), posted.map(({ timestamp }) => timestamp.slice(11, 23)));
  const [, , , failure] = shown[posted.findIndex(({ step }) => step?.error)];
  assert.match(failure, /settings: rejects an empty company · end Expect "toBeVisible" · Error: expect\(locator\)\.toBeVisible\(\) failed/);
  assert.equal(await tab.locator("#count").textContent(), "438 events");
  assert.equal(await tab.locator("#state").textContent(), "live");
});

async function steps(tab) {
  await tab.locator("#begin pre").nth(2).waitFor();
  return tab.$$eval("#begin pre", (list) => list.map(({ textContent }) => textContent));
}

scene("an empty list and a run without events say how one is posted, until there is one", async ({ node, tab }) => {
  const { packages } = await (await fetch(node.url + "/clients")).json();
  const { file, install } = packages.find(({ name }) => name === "@runcast/playwright");
  const line = `reporter: [['list'], ['@runcast/playwright', { url: '${node.url}' }]],`;
  await tab.goto(node.url);
  assert.deepEqual(await steps(tab), [install, line, "npx playwright test"]);
  assert.equal((await fetch(`${node.url}/clients/${file}`)).status, 200);
  const another = await tab.context().newPage();
  await another.goto(`${node.url}/runs/nightly:2`);
  await says(another, "begin", "Nothing has been posted to nightly:2 yet.");
  assert.deepEqual(await steps(another), [install, line, "RUNCAST_RUN=nightly:2 npx playwright test"]);
  await node.post("nightly:2", [{ type: "run_status", status: "running" }]);
  await waitForRows(another, 1);
  await another.locator("#begin").waitFor({ state: "hidden" });
  await tab.locator("#begin").waitFor({ state: "hidden" });
  // From its end on a run with events looks empty, and is not.
  const asked = [];
  another.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await another.goto(`${node.url}/runs/nightly:2?after=latest`);
  await says(another, "state", "live");
  await node.post("nightly:2", [{ type: "log", text: "one more" }]);
  await waitForRows(another, 1);
  assert.ok(asked.includes("/runs/nightly:2") && !asked.includes("/clients"), asked.join());
});

scene("a run can be watched before it exists", async ({ node, tab }) => {
  await tab.goto(`${node.url}/runs/soon`);
  await says(tab, "state", "live");
  await node.post("soon", REAL_RUN.slice(0, 5));
  await waitForRows(tab, 5);
  assert.deepEqual(await seqs(tab), range(1, 5));
});

scene("a page goes on where it was after its server was killed", async ({ node, tab }) => {
  await tab.goto(`${node.url}/runs/r`);
  await node.post("r", REAL_RUN.slice(0, 200));
  await waitForRows(tab, 200);
  assert.equal(await node.end("SIGKILL"), "SIGKILL");
  await says(tab, "state", "reconnecting");
  await node.restart();
  await node.post("r", REAL_RUN.slice(200));
  await waitForRows(tab, REAL_RUN.length);
  assert.deepEqual(await seqs(tab), range(1, REAL_RUN.length));
  assert.equal(await tab.locator("#state").textContent(), "live");
  assert.equal(await tab.locator(".note").count(), 0);
});

scene("a page goes on after a restart that drained the server", async ({ node, tab }) => {
  await tab.goto(`${node.url}/runs/r`);
  await node.post("r", REAL_RUN.slice(0, 200));
  await waitForRows(tab, 200);
  assert.equal(await node.end("SIGTERM"), 0);
  await node.restart();
  await node.post("r", REAL_RUN.slice(200));
  await waitForRows(tab, REAL_RUN.length);
  assert.deepEqual(await seqs(tab), range(1, REAL_RUN.length));
});

scene("a page connects again after every close but a final one", async ({ node, tab }) => {
  const { closeCodes } = JSON.parse(await readFile(new URL("../../docs/vocabulary.json", import.meta.url), "utf8"));
  let connected = null;
  await tab.routeWebSocket(/\/ws\/runs\//, (socket) => {
    socket.connectToServer();
    connected(socket);
  });
  const nextConnection = () => new Promise((resolve) => { connected = resolve; });
  for (const { code, text, reconnect } of closeCodes.filter(({ code }) => code !== null)) {
    const first = nextConnection();
    await tab.goto(`${node.url}/runs/r`);
    await says(tab, "state", "live");
    const second = nextConnection();
    await (await first).close({ code, reason: text });
    if (reconnect === "never") {
      await says(tab, "state", `closed: ${text}`);
    } else {
      await second;
      await says(tab, "state", "live");
    }
  }
});

scene("nothing in an event is more than text", async ({ node, tab }) => {
  const markup = `<img src=x onerror="window.ran = 1"><script>window.ran = 1</` + `script>`;
  await node.post("r", [
    { type: markup.slice(0, 64), message: markup },
    { type: "run_status", status: "running", message: markup },
    { type: "test_step", testId: markup, step: { phase: markup, title: markup, error: { message: markup } } },
    { type: "test_status", status: markup, data: { title: markup } },
    { type: "log", timestamp: markup, text: `"><svg onload="window.ran = 1">` },
  ]);
  await tab.goto(`${node.url}/runs/r`);
  await waitForRows(tab, 5);
  assert.equal((await rows(tab))[0][3], markup);
  assert.equal(await tab.locator("#events :is(img, script, svg)").count(), 0);
  assert.equal(await tab.evaluate(() => window.ran), undefined);
});

scene("an event of any shape is a row", async ({ node, tab }) => {
  const odd = [null, 1, true, "text", [], [null], {}, { toString: 1, valueOf: 1, title: { toString: 1 } }];
  await node.post("r", odd.map((value) => (
    { type: "odd", status: value, step: value, data: value, tests: value, message: value, text: value, testId: value, error: value }
  )));
  await tab.goto(`${node.url}/runs/r`);
  await waitForRows(tab, odd.length);
  assert.deepEqual(await seqs(tab), range(1, odd.length));
});

scene("artifacts are links, with their kind and size", { RUNCAST__ARTIFACTS__TRACE_VIEWER_DIR: viewer }, async ({ node, tab }) => {
  await tab.goto(`${node.url}/runs/r`);
  const uploads = [["trace.zip", "trace", 3_412_345], ["film.webm", "video", 999]];
  const ids = [];
  for (const [name, kind, size] of uploads) ids.push((await node.upload("r", name, kind, Buffer.alloc(size, name))).artifactId);
  await waitForRows(tab, 2);
  const links = tab.locator("#artifacts a");
  await links.nth(2).waitFor();
  const [downloadUrl, other] = ids.map((id) => `/api/runs/r/artifacts/${id}/download?redirect=1`);
  const shown = await links.evaluateAll((list) => list.map((a) => [a.textContent, decodeURIComponent(a.getAttribute("href")), a.rel]));
  assert.deepEqual(shown, [
    ["trace.zip", "/trace/?trace=" + downloadUrl, "noopener"], ["download", downloadUrl, "noopener"],
    ["film.webm", other, "noopener"],
  ]);
  assert.deepEqual(await tab.locator("#artifacts small").allTextContents(), [" trace 3.4 MB ", " video 999 bytes "]);
  assert.equal((await rows(tab))[0][3], "trace trace.zip 3.4 MB");
});

// Versions before took events of this type from producers: what they stored may be anything.
scene("an artifact that anybody made up leads nowhere but to the run's own", async ({ node, tab }) => {
  const downloadUrl = "/api/runs/r/artifacts/a/download?redirect=1", markup = `<img src=x onerror="window.ran = 1">`;
  const bad = [
    "javascript:window.ran=1", "https://evil.example/", "//evil.example" + downloadUrl, "/\\evil.example" + downloadUrl, downloadUrl + "#x",
    downloadUrl.replace("/r/", "/another/"), downloadUrl.replace("/a/", "/../"), downloadUrl + "&x=1", " " + downloadUrl, "/api/runs", null, 7, [downloadUrl],
  ];
  const badTraces = [
    ...bad, downloadUrl, "/trace/?trace=%", "/trace/?trace=" + encodeURIComponent("https://evil.example/t.zip"),
    "/trace/?trace=" + encodeURIComponent(downloadUrl) + "&trace=x", "/trace/../?trace=" + encodeURIComponent(downloadUrl),
  ];
  await node.storeReserved("r", "artifact", [
    ...bad.map((url) => ({ name: "bad", kind: "trace", downloadUrl: url, traceUrl: url })),
    ...badTraces.map((url, i) => ({ name: markup, kind: markup, size: markup, downloadUrl: downloadUrl.replace("/a/", `/a${i}/`), traceUrl: url })),
    {},
  ]);
  await tab.goto(`${node.url}/runs/r`);
  await waitForRows(tab, bad.length + badTraces.length + 1);
  const links = tab.locator("#artifacts a");
  await links.nth(badTraces.length - 1).waitFor();
  const shown = await links.evaluateAll((list) => list.map((a) => [a.textContent, a.getAttribute("href")]));
  assert.deepEqual(shown, badTraces.map((_, i) => [markup, downloadUrl.replace("/a/", `/a${i}/`)]));
  assert.equal(await tab.evaluate(() => window.ran), undefined);
});

scene("the newest screen is shown", async ({ node, tab }) => {
  await tab.goto(`${node.url}/runs/r`);
  await says(tab, "state", "live");
  const isShown = (width) => {
    const image = document.getElementById("screen");
    return !image.hidden && image.complete && image.naturalWidth === width;
  };
  for (const width of [320, 200]) {
    await node.postFrame("r", png(width, 180));
    await tab.waitForFunction(isShown, width);
  }
});

scene("a link may say where to start", async ({ node, tab }) => {
  await node.post("r", REAL_RUN.slice(0, 100));
  await tab.goto(`${node.url}/runs/r?after=-3`);
  await waitForRows(tab, 3);
  assert.deepEqual(await seqs(tab), range(98, 100));
  await tab.goto(`${node.url}/runs/r?after=latest`);
  await says(tab, "state", "live");
  await node.post("r", REAL_RUN.slice(100, 102));
  await waitForRows(tab, 2);
  assert.deepEqual(await seqs(tab), range(101, 102));
});

scene("a long run does not fill the page", async ({ node, tab }) => {
  await node.post("r", Array.from({ length: 6_000 }, (_, i) => ({ type: "log", text: `line ${i + 1}` })));
  await tab.goto(`${node.url}/runs/r`);
  await says(tab, "count", "6,000 events, the last 5,000 shown");
  assert.deepEqual(await seqs(tab), range(1_001, 6_000));
});

test("a page of another site can neither read nor watch", LIMIT, async (context) => {
  const node = await Node.start();
  context.after(() => node.stop());
  const { tab } = await openTab(browser);
  context.after(() => tab.context().close());
  await tab.goto("data:text/html,<p>another site</p>");
  const outcome = await tab.evaluate(async (url) => {
    const socket = new WebSocket(url.replace("http", "ws") + "/ws/runs/r");
    const [fetched, opened] = await Promise.all([
      fetch(url + "/api/runs").then(() => true, () => false),
      new Promise((resolve) => { socket.onopen = () => resolve(true); socket.onerror = () => resolve(false); }),
    ]);
    return { fetched, opened };
  }, node.url);
  assert.deepEqual(outcome, { fetched: false, opened: false });
});
