import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { createServer, get, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import type { AccessList } from '../../contract/access-list.js';
import type { FunctionResource, FunctionSpec, FunctionStatus, RevisionSpec } from '../../contract/function-resource.js';
import { LABEL, revisionName, revisionServiceName, tenantNamespace } from '../../contract/names.js';
import { InternalTokenVerifier } from '../../platform/invocation/internal-token-verifier.js';
import { Gateway, type GatewayOptions } from '../gateway.js';
import type { IssuerTokenVerifier } from '../auth/issuer-tokens.js';
import type { GatewayTokenVerifier } from '../auth/token-verifier.js';
import type { EndpointSlice } from '../routing/endpoint-slice.policy.js';
import type { RouteSink, RouteSource } from '../routing/route-table.js';

/** A function's pod in tests: a real HTTP server on loopback that remembers what it was sent. */
export class TestPod {
  readonly requests: { method: string; url: string; headers: IncomingMessage['headers']; raw: string[] }[] = [];
  readonly uid = randomUUID();
  port = 0;
  private server: Server | undefined;

  constructor(public handler: RequestListener = (_request, response) => response.end('ok')) {}

  async start(port = 0, host = '127.0.0.1'): Promise<this> {
    this.server = createServer((request: IncomingMessage, response: ServerResponse) => {
      this.requests.push({ method: request.method!, url: request.url!, headers: request.headers, raw: request.rawHeaders });
      this.handler(request, response);
    });
    await new Promise<void>((resolve) => this.server!.listen(port, host, resolve));
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }

  /** Idle and busy connections alike break, as when a pod dies. */
  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise<void>((resolve) => (this.server?.listening ? this.server.close(() => resolve()) : resolve()));
  }

  connections(): Promise<number> {
    return new Promise((resolve, reject) => this.server!.getConnections((error, count) => (error ? reject(error) : resolve(count))));
  }
}

export function podName(name: string, pod: TestPod, revision = 1): string {
  return `${revisionName(name, revision)}-abc-${pod.port}`;
}

/** A tenant in tests, with one API key. */
export class TestTenant {
  readonly id = randomUUID();
  readonly key = `fnp_${randomBytes(6).toString('hex')}_${randomBytes(32).toString('base64url')}`;
  readonly namespace = tenantNamespace(this.id);

  constructor(readonly name: string) {}

  accessList(changes: Partial<AccessList> = {}): AccessList {
    return {
      tenantId: this.id, tenant: this.name, members: [], rateLimit: { perSecond: 100_000, burst: 100_000 },
      keys: [{ id: this.key.slice(4, 16), hash: createHash('sha256').update(this.key).digest('base64url'), expiresAt: null }],
      ...changes,
    };
  }

  functionResource(name: string, spec: Partial<FunctionSpec> = {}, revision: Partial<RevisionSpec> = {}): FunctionResource {
    return {
      apiVersion: 'fnplane.dev/v1', kind: 'Function',
      metadata: { name, namespace: this.namespace, creationTimestamp: '2026-01-01T00:00:00Z' },
      spec: {
        tenant: this.name, tenantId: this.id, functionId: `${this.id}-${name}`, platformGeneration: 1, target: 1, scaling: { min: 1, max: 3 },
        authentication: 'required', suspension: 'none',
        revisions: [{
          number: 1, runtime: 'node', image: `registry.test/${name}@sha256:${'0'.repeat(64)}`, handler: 'handler.handle', metering: 'gateway',
          resources: { cpuMillis: 100, memoryMb: 128, ephemeralStorageMb: 64 }, timeoutSeconds: 5, concurrency: 0, ...revision,
        }],
        ...spec,
      },
      status: { servingRevision: 1 },
    };
  }

  slice(name: string, pods: readonly TestPod[], revision = 1, ready = true): EndpointSlice {
    return {
      metadata: { name: `${name}-slice`, namespace: this.namespace, labels: { 'kubernetes.io/service-name': name } },
      // Real pods differ in address and share a port; here it is the other way round, so each needs a slice of its own port.
      endpoints: pods.map((pod) => ({ addresses: ['127.0.0.1'], conditions: { ready }, targetRef: { name: podName(name, pod, revision), uid: pod.uid } })),
      ports: [{ name: 'http', port: pods[0]?.port ?? 8080 }],
    };
  }
}

/** Functions with revisions 1 to `count` and a status. */
export function revisionsOf(tenant: TestTenant, name: string, count: number, status: FunctionStatus, spec: Partial<FunctionSpec> = {}): FunctionResource {
  const [first] = tenant.functionResource(name).spec.revisions;
  const revisions = Array.from({ length: count }, (_, i) => ({ ...first!, number: i + 1 }));
  return { ...tenant.functionResource(name, { target: count, revisions, ...spec }), status };
}

