interface Requirement {
  key: string;
  operator: 'in' | 'notin' | 'exists' | 'absent';
  values: readonly string[];
}

export type LabelSelector = readonly Requirement[];

const TERM = /\s*(?:(!)\s*([\w./-]+)|([\w./-]+)\s*(?:(==|=|!=)\s*([\w.-]*)|\s(in|notin)\s*\(([\w.,\s-]*)\))?)\s*(,|$)/y;

/** Kubernetes' textual selector (`a=b,c in (d,e),!f`); null when it is none. Pure. */
export function parseSelector(text: string): LabelSelector | null {
  const requirements: Requirement[] = [];
  if (text.trim() === '') return requirements;
  TERM.lastIndex = 0;
  for (let end = ','; end === ',';) {
    const match = TERM.exec(text);
    if (!match) return null;
    requirements.push(requirementOf(match));
    end = match[8] ?? '';
  }
  return TERM.lastIndex === text.length ? requirements : null;
}

function requirementOf([, not, absent, key = '', sign, value = '', word, values = '']: RegExpExecArray): Requirement {
  if (not) return { key: absent ?? '', operator: 'absent', values: [] };
  if (sign) return { key, operator: sign === '!=' ? 'notin' : 'in', values: [value] };
  if (word) return { key, operator: word as 'in' | 'notin', values: values.split(',').map((one) => one.trim()) };
  return { key, operator: 'exists', values: [] };
}

export function matchesSelector(selector: LabelSelector, labels: Readonly<Record<string, string>> = {}): boolean {
  return selector.every(({ key, operator, values }) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (operator === 'exists') return value !== undefined;
    if (operator === 'absent') return value === undefined;
    const named = value !== undefined && values.includes(value);
    return operator === 'in' ? named : !named;
  });
}

/** The one value that the selector allows for a label; undefined where it allows several. */
export function onlyValue(selector: LabelSelector, key: string): string | undefined {
  const found = selector.find((requirement) => requirement.key === key && requirement.operator === 'in' && requirement.values.length === 1);
  return found?.values[0];
}
