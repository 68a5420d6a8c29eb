import { BuildError } from './build-errors.js';

/** Requirements as pip gets them: only named packages, so that nothing but the index is asked and no package's code runs. */
export interface Requirements {
  lines: string[];
  /** All lines carry hashes: pip then demands one for everything it installs. */
  hashed: boolean;
}

// PEP 508 without URLs: name[extras] specifiers ; marker. https://peps.python.org/pep-0508/
const REQUIREMENT = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\s*(?:\[[A-Za-z0-9._,\s-]*\])?\s*(?:\(?\s*(?:(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9._*+!-]+\s*,?\s*)*\)?)\s*(?:;[^@\\]*)?$/;
const HASH = /\s--hash[= ](sha256|sha384|sha512):[0-9a-f]+/g;
const LONGEST_LINE = 1_000;
const HARMLESS_OPTION = /^--(?:require-hashes|prefer-binary|only-binary(?:[= ]:all:))$/;

/**
 * Reads a requirements.txt. Refused are all that would fetch from elsewhere than the index or run code while installing:
 * URLs, version control, local paths, editable installs, index options, source builds, other files.
 * @throws {BuildError} BUILD_DEPENDENCIES_REFUSED with the line
 */
export function readRequirements(text: string): Requirements {
  const lines: string[] = [];
  let hashes = 0;
  for (const { line, number } of logicalLines(text)) {
    if (HARMLESS_OPTION.test(line)) continue;
    const bare = line.replace(HASH, '').trim();
    if (bare.length > LONGEST_LINE || !REQUIREMENT.test(bare)) {
      throw new BuildError('BUILD_DEPENDENCIES_REFUSED', `requirements.txt line ${number}: ${JSON.stringify(line.slice(0, 120))} is not allowed. Name packages only, like requests==2.32.3, with or without --hash; URLs, paths and options are not taken.`);
    }
    if (line !== bare) hashes += 1;
    lines.push(line);
  }
  if (hashes > 0 && hashes < lines.length) {
    throw new BuildError('BUILD_DEPENDENCIES_REFUSED', 'requirements.txt has --hash for some packages only; give it for all of them or for none.');
  }
  return { lines, hashed: hashes > 0 };
}

function* logicalLines(text: string): Generator<{ line: string; number: number }> {
  let joined = '';
  let start = 1;
  const physical = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/);
  for (const [index, raw] of physical.entries()) {
    if (joined === '') start = index + 1;
    const line = raw.replace(/(^|\s)#.*$/, '');
    if (line.endsWith('\\')) {
      joined += `${line.slice(0, -1)} `;
      continue;
    }
    const whole = (joined + line).trim().replace(/\s+/g, ' ');
    joined = '';
    if (whole !== '') yield { line: whole, number: start };
  }
  if (joined.trim() !== '') yield { line: joined.trim().replace(/\s+/g, ' '), number: start };
}
