import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** A caller's connection that has left HTTP behind, and what it sent after its request. */
export interface UpgradedConnection {
  socket: Duplex;
  head: Buffer;
}

/** Other protocols are not passed on: their requests are answered as if they had not asked. */
export function asksForWebSocket({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';
}

/** Two connections that are one until either ends. What passes is nobody's business here but for its length. */
export class Tunnel {
  /** From the caller to the function, and back. */
  requestBytes = 0;
  responseBytes = 0;
  private ended = false;

  /** @param onEnd called once */
  constructor(
    private readonly caller: UpgradedConnection,
    private readonly functionSide: Duplex,
    private readonly onEnd: () => void,
  ) {}

  /** @param fields of the function's answer: a flat name/value list */
  open(fields: readonly string[]): void {
    const { socket, head } = this.caller;
    const end = (): void => this.end();
    for (const side of [socket, this.functionSide]) side.on('error', end).on('close', end);
    let answer = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n';
    for (let i = 0; i < fields.length; i += 2) answer += `${fields[i]!}: ${fields[i + 1]!}\r\n`;
    socket.write(`${answer}\r\n`, 'latin1');
    if (head.length > 0) {
      this.requestBytes += head.length;
      this.functionSide.write(head);
    }
    socket.on('data', (chunk: Buffer) => { this.requestBytes += chunk.length; });
    this.functionSide.on('data', (chunk: Buffer) => { this.responseBytes += chunk.length; });
    socket.pipe(this.functionSide);
    this.functionSide.pipe(socket);
  }

  /** Both sides end: what is under way to either still arrives where it takes it. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    for (const side of [this.caller.socket, this.functionSide]) {
      if (side.writableEnded || side.destroyed) side.destroy();
      else side.end(() => side.destroy());
    }
    this.onEnd();
  }

  /** For a gateway that has no more time. */
  destroy(): void {
    this.caller.socket.destroy();
    this.functionSide.destroy();
  }
}
