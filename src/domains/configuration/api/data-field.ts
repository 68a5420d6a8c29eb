import { MapField } from '../../../platform/graphql/fields.js';
import { KEY, MAX_KEY, MAX_SET_BYTES, MAX_VALUE_BYTES } from '../environment-data.policy.js';

/** The policy says precisely what is wrong with a name, so the shape alone is checked here. */
const ANY_KEY = /^[^]*$/;
/** More entries than fit into a set anyway: an entry has at least one byte of name. */
const MAX_ENTRIES = MAX_SET_BYTES;

export interface DataFieldOptions {
  description: string;
  optional?: boolean;
  nullValues?: boolean;
  writeOnly?: boolean;
}

/** A map of environment variables. */
export function DataField(options: DataFieldOptions): PropertyDecorator {
  return MapField({ example: { LOG_LEVEL: 'info' }, ...options, anyText: true, keyPattern: ANY_KEY, names: { pattern: KEY.source, maxLength: MAX_KEY }, maxEntries: MAX_ENTRIES, maxValue: MAX_VALUE_BYTES });
}
