import { setTimeout as delay } from 'node:timers/promises';
import { functionCrd } from '../../contract/function-crd.js';
import { warmPoolCrd } from '../../contract/pool-crd.js';
import { findCondition } from './conditions.js';
import type { KubernetesClient } from './kubernetes-client.js';
import { KubernetesError } from './kubernetes-errors.js';
import type { KubernetesObject } from './kubernetes-object.js';
import { RESOURCE } from './resource-type.js';

interface CustomResourceDefinition extends KubernetesObject {
  status?: { conditions?: { type: string; status: string; message?: string }[] };
}

/** Applies the platform's CustomResourceDefinitions and waits until the API server serves them. Idempotent. */
export async function ensureCrd(client: KubernetesClient, fieldManager: string, deadlineMs = 15_000): Promise<void> {
  await Promise.all([functionCrd(), warmPoolCrd()].map((definition) => ensureOne(client, definition, fieldManager, deadlineMs)));
}

async function ensureOne(client: KubernetesClient, definition: KubernetesObject, fieldManager: string, deadlineMs: number): Promise<void> {
  const { name } = definition.metadata;
  const giveUpAt = performance.now() + deadlineMs;
  let crd = await client.apply<CustomResourceDefinition>(RESOURCE.customResourceDefinition, definition, { fieldManager });
  while (findCondition(crd.status?.conditions, 'Established')?.status !== 'True') {
    const names = findCondition(crd.status?.conditions, 'NamesAccepted');
    if (performance.now() > giveUpAt) {
      throw new KubernetesError('timeout', 'KUBERNETES_TIMEOUT', `${name} was not established in time${names?.message ? `: ${names.message}` : ''}`);
    }
    await delay(100);
    crd = await client.get<CustomResourceDefinition>(RESOURCE.customResourceDefinition, { name });
  }
}
