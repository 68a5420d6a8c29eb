import { relative, sep } from 'node:path';
import tseslint from 'typescript-eslint';

const FORBIDDEN_WORDS = new Set(['util', 'utils', 'common', 'helper', 'helpers', 'manager', 'managers', 'misc']);
const KEBAB = /^[a-z0-9]+(?:[-.][a-z0-9]+)*$/;

/** Names of files and folders: kebab-case, none that says nothing, no index files to hide a folder behind. */
const fileNames = {
  meta: { type: 'problem', docs: {}, schema: [] },
  create(context) {
    return {
      Program(node) {
        const parts = relative(context.cwd, context.filename).split(sep);
        const file = parts.at(-1) ?? '';
        const report = (message) => context.report({ node, loc: { line: 1, column: 0 }, message });
        for (const part of parts) if (!KEBAB.test(part.replace(/^\./, ''))) report(`"${part}" is not kebab-case.`);
        for (const part of parts) for (const word of part.split(/[-.]/)) if (FORBIDDEN_WORDS.has(word)) report(`"${part}": "${word}" says nothing of what is inside.`);
        if (/^index\.[cm]?[jt]s$/.test(file)) report('A file named index is a barrel or hides what it is.');
      },
    };
  },
};

/** Hard caps: beyond them a file is split by verb. */
const LINES = [
  { files: ['**/*.ts', '**/*.mjs', '**/*.js'], max: 400 },
  { files: ['src/**/*.{controller,resolver}.ts'], max: 220 },
  { files: ['src/**/*.service.ts'], max: 400 },
  { files: ['src/**/*.reconciler.ts'], max: 330 },
  { files: ['src/**/manifests/**/*.ts'], max: 150 },
  { files: ['**/*.spec.ts'], max: 800 },
];

const NO_BARRELS = [
  { selector: 'ExportAllDeclaration', message: 'No barrels: import from the file that has it.' },
  { selector: 'ExportNamedDeclaration[source]', message: 'No barrels: import from the file that has it.' },
];

export default tseslint.config(
  {
    ignores: ['**/node_modules/**', 'dist/**', 'dist.*/**', '.data/**', '.cache/**', 'coverage/**', 'deploy/examples/**', 'deploy/runtimes/**', 'clients/**'],
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/consistent-type-imports': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none', ignoreRestSiblings: true }],
      '@typescript-eslint/max-params': ['error', { max: 8 }],
      'max-classes-per-file': ['error', { max: 1, ignoreExpressions: true }],
    },
  },
  {
    files: ['**/*.{ts,js,mjs,cjs}'],
    plugins: { fnplane: { rules: { 'file-names': fileNames } } },
    linterOptions: { reportUnusedDisableDirectives: 'off' },
    rules: {
      'fnplane/file-names': 'error',
      'no-restricted-syntax': ['error', ...NO_BARRELS],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true, named: true, defaultFrom: true, namedFrom: true, namespaceFrom: true } }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: false, skipComments: true }],
    },
  },
  ...LINES.map(({ files, max }) => ({ files, rules: { 'max-lines': ['error', { max, skipBlankLines: false, skipComments: false }] } })),
  {
    // The shapes of one resource, the errors of one domain and the graph's own types are read together.
    files: ['**/*.{dto,input,model,errors,error}.ts', '**/*-errors.ts', 'src/platform/{graphql,rest}/*.ts', 'src/*.module.ts', '**/testing/**'],
    rules: { 'max-classes-per-file': 'off' },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-imports': ['error', { paths: [{ name: '@nestjs/common', importNames: ['forwardRef'], message: 'A cycle of modules is to be taken apart.' }] }],
    },
  },
  {
    // A suite is one function by its nature; a fake may sit beside the test that needs it.
    files: ['**/*.spec.ts'],
    rules: { 'max-lines-per-function': 'off', 'max-classes-per-file': 'off', 'no-console': 'off' },
  },
  {
    files: ['src/domains/**/*.{service,policy,repository}.ts'],
    rules: {
      'no-restricted-imports': ['error', {
        paths: [{
          name: '@nestjs/common',
          importNames: ['forwardRef', 'HttpException', 'BadRequestException', 'UnauthorizedException', 'ForbiddenException', 'NotFoundException', 'ConflictException', 'UnprocessableEntityException', 'InternalServerErrorException'],
          message: 'Domains throw DomainError; a consumer translates it.',
        }],
      }],
    },
  },
  {
    files: ['src/main.ts', 'src/generate.ts', 'src/**/main.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['*.config.{js,ts}', '.dependency-cruiser.cjs'],
    rules: { 'no-restricted-exports': 'off' },
  },
);
