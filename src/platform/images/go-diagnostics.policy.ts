import { BuildError, shownLines } from './build-errors.js';
import { dependencyFailure } from './dependency-failure.policy.js';
import { GO_SDK_MODULE, GO_WRAPPER_FOLDER } from './go-module.policy.js';

const SIGNATURE = 'func Handle(ctx context.Context, event fn.Event) (any, error)';

const PROGRESS = /^# |^go: (?:downloading|finding|found) /;

/** Lines by which go says that modules, not code, are the trouble. */
const ABOUT_MODULES =
  /missing go\.sum entry|but does not contain package|no required module provides package|cannot find module providing package|module lookup disabled|verifying .*: checksum|unknown revision|reading https?:|go: (?:module |updates to go\.mod needed|errors parsing|[^ ]+@v)|invalid version|go\.mod requires go|requires go >=|404 Not Found|410 Gone/;

/**
 * Puts what go printed into the author's terms: paths relative to the source, no word of the wrapper.
 * @param output standard error of `go build` or `go list`
 */
export function goFailure(output: string, sourceFolder: string): BuildError {
  const lines = output.split('\n').map((line) => readable(line, sourceFolder)).filter((line) => line !== '' && !PROGRESS.test(line));
  const known = explained(lines);
  if (known !== undefined) return new BuildError('BUILD_COMPILE_FAILED', known, output);
  if (lines.some((line) => ABOUT_MODULES.test(line))) return dependencyFailure('go', lines);
  return new BuildError('BUILD_COMPILE_FAILED', `The code does not compile:\n${shownLines(lines)}`);
}

function readable(line: string, sourceFolder: string): string {
  return line
    .replaceAll(`${sourceFolder}/`, '')
    .replaceAll(sourceFolder, 'the source')
    .replace(/^(\s*)\.\//, '$1')
    .replace(/^package \S*fnplane_start$/, '')
    .replace(/^\s+imports /, '')
    .trimEnd();
}

/** The mistakes that show in the wrapper, where the author cannot look. */
function explained(lines: readonly string[]): string | undefined {
  const wrapper = lines.filter((line) => line.startsWith(`${GO_WRAPPER_FOLDER}/`));
  const others = lines.filter((line) => !wrapper.includes(line) && /\.go:\d+/.test(line));
  if (lines.some((line) => /is a program, not an importable package/.test(line))) {
    return 'The package at the root is called main; the platform adds its own main. Give it another name, for example "package function", and remove func main.';
  }
  if (others.length > 0) return undefined;
  if (wrapper.some((line) => /undefined: user\.Handle|Handle not exported|undefined: Handle/.test(line))) {
    return `The package at the root has no ${SIGNATURE}.`;
  }
  const wrong = wrapper.map((line) => /cannot use user\.Handle \(([^)]*\)?.*?)\) as/.exec(line)?.[1]).find((found) => found !== undefined);
  if (wrong !== undefined) return `Handle must be ${SIGNATURE}, with fn from "${GO_SDK_MODULE}"; it is: ${wrong.replace(/^value of type /, '')}.`;
  if (lines.some((line) => /no Go files in the source|build constraints exclude all Go files in the source/.test(line))) {
    return 'The root of the source has no Go package that can be built for linux/amd64 without cgo.';
  }
  return undefined;
}
