import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** Prometheus' own form; what is written by hand. */
export const RULES = join(import.meta.dirname, 'rules/fnplane.yaml');
/** The same for clusters with the Prometheus operator; generated. */
export const PROMETHEUS_RULE = join(import.meta.dirname, 'prometheus-rule.yaml');

export interface AlertRule {
  alert: string;
  expr: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export interface RuleFile {
  groups: { name: string; rules: AlertRule[] }[];
}

export function readRules(): RuleFile {
  return parse(readFileSync(RULES, 'utf8')) as RuleFile;
}

/** Windows of minutes as so many seconds, and waits as some: the same alerts for who cannot wait. What the expressions compare stays. */
export function hastened(rules: RuleFile, windowSeconds: number, forSeconds: number): RuleFile {
  return {
    groups: rules.groups.map((group) => ({
      ...group,
      rules: group.rules.map((rule) => ({ ...rule, expr: rule.expr.replace(/\[\d+m\]/g, `[${windowSeconds}s]`), ...(rule.for ? { for: `${forSeconds}s` } : {}) })),
    })),
  };
}
