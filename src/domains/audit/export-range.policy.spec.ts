import { describe, expect, it } from 'vitest';
import { exportRange } from './export-range.policy.js';

const NOW = new Date('2026-07-01T00:00:00Z');
const day = (text: string): Date => new Date(`${text}T00:00:00Z`);

describe('the range of an export', () => {
  it('is the last 30 days where nothing is said', () => {
    expect(exportRange({}, NOW)).toEqual({ from: day('2026-06-01'), to: NOW });
    expect(exportRange({ to: day('2026-03-31') }, NOW)).toEqual({ from: day('2026-03-01'), to: day('2026-03-31') });
    expect(exportRange({ from: day('2026-01-01') }, NOW)).toEqual({ from: day('2026-01-01'), to: NOW });
  });

  it('spans at most 400 days and is never empty', () => {
    expect(exportRange({ from: day('2025-05-27') }, NOW).from).toEqual(day('2025-05-27'));
    expect(() => exportRange({ from: day('2025-05-26') }, NOW)).toThrow(/400 days/);
    expect(() => exportRange({ from: NOW, to: NOW }, NOW)).toThrow(/empty/);
    expect(() => exportRange({ from: day('2027-01-01') }, NOW)).toThrow(/empty/);
  });
});
