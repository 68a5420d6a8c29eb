import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Server } from 'node:net';

/** A plain TCP and UDP listener on one address and port: whoever reaches it gets an answer, and is noted. */
export class Listener {
  /** Addresses that got through. */
  readonly peers: string[] = [];

  private constructor(
    readonly host: string,
    readonly port: number,
    private readonly tcp: Server,
    private readonly udp: Socket,
  ) {}

  static async open(host: string, port = 0): Promise<Listener> {
    const tcp = createServer((socket) => {
      listener.note(socket.remoteAddress);
      socket.on('error', () => undefined).end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n');
    });
    tcp.listen(port, host);
    await once(tcp, 'listening');
    const taken = (tcp.address() as AddressInfo).port;
    const udp = createSocket(host.includes(':') ? 'udp6' : 'udp4', (_, from) => {
      listener.note(from.address);
      udp.send('pong', from.port, from.address);
    });
    udp.bind(taken, host);
    await once(udp, 'listening');
    const listener = new Listener(host, taken, tcp, udp);
    return listener;
  }

  async close(): Promise<void> {
    this.tcp.close();
    this.udp.close();
    await once(this.tcp, 'close');
  }

  private note(peer: string | undefined): void {
    if (peer) this.peers.push(peer.replace(/^::ffff:/, ''));
  }
}

/** Whether something accepts TCP connections there, as seen from this process. */
export async function accepts(host: string, port: number): Promise<boolean> {
  const socket = createConnection({ host, port, timeout: 3_000 });
  try {
    return await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)).once('timeout', () => resolve(false));
    });
  } finally {
    socket.destroy();
  }
}

/** Whether something answers UDP there, as seen from this process. */
export async function echoes(host: string, port: number): Promise<boolean> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    const answer = new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), 3_000);
      socket.once('message', () => {
        clearTimeout(timer);
        resolve(true);
      }).once('error', () => resolve(false));
    });
    socket.connect(port, host, () => socket.send('ping'));
    return await answer;
  } finally {
    socket.close();
  }
}
