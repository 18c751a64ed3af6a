// Playwright's trace viewer at /trace/, in a real browser. The artifacts and the store that the server redirects to are played
// by the test.

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launch, openTab } from "./support/browser.js";
import { Site } from "./support/front.js";
import { Node, VIEWER } from "./support/node.js";
import { CALL, trace } from "./support/trace.js";
import { zstd } from "./support/zstd.js";

const LIMIT = { timeout: 60_000 };
const DOWNLOAD = "/api/runs/r/artifacts/a/download";
const SIGNED = "/signed/a.zip";
const LINK = "/trace/?trace=" + encodeURIComponent(DOWNLOAD + "?redirect=1"); // as `traceUrl` says it

const BODY = [["P", { class: "greeting" }, "Hello from the shop"]];

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

// Sends one content, as a store does.
function storing(content, headers = {}) {
  return (request, response) => {
    if (request.url.split("?")[0] !== SIGNED) return false;
    response.writeHead(200, { "content-type": "application/zip", ...headers }).end(content);
    return true;
  };
}

// Redirects the download of an artifact, as the server does.
function redirecting(target, otherwise = () => false) {
  return (request, response) => {
    if (request.url.split("?")[0] !== DOWNLOAD) return otherwise(request, response);
    response.writeHead(302, { location: target + "?signature=s" }).end();
    return true;
  };
}

// A test with a server and a site of the same origin before it, whose additional answers are `answer`.
function scene(name, { settings = {}, answer = () => false }, play) {
  test(name, LIMIT, async (context) => {
    const node = await Node.start(settings);
    context.after(() => node.stop());
    const site = await Site.before(node, answer);
    context.after(() => site.stop());
    const { tab, faults } = await openTab(browser);
    context.after(() => tab.context().close());
    await play({ site, tab, faults, context });
  });
}

const snapshot = (tab) => tab.frameLocator("iframe[name=snapshot].snapshot-visible");

const whole = trace({
  title: "buys a chair", body: BODY, styles: ".greeting { color: rgb(1, 2, 3) }", files: { "note.txt": "a note" },
  attachments: [{ name: "note.txt", contentType: "text/plain", file: "note.txt" }],
});

scene("a trace opens with its actions, screens, snapshots, messages and attachments",
  { answer: redirecting(SIGNED, storing(zstd(whole), { "content-encoding": "zstd" })) },
  async ({ site, tab, faults }) => {
    await tab.goto(site.url + LINK);
    await tab.getByText("buys a chair").waitFor();
    await tab.getByRole("tree").getByText("Navigate").click();
    const greeting = snapshot(tab).getByText("Hello from the shop");
    await greeting.waitFor();
    await tab.waitForFunction(() => document.querySelector(".film-strip-frame"));
    const colour = await greeting.evaluate((element) => getComputedStyle(element).color);
    assert.equal(colour, "rgb(1, 2, 3)", "the snapshot has the styles of the trace");

    for (const name of ["Locator", "Log", "Errors", "Network", "Source", "Metadata", "Console"]) {
      await tab.getByRole("tab", { name }).click();
    }
    const message = tab.getByText("red", { exact: true });
    assert.equal(await message.evaluate((element) => getComputedStyle(element).color), "rgb(205, 49, 49)");

    await tab.getByRole("tab", { name: "Attachments" }).click();
    const [file] = await Promise.all([tab.waitForEvent("download"), tab.getByRole("link", { name: "download" }).click()]);
    assert.equal(file.suggestedFilename(), "note.txt");

    const [popup] = await Promise.all([tab.waitForEvent("popup"), tab.getByTitle("Open snapshot in a new tab").click()]);
    await popup.frameLocator("iframe").getByText("Hello from the shop").waitFor();
    assert.deepEqual(faults, []);

    // What the viewer asks for, as docs/artifacts.md says.
    for (const path of [DOWNLOAD, SIGNED]) {
      const asked = site.of(path);
      assert.deepEqual(asked.map(({ method }) => method), ["GET"], path);
      assert.equal(asked[0].headers.range, undefined);
    }
  });

