import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../../platform/config/config.js';
import type { TenantContext } from '../../platform/context/context.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { demandImageAllowed, tenantRepositoryPrefix, type ImageAccess } from '../../platform/images/image-access.policy.js';
import { parseImageReference } from '../../platform/images/image-reference.js';
import { brokerRules } from '../../platform/kafka/broker-rules.policy.js';
import { CONFIG } from '../../platform/tokens.js';
import { EnvironmentService, type SecretVersions } from '../configuration/environment.service.js';
import { QuotaAdmission } from '../tenants/quota-admission.js';
import { CodeService } from './code.service.js';
import type { EffectiveRevision, FunctionBody, ScalingBody } from './function-body.js';
import { demandWithinLimits, effectiveRevision } from './function-defaults.policy.js';
import { atPointer, codeMissing, functionInvalid } from './functions.errors.js';
import { closedBrokers } from './kafka-rules.policy.js';

export interface AdmittedFunction {
  effective: EffectiveRevision;
  /** Revisions the tenant's quota keeps of each function. */
  revisionsKept: number;
  /** Of the secrets it names. */
  secretVersions: SecretVersions;
}

/** What a deployment is checked against beyond its own form. Runs in the deploying transaction and holds what it found until that ends. */
@Injectable()
export class DeploymentChecks {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    private readonly quotas: QuotaAdmission,
    private readonly environment: EnvironmentService,
    private readonly code: CodeService,
  ) {}

  /** @throws {DomainError} FUNCTION_TOO_LARGE_FOR_QUOTA, IMAGE_NOT_ALLOWED, CODE_NOT_FOUND, CONFIG_NOT_FOUND, SECRET_NOT_FOUND, each with a pointer. */
  async admit(context: TenantContext, body: FunctionBody): Promise<AdmittedFunction> {
    const limits = await this.quotas.effective(context);
    const effective = effectiveRevision(body, limits);
    demandWithinLimits(effective, limits);
    if (body.image !== undefined) this.demandImage(context, body.image);
    const { configs = [], secrets = [] } = body;
    const secretVersions = configs.length + secrets.length > 0 ? await this.environment.hold(context, { configs, secrets }) : {};
    if (body.source?.archive !== undefined && !(await this.code.hold(context, body.source.archive))) throw codeMissing();
    return { effective, revisionsKept: Math.max(1, limits.revisionsKept), secretVersions };
  }

  /**
   * The way to a function's brokers: also where no new revision is made. Holds the secret that it names.
   * @throws {DomainError} FUNCTION_INVALID, SECRET_NOT_FOUND, each with a pointer.
   */
  async admitKafka(context: TenantContext, { kafka }: ScalingBody): Promise<void> {
    if (kafka === undefined) return;
    const closed = closedBrokers(kafka, '/scaling/kafka', brokerRules(this.config));
    if (closed.length > 0) throw functionInvalid(closed);
    if (kafka.secret === undefined) return;
    await this.environment.hold(context, { configs: [], secrets: [kafka.secret] }).catch((error: unknown) => {
      throw error instanceof DomainError ? atPointer(error, '/scaling/kafka/secret') : error;
    });
  }

  private demandImage(context: TenantContext, image: string): void {
    try {
      demandImageAllowed(parseImageReference(image), imageAccess(this.config, context.tenantId));
    } catch (error) {
      throw error instanceof DomainError ? atPointer(error, '/image') : error;
    }
  }
}

/** What a tenant may run: its own part of the platform's registry, and the operator's list. */
export function imageAccess(config: Config, tenantId: string): ImageAccess {
  const registryHosts = config.FNPLANE_REGISTRY_URL === undefined ? [] : [new URL(config.FNPLANE_REGISTRY_URL).host];
  return { registryHosts, tenantRepositoryPrefix: tenantRepositoryPrefix(tenantId), allowedExternal: config.FNPLANE_ALLOWED_IMAGES };
}
