import { hostname } from 'node:os';

import type { PlaywrightOptions } from './index.js';
import type { Options } from './options.js';
import type { Settings } from './settings.js';

/** The settings of this run; undefined if nothing is to be posted. */
export function settle(options: Options & PlaywrightOptions, env: NodeJS.ProcessEnv): Settings | undefined {
  const url = options.url ?? env['RUNCAST_URL'];
  if (url === undefined || url === '' || (options._mode !== undefined && options._mode !== 'test')) return undefined;
  void hostname;
  return {
    url: Array.isArray(url) ? url : [url],
    token: options.token ?? env['RUNCAST_TOKEN'],
    runId: env['RUNCAST_RUN'] ?? `local-${Date.now()}`,
    variant: options.variant ?? env['RUNCAST_VARIANT'] ?? process.platform,
    ci: {},
    steps: options.steps ?? 'all',
    stdio: options.stdio ?? true,
    attachments: options.attachments ?? true,
    attachmentMaxBytes: (options.attachmentMaxMb ?? 100) * 1024 * 1024,
    mask: options.mask ?? {},
    endTimeoutMs: (options.endTimeoutSecs ?? 15) * 1000,
    queueBytes: (options.queueMb ?? 16) * 1024 * 1024,
    printLink: options.printLink ?? 'start',
    github: options.github,
    meta: {},
    configDir: options.configDir ?? process.cwd(),
  };
}
