import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Page, TestInfo } from '@playwright/test';

/**
 * Keeps what a test's page shows, and where its actions are, as files in `dir`: a picture whenever the page changes,
 * and the boxes of what was clicked or filled.
 */
export async function keepScreen(page: Page, { testId, retry, parallelIndex }: TestInfo, dir: string): Promise<() => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  let number = 0;
  const keep = (what: string, kind: string, content: string | Buffer): void => {
    number += 1;
    const name = `${parallelIndex}-${testId}-${retry}-${String(number).padStart(4, '0')}-${Date.now()}.${what}.${kind}`;
    writeFileSync(join(dir, name), content);
  };
  session.on('Page.screencastFrame', ({ data, sessionId }) => {
    if (page.url() !== 'about:blank') keep('frame', 'png', Buffer.from(data, 'base64'));
    void session.send('Page.screencastFrameAck', { sessionId }).catch(() => {});
  });
  session.on('Runtime.bindingCalled', ({ payload }) => keep('action', 'json', payload));
  await session.send('Runtime.enable');
  await session.send('Runtime.addBinding', { name: 'keepAction' });
  await session.send('Page.enable');
  await session.send('Page.addScriptToEvaluateOnNewDocument', { source: `(${actions.toString()})()` });
  await session.send('Page.startScreencast', { format: 'png', everyNthFrame: 1 });
  return () => session.detach().catch(() => {});
}

/** In the page: tells of what is clicked or filled, with what stands beside it. */
function actions(): void {
  const box = (element: Element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x: Math.round(x), y: Math.round(y), width: Math.round(width), height: Math.round(height) };
  };
  const tell = ({ target }: Event): void => {
    const acted = (target as Element).closest('button, input, a');
    if (acted === null) return;
    const beside = [...(acted.parentElement?.querySelectorAll('button') ?? [])];
    const told = { box: box(acted), url: location.href, beside: beside.map((one) => ({ id: one.id, label: one.textContent, box: box(one) })) };
    (window as unknown as { keepAction(told: string): void }).keepAction(JSON.stringify(told));
  };
  for (const type of ['pointerdown', 'input']) addEventListener(type, tell, { capture: true });
}
