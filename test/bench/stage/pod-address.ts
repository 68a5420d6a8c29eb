import type { ClusterObject } from '../harness/bare-cluster.ts';
import { until } from '../harness/until.ts';
import type { Stage } from './stage.ts';

/** @throws where this machine does not reach pods itself: then there is nothing to compare */
export async function podAddress({ cluster, tenant, signal }: Stage, functionName: string): Promise<{ host: string; port: number }> {
  // The cluster's own controller may write the endpoint a moment after the pod is ready.
  const address = await until<{ host: string; port: number }>(`an endpoint of ${functionName}`, async () => {
    const found = await readyEndpoint();
    return found ? { found } : { seen: 'none is ready' };
  }, { withinMs: 10_000, everyMs: 100, signal });
  const answer = await fetch(`http://${address.host}:${address.port}/healthz`, { signal: AbortSignal.timeout(3_000) }).catch(() => undefined);
  if (!answer?.ok) throw new Error(`the pod ${address.host} cannot be reached from here: the gateway cannot be compared with a proxy before the same pod`);
  return address;

  async function readyEndpoint(): Promise<{ host: string; port: number } | undefined> {
    const slices = await cluster.list(`/apis/discovery.k8s.io/v1/namespaces/${tenant.namespace}/endpointslices`, `kubernetes.io/service-name=${functionName}`);
    return slices.flatMap((slice: ClusterObject) => (slice.endpoints as { addresses: string[]; conditions: { ready?: boolean } }[]).filter(({ conditions }) => conditions.ready).map(({ addresses }) => ({ host: addresses[0]!, port: slice.ports[0].port as number })))[0];
  }
}
