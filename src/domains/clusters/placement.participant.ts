import { Injectable, type OnModuleInit } from '@nestjs/common';
import { systemContext, type TenantContext } from '../../platform/context/context.js';
import { PARTICIPANT_DONE, TenantParticipants, type ParticipantResult, type TenantFacts, type TenantParticipant } from '../tenants/tenant-participants.js';
import { PlacementReconciler, type PlacementOutcome } from './cluster/placement.reconciler.js';
import { ClusterAttempt } from './cluster-attempt.js';
import { buildPlacement } from './manifests/placement.js';
import type { PlacementInput } from './manifests/placement-objects.js';
import { PlacementChooser } from './placement-chooser.js';
import { namespaceNotOurs, namespaceTerminating, noCluster, placementConditions, type PlacementProblem } from './placement-conditions.policy.js';
import { PlacementInputs } from './placement-inputs.js';
import { PlacementRemoval } from './placement-removal.js';
import { STANDING, WANTED } from './placement-states.js';
import type { PlacementWithCluster } from './placements.service.js';
import { PlacementSettingsRepository } from './store/placement-settings.repository.js';
import { PlacementsRepository } from './store/placements.repository.js';

/** Gives a tenant its walls on each of its clusters before anything runs there, and takes them away when the tenant goes. */
@Injectable()
export class PlacementParticipant implements TenantParticipant, OnModuleInit {
  readonly order = 30;
  readonly name = 'placement';
  private readonly system = systemContext('placement');

  constructor(
    private readonly participants: TenantParticipants,
    private readonly inputs: PlacementInputs,
    private readonly chooser: PlacementChooser,
    private readonly removal: PlacementRemoval,
    private readonly rows: PlacementsRepository,
    private readonly settings: PlacementSettingsRepository,
    private readonly reconciler: PlacementReconciler,
    private readonly attempts: ClusterAttempt,
  ) {}

  onModuleInit(): void {
    this.participants.register(this);
  }

  async provision(context: TenantContext, tenant: TenantFacts): Promise<ParticipantResult> {
    const { placed: present, input } = await this.inputs.gather(context, tenant);
    const placed = present.length > 0 ? present : await this.chooser.placeFirst(context);
    if (placed.length === 0) return notDone(noCluster());
    const results = await Promise.all(placed.map((place) => this.provisionOn(context, place, input)));
    return results.find((result) => !result.done) ?? PARTICIPANT_DONE;
  }

  async teardown(context: TenantContext): Promise<ParticipantResult> {
    const placed = await this.chooser.placed(context);
    const problems = await Promise.all(placed.map((place) => this.removal.remove(context, place)));
    const problem = problems.find((one) => one !== undefined);
    if (problem) return notDone(problem);
    await this.settings.remove(this.system, context.tenantId);
    return PARTICIPANT_DONE;
  }

  private async provisionOn(context: TenantContext, { placement, cluster }: PlacementWithCluster, input: PlacementInput): Promise<ParticipantResult> {
    if (!STANDING.has(placement.state)) return PARTICIPANT_DONE;
    const outcome = await this.attempts.run(cluster, (client) => this.reconciler.apply(client, buildPlacement(input), placement,
      (namespaceUid) => this.rows.record(context, cluster.id, { namespaceUid })));
    const problem = 'reason' in outcome ? outcome : this.problemOf(outcome, cluster.name);
    const applied = 'kind' in outcome && outcome.kind === 'applied' ? outcome : undefined;
    const conditions = placementConditions(placement.conditions, problem, new Date());
    if (applied || conditions !== placement.conditions) {
      await this.rows.record(context, cluster.id, {
        ...(applied ? { namespaceUid: applied.namespaceUid, applied: applied.applied, replace: applied.full } : {}),
        ...(applied?.full && !problem ? { verifiedAt: new Date(), observedGeneration: placement.generation } : {}),
        conditions,
      });
    }
    // A cluster that the tenant leaves keeps it from nothing.
    return problem && WANTED.has(placement.state) ? notDone(problem) : PARTICIPANT_DONE;
  }

  private problemOf(outcome: PlacementOutcome, cluster: string): PlacementProblem | undefined {
    if (outcome.kind === 'terminating') return namespaceTerminating(cluster);
    if (outcome.kind === 'not-ours') return namespaceNotOurs(cluster);
    return outcome.kind === 'applied' && outcome.failure !== undefined ? this.attempts.explain(cluster, outcome.failure) : undefined;
  }
}

function notDone({ reason, message, retryAfterMs }: PlacementProblem): ParticipantResult {
  return { done: false, reason, message, retryAfterMs };
}
