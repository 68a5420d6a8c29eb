import type { RolloutAnalysis } from '../../contract/function-resource.js';
import type { ReleaseFigures } from './release-metrics.js';

export interface AnalysisInput {
  analysis: RolloutAnalysis;
  target: { revision: number; figures: ReleaseFigures | undefined };
  stable: { revision: number; figures: ReleaseFigures | undefined };
}

/** Which bound the target's answers break, in words with figure and bound; undefined while they break none or are too few. Pure. */
export function brokenBound({ analysis, target, stable }: AnalysisInput): string | undefined {
  const { figures } = target;
  if (!figures || figures.requests < analysis.minRequests || figures.requests === 0) return undefined;
  const window = `${analysis.windowSeconds} s (${figures.requests} requests)`;
  const back = ` Revision ${stable.revision} has all requests again.`;
  const percent = (figures.errors * 100) / figures.requests;
  if (analysis.maxErrorPercent !== undefined && percent > analysis.maxErrorPercent) {
    const beside = stable.figures && stable.figures.requests > 0 ? `; revision ${stable.revision} had ${round((stable.figures.errors * 100) / stable.figures.requests)} %` : '';
    return `In the last ${window}, ${round(percent)} % of the answers of revision ${target.revision} were 5xx; at most ${analysis.maxErrorPercent} % are allowed${beside}.${back}`;
  }
  const { p95Ms } = figures;
  if (analysis.maxLatencyMs !== undefined && p95Ms !== undefined && p95Ms > analysis.maxLatencyMs) {
    const beside = stable.figures?.p95Ms === undefined ? '' : `; revision ${stable.revision} took ${latency(stable.figures.p95Ms)}`;
    return `In the last ${window}, the 95th percentile of revision ${target.revision} took ${latency(p95Ms)}; at most ${analysis.maxLatencyMs} ms are allowed${beside}.${back}`;
  }
  return undefined;
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function latency(ms: number): string {
  return Number.isFinite(ms) ? `${Math.round(ms)} ms` : 'longer than is measured';
}
