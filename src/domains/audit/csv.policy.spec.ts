import { describe, expect, it } from 'vitest';
import { csvLine } from './csv.policy.js';

describe('a line of CSV', () => {
  it.each([
    [['a', 'b c', ''], 'a,b c,\r\n'],
    [['a,b', 'say "hi"', 'two\r\nlines', 'one\nline'], '"a,b","say ""hi""","two\r\nlines","one\nline"\r\n'],
    [['=1+1', '+1', '-1', '@sum(A1)', '\tx', '＝1'], `'=1+1,'+1,'-1,'@sum(A1),'\tx,'＝1\r\n`],
    [['=HYPERLINK("http://x","y")'], `"'=HYPERLINK(""http://x"",""y"")"\r\n`],
    [['\r=1', '\n=1'], `"'\r=1","'\n=1"\r\n`],
    [['a=1', 'x-y', 'a@b'], 'a=1,x-y,a@b\r\n'],
  ])('%j', (cells, line) => {
    expect(csvLine(cells)).toBe(line);
  });
});
