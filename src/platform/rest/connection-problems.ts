import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { STATUS_CODES } from 'node:http';
import { DomainError } from '../errors/domain-error.js';
import { toProblem } from './problem.js';

const TOO_SLOW = 'ERR_HTTP_REQUEST_TIMEOUT';
const HEADERS_TOO_LARGE = 'HPE_HEADER_OVERFLOW';

/** What Node's HTTP parser refuses never becomes a request; it is answered on the socket, as a problem like any other. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (socket.writable) socket.write(answerTo(error.code));
  socket.destroy(error);
}

function answerTo(code: string | undefined): string {
  const status = code === TOO_SLOW ? 408 : code === HEADERS_TOO_LARGE ? 431 : 400;
  const detail = code === TOO_SLOW ? 'The request did not arrive in time.' : code === HEADERS_TOO_LARGE ? 'Address and header fields are longer than 16 KiB.' : 'The request is not valid HTTP/1.1.';
  const id = randomUUID();
  const body = JSON.stringify({ ...toProblem(new DomainError('malformed', 'REQUEST_MALFORMED', detail), id), status });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`, 'content-type: application/problem+json', `content-length: ${Buffer.byteLength(body)}`, `x-request-id: ${id}`,
    'x-content-type-options: nosniff', 'cache-control: no-store', 'connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
