// A stranger on the demo, at a desk, on a phone, and with the keyboard alone: what fails and why, whether it failed before, its
// trace, the moment of the failure, a link for a colleague; the run is paused, answered, and watched to its end, also while the
// server is restarted.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { drawn, eventually, launch, openTab } from "./support/browser.js";
import { Node } from "./support/node.js";

const LIMIT = { timeout: 150_000 };
const SOON = { timeout: 60_000 }; // the demo plays in real time
const FAILS = "takes a voucher off once";
const WHY = "the order that was sent"; // also the title of the step that fails

let browser;
let clipboard = Promise.resolve(); // the browser's, which one visit uses at a time
before(async () => { browser = await launch(); });
after(() => browser?.close());

class Visit {
  static async begin(context, viewport) {
    const visit = new Visit();
    visit.node = await Node.start({}, ["--demo"]);
    context.after(() => visit.node.stop());
    const { tab, faults } = await openTab(browser, viewport);
    context.after(() => tab.context().close());
    await tab.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    return Object.assign(visit, { tab, faults });
  }

  // Waits until the bar has one of these words.
  word(name) {
    return this.tab.getByRole("banner").getByRole("heading", { level: 1, name }).waitFor(SOON);
  }

  button(name) {
    return this.tab.getByRole("button", { name, exact: true });
  }

  // The row of the run that goes on, in the list; the other one has passed.
  async inTheList() {
    await this.tab.goto(this.node.url);
    await this.tab.getByRole("row", { name: /PASSED/ }).waitFor();
    return this.tab.getByRole("row", { name: /RUNNING|NEEDS YOU/ }).getByRole("link").first();
  }

  get run() {
    return new URL(this.tab.url()).pathname.split("/").pop();
  }

  async state(rest = "") {
    return (await fetch(`${this.node.url}/api/runs/${this.run}${rest}`)).json();
  }

  // A test has failed, and is not tried again.
  fails() {
    return this.tab.getByRole("tree", { name: "Tests" }).getByRole("treeitem", { name: new RegExp(`^failed .*${FAILS}`) });
  }

  // What fails, why, and whether it failed before.
  async says(where) {
    await where.getByRole("heading", { name: FAILS }).waitFor(SOON);
    await where.getByText(WHY).filter({ visible: true }).first().waitFor();
    await where.getByText("1847").filter({ visible: true }).first().waitFor();
    await where.getByText("New failure.").waitFor();
  }

  async traceOpens(open) {
    const [popup] = await Promise.all([this.tab.waitForEvent("popup"), open()]);
    await popup.getByText("redeem the voucher").first().waitFor();
    await popup.close();
  }

  // What `copy` puts on the clipboard, once it is a link to this server.
  copied(copy) {
    const link = clipboard.then(async () => {
      await copy();
      return eventually("a link on the clipboard", async () => {
        const text = await this.tab.evaluate(() => navigator.clipboard.readText());
        return text.startsWith(this.node.url) && text;
      });
    });
    clipboard = link.catch(() => {});
    return link;
  }

  // A colleague opens the link that is copied, and is at the step.
  async colleagueSees(copy) {
    const link = await this.copied(copy);
    const { tab, faults } = await openTab(browser);
    await tab.goto(link);
    await tab.getByRole("complementary", { name: "Test" }).getByRole("treeitem", { name: WHY, selected: true }).waitFor();
    await tab.context().close();
    assert.deepEqual(faults, []);
  }

  // The log has everything of the recording, once and in order, and the page has all of the log.
  async isWhole() {
    const { events } = await this.state("/events?limit=10000");
    assert.deepEqual(events.map(({ seq }) => seq), events.map((_, index) => index + 1));
    const steps = events.filter(({ type }) => type === "test_step").map(({ testId, step }) => `${testId} ${step.attempt} ${step.id} ${step.phase}`);
    assert.equal(new Set(steps).size, steps.length, "a step was doubled");
    assert.equal(steps.filter((step) => step.endsWith("begin")).length * 2, steps.length, "a step has no end");
    const { counts } = await this.state();
    assert.deepEqual([counts.passed, counts.failed, counts.skipped, counts.running], [9, 2, 2, 0]);
    await this.tab.getByText(`event ${events.length}`).waitFor();
    assert.deepEqual(this.faults, []);
  }
}

const seeks = (url) => url.searchParams.has("at");

