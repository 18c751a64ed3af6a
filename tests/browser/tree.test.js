// The page of a run: steps as a tree, attempts and variants told apart, and the choice of screens.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, openTab, rows, says } from "./support/browser.js";
import { Node } from "./support/node.js";
import { png } from "./support/png.js";

const LIMIT = { timeout: 60_000 };

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

async function scene(context) {
  const node = await Node.start();
  context.after(() => node.stop());
  const { tab, faults } = await openTab(browser);
  context.after(() => tab.context().close());
  context.after(() => assert.deepEqual(faults, []));
  return { node, tab };
}

const step = (testId, step, more) => ({ type: "test_step", testId, step, ...more });

test("steps stand below those that they are a part of, each test's told apart", LIMIT, async (context) => {
  const { node, tab } = await scene(context);
  await node.post("r", [
    { type: "worker", state: "joined", can: [], variant: "linux" },
    { type: "test_plan", tests: [{ testId: "t1", title: ["cart", "pays"] }, { testId: "t2", title: "ships" }] },
    { type: "test_status", testId: "t1", status: "running", data: { attempt: 1 } },
    step("t1", { stepNumber: 1, id: "a", phase: "begin", title: "pay by card" }),
    step("t1", { stepNumber: 2, id: "b", parent: "a", phase: "begin", title: "Click", subtitle: "getByText('Pay')" }),
    step("t1", { stepNumber: 3, id: "c", parent: "b", phase: "end", title: "Wait", actor: "Ann" }),
    { type: "test_status", testId: "t2", status: "running", variant: "macos" },
    step("t2", { stepNumber: 1, id: "a", phase: "begin", title: "Before Hooks" }),
    step("t1", { stepNumber: 2, id: "b", parent: "a", phase: "end", title: "Click", error: "no" }),
    step("t1", { stepNumber: 9, phase: "begin", title: "as before ids" }),
    { type: "test_status", testId: "t1", status: "failed", data: { attempt: 1, error: { message: "\u001b[31mred\u001b[39m" } } },
  ]);
  await tab.goto(`${node.url}/runs/r`);
  await tab.locator("#events li").nth(10).waitFor();
  const indents = await tab.$$eval("#events li > :last-child", (cells) => cells.map((cell) => parseFloat(getComputedStyle(cell).paddingLeft)));
  const level = indents[4];
  assert.ok(level > 10, indents.join(" "));
  assert.deepEqual(indents.map((indent) => Math.round(indent / level)), [0, 0, 0, 0, 1, 2, 0, 0, 1, 0, 0]);
  const shown = (await rows(tab)).map(([, , , text]) => text);
  assert.deepEqual(shown, [
    "joined linux",
    "2 tests",
    "cart › pays · linux, retry 1 · running",
    "begin pay by card",
    "begin Click getByText('Pay')",
    "end Wait · by Ann",
    "ships · macos · running",
    "begin Before Hooks",
    "cart › pays · linux, retry 1 · end Click · no",
    "cart › pays · linux, retry 1 · begin as before ids",
    "cart › pays · linux, retry 1 · failed · red",
  ]);
  if (process.env.SCREENSHOT) await tab.screenshot({ path: process.env.SCREENSHOT });
});

// A frame as the server sends it.
function frame(stream, width) {
  const header = Buffer.from(JSON.stringify({ type: "frame", stream, contentType: "image/png", width, timestamp: "t" }));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(header.length);
  return Buffer.concat([length, header, png(width, 90)]);
}

