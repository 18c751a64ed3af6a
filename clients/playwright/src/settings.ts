import type { TokenFunction } from '@runcast/client';

import type { CiInfo, Options } from './options.js';

/** What is to be done, of options, environment and CI. */
export interface Settings {
  url: string[];
  /** Missing: the server may need none. */
  token: string | TokenFunction | undefined;
  runId: string;
  /** Other machines know the id, too: it is not made up here. */
  isSharedRun: boolean;
  /** What the server knows this process by. */
  producer: string;
  variant: string;
  ci: CiInfo;
  steps: 'all' | 'test.step' | 'none';
  stdio: boolean;
  attachments: Exclude<Options['attachments'], undefined>;
  attachmentMaxBytes: number;
  mask: NonNullable<Options['mask']>;
  endTimeoutMs: number;
  queueBytes: number;
  printLink: 'start' | 'both' | false;
  github: boolean | undefined;
  /** `data.meta` of `run_status`. */
  meta: Record<string, unknown>;
  /** The directory of the configuration: what can't be posted is kept below it. */
  configDir: string;
}
