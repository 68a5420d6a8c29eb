import { parse, stringify } from 'yaml';

/** A `PrometheusRule` of a plain rule file's groups. Labels by which a Prometheus chooses its rules are the installation's to add. */
export function prometheusRuleYaml(rules: string): string {
  const { groups } = parse(rules) as { groups: unknown[] };
  const resource = { apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule', metadata: { name: 'fnplane', labels: { 'app.kubernetes.io/name': 'fnplane' } }, spec: { groups } };
  return `# Generated from rules/fnplane.yaml by \`npm run generate\`.\n${stringify(resource, { lineWidth: 0 })}`;
}
