import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../../platform/config/config.js';
import type { TenantContext } from '../../platform/context/context.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { CONFIG } from '../../platform/tokens.js';
import { ClustersService } from '../clusters/clusters.service.js';
import { EnvironmentService } from '../configuration/environment.service.js';
import { withoutAbsent } from '../functions/function-parts.policy.js';
import type { TriggerBody } from './trigger-body.js';
import { reservedHosts, triggerProblems } from './trigger-rules.policy.js';
import { triggerInvalid } from './triggers.errors.js';

/** Whether a trigger may be as it was sent. */
@Injectable()
export class TriggerChecks {
  constructor(
    private readonly clusters: ClustersService,
    private readonly environment: EnvironmentService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /**
   * In the transaction that writes it: a secret that it names is kept from being deleted until that ends.
   * @throws {DomainError} TRIGGER_INVALID.
   */
  async demand(context: TenantContext, body: TriggerBody): Promise<TriggerBody> {
    const given = withoutAbsent(body);
    const { FNPLANE_GATEWAY_URL: own, FNPLANE_GATEWAY_DOMAIN: domain } = this.config;
    const problems = triggerProblems(given, reservedHosts([own, ...await this.clusters.gatewayUrls(context)], domain));
    if (problems.length > 0) throw triggerInvalid(problems);
    const { tls } = given.http;
    if (tls) await this.environment.hold(context, { configs: [], secrets: [tls.secret] }).catch((error: unknown) => {
      throw error instanceof DomainError && error.code === 'SECRET_NOT_FOUND' ? triggerInvalid([{ pointer: '/http/tls/secret', message: `names no secret of this tenant: ${tls.secret}` }]) : error;
    });
    return given;
  }
}
