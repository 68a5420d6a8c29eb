import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { FunctionResource } from '../../contract/function-resource.js';
import { API_GROUP, API_VERSION, FIELD_MANAGER } from '../../contract/names.js';
import { partLogger } from '../../platform/observability/logger.js';
import { findCondition } from '../../platform/kubernetes/conditions.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { Event } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import type { FunctionStatus } from '../../contract/function-resource.js';

export interface FunctionEvent {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

/** The transition worth an Event between two statuses, if any. Pure. */
export function transitionEvent(before: FunctionStatus | undefined, after: FunctionStatus): FunctionEvent | undefined {
  const [was, is] = [findCondition(before?.conditions, 'Ready'), findCondition(after.conditions, 'Ready')];
  if (!is || (was && was.status === is.status && was.reason === is.reason && before?.servingRevision === after.servingRevision)) return undefined;
  if (is.status === 'True') return { type: 'Normal', reason: 'Ready', message: is.message };
  if (is.reason === 'Deploying') return undefined;
  return { type: is.reason === 'Suspended' ? 'Normal' : 'Warning', reason: is.reason, message: is.message };
}

/** Events a function may cause in one window: the longest rollout is told whole, and one that flaps does not fill etcd. */
const LIMIT = 30;
const WINDOW_MS = 10 * 60_000;
const TRACKED = 5_000;

/** Writes Kubernetes Events on Functions, in the background: nothing waits for them, losing one does no harm. */
export class FunctionEvents {
  private readonly windows = new Map<string, { since: number; count: number }>();
  private readonly pending = new Set<Promise<unknown>>();
  private readonly log: Logger = partLogger('operator');

  constructor(private readonly client: KubernetesClient, private readonly identity: string) {}

  record(fn: FunctionResource, event: FunctionEvent): void {
    if (!this.admit(fn.metadata.uid ?? fn.metadata.name) || this.pending.size >= 100) return;
    const write = this.client.create<Event>(RESOURCE.event, this.build(fn, event), { timeoutMs: 5_000 })
      .catch((error: unknown) => this.log.debug({ err: error }, 'event not written'))
      .finally(() => this.pending.delete(write));
    this.pending.add(write);
  }

  async settle(): Promise<void> {
    await Promise.all(this.pending);
  }

  private build(fn: FunctionResource, event: FunctionEvent): Event {
    const { name, namespace, uid, resourceVersion } = fn.metadata;
    const now = new Date().toISOString();
    return {
      metadata: { name: `${name}.${randomBytes(8).toString('hex')}`, namespace },
      involvedObject: { apiVersion: `${API_GROUP}/${API_VERSION}`, kind: 'Function', name, namespace, uid, resourceVersion },
      type: event.type,
      reason: event.reason,
      // Kubernetes refuses longer ones.
      message: event.message.slice(0, 1_000),
      source: { component: FIELD_MANAGER.operator },
      reportingComponent: FIELD_MANAGER.operator,
      reportingInstance: this.identity.slice(0, 128),
      firstTimestamp: now.replace(/\.\d+Z$/, 'Z'),
      lastTimestamp: now.replace(/\.\d+Z$/, 'Z'),
      count: 1,
    } as Event;
  }

  private admit(key: string): boolean {
    const now = performance.now();
    const window = this.windows.get(key);
    if (window && now - window.since < WINDOW_MS) {
      window.count += 1;
      return window.count <= LIMIT;
    }
    if (this.windows.size >= TRACKED) this.windows.delete(this.windows.keys().next().value as string);
    this.windows.delete(key);
    this.windows.set(key, { since: now, count: 1 });
    return true;
  }
}
