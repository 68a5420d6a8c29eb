import type { HttpAnswer, HttpClient } from '../../deploy/local/http-client.ts';
import { LABEL, tenantNamespace } from '../../src/contract/names.js';
import type { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import type { Pod } from '../../src/platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../src/platform/kubernetes/resource-type.js';
import { eventually } from './eventually.js';
import { conditionOf } from './platform.js';

/** The machine is small, and a suite's functions stand side by side on it. */
export const SMALL = { cpuMillis: 50, memoryMb: 96 } as const;

/** A Python function of one file. */
export function python(name: string, source: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { name, runtime: 'python', source: { inline: { 'handler.py': source } }, resources: SMALL, ...more };
}

/** Whose APIs are used: a platform in this process, or one in processes of its own. */
export interface Operated {
  operator: HttpClient;
}

/** Creates or replaces a function and waits until it is Ready. The first one in Go may wait for a compiler that is still cold. */
export async function deploy(platform: Operated, tenant: string, body: Record<string, unknown>, withinMs = body.runtime === 'go' ? 150_000 : 60_000): Promise<HttpAnswer['body']> {
  const name = String(body.name);
  await put(platform, tenant, body);
  return readyFunction(platform, tenant, name, withinMs);
}

/** Creates or replaces a function; answers once that is accepted. */
export async function put({ operator }: Operated, tenant: string, body: Record<string, unknown>): Promise<HttpAnswer['body']> {
  const answer = await operator.put(`/v1/tenants/${tenant}/functions/${String(body.name)}`, body);
  if (answer.status >= 300) throw new Error(`${String(body.name)} was refused: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** Waits until the function's Ready is True for its newest generation. */
export function readyFunction({ operator }: Operated, tenant: string, name: string, withinMs = 60_000): Promise<HttpAnswer['body']> {
  return eventually(async () => {
    const { status, body } = await operator.get(`/v1/tenants/${tenant}/functions/${name}`);
    const ready = status === 200 ? conditionOf(body, 'Ready') : undefined;
    if (ready?.status !== 'True' || body.status.observedGeneration !== body.generation) throw new Error(`${name} is not Ready: ${status} ${JSON.stringify(ready ?? body)}`);
    return body;
  }, { withinMs });
}

/** Invokes through the API; anything but 200 is thrown. */
export async function invoke<T>({ operator }: Operated, tenant: string, name: string, payload: unknown = {}): Promise<T> {
  const answer = await operator.post(`/v1/tenants/${tenant}/functions/${name}/invocations`, payload);
  if (answer.status !== 200) throw new Error(`${name} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer.body as T;
}

/** The function's pods that are not on their way out. */
export async function podsOf(client: KubernetesClient, tenantId: string, name: string): Promise<Pod[]> {
  const { items } = await client.list<Pod>(RESOURCE.pod, { namespace: tenantNamespace(tenantId), labelSelector: `${LABEL.function}=${name}` });
  return items.filter((pod) => !pod.metadata.deletionTimestamp);
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
}

/** A ready pod of the function, as soon as there is one. */
export function readyPod(client: KubernetesClient, tenantId: string, name: string, withinMs = 60_000): Promise<Pod> {
  return eventually(async () => {
    const pods = await podsOf(client, tenantId, name);
    const ready = pods.find(isReady);
    if (!ready) throw new Error(`no ready pod of ${name}: ${JSON.stringify(pods.map((pod) => pod.status?.containerStatuses?.map(({ state }) => state)))}`);
    return ready;
  }, { withinMs });
}