test("a viewer chooses what it looks at: a stream, all, or nothing", LIMIT, async (context) => {
  const { node, tab } = await scene(context);
  const asked = [], paths = [];
  let page;
  await tab.routeWebSocket(/\/ws\/runs\//, (socket) => {
    page = socket;
    paths.push(new URL(socket.url()).searchParams.get("screen"));
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      if (JSON.parse(message).type === "screen") asked.push(JSON.parse(message));
      else server.send(message);
    });
  });
  await node.post("r", [{ type: "test_status", testId: "t", status: "running", data: { slot: 1 } }]);
  await tab.goto(`${node.url}/runs/r`);
  await says(tab, "state", "live");
  assert.deepEqual(paths, ["auto"]);
  const single = (width) => tab.waitForFunction((width) => {
    const image = document.getElementById("screen");
    return !image.hidden && image.complete && image.naturalWidth === width;
  }, width);
  const offered = () => tab.$$eval("#of option", (options) => options.map(({ value }) => value));
  assert.deepEqual(await offered(), ["auto", "wall", "off", "-/1"], "a test says where it is shown");

  page.send(frame("p/0", 120));
  await single(120);
  await says(tab, "showing", "p/0");
  assert.deepEqual(await offered(), ["auto", "wall", "off", "-/1", "p/0"]);

  await tab.selectOption("#of", "wall");
  page.send(frame("p/0", 120));
  page.send(frame("p/1", 160));
  page.send(frame("p/0", 140));
  const wall = () => tab.$$eval("#wall button", (tiles) => tiles.map((tile) => [tile.dataset.stream, tile.firstChild.naturalWidth]));
  await tab.waitForFunction(() => document.querySelector("#wall button img")?.naturalWidth === 140);
  await tab.waitForFunction(() => document.querySelectorAll("#wall button img")[1]?.naturalWidth === 160);
  assert.deepEqual(await wall(), [["p/0", 140], ["p/1", 160]]);
  assert.equal(await tab.locator("#screen").isVisible(), false);
  if (process.env.SCREENSHOT) await tab.screenshot({ path: process.env.SCREENSHOT.replace(".png", "-wall.png") });

  await tab.locator("#wall button").nth(1).click();
  assert.equal(await tab.inputValue("#of"), "p/1");
  page.send(frame("p/0", 100));
  page.send(frame("p/1", 180));
  await single(180);
  page.send(frame("p/1", 200));
  await single(200);

  await tab.selectOption("#of", "off");
  page.send(frame("p/1", 220));
  page.send(frame("p/2", 230)); // is offered once it has come, after the one before
  await tab.waitForFunction(() => document.querySelectorAll("#of option").length === 7);
  assert.equal(await tab.locator("#screen").isVisible(), false);
  const wanted = [{ of: "wall", maxWidth: 320 }, { of: "p/1" }, { of: "off" }];
  assert.deepEqual(asked, wanted.map((of) => ({ type: "screen", ...of })));

  // The choice holds on the next connection.
  await page.close({ code: 1012 });
  await tab.waitForFunction(() => document.getElementById("state").textContent.startsWith("reconnecting"));
  await says(tab, "state", "live");
  assert.deepEqual(paths, ["auto", "off"]);
});

test("the server shows the stream that was chosen, and its newest picture at once", LIMIT, async (context) => {
  const { node, tab } = await scene(context);
  const single = (width) => tab.waitForFunction((width) => {
    const image = document.getElementById("screen");
    return !image.hidden && image.complete && image.naturalWidth === width;
  }, width);
  await node.post("r", [{ type: "run_status", status: "running" }]);
  await node.postFrame("r", png(120, 90), "p/0");
  await node.postFrame("r", png(160, 90), "p/1");
  await tab.goto(`${node.url}/runs/r`);
  await says(tab, "state", "live");
  await tab.waitForFunction(() => !document.getElementById("screens").hidden);
  await tab.selectOption("#of", "wall");
  const tiles = () => [...document.querySelectorAll("#wall button")].map((tile) => tile.dataset.stream + tile.firstChild.naturalWidth);
  await tab.waitForFunction(() => [...document.querySelectorAll("#wall img")].filter((image) => image.naturalWidth).length === 2);
  assert.deepEqual((await tab.evaluate(tiles)).sort(), ["p/0120", "p/1160"]);
  for (const [stream, width] of [["p/1", 160], ["p/0", 120]]) {
    await tab.selectOption("#of", stream);
    await single(width);
  }
  await node.postFrame("r", png(180, 90), "p/1");
  await node.postFrame("r", png(200, 90), "p/0");
  await single(200);
});
