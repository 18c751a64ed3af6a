/** Where a test is: copied with one click, and opened in an editor by whoever said where the project's folder is. */
import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';

import type { TestRow } from '../../model.js';
import { say } from '../../ui/announce.js';
import { Button } from '../../ui/button.js';
import { copyText } from '../../ui/copy.js';
import { oneLine } from '../../ui/text.js';
import { keep, setting } from '../../ui/who.js';
import { head } from '../store.js';

const roots = signal<Record<string, string>>({});
const nameOf = (project: string) => `runcast-root ${project}`;

function rootOf(project: string): string {
  return roots.value[project] ?? setting(nameOf(project)) ?? '';
}

/** The link that opens a file in VS Code; null: the folder or the file is none that it could find. */
export function editorLink(root: string, file: string, line: number | null): string | null {
  const folder = root.trim().replaceAll('\\', '/').replace(/\/+$/, '');
  if (folder === '' || !/^(?:\/|[A-Za-z]:\/)/.test(`${folder}/`)) return null;
  const path = file.replaceAll('\\', '/');
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path) || path.split('/').includes('..')) return null;
  const encoded = `${folder.replace(/^\//, '')}/${path}`.split('/').map(encodeURIComponent).join('/').replace(/^([A-Za-z])%3A/, '$1:');
  return `vscode://file/${encoded}${line === null ? '' : `:${line}`}`;
}

export function Place({ test }: { test: TestRow }) {
  const [asks, setAsks] = useState(false);
  const project = head.value?.meta.project ?? '';
  if (test.file === null) return null;
  const { file, line } = test;
  const text = line === null ? file : `${file}:${line}`;
  const link = editorLink(rootOf(project), file, line);
  const copy = async () => say((await copyText(text)) ? `Copied ${text}` : 'The browser did not allow to copy');
  return (
    <>
      <button type="button" class="detail-place" title={`Copy ${oneLine(text, 300)}`} onClick={() => void copy()}>
        {oneLine(text, 200)}
      </button>
      {link === null ? null : (
        <a class="detail-editor" href={link}>
          Open in editor
        </a>
      )}
      <Button kind="quiet" icon="pencil" class="detail-root" expanded={asks} label="Say where the project’s folder is, to open files in VS Code" onClick={() => setAsks(!asks)} />
      {asks ? <Root project={project} onDone={() => setAsks(false)} /> : null}
    </>
  );
}

function Root({ project, onDone }: { project: string; onDone: () => void }) {
  const [value, setValue] = useState(rootOf(project));
  const wrong = value.trim() !== '' && editorLink(value, 'file', null) === null;
  const save = (event: Event) => {
    event.preventDefault();
    if (wrong) return;
    keep(nameOf(project), value.trim());
    roots.value = { ...roots.peek(), [project]: value.trim() };
    onDone();
  };
  return (
    <form class="detail-root-form" onSubmit={save}>
      <label>
        Folder of the tests on this computer
        <input value={value} placeholder="/home/ada/shop/tests" aria-invalid={wrong} onInput={({ currentTarget }) => setValue(currentTarget.value)} />
      </label>
      {wrong ? <span class="detail-wrong">It has to begin with / or a drive.</span> : null}
      <button type="submit" class="button" disabled={wrong}>
        Save
      </button>
    </form>
  );
}
