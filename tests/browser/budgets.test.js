// What the page of a run of 1,000,000 events may cost. Nothing here is a time: `scripts/bench page` tells those.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, openTab, word } from "./support/browser.js";
import { bytesOf, Heaps, loaded, notePaints, painted, postLarge, warm } from "./support/budget.js";
import { Node } from "./support/node.js";

const EVENTS = 1_000_000;
const MB = 1024 * 1024;
const LIMIT = { timeout: 900_000 }; // what a debug build takes where others want the cores as well

// Until everything is there, and so also until how the run is was painted: what comes before that is a matter of time.
const MOST = { requests: 24, bytes: 2_000_000, nodes: 1_500 };
const HEAP = 1.25 * 150 * MB; // of page and worker together

let browser, node, follower;

// Opens the run, and notes what its page takes.
async function open() {
  const { tab, faults } = await openTab(browser);
  tab.setDefaultTimeout(LIMIT.timeout);
  await tab.addInitScript(notePaints);
  const heaps = await Heaps.of(tab);
  await tab.goto(`${node.url}/runs/large`);
  return { tab, heaps, faults };
}

// Waits until a page has all events.
function whole(tab) {
  return tab.getByText(`event ${EVENTS.toLocaleString("en")}`).waitFor();
}

// A page is there from the first event on, while a large run is posted.
before(async () => {
  browser = await launch();
  node = await Node.start();
  follower = await open();
  await follower.tab.getByRole("heading", { name: "Nothing has been posted" }).waitFor();
  await postLarge(node, "large", EVENTS);
  await whole(follower.tab);
}, LIMIT);
after(async () => {
  await browser?.close();
  await node?.stop();
});

test("a page that has seen 1,000,000 events holds less than 150 MB with its worker", LIMIT, async () => {
  const { page, worker } = await follower.heaps.measure();
  assert.ok(page + worker < HEAP, `page ${page}, worker ${worker}`);
  assert.deepEqual(follower.faults, []);
  await follower.tab.context().close();
});

test("who comes to 1,000,000 events sees how the run is after few requests, bytes and nodes", LIMIT, async () => {
  await warm(node, "large", EVENTS);
  const { tab, heaps, faults } = await open();
  const first = await painted(tab, "word");
  await word(tab, "FAILED");
  await whole(tab);
  await painted(tab, "line");
  await tab.waitForLoadState("networkidle");
  // Viewers are asked for all the time; the lanes of the summary, which are shown already, then learn when each test ran.
  const later = ({ path, query }) => path.endsWith("/viewers") || query.endsWith("&types=test_status");
  const requests = (await loaded(tab)).filter((request) => !later(request));
  const nodes = await tab.evaluate(() => document.querySelectorAll("*").length);
  const taken = { requests: requests.length, bytes: bytesOf(requests), nodes: Math.max(first.nodes, nodes) };
  for (const [what, most] of Object.entries(MOST)) assert.ok(taken[what] <= most, `${taken[what]} ${what}, at most ${most}: ${JSON.stringify(requests)}`);
  const { page, worker } = await heaps.measure();
  assert.ok(page + worker < HEAP, `page ${page}, worker ${worker}`);
  assert.deepEqual(faults, []);
});
