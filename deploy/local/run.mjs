// Runs a command with the checkout's own executables, its Node among them, first in PATH: node deploy/local/run.mjs COMMAND [ARGS]
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const [command, ...args] = process.argv.slice(2);
if (!command) {
  process.stderr.write('usage: node deploy/local/run.mjs COMMAND [ARGS]\n');
  process.exit(2);
}
const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, PATH: `${join(checkout, 'node_modules/.bin')}:${process.env.PATH ?? ''}` } });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  process.stderr.write(`${command}: ${error.message}\n`);
  process.exit(127);
});
child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