test("a trace that a producer has uploaded is one click away from its run's page", LIMIT, async (context) => {
  const node = await Node.start();
  context.after(() => node.stop());
  const { tab, faults } = await openTab(browser);
  context.after(() => tab.context().close());
  await node.post("r", [{ type: "test_status", testId: "t", status: "failed", data: { title: "buys a chair", error: "no" } }]);
  await tab.goto(`${node.url}/runs/r`);
  const headers = { "runcast-test": "t" };
  const answer = await fetch(`${node.url}/api/runs/r/artifacts/trace.zip`, { method: "PUT", body: whole, headers });
  assert.equal(answer.status, 201);
  const { traceUrl } = await answer.json();
  assert.match(traceUrl, /^\/trace\/\?trace=/);
  const [popup] = await Promise.all([tab.waitForEvent("popup"), tab.getByRole("link", { name: /^Trace/ }).first().click()]);
  await popup.getByText("buys a chair").waitFor();
  await snapshot(popup).getByText("Hello from the shop").waitFor();
  assert.equal(new URL(popup.url()).pathname + new URL(popup.url()).search, traceUrl);
  assert.deepEqual(faults, []);
});

for (const [name, cors] of [["that allows it", { "access-control-allow-origin": "*" }], ["that does not", {}]]) {
  test(`a trace is read from another host ${name}`, LIMIT, async (context) => {
    const store = await Site.start(storing(zstd(whole), { "content-encoding": "zstd", ...cors }));
    context.after(() => store.stop());
    const node = await Node.start({
      RUNCAST__OBJECTS__URL: "s3://runs", RUNCAST__OBJECTS__ENDPOINT: store.url, RUNCAST__OBJECTS__ACCESS_KEY: "k", RUNCAST__OBJECTS__SECRET_KEY: "s",
    });
    context.after(() => node.stop());
    const site = await Site.before(node, redirecting(store.url + SIGNED));
    context.after(() => site.stop());
    const { tab } = await openTab(browser);
    context.after(() => tab.context().close());
    await tab.context().addCookies([{ name: "c", value: "1", url: store.url }]);

    await tab.goto(site.url + LINK);
    await tab.getByText("access-control-allow-origin" in cors ? "buys a chair" : /Could not load trace/).waitFor();
    const asked = store.of(SIGNED);
    assert.deepEqual([...new Set(asked.map(({ method }) => method))], ["GET"], "no preflight, no HEAD");
    const [{ headers }] = asked;
    assert.equal(headers.origin, site.url);
    assert.deepEqual([headers.range, headers.cookie, headers.authorization], [undefined, undefined, undefined]);
  });
}

// Runs when any of it runs. The header goes past the service worker, as an attacker's script would.
const script = (name) => `fetch('/api/ran/${name}', { headers: { 'x-pw-serviceworker': 'skip' } })`;
const SELF = encodeURIComponent(DOWNLOAD + "?redirect=1");
// Playwright does not look at the names of attributes: what stands here is in the snapshot's document as it is.
const SMUGGLED = `x><script>${script("script")}</script><img src=x onerror="${script("onerror")}"><svg onload="${script("svg")}"></svg>`
  + `<iframe srcdoc="<script>${script("srcdoc")}</script>"></iframe><iframe src="javascript:${script("frame")}"></iframe>`
  + `<object data="/trace/file/evil.html?trace=${SELF}"></object><embed src="/trace/file/evil.html?trace=${SELF}">`
  + `<div><template shadowrootmode=open><iframe src="/trace/file/evil.html?trace=${SELF}"></iframe></template></div>`
  + `<a id=link href="javascript:${script("link")}">a link</a>`
  + `<form action="/api/ran/form" method=post><button>a form</button></form><p x`;
const EVIL_PAGE = `<!doctype html><script>${script("page")}</script><p>evil page`;
const evil = (head, smuggled = SMUGGLED) => trace({
  title: "evil", head, files: { "evil.html": EVIL_PAGE },
  body: [
    ["SCRIPT", {}, script("plain-script")], ["IMG", { src: "x", onerror: script("plain-onerror") }],
    ["IFRAME", { srcdoc: `<script>${script("plain-srcdoc")}</script>` }], ["A", { href: `javascript:${script("plain-link")}` }, "plain link"],
    ["META", { "http-equiv": "refresh", content: `0;url=javascript:${script("plain-refresh")}` }],
    ["P", { [smuggled]: "" }, "Hello from the shop"],
  ],
  attachments: [{ name: "picture", contentType: "image/png", file: "evil.html" }],
});

// Nothing ran: the only request of this kind is the one that the test itself sends after all.
async function nothingRan(site, tab) {
  await tab.evaluate(() => fetch("/api/ran/test", { headers: { "x-pw-serviceworker": "skip" } }));
  assert.deepEqual(site.requests.map(({ url }) => url).filter((url) => url.startsWith("/api/ran/")), ["/api/ran/test"]);
}

