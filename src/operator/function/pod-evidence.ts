import type { Logger } from 'pino';
import { FUNCTION_CONTAINER } from '../../contract/names.js';
import { partLogger } from '../../platform/observability/logger.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { Event } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import type { Evidence } from './pod.diagnosis.js';

const CACHE_SIZE = 500;
/** Evidence about something that still goes on is fetched again after this time. */
const FRESH_MS = 15_000;

interface Entry {
  text: string;
  at: number;
}

/** Fetches what a diagnosis lacks, once for each life of a container. A failure to get it costs only the detail. */
export class PodEvidence {
  private readonly cache = new Map<string, Entry>();
  private readonly log: Logger = partLogger('operator');

  constructor(private readonly client: KubernetesClient) {}

  async fetch(namespace: string, evidence: Evidence, final: boolean): Promise<string | undefined> {
    const key = `${evidence.kind}/${evidence.podUid}/${evidence.restarts}/${evidence.previous}`;
    const known = this.cache.get(key);
    if (known && (final || performance.now() - known.at < FRESH_MS)) return known.text;
    try {
      const text = evidence.kind === 'log' ? await this.tail(namespace, evidence) : await this.lastWarning(namespace, evidence);
      if (this.cache.size >= CACHE_SIZE) this.cache.delete(this.cache.keys().next().value as string);
      this.cache.set(key, { text, at: performance.now() });
      return text;
    } catch (error) {
      this.log.debug({ err: error, namespace, pod: evidence.pod }, 'no evidence for a failed pod');
      return known?.text;
    }
  }

  private tail(namespace: string, { pod, previous }: Evidence): Promise<string> {
    // The limit cuts at the end of what is sent: it must hold the last lines whole, the text's own limit comes later.
    return this.client.podLog({ namespace, name: pod }, { container: FUNCTION_CONTAINER, tailLines: 20, limitBytes: 64 * 1024, previous, timeoutMs: 5_000 });
  }

  private async lastWarning(namespace: string, { podUid }: Evidence): Promise<string> {
    const { items } = await this.client.list<Event>(RESOURCE.event, {
      namespace, fieldSelector: `involvedObject.uid=${podUid},type=Warning`, limit: 50, timeoutMs: 5_000,
    });
    const last = items.sort((a, b) => String(a.lastTimestamp ?? a.eventTime ?? '').localeCompare(String(b.lastTimestamp ?? b.eventTime ?? ''))).at(-1);
    return last?.message ?? '';
  }
}
