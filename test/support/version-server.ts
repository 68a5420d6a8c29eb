import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import type { Duplex } from 'node:stream';
import { join } from 'node:path';

/** How the server meets requests: it may also take them and never answer, or answer what no API server would. */
export type Manner = 'answers' | 'hangs' | 'refuses' | 'stranger';

const VERSION = JSON.stringify({ major: '1', minor: '34', gitVersion: 'v1.34.4' });

/** As much of a Kubernetes API server as registering a cluster and its heartbeat need, over TLS with a certificate of its own: for faults that a real one does not show on demand. */
export class VersionServer {
  readonly token = 'a-token-that-nobody-may-see';
  readonly requests: string[] = [];
  private readonly sockets = new Set<Duplex>();
  private certificate = '';
  private server: Server | undefined;

  /** Whether it knows Rollouts of Argo Rollouts. */
  argo = false;

  constructor(public manner: Manner = 'answers') {}

  async start(): Promise<this> {
    const { key, cert } = selfSigned();
    this.certificate = cert;
    this.server = createServer({ key, cert }, (request, response) => {
      this.requests.push(request.url!);
      if (this.manner === 'hangs') return;
      if (this.manner === 'refuses' || request.headers.authorization !== `Bearer ${this.token}`) response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify({ kind: 'Status', message: 'Unauthorized', code: 401 }));
      else if (this.manner === 'stranger') response.writeHead(200).end('<html>');
      else if (request.url === '/version') response.writeHead(200, { 'content-type': 'application/json' }).end(VERSION);
      else if (request.url === '/apis/argoproj.io/v1alpha1') response.writeHead(this.argo ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(this.argo ? { resources: [{ name: 'rollouts' }] } : { kind: 'Status', message: 'not found', code: 404 }));
      else response.writeHead(503).end();
    });
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    await new Promise<void>((resolve) => this.server!.listen(0, '127.0.0.1', resolve));
    return this;
  }

  /** With everything inside it; `more` replaces parts of its cluster or user. */
  kubeconfig(more: { cluster?: object; user?: object } = {}): string {
    const { port } = this.server!.address() as AddressInfo;
    const cluster = { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': Buffer.from(this.certificate).toString('base64'), ...more.cluster };
    return JSON.stringify({
      apiVersion: 'v1', kind: 'Config', 'current-context': 'x', contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster }], users: [{ name: 'u', user: { token: this.token, ...more.user } }],
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => (this.server ? this.server.close(resolve) : resolve(undefined)));
  }
}

function selfSigned(): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'fnplane-tls-'));
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=version-server', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
