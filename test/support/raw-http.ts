import { connect } from 'node:net';

export interface RawAnswer {
  status: number;
  headers: Map<string, string>;
  body: string;
}

/** Sends bytes that no HTTP client would send, and reads what comes until the connection ends or falls silent. */
export function sendRaw(url: string, text: string | Buffer, withinMs = 5_000): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((settle, fail) => {
    const socket = connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    const finish = (): void => {
      socket.destroy();
      const whole = Buffer.concat(chunks).toString('latin1');
      const [head = '', ...rest] = whole.split('\r\n\r\n');
      const [first = '', ...lines] = head.split('\r\n');
      settle({ status: Number(first.split(' ')[1]), headers: new Map(lines.map((line) => [line.split(':', 1)[0]!.toLowerCase(), line.slice(line.indexOf(':') + 1).trim()])), body: rest.join('\r\n\r\n') });
    };
    socket.setTimeout(withinMs, finish);
    socket.on('data', (chunk) => chunks.push(chunk)).once('error', (error) => (chunks.length > 0 ? finish() : fail(error))).once('close', finish);
    socket.end(text);
  });
}
