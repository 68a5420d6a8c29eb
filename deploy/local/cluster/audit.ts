import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from './layout.ts';
import { writeWhole } from './state.ts';

/** A request that changed something, as the API server's own log tells of it. */
export interface Write {
  readonly verb: 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';
  /** Plural. */
  readonly resource: string;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly user: string;
  readonly status: number;
}

/** Writes alone, without their content; leases and events are no one's business here. */
const POLICY = {
  apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', resources: [{ group: 'coordination.k8s.io' }, { group: '', resources: ['events'] }, { group: 'events.k8s.io' }] },
    { level: 'Metadata', verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'] },
    { level: 'None' },
  ],
};

interface AuditEvent {
  readonly verb: Write['verb'];
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string; readonly namespace?: string; readonly name?: string };
  readonly responseStatus?: { readonly code?: number };
}

const logOf = (layout: Layout): string => join(layout.logs, 'audit.log');

/** Flags for an API server that keeps the log; over its restarts it is one. */
export function auditFlags(layout: Layout): string[] {
  const policy = join(layout.config, 'audit-policy.json');
  writeWhole(policy, JSON.stringify(POLICY));
  return [`--audit-policy-file=${policy}`, `--audit-log-path=${logOf(layout)}`];
}

/** All until now, in order. A line that a killed API server left half is left out. */
export function readWrites(layout: Layout): Write[] {
  if (!existsSync(logOf(layout))) return [];
  return readFileSync(logOf(layout), 'utf8').split('\n').flatMap((line): Write[] => {
    const event = parse(line);
    if (!event) return [];
    const { resource = '', subresource, namespace, name } = event.objectRef ?? {};
    return [{ verb: event.verb, resource, subresource, namespace, name, user: event.user.username, status: event.responseStatus?.code ?? 0 }];
  });
}

function parse(line: string): AuditEvent | undefined {
  try {
    return JSON.parse(line) as AuditEvent;
  } catch {
    return undefined;
  }
}
