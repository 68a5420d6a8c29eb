/** Text that Postgres can keep and give back as it came: well-formed Unicode without NUL. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

export const NOT_STORABLE = 'must be Unicode text without NUL characters';
