import { ArchiveError, shown } from './archive-errors.js';
import type { ArchiveLimits } from './archive-limits.js';

/** Control characters have no place in a file's name: they forge log lines and terminal output. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/;

/**
 * The path of an entry as it is used from here on: a leading `./` and a folder's trailing `/` are taken off.
 * @returns '' for the root folder itself.
 * @throws {ArchiveError} ARCHIVE_UNSAFE_PATH for whatever could lead out of the tree on any system.
 */
export function safePath(name: string, limits: ArchiveLimits): string {
  const refuse = (why: string): never => {
    throw new ArchiveError('ARCHIVE_UNSAFE_PATH', `The archive's entry ${shown(name)} ${why}.`);
  };
  if (name.includes('\uFFFD')) refuse('has a name that is not valid UTF-8');
  if (CONTROL.test(name)) refuse('has a control character in its name');
  if (name.includes('\\')) refuse('has a backslash in its name');
  if (name.startsWith('/')) refuse('has an absolute path');
  if (/^[A-Za-z]:/.test(name)) refuse('starts with a drive letter');
  if (Buffer.byteLength(name) > limits.pathBytes) refuse(`has a path longer than ${limits.pathBytes} bytes`);
  let path = name;
  while (path.startsWith('./')) path = path.slice(2);
  if (path.endsWith('/')) path = path.slice(0, -1);
  if (path === '' || path === '.') return '';
  const parts = path.split('/');
  if (parts.includes('..')) refuse('leads out of the archive with ".."');
  if (parts.some((part) => part === '' || part === '.')) refuse('has an empty part or "." in its path');
  if (parts.length > limits.depth) refuse(`is nested deeper than ${limits.depth} folders`);
  return path;
}

const MOST_HOPS = 40; // as Linux: more symbolic links than that in one walk is ELOOP

/**
 * Follows a link through every other link of the tree, one part at a time as the kernel does: comparing texts is not
 * enough, since `..` behind a linked folder goes to the parent of where the link leads.
 * @param links link path -> target
 * @returns where it ends, or why it is refused
 */
export function followLink(path: string, links: ReadonlyMap<string, string>): { end: string } | { refused: string } {
  const place = path.split('/').slice(0, -1);
  const ahead = links.get(path)!.split('/').reverse();
  for (let hops = 0; ahead.length > 0; ) {
    const part = ahead.pop()!;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (place.pop() === undefined) return { refused: 'leads out of the archive' };
      continue;
    }
    place.push(part);
    const next = links.get(place.join('/'));
    if (next === undefined) continue;
    if (++hops > MOST_HOPS) return { refused: 'goes in a circle' };
    place.pop();
    ahead.push(...next.split('/').reverse());
  }
  return { end: place.join('/') };
}

/** Why a link's target is refused for its text alone, or undefined. */
export function targetProblem(target: string, limits: ArchiveLimits): string | undefined {
  if (target === '') return 'has no target';
  if (target.startsWith('/') || /^[A-Za-z]:/.test(target)) return 'points to an absolute path';
  if (target.includes('\uFFFD') || CONTROL.test(target) || target.includes('\\')) return 'points to a name that is not allowed';
  if (Buffer.byteLength(target) > limits.pathBytes) return `has a target longer than ${limits.pathBytes} bytes`;
  return undefined;
}
