/** All files of the run: what kinds there are, how large they are, and search. */
import { signal } from '@preact/signals';
import { useMemo, useRef, useState } from 'preact/hooks';

import { Button } from '../../ui/button.js';
import { bytes, plural } from '../../ui/format.js';
import { Icon } from '../../ui/icons.js';
import { Segments } from '../../ui/segments.js';
import { artifacts } from '../store.js';
import { FileRow } from './attachments.js';
import { fileOf, savingsOf, type FileItem } from './files.js';
import { useVirtual } from './virtual.js';

/** Whether the pane of a test shows the files of the whole run. */
export const showsRunFiles = signal(false);

const KINDS = [
  { value: 'all', label: 'All' },
  { value: 'trace', label: 'Traces' },
  { value: 'image', label: 'Pictures' },
  { value: 'video', label: 'Videos' },
  { value: 'other', label: 'Others' },
] as const;
type Kind = (typeof KINDS)[number]['value'];

/** The files that have the words in their names, and are of the kind. */
export function found(files: readonly FileItem[], words: string, kind: Kind): FileItem[] {
  const sought = words.trim().toLowerCase().split(/\s+/);
  const isOf = (file: FileItem) =>
    kind === 'all' || file.kind === kind || (kind === 'other' && !['trace', 'image', 'video'].includes(file.kind));
  return files.filter((file) => isOf(file) && sought.every((word) => file.name.toLowerCase().includes(word)));
}

export function RunFiles({ onBack }: { onBack?: () => void }) {
  const [words, setWords] = useState('');
  const [kind, setKind] = useState<Kind>('all');
  const [open, setOpen] = useState<string | null>(null);
  const scroller = useRef<HTMLDivElement>(null);
  const all = artifacts.value;
  const files = useMemo(() => all.map(fileOf), [all]);
  const shown = useMemo(() => found(files, words, kind), [files, words, kind]);
  const size = all.reduce((sum, artifact) => sum + (artifact.size ?? 0), 0);
  const kinds = KINDS.filter(({ value }) => value === 'all' || found(files, '', value).length > 0);
  const virtual = useVirtual({
    count: shown.length,
    key: (index) => shown[index]?.artifact?.artifactId ?? String(index),
    height: () => 28,
    scroller,
  });
  return (
    <section class="run-files" aria-label="Files of the run">
      <div class="detail-section-head">
        {onBack === undefined ? null : <Button kind="quiet" icon="left" label="Back to the test" onClick={onBack} />}
        <h3>Files of the run</h3>
        <span class="dim">{all.length === 0 ? '' : `${all.length}, ${bytes(size)}`}</span>
        <span class="detail-gap" />
        <span class="files-kept dim">{savingsOf(all)}</span>
      </div>
      {all.length === 0 ? <p class="detail-note">The run has left no files yet.</p> : null}
      {all.length < 2 ? null : (
        <div class="run-files-bar">
          <div class="steps-search">
            <Icon name="search" size={14} />
            <input type="search" aria-label="Search in the files" placeholder="Name" value={words} onInput={({ currentTarget }) => setWords(currentTarget.value)} />
            {words.trim() === '' ? null : <span class="dim">{plural(shown.length, 'file')}</span>}
          </div>
          {kinds.length < 3 ? null : <Segments label="Kind" value={kind} of={kinds} onChange={setKind} />}
        </div>
      )}
      <div class="run-files-scroller" ref={scroller}>
        <ul class="files-list" style={{ height: `${virtual.getTotalSize()}px` }}>
          {virtual.getVirtualItems().map(({ index, start, key }) => {
            const file = shown[index];
            if (file === undefined) return null;
            return (
              <div key={key} ref={virtual.measureElement} data-index={index} class="run-file" role="presentation" style={{ transform: `translateY(${start}px)` }}>
                <FileRow file={file} inside open={open === key} onOpen={() => setOpen(open === key ? null : String(key))} />
              </div>
            );
          })}
        </ul>
      </div>
    </section>
  );
}
