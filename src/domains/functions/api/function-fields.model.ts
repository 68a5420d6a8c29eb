import { InputType, ObjectType } from '@nestjs/graphql';
import {
  AUTHENTICATION_MODES, METERING_SOURCES, RUNTIMES, SECRET_FORMS, SECRET_UPDATES, type AuthenticationMode, type MeteringSource, type Runtime, type SecretForm, type SecretUpdates,
} from '../../../contract/function-resource.js';
import { EnumField, IntField, ListField, MapField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MAYBE, RolloutModel, ScalingModel, TRAFFIC, TrafficRuleModel } from './release-fields.model.js';
import { PlacementRuleModel, PlacementRulePatch } from './placement-fields.model.js';
import { ENVIRONMENT_LIMITS, ENVIRONMENT_NAME, INLINE_LIMITS, MOST_REFERENCES } from '../function-rules.policy.js';

/** The tenant's own words; they never reach Kubernetes labels. */
export const LABEL_KEY = /^[A-Za-z0-9]([-A-Za-z0-9_./]{0,61}[A-Za-z0-9])?$/;
const PATH = /^[^\0]{1,512}$/;
const INLINE = { anyText: true, keyPattern: PATH, names: { pattern: '^[^\\u0000]+$', maxLength: 512 }, maxEntries: INLINE_LIMITS.files, maxValue: INLINE_LIMITS.bytes } as const;
const ENVIRONMENT = { anyText: true, keyPattern: ENVIRONMENT_NAME, maxEntries: ENVIRONMENT_LIMITS.entries, maxValue: ENVIRONMENT_LIMITS.valueCharacters } as const;

@InputType('FunctionSourceInput')
@ObjectType('FunctionSource', { description: 'Where the code comes from: exactly one of the two.' })
export class SourceModel {
  @TextField({ ...MAYBE, max: 64, description: 'SHA-256, hex, of an archive uploaded with PUT /v1/tenants/{tenant}/code/{sha256}.' }) archive?: string;
  @MapField({ ...MAYBE, ...INLINE, description: 'Path and text of each file, at most 256 KiB in all.' }) inline?: Record<string, string>;
}

@InputType('FunctionSourcePatch')
export class SourcePatchModel {
  @TextField({ ...MAYBE, max: 64 }) archive?: string | null;
  @MapField({ ...MAYBE, ...INLINE, nullValues: true }) inline?: Record<string, string | null> | null;
}

@InputType('FunctionResourcesInput')
@ObjectType('FunctionResources', { description: 'Requests and limits of each pod.' })
export class ResourcesModel {
  @IntField({ ...MAYBE, min: 10, max: 64_000, description: 'Thousandths of a core.' }) cpuMillis?: number;
  @IntField({ ...MAYBE, min: 16, max: 262_144, description: 'MiB of memory.' }) memoryMb?: number;
  @IntField({ ...MAYBE, min: 1, max: 102_400, description: 'MiB of disk.' }) ephemeralStorageMb?: number;
}

const FORM_WORDS = 'environment (the default): variables; files: /var/run/secrets/fnplane/<secret>/<KEY>; or both.';
const UPDATES_WORDS = 'rolling (the default): a new value replaces the pods one by one; live, with files only: running pods see it in their files within about a minute.';

@InputType('FunctionSecretDeliveryInput')
@ObjectType('FunctionSecretDelivery', { description: 'How the function gets its secrets, and their new values.' })
export class SecretDeliveryModel {
  @EnumField('SecretForm', SECRET_FORMS, { ...MAYBE, description: FORM_WORDS }) as?: SecretForm;
  @EnumField('SecretUpdates', SECRET_UPDATES, { ...MAYBE, description: UPDATES_WORDS }) updates?: SecretUpdates;
}

const HANDLER = { max: 256, description: '<file without ending>.<function> for Python and Node; handler.handle when absent.' } as const;
const TIMEOUT = { min: 1, max: 86_400, description: 'Longest run of one invocation.' } as const;
const CONCURRENCY = { min: 0, max: 10_000, description: 'Requests one pod handles at once; 0 means no limit.' } as const;
const IMAGE = { max: 512, description: 'Runtime image only: the image to run; a tag is looked up once, when it is deployed.' } as const;
const METERING_WORDS = 'Runtime image only: whose counters are billed; runtime needs an image that serves the metrics of the function contract.';

