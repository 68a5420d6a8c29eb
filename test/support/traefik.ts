import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { TRAEFIK } from '../../deploy/local/cluster/builds.ts';
import { checkout } from '../../deploy/local/cluster/layout.ts';
import { freePort } from '../../deploy/local/cluster/ports.ts';
import { ensureTraefik } from './traefik-build.ts';

const run = promisify(execFile);
const MODULE = join(checkout, TRAEFIK.module);
const START_MS = 30_000;

/** The Gateway API's CustomResourceDefinitions, of the version that `deploy/local/traefik` names. */
export async function gatewayApiCrds(): Promise<{ metadata: { name: string } }[]> {
  const environment = { ...process.env, GOFLAGS: '-buildvcs=false', GOWORK: 'off' };
  const { stdout } = await run('go', ['mod', 'download', '-json', 'sigs.k8s.io/gateway-api'], { cwd: MODULE, env: environment });
  const folder = join((JSON.parse(stdout) as { Dir: string }).Dir, 'config/crd/standard');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml').sort();
  const documents = await Promise.all(files.map(async (name) => parseAllDocuments(await readFile(join(folder, name), 'utf8'))));
  return documents.flat().map((document) => document.toJS() as { kind?: string; metadata: { name: string } }).filter((found) => found?.kind === 'CustomResourceDefinition');
}

/** @param name value of the label `fnplane.dev/test` of the GatewayClasses that it serves, and the class of its Ingresses */
export function followingCluster(name: string): string[] {
  return [
    '--providers.kubernetesGateway=true', `--providers.kubernetesGateway.labelSelector=fnplane.dev/test=${name}`,
    '--providers.kubernetesIngress=true', `--providers.kubernetesIngress.ingressClass=${name}`,
    // By whole segments, as Kubernetes says it.
    '--providers.kubernetesIngress.strictPrefixMatching=true',
    // It gathers changes for two seconds by default; a pod that ends is let go for as long.
    '--providers.providersThrottleDuration=100ms',
  ];
}

/** A real Traefik, run as a process of this machine. */
export class Traefik {
  readonly port: number;
  /** Of TLS. */
  readonly tlsPort: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number, tlsPort: number) {
    this.#child = child;
    this.port = port;
    this.tlsPort = tlsPort;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** @param options of its own, that say where it learns what to serve */
  static async start(options: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Traefik> {
    const binary = await ensureTraefik();
    const [port, tlsPort, ping] = [await freePort(), await freePort(), await freePort()];
    const child = spawn(binary, [
      `--entryPoints.web.address=127.0.0.1:${port}`, `--entryPoints.websecure.address=127.0.0.1:${tlsPort}`, `--entryPoints.websecure.http.tls=true`, `--entryPoints.ping.address=127.0.0.1:${ping}`, '--ping=true', '--ping.entryPoint=ping',
      '--global.checkNewVersion=false', '--global.sendAnonymousUsage=false', '--log.level=ERROR',
      ...options,
    ], { env: { PATH: process.env.PATH, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
    const end = (): void => void child.kill('SIGKILL');
    process.once('exit', end);
    child.once('exit', () => process.removeListener('exit', end));
    const giveUpAt = performance.now() + START_MS;
    while (!(await fetch(`http://127.0.0.1:${ping}/ping`).then(({ ok }) => ok, () => false))) {
      if (child.exitCode !== null || performance.now() > giveUpAt) {
        end();
        throw new Error(`Traefik did not start: ${said}`);
      }
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
    return new Traefik(child, port, tlsPort);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => { child.once('exit', resolve); });
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(late);
  }
}
