import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Envelope } from '../../platform/crypto/envelope.js';
import { Database } from '../../platform/database/database.js';
import { namedSetsNotFound, secretsWithoutValue, type ConfigurationKind } from './configuration.errors.js';
import { missingKeys } from './missing-keys.policy.js';
import { bindingOf } from './secret-binding.policy.js';
import { ConfigSetsRepository } from './store/config-sets.repository.js';
import type { SecretEntity } from './store/secret.entity.js';
import type { SecretVersionEntity } from './store/secret-version.entity.js';
import { SecretVersionsRepository } from './store/secret-versions.repository.js';
import { SecretsRepository } from './store/secrets.repository.js';

/** Names of the sets a function takes its environment from, in order: later ones win over earlier ones. */
export interface EnvironmentSources {
  configs: readonly string[];
  secrets: readonly string[];
}

export interface ResolvedEnvironment {
  plain: Record<string, string>;
  /** Open values: for a Kubernetes Secret and nothing else; never to be logged, answered or kept. */
  secret: Record<string, string>;
  /** The same, secret by secret in the order asked for. */
  secrets: { name: string; data: Record<string, string> }[];
  /** What a secret had in the version that is given as deployed and has no more: `name/KEY`, or `name` alone where it has no values at all. */
  missing: string[];
}

/** Secret name -> number of its current version. */
export type SecretVersions = Record<string, number>;

/** What sets mean for the functions that use them. */
@Injectable()
export class EnvironmentService {
  constructor(
    private readonly database: Database,
    private readonly configs: ConfigSetsRepository,
    private readonly secrets: SecretsRepository,
    private readonly envelope: Envelope,
    private readonly versions: SecretVersionsRepository,
  ) {}

  /**
   * Checks that all sets exist and keeps them from being deleted until the caller's transaction ends: what writes references
   * calls this first, so that a deletion either sees the reference or is seen here.
   * @returns the versions of the secrets as they are now.
   * @throws {DomainError} CONFIG_NOT_FOUND, SECRET_NOT_FOUND (kind `invalid`, a pointer `/configs/0` for each missing name).
   */
  hold(context: TenantContext, sources: EnvironmentSources): Promise<SecretVersions> {
    return this.database.transaction(context, async () => {
      requireAll('config', sources.configs, await this.configs.findNamed(context, sources.configs, { hold: true }));
      const secrets = requireAll('secret', sources.secrets, await this.secrets.findNamed(context, sources.secrets, { hold: true }));
      return Object.fromEntries([...secrets].map(([name, { currentVersion }]) => [name, currentVersion]));
    });
  }

  /**
   * The values of the sets as they are now, secrets opened. Waits for the key service only where there are secrets, and holds no transaction meanwhile.
   * @param deployed what {@link hold} answered when the sources were written
   * @throws {DomainError} CONFIG_NOT_FOUND, SECRET_NOT_FOUND (as {@link hold}), SECRET_WITHOUT_VALUE, SECRET_UNREADABLE, KEY_SERVICE_UNAVAILABLE.
   */
  async resolve(context: TenantContext, sources: EnvironmentSources, deployed: SecretVersions = {}): Promise<ResolvedEnvironment> {
    const { configs, secrets, versions, before } = await this.database.transaction(context, async () => {
      const configs = requireAll('config', sources.configs, await this.configs.findNamed(context, sources.configs, { hold: false }));
      const secrets = requireAll('secret', sources.secrets, await this.secrets.findNamed(context, sources.secrets, { hold: false }));
      const versions = await this.secrets.findCurrent(context, [...secrets.values()]);
      return { configs, secrets, versions, before: await this.keysOfDeployed(context, [...secrets.values()], deployed) };
    });
    const opened = await this.open([...secrets.values()], versions);
    const values = new Map(opened.map((secret) => [secret.name, secret.data]));
    // Also one that was deleted between the two statements has no version any more.
    const empty = sources.secrets.filter((name) => !values.has(name));
    if (empty.length > 0) throw secretsWithoutValue(empty);
    return {
      plain: merge(sources.configs.map((name) => configs.get(name)!.data)),
      secret: merge(sources.secrets.map((name) => values.get(name)!)),
      secrets: sources.secrets.map((name) => ({ name, data: values.get(name)! })),
      missing: sources.secrets.flatMap((name) => missingKeys(name, before.get(name) ?? [], Object.keys(values.get(name)!))),
    };
  }

  /** Secret name -> keys it had in the deployed version, of those that have another one now. */
  private async keysOfDeployed(context: TenantContext, secrets: readonly SecretEntity[], deployed: SecretVersions): Promise<Map<string, string[]>> {
    const changed = secrets.filter(({ name, currentVersion }) => deployed[name] !== undefined && deployed[name] !== currentVersion);
    const before = await this.versions.findKeys(context, changed.map(({ id, name }) => ({ secretId: id, number: deployed[name]! })));
    const names = new Map(changed.map(({ id, name }) => [id, name]));
    return new Map(before.map(({ secretId, keys }) => [names.get(secretId)!, keys ?? []]));
  }

  private async open(secrets: readonly SecretEntity[], versions: readonly SecretVersionEntity[]): Promise<{ name: string; data: Record<string, string> }[]> {
    if (versions.length === 0) return [];
    const names = new Map(secrets.map((secret) => [secret.id, secret.name]));
    const values = await this.envelope.openAll(versions.map((version) => ({ ...version, boundTo: bindingOf(version.tenantId, version.secretId, version.number) })));
    return values.map((plain, index) => {
      const data = JSON.parse(plain.toString('utf8')) as Record<string, string>;
      plain.fill(0);
      return { name: names.get(versions[index]!.secretId)!, data };
    });
  }
}

function requireAll<Row extends { name: string }>(kind: ConfigurationKind, asked: readonly string[], found: readonly Row[]): Map<string, Row> {
  const byName = new Map(found.map((row) => [row.name, row]));
  const missing = new Set(asked.filter((name) => !byName.has(name)));
  if (missing.size > 0) throw namedSetsNotFound(kind, asked, missing);
  return byName;
}

function merge(sets: readonly Record<string, string>[]): Record<string, string> {
  return Object.fromEntries(sets.flatMap((set) => Object.entries(set)));
}