/** A gateway on a free port whose routes a test writes by hand. */
export class GatewayRig {
  readonly registry = new Registry();
  readonly secret = randomBytes(32).toString('hex');
  sink!: RouteSink;
  gateway!: Gateway;
  private readonly pods: TestPod[] = [];

  async start(options: Partial<GatewayOptions> & { verify?: GatewayTokenVerifier['verify']; verifyIssued?: IssuerTokenVerifier['verify'] } = {}): Promise<this> {
    const { verify, verifyIssued, ...rest } = options;
    const source: RouteSource = {
      synced: true,
      start: async (sink) => {
        this.sink = sink;
      },
      stop: async () => undefined,
    };
    this.gateway = new Gateway({
      listen: { host: '127.0.0.1', port: 0 }, podNetwork: 'direct', registry: this.registry, source,
      tokenVerifier: { verify: verify ?? (() => Promise.reject(new Error('no tokens in this test'))) },
      issuerTokens: { verify: verifyIssued ?? (() => Promise.reject(new Error('no tokens in this test'))) },
      internalTokens: new InternalTokenVerifier(this.secret),
      ...rest,
    });
    await this.gateway.start();
    return this;
  }

  get url(): string {
    return this.gateway.address;
  }

  get port(): number {
    return Number(new URL(this.gateway.address).port);
  }

  async pod(handler?: RequestListener): Promise<TestPod> {
    const pod = await new TestPod(handler).start();
    this.pods.push(pod);
    return pod;
  }

  /** Makes a function of a tenant reachable with these pods. */
  deploy(tenant: TestTenant, name: string, pods: readonly TestPod[], spec: Partial<FunctionSpec> = {}, revision: Partial<RevisionSpec> = {}): void {
    this.sink.upsertFunction(tenant.functionResource(name, spec, revision));
    this.endpoints(tenant, name, pods);
  }

  /** Replaces a function's ready pods. */
  endpoints(tenant: TestTenant, name: string, pods: readonly TestPod[], revision = 1): void {
    const previous = this.placed.get(`${tenant.id}/${name}`) ?? [];
    const slices = pods.map((pod) => ({ ...tenant.slice(name, [pod], revision), metadata: { ...tenant.slice(name, [pod]).metadata, name: `${name}-${pod.port}` } }));
    for (const slice of slices) this.sink.upsertSlice(slice);
    for (const slice of previous) if (!slices.some((other) => other.metadata.name === slice.metadata.name)) this.sink.removeSlice(slice);
    this.placed.set(`${tenant.id}/${name}`, slices);
  }

  /** Sets one pod of a revision, as the revision's own Service lists it. */
  revisionEndpoint(tenant: TestTenant, name: string, revision: number, pod: TestPod, ready = true): void {
    this.sink.upsertSlice(ownSlice(tenant, name, revision, pod, ready));
  }

  removeRevisionEndpoint(tenant: TestTenant, name: string, revision: number, pod: TestPod): void {
    this.sink.removeSlice(ownSlice(tenant, name, revision, pod, true));
  }

  fetch(tenant: TestTenant, path: string, init: RequestInit & { duplex?: 'half' } = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { ...init, headers: { authorization: `Bearer ${tenant.key}`, ...(init.headers as Record<string, string>) } });
  }

  /** A request with any target, also in absolute form. */
  rawGet(tenant: TestTenant, target: string): Promise<{ status: number; headers: IncomingMessage['headers'] }> {
    return new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port: this.port, path: target, agent: false, headers: { authorization: `Bearer ${tenant.key}` } }, (response) => {
        response.resume().once('end', () => resolve({ status: response.statusCode!, headers: response.headers }));
      }).once('error', reject);
    });
  }

  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    const text = await this.registry.metrics();
    let sum = 0;
    for (const line of text.split('\n')) {
      if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
      if (Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`))) sum += Number(line.slice(line.lastIndexOf(' ') + 1));
    }
    return sum;
  }

  async stop(): Promise<void> {
    await this.gateway.stop(0);
    await Promise.all(this.pods.map((pod) => pod.stop()));
  }

  private readonly placed = new Map<string, EndpointSlice[]>();
}

function ownSlice(tenant: TestTenant, name: string, revision: number, pod: TestPod, ready: boolean): EndpointSlice {
  const labels = { 'kubernetes.io/service-name': revisionServiceName(name, revision), [LABEL.function]: name };
  return { ...tenant.slice(name, [pod], revision, ready), metadata: { name: `${revisionServiceName(name, revision)}-${pod.port}`, namespace: tenant.namespace, labels } };
}

/** Waits for a condition; every wait has a deadline. */
export async function until(condition: () => boolean | Promise<boolean>, deadlineMs = 5000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not true within ${deadlineMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
