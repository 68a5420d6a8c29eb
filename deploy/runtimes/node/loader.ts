import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describeError } from './answer.ts';
import type { Context } from './context.ts';
import type { Event } from './event.ts';

export type Handler = (event: Event, context: Context) => unknown;

/** Message: one or two lines for the function's author. */
export class LoadFailure extends Error {}

const ENDINGS = ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'];

/** Where in the function's own code an error points to, as `file line n`; null when it does not say. */
function place(stack: string, folder: string): string | null {
  for (const match of stack.matchAll(/(file:\/\/)?(\/[^\s():]+):(\d+)/g)) {
    const file = match[1] ? fileURLToPath(`file://${match[2]}`) : match[2]!;
    const inside = relative(folder, file);
    if (!inside.startsWith('..') && !inside.startsWith('node_modules')) return `${inside} line ${match[3]}`;
  }
  return null;
}

/**
 * Node keeps the place of a module's syntax error to itself until the error goes uncaught, so it does, in a process
 * aside. Nothing of the author's code runs there: the graph does not even link.
 */
async function uncaughtText(url: string): Promise<string> {
  const { spawnSync } = await import('node:child_process');
  return spawnSync(process.execPath, ['--input-type=module', '-e', `await import(${JSON.stringify(url)})`], { encoding: 'utf8', timeout: 2000 }).stderr;
}

async function explain(error: unknown, folder: string, file: string): Promise<string> {
  const described = describeError(error);
  const [first = ''] = described.message.split('\n');
  const text = first.replaceAll(`file://${folder}/`, '').replaceAll(`${folder}/`, '');
  let { stack } = described;
  const unplaced = error instanceof SyntaxError && place(stack, folder) === null;
  if (unplaced) stack = await uncaughtText(pathToFileURL(join(folder, file)).href);
  const where = place(stack, folder) ?? file;
  // V8 prints the faulty line after the place when the file could not be parsed.
  const shown = error instanceof SyntaxError ? /^(?:file:\/\/)?\/\S+:\d+\n(.*\S.*)$/m.exec(stack)?.[1]?.trim() : undefined;
  return `${described.type} in ${where}${text ? `: ${text}` : ''}${shown ? `\n    ${shown}` : ''}`;
}

/** `<file without ending>.<function>` in `folder` to a function; rejects with {@link LoadFailure}. */
export async function loadHandler(handler: string, folder: string): Promise<Handler> {
  const dot = handler.lastIndexOf('.');
  const name = handler.slice(dot + 1);
  if (dot < 1 || name === '') throw new LoadFailure(`The handler is "${handler}"; it must be <file without .js>.<function>, for example handler.handle`);
  const base = handler.slice(0, dot);
  const ending = ENDINGS.find((candidate) => existsSync(join(folder, base + candidate)));
  if (ending === undefined) throw new LoadFailure(`${base}.js (or .mjs, .cjs, .ts) was not found in the function's code (the handler is "${handler}")`);
  const file = base + ending;
  let found: unknown;
  try {
    const loaded = (await import(pathToFileURL(join(folder, file)).href)) as Record<string, unknown>;
    found = loaded[name] ?? (loaded['default'] as Record<string, unknown> | undefined)?.[name];
  } catch (error) {
    throw new LoadFailure(await explain(error, folder, file));
  }
  if (found === undefined) throw new LoadFailure(`${file} has no function "${name}"`);
  if (typeof found !== 'function') throw new LoadFailure(`"${name}" in ${file} is not a function`);
  return found as Handler;
}
