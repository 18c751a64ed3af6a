// Records a trace of somebody who uses a web site: what scripts/bench measures the compression with. Not a test.
//
//   node tests/browser/support/record.js OUT.zip [SECONDS]
//
// The site is runcast's own: its list, and runs that are posted to while they are watched, scrolled and searched. Nothing in the
// trace is made up: frames of the screencast, snapshots, sources and network are what Playwright records.

import { chromium } from "playwright-core";

import { Node } from "./node.js";

const [out, seconds = "60"] = process.argv.slice(2);
const node = await Node.start();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
});
const context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
await context.tracing.start({ screenshots: true, snapshots: true, sources: true });
const page = await context.newPage();
const until = Date.now() + 1000 * Number(seconds);
for (let run = 1; Date.now() < until; run++) {
  await page.goto(`${node.url}/`);
  await page.goto(`${node.url}/runs/recorded-${run}`);
  for (let step = 0; step < 40 && Date.now() < until; step++) {
    const text = `step ${step} of ${run}: ${"the quick brown fox jumps over the lazy dog ".repeat(1 + (step % 5))}`;
    await node.post(`recorded-${run}`, [{ type: "log", text, level: step % 7 ? "info" : "error" }]);
    await page.getByText(`step ${step} of ${run}:`).first().waitFor();
    await page.mouse.wheel(0, step % 3 ? 300 : -500);
    await page.mouse.move(100 + 25 * (step % 40), 120 + 11 * (step % 50));
  }
}
await context.tracing.stop({ path: out });
await browser.close();
await node.stop();
