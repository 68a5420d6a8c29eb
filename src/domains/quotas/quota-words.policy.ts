import type { ReservedLimit } from '../tenants/quota-admission.js';
import type { SpendReached } from '../tenants/tenant-state.js';
import type { QuotaShortage } from './admission.policy.js';

interface Words {
  one: string;
  many: string;
  /** What makes room. */
  remedy: string;
}

const SMALLER_FUNCTION = 'delete a function, lower its resources or scaling,';

const WORDS: Record<ReservedLimit, Words> = {
  functions: { one: 'function', many: 'functions', remedy: 'delete one' },
  pods: { one: 'pod', many: 'pods', remedy: 'lower the scaling of a function' },
  secrets: { one: 'secret', many: 'secrets', remedy: 'delete one' },
  configSets: { one: 'configuration set', many: 'configuration sets', remedy: 'delete one' },
  cpuMillis: { one: 'millicore of CPU', many: 'millicores of CPU', remedy: SMALLER_FUNCTION },
  memoryMb: { one: 'MB of memory', many: 'MB of memory', remedy: SMALLER_FUNCTION },
  ephemeralStorageMb: { one: 'MB of ephemeral storage', many: 'MB of ephemeral storage', remedy: SMALLER_FUNCTION },
  codeMb: { one: 'MB of code', many: 'MB of code', remedy: 'delete a function whose code is no longer needed' },
};

function count(words: Words, number: number): string {
  return `${number} ${number === 1 ? words.one : words.many}`;
}

/** The sentence a refused caller reads: what is allowed, what is used, what was asked for where that is not one, and the way out. */
export function refusalWords({ limit, allowed, used, requested }: QuotaShortage): string {
  const words = WORDS[limit];
  const use = used === 1 ? '1 is in use' : `${used} are in use`;
  const facts = requested === 1
    ? `The tenant's quota allows ${count(words, allowed)} and ${use}`
    : `The tenant's quota allows ${count(words, allowed)}, ${use} and ${requested} more are asked for`;
  return `${facts}; ${words.remedy} or ask for a higher quota.`;
}

/** The sentence for a tenant that may not grow because of what the month has cost. */
export function spendWords({ limit, spent, currency, month }: SpendReached): string {
  return `The tenant's quota allows ${limit} ${currency} a month and ${spent} ${currency} are spent in ${month}; nothing may grow until the limit is raised or the next month begins.`;
}
