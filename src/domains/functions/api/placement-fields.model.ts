import { InputType, ObjectType } from '@nestjs/graphql';
import { IntField, ListField, MapField } from '../../../platform/graphql/fields.js';
import { LABEL_KEY } from '../../clusters/api/cluster.model.js';
import { MAYBE } from './release-fields.model.js';

const REGIONS = { max: 20, itemPattern: /^[-A-Za-z0-9_.]{1,63}$/, description: 'Any of these regions; all that the tenant may be in when absent or empty.' } as const;
const LABELS = { maxEntries: 16, keyPattern: LABEL_KEY, description: 'Only clusters with all of these labels.' } as const;
const CLUSTERS = { min: 1, max: 10, description: 'On so many clusters at once; pods are shared out over them, at least one each unless it sleeps. When absent, as many as the tenant asks for, where so many meet the rule.' } as const;

@InputType('FunctionPlacementInput')
@ObjectType('FunctionPlacement', { description: 'What the function asks of its places, within what its tenant asks. When absent, it is wherever its tenant is.' })
export class PlacementRuleModel {
  @ListField(() => String, { ...MAYBE, ...REGIONS }) regions?: string[];
  @MapField({ ...MAYBE, ...LABELS }) clusterLabels?: Record<string, string>;
  @IntField({ ...MAYBE, ...CLUSTERS }) clusters?: number;
}

@InputType('FunctionPlacementPatch')
export class PlacementRulePatch {
  @ListField(() => String, { ...MAYBE, ...REGIONS }) regions?: string[] | null;
  @MapField({ ...MAYBE, ...LABELS, nullValues: true }) clusterLabels?: Record<string, string | null> | null;
  @IntField({ ...MAYBE, ...CLUSTERS }) clusters?: number | null;
}
