import type { SourceFile } from '../archives/source-file.js';
import { BuildError } from './build-errors.js';
import type { SourceRuntime } from './source-build.js';

/** Endings in the order in which the runtimes look for them. */
const ENDINGS: Record<Exclude<SourceRuntime, 'go'>, readonly string[]> = {
  python: ['.py', '/__init__.py'],
  node: ['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'],
};

/**
 * Demands the file the handler names, before anything is built. Whether the function is in it only a start can tell.
 * @throws {BuildError} BUILD_HANDLER_INVALID, BUILD_HANDLER_MISSING
 */
export function demandHandlerFile(runtime: SourceRuntime, handler: string, files: readonly SourceFile[]): void {
  if (runtime === 'go') {
    if (files.some((file) => /^[^/]+\.go$/.test(file.path) && !file.path.endsWith('_test.go'))) return;
    throw new BuildError('BUILD_HANDLER_MISSING', 'The source has no .go file at its root; the package with func Handle must be there.');
  }
  const dot = handler.lastIndexOf('.');
  const module = handler.slice(0, dot);
  if (dot < 1 || dot === handler.length - 1 || module.split('/').some((part) => part === '' || part === '.' || part === '..')) {
    throw new BuildError('BUILD_HANDLER_INVALID', `The handler is ${JSON.stringify(handler)}; it must be <file without ending>.<function>, for example handler.handle.`);
  }
  const base = runtime === 'python' ? module.replaceAll('.', '/') : module;
  const wanted = ENDINGS[runtime].map((ending) => base + ending);
  const paths = new Set(files.map((file) => file.path));
  if (wanted.some((path) => paths.has(path))) return;
  const tops = new Set(files.map((file) => file.path.split('/')[0]!));
  const onlyFolder = tops.size === 1 && files.every((file) => file.path.includes('/')) ? [...tops][0]! : undefined;
  const hint = onlyFolder === undefined ? '' : ` Everything is inside the folder ${JSON.stringify(onlyFolder)}: pack its content, not the folder.`;
  throw new BuildError('BUILD_HANDLER_MISSING', `The handler ${JSON.stringify(handler)} needs ${wanted[0]!.replace('/__init__.py', '.py')}, which the source does not have.${hint}`);
}
