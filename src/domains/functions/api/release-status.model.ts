import { InputType, ObjectType } from '@nestjs/graphql';
import { ROLLOUT_PHASES, type RolloutPhase } from '../../../contract/function-resource.js';
import { BoolField, DateField, EnumField, IntField, LongField, TextField } from '../../../platform/graphql/fields.js';
import { TenantMutationInput } from '../../tenants/api/tenant.model.js';

@ObjectType('TrafficShare', { description: 'A share of the requests as it is now.' })
export class TrafficShareModel {
  @IntField() revision!: number;
  @IntField({ description: 'They sum to 100.' }) percent!: number;
  @TextField({ optional: true, max: 20 }) tag?: string;
  @TextField({ optional: true, max: 2048, description: 'Where a revision with a tag is invoked by itself.' }) url?: string;
}

@ObjectType('RevisionPods')
export class RevisionPodsModel {
  @IntField({ description: 'The revision.' }) number!: number;
  @IntField({ description: 'Pods wanted.' }) replicas!: number;
  @IntField({ description: 'Pods ready.' }) readyReplicas!: number;
}

@ObjectType('RolloutStatus', { description: 'How the target revision comes to its traffic.' })
export class RolloutStatusModel {
  @IntField({ description: 'The target it speaks of.' }) revision!: number;
  @IntField({ description: 'Which try.' }) attempt!: number;
  @EnumField('RolloutPhase', ROLLOUT_PHASES, { description: 'waiting: it has not the pods for its next share yet; paused: by a step or by somebody.' }) phase!: RolloutPhase;
  @IntField({ description: 'Index of the step under way; the number of steps when all are done.' }) step!: number;
  @IntField({ description: 'Percent of the rollout\'s share that it has.' }) weight!: number;
  @IntField({ optional: true, description: 'Revision that has the rest, and all of it after an abort.' }) stable?: number;
  @DateField({ optional: true }) stepStartedAt?: Date;
  @TextField({ optional: true, max: 4096, description: 'Why it is paused or was aborted.' }) message?: string;
}

@ObjectType('ScaleStatus')
export class ScaleStatusModel {
  @BoolField({ description: 'Whether pods run at all.' }) active!: boolean;
  @DateField({ description: 'When that last changed.' }) since!: Date;
  @LongField({ optional: true, min: 0, description: 'The metric that the number of pods follows, as it was told last: what a pod bears on average, rounded; of kafka-lag, all messages that wait. Small changes are not told.' }) current?: number;
}

const GOAL = { optional: true, min: 1, max: 1_000_000_000, description: 'When absent: the revision that serves while the target does not yet, else the one that served before it.' } as const;

@InputType()
export class RollbackBody {
  @IntField(GOAL) revision?: number;
}

@InputType()
export class PinRevisionBody {
  @BoolField({ optional: true, description: 'Whether it stays when the history is cut.' }) pinned?: boolean;
}

@InputType({ isAbstract: true })
abstract class FunctionMutationInput extends TenantMutationInput {
  @TextField({ max: 64, description: 'Name or UUID of the function.' }) function!: string;
}

@InputType()
export class RollbackFunctionInput extends FunctionMutationInput {
  @IntField(GOAL) revision?: number;
}

@InputType()
export class RolloutInput extends FunctionMutationInput {}

@InputType()
export class PinRevisionInput extends FunctionMutationInput {
  @IntField({ min: 1, max: 1_000_000_000 }) number!: number;
  @BoolField({ description: 'Whether it stays when the history is cut.' }) pinned!: boolean;
}
