import { Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { connectionOf } from '../../../platform/graphql/connection.js';
import { BoolField, DateField, EnumField, IntField, ListField, MapField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MutationInput, MutationPayload } from '../../../platform/graphql/mutation.js';
import { Node } from '../../../platform/graphql/node.js';
import { ROLLOUT_ENGINES, type RolloutEngine } from '../../../contract/function-resource.js';
import { ConditionModel } from '../../tenants/api/tenant.model.js';
import { CLUSTER_CONNECTIONS, CLUSTER_STATES, type ClusterConnectionKind, type ClusterState } from '../placement-states.js';

const NAME = /^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/;
const REGION = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
export const REGION_WORDS = 'must be 1 to 63 letters, digits, hyphens, dots and underscores, with a letter or digit at both ends';
export const LABEL_KEY = /^[A-Za-z0-9]([-A-Za-z0-9_./]{0,61}[A-Za-z0-9])?$/;
const KUBECONFIG = 'A kubeconfig whose current context leads to the cluster, with certificates and a token or client certificate inside it: nothing that reads files, starts programs or skips verification. It is sealed and never answered.';
const GATEWAY_URL = 'Address of the gateway of this cluster, without a path; the platform\'s own when absent.';
const ROLLOUT_ENGINE = 'Who steps releases of functions there. operator: the platform itself. argo: Argo Rollouts, which is installed on the cluster.';
/** Larger ones are no kubeconfigs. */
const MOST_KUBECONFIG = 100_000;

const CAPACITY = {
  cpuMillis: 'Millicores of CPU.',
  memoryMb: 'MB of memory.',
  pods: 'Pods.',
} as const;

@ObjectType('ClusterCapacity', { description: 'What reservations of tenants on a cluster may add up to.' })
export class ClusterCapacityModel {
  @IntField({ description: CAPACITY.cpuMillis }) cpuMillis!: number;
  @IntField({ description: CAPACITY.memoryMb }) memoryMb!: number;
  @IntField({ description: CAPACITY.pods }) pods!: number;
}

@ObjectType('ClusterUse', { description: 'What reservations of tenants on a cluster add up to.' })
export class ClusterUseModel extends ClusterCapacityModel {
  @IntField({ description: 'Tenants that are placed on it.' }) tenants!: number;
}

@InputType()
export class ClusterCapacityBody {
  @IntField({ min: 0, description: CAPACITY.cpuMillis, example: 64_000 }) cpuMillis!: number;
  @IntField({ min: 0, description: CAPACITY.memoryMb, example: 262_144 }) memoryMb!: number;
  @IntField({ min: 0, description: CAPACITY.pods, example: 500 }) pods!: number;
}

@ObjectType('Cluster', { implements: () => [Node], description: 'A Kubernetes cluster that tenants are placed on.' })
export class ClusterModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @TextField({ description: 'Unique on this platform.' }) name!: string;
  @TextField() region!: string;
  @MapField({ keyPattern: /^.+$/ }) labels!: Record<string, string>;
  @EnumField('ClusterConnectionKind', CLUSTER_CONNECTIONS, { description: 'process: by the configuration of the platform\'s processes. registered: by a kubeconfig given here.' }) connection!: ClusterConnectionKind;
  @EnumField('ClusterState', CLUSTER_STATES, { description: 'cordoned: keeps its tenants and takes no new ones. draining: also gives its own to others, as soon as they are ready there.' }) state!: ClusterState;
  @ObjectField(() => ClusterCapacityModel, { optional: true, description: 'Absent where no bound is known.' }) capacity?: ClusterCapacityModel;
  @ObjectField(() => ClusterUseModel) used!: ClusterUseModel;
  @TextField({ optional: true, description: GATEWAY_URL }) gatewayUrl?: string;
  @EnumField('RolloutEngine', ROLLOUT_ENGINES, { description: ROLLOUT_ENGINE }) rolloutEngine!: RolloutEngine;
  @BoolField({ description: 'Whether it answered lately.' }) reachable!: boolean;
  @TextField({ optional: true, description: 'Version of Kubernetes.' }) kubernetesVersion?: string;
  @DateField({ optional: true, description: 'When it last answered.' }) heartbeatAt?: Date;
  @TextField({ optional: true, max: 1000, description: 'What is wrong with it; absent while nothing is.' }) message?: string;
  @ListField(() => ConditionModel, { description: 'Reachable: since when it answers, or does not. RolloutEngine: whether Argo Rollouts is there, where it steps releases.' }) conditions!: ConditionModel[];
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField() createdAt!: Date;
  @DateField() updatedAt!: Date;
}

export const ClusterConnection = connectionOf(ClusterModel, 'Cluster');

@InputType()
export class RegisterClusterBody {
  @TextField({ pattern: NAME, patternMessage: 'must be 1 to 40 lower-case letters, digits and hyphens, and start with a letter', max: 40, example: 'east-1' }) name!: string;
  @TextField({ pattern: REGION, patternMessage: REGION_WORDS, max: 63, example: 'eu-central' }) region!: string;
  @MapField({ optional: true, keyPattern: LABEL_KEY }) labels?: Record<string, string>;
  @ObjectField(() => ClusterCapacityBody, { optional: true, nullable: true, description: 'No bound when absent.' }) capacity?: ClusterCapacityBody | null;
  @TextField({ optional: true, nullable: true, max: 255, description: GATEWAY_URL, example: 'https://functions.east.example' }) gatewayUrl?: string | null;
  @EnumField('RolloutEngine', ROLLOUT_ENGINES, { optional: true, description: `${ROLLOUT_ENGINE} operator when absent.` }) rolloutEngine?: RolloutEngine;
  @TextField({ min: 1, max: MOST_KUBECONFIG, writeOnly: true, description: KUBECONFIG }) kubeconfig!: string;
}

@InputType()
export class ChangeClusterBody {
  @TextField({ optional: true, pattern: REGION, patternMessage: REGION_WORDS, max: 63 }) region?: string;
  @MapField({ optional: true, nullable: true, nullValues: true, keyPattern: LABEL_KEY }) labels?: Record<string, string | null> | null;
  @ObjectField(() => ClusterCapacityBody, { optional: true, nullable: true, description: 'As a whole; null for no bound.' }) capacity?: ClusterCapacityBody | null;
  @TextField({ optional: true, nullable: true, max: 255, description: GATEWAY_URL, example: 'https://functions.east.example' }) gatewayUrl?: string | null;
  @EnumField('RolloutEngine', ROLLOUT_ENGINES, { optional: true, description: `${ROLLOUT_ENGINE} Functions change over one by one, and are served meanwhile.` }) rolloutEngine?: RolloutEngine;
  @TextField({ optional: true, min: 1, max: MOST_KUBECONFIG, writeOnly: true, description: `${KUBECONFIG} Workers connect anew with it.` }) kubeconfig?: string;
}

@InputType()
export class RegisterClusterInput extends MutationInput {
  @ObjectField(() => RegisterClusterBody) cluster!: RegisterClusterBody;
}

@InputType()
export class ClusterInput extends MutationInput {
  @TextField({ max: 64, description: 'Name or UUID of the cluster.' }) cluster!: string;
  @TextField({ optional: true, max: 100, description: 'The etag the change is based on.' }) ifMatch?: string;
}

@InputType()
export class ChangeClusterInput extends ClusterInput {
  @ObjectField(() => ChangeClusterBody) change!: ChangeClusterBody;
}

@ObjectType()
export class ClusterPayload extends MutationPayload {
  @Field(() => ClusterModel, { nullable: true }) cluster?: ClusterModel;
}