/** What belongs to a revision and reads the same in requests, patches and answers. */
@InputType({ isAbstract: true })
@ObjectType({ isAbstract: true })
export abstract class RevisionFields {
  @TextField({ ...MAYBE, ...HANDLER }) handler?: string;
  @TextField({ ...MAYBE, ...IMAGE }) image?: string;
  @ListField(() => String, { ...MAYBE, max: MOST_REFERENCES, description: 'Names of configuration sets; later ones win over earlier ones.' }) configs?: string[];
  @ListField(() => String, { ...MAYBE, max: MOST_REFERENCES, description: 'Names of secrets; they win over configuration sets.' }) secrets?: string[];
  @ObjectField(() => SecretDeliveryModel, MAYBE) secretDelivery?: SecretDeliveryModel;
  @ObjectField(() => ResourcesModel, MAYBE) resources?: ResourcesModel;
  @IntField({ ...MAYBE, ...TIMEOUT }) timeoutSeconds?: number;
  @IntField({ ...MAYBE, ...CONCURRENCY }) concurrency?: number;
  @EnumField('FunctionMetering', METERING_SOURCES, { ...MAYBE, description: METERING_WORDS }) metering?: MeteringSource;
}

@InputType({ isAbstract: true })
@ObjectType({ isAbstract: true })
export abstract class WholeRevisionFields extends RevisionFields {
  @EnumField('FunctionRuntime', RUNTIMES, { example: 'python' }) runtime!: Runtime;
  @ObjectField(() => SourceModel, { ...MAYBE, example: { inline: { 'handler.py': 'def handle(event, context):\n    return event["data"]\n' } } }) source?: SourceModel;
  @MapField({ ...MAYBE, ...ENVIRONMENT, description: 'Plain environment variables; they win over secrets and configuration sets.' }) environment?: Record<string, string>;
}

@InputType({ isAbstract: true })
@ObjectType({ isAbstract: true })
export abstract class WholeFunctionFields extends WholeRevisionFields {
  @MapField({ ...MAYBE, keyPattern: LABEL_KEY }) labels?: Record<string, string>;
  @ObjectField(() => ScalingModel, MAYBE) scaling?: ScalingModel;
  @ListField(() => TrafficRuleModel, { ...MAYBE, ...TRAFFIC }) traffic?: TrafficRuleModel[];
  @ObjectField(() => RolloutModel, MAYBE) rollout?: RolloutModel;
  @EnumField('FunctionAuthentication', AUTHENTICATION_MODES, { ...MAYBE, description: 'required (the default): callers need functions:invoke; none: anyone may call.' }) authentication?: AuthenticationMode;
  @ObjectField(() => PlacementRuleModel, MAYBE) placement?: PlacementRuleModel;
}

/** Merge patch: null removes. */
@InputType('FunctionPatch')
export class FunctionPatchBody extends RevisionFields {
  @EnumField('FunctionRuntime', RUNTIMES, { optional: true }) runtime?: Runtime;
  @ObjectField(() => SourcePatchModel, MAYBE) source?: SourcePatchModel | null;
  @MapField({ ...MAYBE, ...ENVIRONMENT, nullValues: true }) environment?: Record<string, string | null> | null;
  @MapField({ ...MAYBE, keyPattern: LABEL_KEY, nullValues: true }) labels?: Record<string, string | null> | null;
  @ObjectField(() => ScalingModel, MAYBE) scaling?: ScalingModel | null;
  @ListField(() => TrafficRuleModel, { ...MAYBE, ...TRAFFIC }) traffic?: TrafficRuleModel[] | null;
  @ObjectField(() => RolloutModel, MAYBE) rollout?: RolloutModel | null;
  @EnumField('FunctionAuthentication', AUTHENTICATION_MODES, MAYBE) authentication?: AuthenticationMode | null;
  @ObjectField(() => PlacementRulePatch, MAYBE) placement?: PlacementRulePatch | null;
}
