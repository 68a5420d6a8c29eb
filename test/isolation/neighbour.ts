import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

const NAMESPACE = 'fnplane-neighbour';
const HOST_LINK = 'fnp-neighbour';
const GUEST_LINK = 'fnp-guest';

/** Listens on the given addresses, TCP and UDP, and prints a line for each peer. Ends when its input does. */
const SERVER = `
const [port, ...hosts] = process.argv.slice(1);
const say = (fact) => process.stdout.write(JSON.stringify(fact) + '\\n');
const open = (host) => new Promise((done) => {
  const tcp = require('node:net').createServer((socket) => {
    say({ peer: socket.remoteAddress });
    socket.on('error', () => {}).end('HTTP/1.1 204 No Content\\r\\nconnection: close\\r\\n\\r\\n');
  });
  const udp = require('node:dgram').createSocket('udp4', (message, from) => {
    say({ peer: from.address });
    udp.send('pong', from.port, from.address);
  });
  tcp.listen(Number(port), host, () => udp.bind(Number(port), host, done));
});
Promise.all(hosts.map(open)).then(() => say({ ready: true }));
process.stdin.resume().on('end', () => process.exit(0));
`;

/**
 * Another machine of the organisation, as far as a pod can tell: a network namespace joined to this one by a wire, with
 * addresses of the test's choice and a TCP and UDP listener on them. Nothing leaves this machine.
 */
export class Neighbour {
  /** Addresses that got through. */
  readonly peers: string[] = [];

  private constructor(
    readonly addresses: readonly string[],
    readonly port: number,
    private readonly server: ChildProcess,
  ) {}

  /** Needs root. @param addresses IPv4 addresses that stand for hosts elsewhere; no route of this machine may cover them but the default one. */
  static async start(addresses: readonly string[], port: number): Promise<Neighbour> {
    await remove(); // What an interrupted run left.
    try {
      await run('ip', ['netns', 'add', NAMESPACE]);
      await run('ip', ['link', 'add', HOST_LINK, 'type', 'veth', 'peer', 'name', GUEST_LINK, 'netns', NAMESPACE]);
      await run('ip', ['addr', 'add', '169.254.77.1/30', 'dev', HOST_LINK]);
      await run('ip', ['link', 'set', HOST_LINK, 'up']);
      await inside('addr', 'add', '169.254.77.2/30', 'dev', GUEST_LINK);
      await inside('link', 'set', GUEST_LINK, 'up');
      await inside('route', 'add', 'default', 'via', '169.254.77.1');
      for (const address of addresses) {
        await inside('addr', 'add', `${address}/32`, 'dev', GUEST_LINK);
        await run('ip', ['route', 'add', `${address}/32`, 'via', '169.254.77.2']);
      }
      return await Neighbour.listen([...addresses, '169.254.77.2'], port);
    } catch (error) {
      await remove();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const ended = this.server.exitCode === null ? once(this.server, 'exit') : undefined;
    this.server.stdin?.end();
    await ended;
    await remove();
  }

  private static async listen(addresses: readonly string[], port: number): Promise<Neighbour> {
    const server = spawn('ip', ['netns', 'exec', NAMESPACE, process.execPath, '-e', SERVER, String(port), ...addresses], { stdio: ['pipe', 'pipe', 'inherit'] });
    const neighbour = new Neighbour(addresses, port, server);
    const lines = createInterface({ input: server.stdout });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).once('exit', (code) => reject(new Error(`the neighbour's listener ended with ${code}`)));
      lines.on('line', (line) => {
        const fact = JSON.parse(line) as { ready?: true; peer?: string };
        if (fact.ready) resolve();
        else if (fact.peer) neighbour.peers.push(fact.peer);
      });
    });
    return neighbour;
  }
}

function inside(...args: string[]): Promise<unknown> {
  return run('ip', ['-n', NAMESPACE, ...args]);
}

/** Routes go with the wire, the wire with its namespace's end. */
async function remove(): Promise<void> {
  await run('ip', ['link', 'del', HOST_LINK]).catch(() => undefined);
  await run('ip', ['netns', 'del', NAMESPACE]).catch(() => undefined);
}
