import type { Run } from '@runcast/client';
import type { TestCase, TestResult } from '@playwright/test/reporter';

import type { Settings } from './settings.js';
import type { Terminal } from './terminal.js';

export type Attachment = TestResult['attachments'][number];

/** An attachment as events name it: `data.attachments` of `test_status`, `step.attachments`. */
export interface AttachmentEntry {
  name: string;
  contentType: string;
  /** In bytes, if it is known. */
  size?: number;
  /** The name of the artifact that it is uploaded as; missing: it is not uploaded. */
  artifact?: string;
}

/** Uploads attachments while the tests go on. */
export class Attachments {
  constructor(run: Run, settings: Settings, terminal: Terminal) {
    void [run, settings, terminal];
  }

  /** Secures an attachment at once, and uploads it when it is its turn. The same one again is the same entry. */
  add(attachment: Attachment, _test: TestCase, _result: TestResult): AttachmentEntry {
    return { name: attachment.name, contentType: attachment.contentType };
  }

  /** Waits for the uploads, as long as the end of the run may take. What is left stays in files. */
  async finish(): Promise<void> {}

  /** Uploads no more: what is left is kept in files, at once. */
  abandon(): void {}
}
