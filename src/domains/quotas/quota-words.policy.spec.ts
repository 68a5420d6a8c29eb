import { describe, expect, it } from 'vitest';
import { RESERVED_LIMITS } from '../tenants/quota-admission.js';
import { refusalWords, spendWords } from './quota-words.policy.js';

describe('refusals', () => {
  it.each([
    [{ limit: 'functions', allowed: 5, used: 5, requested: 1 }, 'The tenant\'s quota allows 5 functions and 5 are in use; delete one or ask for a higher quota.'],
    [{ limit: 'secrets', allowed: 1, used: 1, requested: 1 }, 'The tenant\'s quota allows 1 secret and 1 is in use; delete one or ask for a higher quota.'],
    [{ limit: 'functions', allowed: 0, used: 0, requested: 1 }, 'The tenant\'s quota allows 0 functions and 0 are in use; delete one or ask for a higher quota.'],
    [{ limit: 'cpuMillis', allowed: 2000, used: 1800, requested: 500 },
      'The tenant\'s quota allows 2000 millicores of CPU, 1800 are in use and 500 more are asked for; delete a function, lower its resources or scaling, or ask for a higher quota.'],
  ] as const)('%o', (shortage, words) => {
    expect(refusalWords(shortage)).toBe(words);
  });

  it('say what a month may cost and has cost', () => {
    expect(spendWords({ month: '2026-11', limit: '100.00', spent: '101.25', currency: 'EUR', at: '' }))
      .toBe('The tenant\'s quota allows 100.00 EUR a month and 101.25 EUR are spent in 2026-11; nothing may grow until the limit is raised or the next month begins.');
  });

  it('have words for every limit', () => {
    for (const limit of RESERVED_LIMITS) expect(refusalWords({ limit, allowed: 2, used: 2, requested: 3 })).toMatch(/^The tenant's quota allows 2 [a-zA-Z ]+, 2 are in use and 3 more are asked for; .+ or ask for a higher quota\.$/);
  });
});
