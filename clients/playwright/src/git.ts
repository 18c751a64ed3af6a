import { readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** What of a git repository's state is read. */
export interface GitState {
  branch?: string;
  commit?: string;
}

/** More than so many bytes of `packed-refs` are not looked through, 16 MiB. */
const MAX_BYTES = 16 * 1024 * 1024;

/** The branch and commit that are checked out in a directory or one above it, read from `.git`; git is not run. */
export function gitState(dir: string): GitState {
  const gitDir = findGitDir(dir);
  const head = gitDir && read(join(gitDir, 'HEAD'))?.trim();
  if (gitDir === undefined || head === undefined) return {};
  const ref = /^ref: (refs\/\S+)$/.exec(head)?.[1];
  if (ref === undefined) return isHash(head) ? { commit: head } : {};
  // A worktree has its own HEAD; the branches are those of the repository that it belongs to.
  const common = read(join(gitDir, 'commondir'))?.trim();
  const dirs = common === undefined ? [gitDir] : [gitDir, resolve(gitDir, common)];
  const commit = dirs.map((each) => commitOf(each, ref)).find((found) => found !== undefined);
  const branch = ref.replace(/^refs\/heads\//, '');
  // Repositories that keep their refs in tables name this one, and no other, in HEAD.
  if (branch === '.invalid') return {};
  return { branch, ...(commit !== undefined && { commit }) };
}

/** What `captureGitInfo` of the configuration found out, in `config.metadata.gitCommit`, as members of `meta`. */
export function capturedCommit(metadata: Record<string, unknown> | undefined): Record<string, string> {
  const found = metadata?.['gitCommit'] as
    { hash?: unknown; branch?: unknown; subject?: unknown; author?: { name?: unknown } } | undefined;
  if (typeof found !== 'object' || found === null) return {};
  const members = { commit: found.hash, branch: found.branch, title: found.subject, author: found.author?.name };
  const known = Object.entries(members).filter(
    ([, value]) => typeof value === 'string' && value !== '' && value !== 'HEAD',
  );
  return Object.fromEntries(known.map(([name, value]) => [name, String(value).slice(0, 256)]));
}

/** The directory of the repository that `dir` is in. */
function findGitDir(dir: string): string | undefined {
  for (let at = resolve(dir); ; at = dirname(at)) {
    const found = join(at, '.git');
    const kind = statSync(found, { throwIfNoEntry: false });
    if (kind?.isDirectory()) return found;
    // A worktree, or a submodule: the file says where.
    const elsewhere = kind && /^gitdir: (.+)$/m.exec(read(found) ?? '')?.[1];
    if (elsewhere !== undefined) return resolve(at, elsewhere.trim());
    if (dirname(at) === at) return undefined;
  }
}

function commitOf(gitDir: string, ref: string): string | undefined {
  const loose = read(join(gitDir, ref))?.trim();
  if (loose !== undefined && isHash(loose)) return loose;
  const packed = read(join(gitDir, 'packed-refs')) ?? '';
  const at = packed.indexOf(` ${ref}\n`);
  const hash = at < 0 ? '' : packed.slice(packed.lastIndexOf('\n', at) + 1, at);
  return isHash(hash) ? hash : undefined;
}

function read(file: string): string | undefined {
  try {
    return statSync(file).size > MAX_BYTES ? undefined : readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function isHash(text: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}
