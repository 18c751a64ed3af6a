/** A file shown in place: a picture with zoom, a video, a text. Nothing becomes a document of this page. */
import { useEffect, useState } from 'preact/hooks';

import { ansiLines } from '../../ui/ansi.js';
import { Button } from '../../ui/button.js';
import { CopyButton } from '../../ui/copy.js';
import { bytes } from '../../ui/format.js';
import { Segments } from '../../ui/segments.js';
import { withMarks } from '../../ui/marks.js';
import { Spans } from '../../ui/spans.js';
import { oneLine } from '../../ui/text.js';
import type { FileItem } from './files.js';
import { MAX_TEXT, readText } from './lookup.js';

export interface ViewerProps {
  file: FileItem;
  url: string;
}

export function Viewer({ file, url }: ViewerProps) {
  if (file.kind === 'image') return <Picture file={file} url={url} />;
  if (file.kind === 'video') return <Video file={file} url={url} />;
  return <TextFile file={file} url={url} />;
}

const ZOOMS = ['fit', '100', '200', '400'] as const;
type Zoom = (typeof ZOOMS)[number];

/** How wide a picture is drawn, in its pixels. */
function widthAt(zoom: Zoom, natural: number): string | undefined {
  return zoom === 'fit' || natural === 0 ? undefined : `${(natural * Number(zoom)) / 100}px`;
}

function Picture({ file, url }: ViewerProps) {
  const [zoom, setZoom] = useState<Zoom>('fit');
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [fails, setFails] = useState(false);
  if (fails) return <p class="detail-note">This picture can’t be shown.</p>;
  return (
    <div class="viewer">
      <div class="viewer-bar">
        <Segments
          label="Zoom"
          value={zoom}
          of={ZOOMS.map((value) => ({ value, label: value === 'fit' ? 'Fit' : `${value} %` }))}
          onChange={setZoom}
        />
        <span class="dim">{size.width === 0 ? '' : `${size.width} × ${size.height}`}</span>
      </div>
      <div
        class="viewer-frame"
        data-zoom={zoom}
        tabIndex={0}
        role="group"
        aria-label={`Picture ${oneLine(file.name, 80)}`}
      >
        <img
          src={url}
          alt={oneLine(file.name, 200)}
          style={{ width: widthAt(zoom, size.width) }}
          onLoad={({ currentTarget }) =>
            setSize({ width: currentTarget.naturalWidth, height: currentTarget.naturalHeight })
          }
          onError={() => setFails(true)}
          onClick={() => setZoom(zoom === 'fit' ? '100' : 'fit')}
        />
      </div>
    </div>
  );
}

function Video({ file, url }: ViewerProps) {
  const [fails, setFails] = useState(false);
  if (fails) return <p class="detail-note">This video can’t be played here. Download it.</p>;
  return (
    <div class="viewer">
      <video
        src={url}
        controls
        preload="metadata"
        aria-label={oneLine(file.name, 200)}
        onError={() => setFails(true)}
      />
    </div>
  );
}

interface Loaded {
  text: string;
  whole: boolean;
}

function TextFile({ file, url }: ViewerProps) {
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [times, setTimes] = useState(0);
  useEffect(() => {
    let current = true;
    setError(null);
    readText(url).then(
      (read) => current && setLoaded(read),
      (reason: unknown) => current && setError(reason instanceof Error ? reason.message : String(reason)),
    );
    return () => {
      current = false;
    };
  }, [url, times]);
  if (error !== null) {
    return (
      <p class="detail-note">
        It could not be read: {error}. <Button onClick={() => setTimes(times + 1)}>Try again</Button>
      </p>
    );
  }
  if (loaded === null) return <p class="detail-note">Reading…</p>;
  const text = loaded.whole && file.kind === 'json' ? pretty(loaded.text) : loaded.text;
  const shown = withMarks(text);
  return (
    <div class="viewer">
      <div class="viewer-bar">
        <span class="dim">{loaded.whole ? '' : `The first ${bytes(MAX_TEXT)}. Download it for the rest.`}</span>
        <CopyButton text={text} label={loaded.whole ? 'Copy the text' : 'Copy what is shown'} kind="quiet" />
      </div>
      <pre class="viewer-text" tabIndex={0}>
        {shown.includes('\u001b') ? (
          ansiLines(shown).lines.map(({ spans }, at) => (
            <>
              {at === 0 ? null : '\n'}
              <Spans spans={spans} />
            </>
          ))
        ) : shown === '' ? (
          <span class="dim">It is empty.</span>
        ) : (
          shown
        )}
      </pre>
    </div>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
