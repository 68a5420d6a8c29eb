import { posix } from 'node:path';
import type { SourceContent, SourceFile } from '../archives/source-file.js';
import { BuildError } from './build-errors.js';

/** Import path of the SDK, and of the wrapper's package inside the tenant's module. */
export const GO_SDK_MODULE = 'fnplane.dev/fn';
export const GO_WRAPPER_FOLDER = 'fnplane_start';
/** Where the SDK stands in the sandbox. */
export const GO_SDK_FOLDER = '/sdk';
const DEFAULT_MODULE = 'function';
const OLDEST_GO = '1.22'; // the SDK's own go line
const VERSION = /^v\d[\w.+-]*$/;

/** `go mod edit -json`, as far as it is used. */
export interface GoModFile {
  Module?: { Path?: string };
  Go?: string;
  Godebug?: { Key: string; Value: string }[] | null;
  Require?: { Path: string; Version: string; Indirect?: boolean }[] | null;
  Exclude?: { Path: string; Version: string }[] | null;
  Replace?: { Old: { Path: string; Version?: string }; New: { Path: string; Version?: string } }[] | null;
}

export interface GoModule {
  path: string;
  /** The go.mod that is built with. */
  text: string;
  /** Whether modules beside the SDK may be needed. */
  fetches: boolean;
}

/**
 * The go.mod to build with: the tenant's, plus the SDK. The tenant's module stays the main one, so that its `replace`
 * and `exclude` lines count, as they do on the author's machine.
 * @param given the tenant's go.mod, or undefined where there is none
 * @throws {BuildError} BUILD_DEPENDENCIES_REFUSED
 */
export function planGoModule(given: GoModFile | undefined, files: readonly SourceFile[]): GoModule {
  const path = given?.Module?.Path ?? DEFAULT_MODULE;
  if (path === GO_SDK_MODULE || path.startsWith(`${GO_SDK_MODULE}/`)) throw refused(`has the name ${path}, which is the platform's own`);
  const replaces = (given?.Replace ?? []).filter((replace) => replace.Old.Path !== GO_SDK_MODULE);
  for (const replace of replaces) demandInside(replace.New.Path, replace.New.Version);
  const requires = (given?.Require ?? []).filter((require) => require.Path !== GO_SDK_MODULE);
  const lines = [`module ${quoted(path)}`, `go ${atLeast(given?.Go)}`];
  for (const { Key, Value } of given?.Godebug ?? []) lines.push(`godebug ${quoted(`${Key}=${Value}`)}`);
  lines.push(`require ${GO_SDK_MODULE} v0.0.0`, `replace ${GO_SDK_MODULE} => ${GO_SDK_FOLDER}`);
  for (const require of requires) lines.push(`require ${quoted(require.Path)} ${require.Version}${require.Indirect ? ' // indirect' : ''}`);
  for (const exclude of given?.Exclude ?? []) lines.push(`exclude ${quoted(exclude.Path)} ${exclude.Version}`);
  for (const replace of replaces) lines.push(`replace ${sided(replace.Old)} => ${sided(replace.New)}`);
  return { path, text: `${lines.join('\n')}\n`, fetches: requires.length > 0 || importsOthers(files, path) };
}

/** The main package: the platform's, since a function is a library. */
export function goWrapper(modulePath: string): string {
  return `package main\n\nimport (\n\tuser ${quoted(modulePath)}\n\n\t${quoted(GO_SDK_MODULE)}\n)\n\nfunc main() { fn.Start(user.Handle) }\n`;
}

function demandInside(path: string, version: string | undefined): void {
  if (version !== undefined && version !== '') {
    if (!VERSION.test(version)) throw refused(`replaces a module by the version ${JSON.stringify(version)}`);
    return;
  }
  if (path.startsWith('/') || posix.normalize(path).split('/')[0] === '..') throw refused(`replaces a module by ${JSON.stringify(path)}, which is outside of the source`);
}

/** Go refuses to build a module whose go line is lower than that of what it requires. */
function atLeast(version: string | undefined): string {
  if (version === undefined) return OLDEST_GO;
  const [major = 0, minor = 0] = version.split('.').map(Number.parseFloat);
  return major === 1 && minor < Number(OLDEST_GO.split('.')[1]) ? OLDEST_GO : version;
}

/** Whether a Go file may import a package of another module: any quoted path with a host in front. Too many costs a little time only. */
function importsOthers(files: readonly SourceFile[], modulePath: string): boolean {
  const own = [modulePath, GO_SDK_MODULE];
  return files.filter((file): file is SourceContent => file.type === 'file' && file.path.endsWith('.go')).some((file) => {
    for (const match of file.content.toString('latin1').matchAll(/["`]([a-z0-9-]+(?:\.[a-z0-9-]+)+(?:\/[^"`\s]*)?)["`]/gi)) {
      if (!own.some((module) => match[1] === module || match[1]!.startsWith(`${module}/`))) return true;
    }
    return false;
  });
}

function sided(side: { Path: string; Version?: string }): string {
  return side.Version ? `${quoted(side.Path)} ${side.Version}` : quoted(side.Path);
}

/** go.mod strings take Go's own quoting, of which JSON's is a part for the characters that may stand in a path. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

function refused(why: string): BuildError {
  return new BuildError('BUILD_DEPENDENCIES_REFUSED', `go.mod ${why}.`);
}
