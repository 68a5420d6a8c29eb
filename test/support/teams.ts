import type { HttpClient } from '../../deploy/local/http-client.ts';
import type { TenantRole } from '../../src/platform/auth/permissions.js';
import { randomName, type TestApi } from './api.js';
import { mintToken, testIssuer } from './tokens.js';

/** A tenant whose owner has no role on the platform. */
export interface Team {
  name: string;
  id: string;
  path: string;
  owner: HttpClient;
  ownerSubject: string;
}

export interface MadeKey {
  id: string;
  name: string;
  key: string;
  client: HttpClient;
}

export async function makeTeam(api: TestApi): Promise<Team> {
  const name = randomName('team');
  const ownerSubject = randomName('owner');
  const created = await api.client(await mintToken({ subject: ownerSubject, roles: ['operator'] })).post('/v1/tenants', { name });
  if (created.status !== 202) throw new Error(JSON.stringify(created.body));
  return { name, id: created.body.id as string, path: `/v1/tenants/${name}`, owner: await api.person(ownerSubject), ownerSubject };
}

/** Adds a person with this role to the team. */
export async function addMember(api: TestApi, team: Team, role: TenantRole): Promise<{ client: HttpClient; id: string }> {
  const subject = randomName(role);
  const added = await team.owner.post(`${team.path}/members`, { issuer: testIssuer().issuer, subject, role });
  if (added.status !== 201) throw new Error(JSON.stringify(added.body));
  return { client: await api.person(subject), id: added.body.id as string };
}

export async function addKey(api: TestApi, team: Team, role: TenantRole, more: Record<string, unknown> = {}): Promise<MadeKey> {
  const made = await team.owner.post(`${team.path}/api-keys`, { name: randomName('key'), role, ...more });
  if (made.status !== 201) throw new Error(JSON.stringify(made.body));
  const { id, name, key } = made.body as { id: string; name: string; key: string };
  return { id, name, key, client: api.client(key) };
}