describe("a stranger finds out what fails, and steers", { concurrency: true }, () => {
  test("at a desk, while the server is restarted", LIMIT, async (context) => {
    const visit = await Visit.begin(context, { width: 1400, height: 900 });
    const { tab, node } = visit;
    await (await visit.inTheList()).click();
    await visit.word("NEEDS YOU");
    await visit.button(/^2: Last page/).click();
    await visit.button("Send “Last page” and resume").click();
    await tab.getByRole("textbox", { name: /^Your name/ }).fill("Ada");
    await visit.button("Go on").click();
    await tab.getByText("You answered", { exact: true }).waitFor();
    await visit.button("Close").click();
    await drawn(visit.tab);

    await visit.button("Pause").click();
    await visit.word("PAUSED");
    assert.equal(await node.end("SIGTERM"), 0);
    await tab.getByRole("banner").getByText(/connect/i).first().waitFor();
    await node.restart();
    await tab.getByRole("banner").getByText("Live", { exact: true }).waitFor();
    await visit.word("PAUSED");
    await visit.button("Resume").click();
    await visit.word("RUNNING");

    const detail = tab.getByRole("complementary", { name: "Test" });
    await visit.fails().waitFor(SOON);
    await visit.says(detail);
    await visit.traceOpens(() => detail.getByRole("link", { name: "Trace", exact: true }).click());
    await tab.getByRole("contentinfo").getByRole("button", { name: new RegExp(FAILS) }).click();
    await tab.waitForURL(seeks);
    await detail.getByRole("treeitem", { name: WHY }).first().click();
    await visit.colleagueSees(() => detail.getByRole("button", { name: "Copy link" }).click());
    await tab.keyboard.press("l");
    await visit.word("FAILED");
    await visit.isWhole();
  });

  test("on a phone", LIMIT, async (context) => {
    const visit = await Visit.begin(context, { width: 390, height: 844 });
    const { tab } = visit;
    const pane = (name) => tab.getByRole("navigation").getByRole("button", { name }).click();
    await (await visit.inTheList()).click();
    await visit.word("NEEDS YOU");
    await visit.button("Answer").click();
    await visit.button(/^2: Last page/).click();
    await visit.button("Send “Last page” and resume").click();
    await tab.getByRole("textbox", { name: /^Your name/ }).fill("Ada");
    await visit.button("Go on").click();
    await tab.getByText("You answered", { exact: true }).waitFor();
    await visit.button("Pause").click();
    await visit.word("PAUSED");
    await visit.button("Resume").click();
    await visit.word("RUNNING");
    await pane("Tests");
    await drawn(visit.tab);

    await visit.fails().click(SOON);
    await visit.says(tab.getByRole("complementary", { name: "Test" }));
    await visit.traceOpens(() => tab.getByRole("complementary").getByRole("link", { name: "Trace", exact: true }).click());
    await tab.getByRole("treeitem", { name: WHY }).first().click();
    await visit.colleagueSees(() => visit.button("Copy link").click());
    await pane("Time");
    await visit.button(new RegExp(FAILS)).first().click();
    await tab.waitForURL(seeks);
    await pane("Time");
    const track = tab.locator(".slider-track");
    const { width } = await track.boundingBox();
    await track.click({ position: { x: width - 1, y: 10 } });
    await visit.word("FAILED");
    await visit.isWhole();
  });

  test("with the keyboard alone", LIMIT, async (context) => {
    const visit = await Visit.begin(context, { width: 1400, height: 900 });
    const { tab } = visit;
    const press = (...keys) => keys.reduce((before, key) => before.then(() => tab.keyboard.press(key)), Promise.resolve());
    // Presses a key until this, or something within it, has focus.
    const until = async (key, target) => {
      for (let times = 0; !(await target.evaluate((element) => element.contains(document.activeElement))); times += 1) {
        assert.ok(times < 60, `${key} does not come to it`);
        await press(key);
      }
    };
    const link = await visit.inTheList();
    await until("Tab", link);
    await press("Enter");
    await visit.word("NEEDS YOU");
    await press("2", "Enter");
    await tab.getByRole("textbox", { name: /^Your name/ }).waitFor();
    await tab.keyboard.type("Ada");
    await press("Enter");
    await tab.getByText("You answered", { exact: true }).waitFor();
    await press("p");
    await visit.word("PAUSED");
    await press("p");
    await visit.word("RUNNING");

    await visit.fails().waitFor(SOON);
    await press("f");
    await visit.says(tab.getByRole("complementary", { name: "Test" }));
    await visit.traceOpens(() => press("r"));
    await press("[");
    await tab.waitForURL(seeks);
    await press("l", "f", "3");
    const steps = tab.getByRole("tree", { name: "Steps" });
    await until("Tab", steps);
    await until("ArrowDown", steps.getByRole("treeitem", { name: WHY }).first());
    await visit.colleagueSees(async () => {
      await press("c");
      await tab.getByText("Link to the step copied").first().waitFor();
    });
    await visit.word("FAILED");
    await visit.isWhole();
  });
});
