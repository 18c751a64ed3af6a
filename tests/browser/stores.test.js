// The pages where artifacts are in a bucket of another origin: their policy lets through what the bucket has, and nothing
// from anywhere else.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { launch, openTab, word } from "./support/browser.js";
import { Site } from "./support/front.js";
import { Node } from "./support/node.js";
import { S3 } from "./support/s3.js";

const LIMIT = { timeout: 90_000 };
const demo = (file) => readFile(new URL(`../../demo/artifacts/failed--checkout-Checkout-takes-a-voucher-off-once--${file}`, import.meta.url));
const FILES = [
  ["shot.png", "screenshot", "image/png", await demo("test-failed-1.png")],
  ["film.webm", "video", "video/webm", await demo("video.webm")],
  ["order.json", "other", "application/json", await demo("order.json")],
  ["trace.zip", "trace", "application/zip", await demo("trace.zip")],
  ["core.bin", "other", "application/octet-stream", Buffer.from("what a program left ".repeat(100))],
];

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

test("a run's files are shown and downloaded from an S3 bucket, and a page loads from nowhere else", LIMIT, async (context) => {
  const s3 = await S3.start();
  context.after(() => s3.stop());
  // The bucket as browsers reach it: buckets say themselves who may read them by script.
  const store = await Site.before(s3, (_, response) => response.setHeader("access-control-allow-origin", "*") && false);
  context.after(() => store.stop());
  const node = await Node.start({ ...s3.settings, RUNCAST__OBJECTS__PUBLIC_URL: store.url });
  context.after(() => node.stop());
  const attachments = FILES.map(([name, , contentType]) => ({ name, contentType, artifact: name }));
  await node.post("r", [{ type: "run_status", status: "running" }, { type: "test_status", testId: "t", status: "running", data: { title: "pays" } }]);
  for (const [name, kind, contentType, body] of FILES) await node.upload("r", name, kind, body, contentType);
  await node.post("r", [{ type: "test_status", testId: "t", status: "failed", data: { title: "pays", error: "no money", attachments } }]);

  const { tab, faults } = await openTab(browser);
  context.after(() => tab.context().close());
  await tab.addInitScript(() => addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
    (window.refused ??= []).push(`${violatedDirective} ${blockedURI}`);
  }));
  await tab.goto(`${node.url}/runs/r`);
  await word(tab, "FAILING");
  const files = tab.getByRole("region", { name: "Attachments" });
  const open = (name) => files.getByRole("button", { name, exact: true }).click();

  await open("shot.png");
  await tab.waitForFunction(() => document.querySelector(".viewer-frame img")?.naturalWidth === 720);
  await open("film.webm");
  await tab.waitForFunction(() => document.querySelector("video")?.readyState >= 2);
  await open("order.json");
  await files.getByText('"totalCents": 1847').waitFor();
  const [download] = await Promise.all([tab.waitForEvent("download"), files.getByRole("link", { name: "Download core.bin" }).click()]);
  assert.equal(download.suggestedFilename(), "core.bin");
  assert.deepEqual(await readFile(await download.path()), FILES.at(-1).at(-1));
  const [picture] = await Promise.all([tab.waitForEvent("popup"), files.getByRole("link", { name: "Download shot.png" }).click()]);
  await picture.locator("img").waitFor();
  assert.ok(picture.url().startsWith(store.url) && tab.url().startsWith(node.url), "it does not take the place of the page");
  const [trace] = await Promise.all([tab.waitForEvent("popup"), files.getByRole("link", { name: "trace.zip", exact: true }).click()]);
  await trace.getByRole("tree").getByText("Navigate").first().waitFor();
  // A tab that shows a picture asks for an icon besides.
  const asked = store.requests.filter(({ method }) => method === "GET").map(({ url }) => url.split("?")[0]).filter((path) => path !== "/favicon.ico");
  assert.equal(new Set(asked).size, FILES.length, `all of them came from the bucket: ${asked}`);
  assert.deepEqual([await tab.evaluate(() => window.refused), faults], [undefined, []]);

  const foreign = await Site.start((_, response) => response.writeHead(200, { "access-control-allow-origin": "*" }).end("x"));
  context.after(() => foreign.stop());
  await tab.evaluate(async (url) => {
    const loads = (element) => new Promise((resolve) => { element.onload = element.onloadeddata = element.onerror = resolve; document.body.append(element); });
    await Promise.all([
      loads(Object.assign(new Image(), { src: `${url}/a.png` })), loads(Object.assign(document.createElement("video"), { src: `${url}/a.webm` })),
      loads(Object.assign(document.createElement("link"), { rel: "stylesheet", href: `${url}/a.css` })),
      fetch(`${url}/a.json`).catch(() => null),
    ]);
  }, foreign.url);
  const refused = await tab.evaluate(() => window.refused);
  assert.deepEqual(refused.map((said) => said.replace(foreign.url, "")).sort(), ["connect-src /a.json", "img-src /a.png", "media-src /a.webm", "style-src-elem /a.css"]);
  assert.deepEqual(foreign.requests, []);
});
