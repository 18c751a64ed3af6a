// The run as a file, from the page: each form is downloaded, and is what the menu says.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { launch, openTab, word } from "./support/browser.js";
import { Node } from "./support/node.js";
import { png } from "./support/png.js";

const LIMIT = { timeout: 60_000 };
const REAL_RUN = (await readFile(new URL("../data/run.ndjson", import.meta.url), "utf8")).trim().split("\n");
const LIST = "import json, sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None;"
  + " print(json.dumps({'names': z.namelist(), 'events': z.read('events.ndjson').decode()}))";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

test("a run that has ended is downloaded as HTML, as JUnit XML and as a zip file", LIMIT, async (context) => {
  const node = await Node.start();
  context.after(() => node.stop());
  const { tab, faults } = await openTab(browser);
  context.after(() => tab.context().close());
  await node.post("r", REAL_RUN.slice(0, -1));
  await node.upload("r", "shot.png", "screenshot", png(32, 20));
  await tab.goto(`${node.url}/runs/r`);
  await word(tab, "FAILING");
  const menu = tab.getByRole("button", { name: "Export" });
  assert.equal(await menu.count(), 0, "a run that goes on is not exported");
  await node.post("r", REAL_RUN.slice(-1));
  await word(tab, "FAILED");

  // Downloads a form.
  const download = async (name) => {
    await menu.click();
    const link = tab.getByRole("dialog", { name: "Export this run" }).getByRole("link", { name: new RegExp(`^${name}`) });
    const [file] = await Promise.all([tab.waitForEvent("download"), link.click()]);
    await tab.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal(await file.failure(), null);
    return { name: file.suggestedFilename(), path: await file.path() };
  };
  const html = await download("HTML");
  assert.match(html.name, /^r\b.*\.html$/);
  const junit = await download("JUnit");
  assert.match(junit.name, /^r\b.*\.xml$/);
  const zip = await download("ZIP");
  assert.match(zip.name, /^r\b.*\.zip$/);

  const xml = await readFile(junit.path, "utf8");
  assert.equal(xml.match(/<testcase /g).length, 11);
  assert.equal(xml.match(/<failure /g).length, 1);
  assert.match(xml, /^<\?xml /);

  const { names, events } = JSON.parse((await promisify(execFile)("python3", ["-c", LIST, zip.path], { maxBuffer: 1 << 24 })).stdout);
  assert.ok(names.includes("events.ndjson") && names.includes("artifacts/shot.png"), String(names));
  assert.equal(events.trim().split("\n").length, REAL_RUN.length + 1, "and the one that tells of the artifact");

  // The HTML is one file that a browser shows without a server, and loads nothing.
  const asked = [];
  const reader = await tab.context().newPage();
  reader.on("request", (request) => asked.push(request.url()));
  const page = pathToFileURL(html.path).href;
  await reader.goto(page);
  assert.match(await reader.locator("body").innerText(), /rejects an empty company[^]*toBeVisible/);
  assert.deepEqual(asked, [page]);
  assert.deepEqual(faults, []);
});
