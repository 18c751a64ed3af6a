/** What the attempt left: pictures, videos, traces, texts, and how long they are kept. */
import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import type { Artifact } from '../../model.js';
import { Button } from '../../ui/button.js';
import { bytes, count } from '../../ui/format.js';
import { Icon, type IconName } from '../../ui/icons.js';
import { oneLine, Text } from '../../ui/text.js';
import { head } from '../store.js';
import { CompareImages } from './compare.js';
import {
  comparisonsOf,
  downloadUrl,
  keptUntil,
  opensInTab,
  savingsOf,
  viewerUrl,
  whyNot,
  type FileItem,
} from './files.js';
import { known, lookUp } from './lookup.js';
import { showsRunFiles } from './run-files.js';
import { Viewer } from './viewer.js';

const ICONS: Record<FileItem['kind'], IconName> = {
  image: 'picture',
  video: 'video',
  trace: 'trace',
  text: 'file',
  json: 'file',
  other: 'file',
};

/** Pictures that are shown small. */
const THUMBNAILS = 4;

export interface AttachmentsProps {
  files: readonly FileItem[];
  scroller: RefObject<HTMLElement | null>;
}

/** The files with what the server says of them. */
function useKnown(files: readonly FileItem[]): FileItem[] {
  const runId = head.value?.runId ?? '';
  const ids = files.map(({ artifact }) => artifact?.artifactId ?? '').join(' ');
  useEffect(() => {
    void lookUp(
      runId,
      files.flatMap(({ artifact }) => (artifact === null ? [] : [artifact])),
    );
  }, [runId, ids]);
  return files.map((file) => (file.artifact === null ? file : { ...file, artifact: known(file.artifact) }));
}

export function Attachments({ files: given, scroller }: AttachmentsProps) {
  const runId = head.value?.runId ?? '';
  const over = head.value?.over ?? false;
  const files = useKnown(given);
  const [open, setOpen] = useState<string | null>(null);
  const stored = files.flatMap(({ artifact }) => (artifact === null ? [] : [artifact]));
  const comparisons = comparisonsOf(files);
  const compared = new Set(comparisons.flatMap(({ expected, actual, diff }) => [expected, actual, diff]));
  const pictures = files.filter((file) => file.kind === 'image' && whyNot(file, over) === null && !compared.has(file));
  const idOf = (file: FileItem, at: number) => file.artifact?.artifactId ?? `${at} ${file.name}`;
  return (
    <section class="files" aria-label="Attachments">
      <div class="detail-section-head files-head">
        <h3>Attachments</h3>
        <span class="dim">{count(files.length)}</span>
        <span class="detail-gap" />
        <Kept artifacts={stored} />
      </div>
      {comparisons.map((comparison) => (
        <CompareImages key={comparison.name} of={comparison} runId={runId} />
      ))}
      <div class="files-body">
        {pictures.length === 0 ? null : (
          <div class="files-thumbs">
            {pictures.slice(0, THUMBNAILS).map((file) => {
              const id = file.artifact!.artifactId;
              return (
                <button
                  key={id}
                  type="button"
                  class="files-thumb"
                  aria-expanded={open === id}
                  aria-label={`Show ${oneLine(file.name, 80)}`}
                  onClick={() => setOpen(open === id ? null : id)}
                >
                  <img src={downloadUrl(runId, file.artifact!) ?? ''} alt="" loading="lazy" decoding="async" />
                </button>
              );
            })}
          </div>
        )}
        <ul class="files-list">
          {files.map((file, at) => (
            <FileRow
              key={idOf(file, at)}
              file={file}
              open={open === idOf(file, at)}
              onOpen={() => setOpen(open === idOf(file, at) ? null : idOf(file, at))}
            />
          ))}
        </ul>
      </div>
      <Opened files={files} open={open} idOf={idOf} />
      <AllFiles scroller={scroller} />
    </section>
  );
}

/** Leads to the files of the whole run. */
export function AllFiles({ scroller }: Pick<AttachmentsProps, 'scroller'>) {
  const show = () => {
    showsRunFiles.value = true;
    scroller.current?.scrollTo({ top: 0 });
  };
  return (
    <p class="files-all">
      <Button kind="quiet" icon="list" onClick={show}>
        All files of the run
      </Button>
    </p>
  );
}

/** The file that is shown in place, below the list. */
function Opened({
  files,
  open,
  idOf,
}: {
  files: readonly FileItem[];
  open: string | null;
  idOf: (file: FileItem, at: number) => string;
}) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => place.current?.scrollIntoView({ block: 'nearest' }), [open]);
  const file = open === null ? undefined : files.find((one, at) => idOf(one, at) === open);
  const url = file?.artifact == null ? null : downloadUrl(head.value?.runId ?? '', file.artifact);
  if (file === undefined || url === null) return null;
  return (
    <div class="files-opened" ref={place}>
      <Viewer key={url} file={file} url={url} />
    </div>
  );
}

function Kept({ artifacts }: { artifacts: readonly Artifact[] }) {
  const there = artifacts.filter(({ state }) => state !== 'deleted');
  const parts = [savingsOf(there), keptUntil(there)].filter((part) => part !== null);
  return (
    <span class="files-kept dim">
      {parts.map((part) => (
        <span key={part}>{part}</span>
      ))}
    </span>
  );
}

export interface FileRowProps {
  file: FileItem;
  open: boolean;
  /** It is shown within its row. */
  inside?: boolean;
  onOpen: () => void;
}

export function FileRow({ file, open, inside = false, onOpen }: FileRowProps) {
  const run = head.value;
  const runId = run?.runId ?? '';
  const reason = whyNot(file, run?.over ?? false);
  const url = reason !== null || file.artifact === null ? null : downloadUrl(runId, file.artifact);
  const viewer =
    reason !== null || file.artifact === null || file.kind !== 'trace' ? null : viewerUrl(runId, file.artifact);
  const inPlace =
    url !== null && (file.kind === 'image' || file.kind === 'video' || file.kind === 'text' || file.kind === 'json');
  const tab =
    file.artifact !== null && opensInTab(file.artifact.contentType) ? { target: '_blank', rel: 'noopener' } : {};
  // In long lists what differs is at the end of the names: the folder stands behind.
  const cut = file.name.lastIndexOf('/') + 1;
  const name = (
    <>
      <Icon name={ICONS[file.kind]} />
      <Text of={inside ? file.name.slice(cut) : file.name} class="file-name" />
      {inside && cut > 0 ? <Text of={file.name.slice(0, cut - 1)} class="file-folder" /> : null}
    </>
  );
  const Tag = inside ? 'div' : 'li';
  return (
    <Tag class={reason === null ? 'file' : 'file file-missing'}>
      <div class="file-row">
        {inPlace ? (
          <button type="button" class="file-open" aria-expanded={open} onClick={onOpen}>
            {name}
          </button>
        ) : viewer !== null ? (
          <a class="file-open" href={viewer} target="_blank" rel="noopener">
            {name}
          </a>
        ) : url !== null ? (
          <a class="file-open" href={url} {...tab}>
            {name}
          </a>
        ) : (
          <span class="file-open">{name}</span>
        )}
        {reason === null ? null : <Text of={reason} class="file-reason" />}
        {file.size === null ? null : <span class="file-size">{bytes(file.size)}</span>}
        {url === null ? null : (
          <a
            class="file-download"
            href={url}
            {...tab}
            aria-label={`Download ${oneLine(file.name, 80)}`}
            title="Download"
          >
            <Icon name="download" />
          </a>
        )}
      </div>
      {open && inside && inPlace ? <Viewer file={file} url={url} /> : null}
    </Tag>
  );
}