scene("no script of a snapshot runs",
  { answer: redirecting(SIGNED, storing(evil([]))) },
  async ({ site, tab }) => {
    await tab.goto(site.url + LINK);
    const frame = snapshot(tab);
    await frame.getByText("Hello from the shop").waitFor();
    for (const name of ["plain link", "a link"]) await frame.getByText(name, { exact: true }).click();
    await frame.getByRole("button", { name: "a form" }).click();
    await nothingRan(site, tab);
  });

test("no script of a snapshot runs, even if the viewer forgets its own policy", LIMIT, async (context) => {
  const viewer = await mkdtemp(join(tmpdir(), "runcast-viewer-"));
  context.after(() => rm(viewer, { recursive: true }));
  await cp(VIEWER, viewer, { recursive: true });
  const worker = join(viewer, "sw.bundle.js"), code = await readFile(worker, "utf8");
  const forgetful = code.replace(/,"Content-Security-Policy":`script-src 'nonce-[^`]*`/, "");
  assert.notEqual(forgetful, code);
  await writeFile(worker, forgetful);

  const node = await Node.start({ RUNCAST__ARTIFACTS__TRACE_VIEWER_DIR: viewer });
  context.after(() => node.stop());
  const site = await Site.before(node, redirecting(SIGNED, storing(evil([]))));
  context.after(() => site.stop());
  const { tab, faults } = await openTab(browser);
  context.after(() => tab.context().close());
  await tab.goto(site.url + LINK);
  await snapshot(tab).getByText("a link", { exact: true }).waitFor({ state: "attached" });
  await tab.waitForFunction(() => document.querySelector(".snapshot-visible").contentDocument.readyState === "complete");
  await nothingRan(site, tab);
  assert.ok(faults.length > 0, "the policy refused something");
});

// What a snapshot may not become: a page whose policy is not the snapshot's.
const REFUSED = "What is in a trace is shown in the trace viewer only.";

scene("a snapshot can't lead to a page that the trace brings along",
  { answer: redirecting(SIGNED, storing(evil([], `x><meta http-equiv=refresh content="0;url=/trace/file/evil.html?trace=${SELF}"><p x`))) },
  async ({ site, tab }) => {
    await tab.goto(site.url + LINK);
    await snapshot(tab).getByText(REFUSED).or(snapshot(tab).getByText("evil page")).waitFor();
    await nothingRan(site, tab);
  });

scene("neither a snapshot nor a file of a trace is a page of its own",
  { answer: redirecting(SIGNED, storing(evil([]))) },
  async ({ site, tab }) => {
    await tab.goto(site.url + LINK);
    await snapshot(tab).getByText("Hello from the shop").waitFor();
    for (const path of [`snapshot/${CALL}?phase=after&`, "file/evil.html?"]) {
      const address = `${site.url}/trace/${path}trace=${SELF}`;
      const other = await tab.context().newPage();
      const answer = await other.goto(address);
      assert.equal(answer.fromServiceWorker(), true);
      assert.ok(answer.status() >= 400, `${path}: ${answer.status()}`);
      await nothingRan(site, other);
      site.requests.length = 0;
    }
    // From a page of the viewer itself, the worker knows the trace.
    await tab.evaluate((address) => { location.href = address; }, `${site.url}/trace/file/evil.html?trace=${SELF}`);
    await tab.getByText(REFUSED).waitFor();
    await nothingRan(site, tab);
  });

test("only traces of the server's own runs are opened", LIMIT, async (context) => {
  const elsewhere = await Site.start(storing(whole, { "access-control-allow-origin": "*" }));
  context.after(() => elsewhere.stop());
  const node = await Node.start();
  context.after(() => node.stop());
  const { tab } = await openTab(browser);
  context.after(() => tab.context().close());
  for (const other of [elsewhere.url + SIGNED, `//127.0.0.1:${elsewhere.port}${SIGNED}`, "/api/runs", `${DOWNLOAD}?redirect=1&path=x`, "data:,x"]) {
    await tab.goto(`${node.url}/trace/?trace=${encodeURIComponent(other)}`);
    await tab.getByText("Only traces of this server's runs are opened here.").waitFor();
  }
  assert.deepEqual(elsewhere.requests, []);
});

scene("a link on another site leads to a trace, whether or not the viewer was there before",
  { answer: redirecting(SIGNED, storing(whole)) },
  async ({ site, tab, context }) => {
    const chat = await Site.start((_, response) => response.writeHead(200, { "content-type": "text/html" }).end(`<a href="${site.url + LINK}">the trace</a>`));
    context.after(() => chat.stop());
    for (let visit = 0; visit < 2; visit += 1) {
      await tab.goto(`http://localhost:${chat.port}/`); // another site than 127.0.0.1
      await tab.getByRole("link").click();
      await tab.getByText("buys a chair").waitFor();
    }
  });
