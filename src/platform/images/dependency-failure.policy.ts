import { BuildError, shownLines } from './build-errors.js';

/** What npm, pip and go print when the registry cannot be reached, as opposed to lacking a package. */
const UNREACHABLE =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ERR_SOCKET_TIMEOUT|Temporary failure in name resolution|Failed to establish a new connection|ConnectTimeoutError|ReadTimeoutError|dial tcp|i\/o timeout|TLS handshake timeout|50[0234] (?:Bad Gateway|Service|Gateway|Internal|Server)/;

/** Turns a failed dependency step into the author's problem or, where the registry was out of reach, a passing one. */
export function dependencyFailure(tool: string, lines: readonly string[]): BuildError {
  if (lines.some((line) => UNREACHABLE.test(line))) {
    return new BuildError('BUILD_DEPENDENCIES_UNAVAILABLE', `The dependencies could not be fetched, since the package registry did not answer (${tool}). It is tried again.`, lines.join('\n'));
  }
  return new BuildError('BUILD_DEPENDENCIES_FAILED', `The dependencies could not be installed (${tool}):\n${shownLines(lines)}`);
}
