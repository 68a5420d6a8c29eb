import { posix } from 'node:path';
import { BuildError } from './build-errors.js';

interface LockedPackage {
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  inBundle?: boolean;
  dev?: boolean;
}

const NPM = 'registry.npmjs.org';

/**
 * Demands that a package-lock.json names nothing but packages of the registry and folders of the source itself: npm
 * fetches what a lock says from wherever it says, and packages from version control would be built.
 * @throws {BuildError} BUILD_DEPENDENCIES_REFUSED with the package
 */
export function demandRegistryLock(text: string, registry: string): void {
  const lock = parse(text);
  if (typeof lock.lockfileVersion !== 'number' || lock.lockfileVersion < 2 || typeof lock.packages !== 'object' || lock.packages === null) {
    throw refused('has the format of npm 6 or older; make it anew with npm install');
  }
  const hosts = new Set([NPM, new URL(registry).host]);
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '') continue;
    if (posix.normalize(path).startsWith('..') || path.startsWith('/')) throw refused(`names the folder ${JSON.stringify(path)} outside of the source`);
    const source = entry.resolved;
    if (source === undefined) continue;
    if (entry.link === true || source.startsWith('file:')) {
      const folder = source.replace(/^file:/, '');
      if (folder.startsWith('/') || posix.normalize(folder).startsWith('..')) throw refused(`takes ${JSON.stringify(path)} from outside of the source`);
      continue;
    }
    const url = URL.parse(source);
    if (url === null || !/^https?:$/.test(url.protocol) || !hosts.has(url.host)) {
      throw refused(`takes ${JSON.stringify(path)} from ${JSON.stringify(source.slice(0, 120))}; only packages of the registry are installed`);
    }
  }
}

function parse(text: string): { lockfileVersion?: unknown; packages?: Record<string, LockedPackage> | null } {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  throw refused('is not valid JSON');
}

function refused(why: string): BuildError {
  return new BuildError('BUILD_DEPENDENCIES_REFUSED', `package-lock.json ${why}.`);
}
