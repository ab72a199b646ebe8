/** Terminals: a window that is closed, Ctrl-C in the midst of a bundle. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { directory } from '../store/tree.js';

const MAIN = resolve('build', 'src', 'main.js');
const HOLD = pathToFileURL(resolve('test', 'signals', 'hold.mjs')).href;
const python = spawnSync('python3', ['-c', 'import pty']).status === 0;
const skip = (process.platform !== 'linux' && '/proc') || (!python && 'python3 makes terminals');

/**
 * Runs argv as the foreground of a new terminal until it says `word`, then does what `act` says; prints what the
 * terminal showed.
 */
const TERMINAL = `
import os, pty, select, signal, sys, time
word, act, argv = sys.argv[1].encode(), sys.argv[2], sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
seen = b''
def read(seconds):
    global seen
    end = time.time() + seconds
    while time.time() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try: piece = os.read(fd, 65536)
            except OSError: return
            if not piece: return
            seen += piece
        if word in seen: return
read(20)
if word not in seen: print('NEVER', seen); os.kill(pid, signal.SIGKILL); sys.exit(1)
word = b'\\0'
if act == 'close': os.close(fd)
else:
    os.write(fd, b'\\x03')
    read(10)
for _ in range(200):
    done, status = os.waitpid(pid, os.WNOHANG)
    if done: break
    time.sleep(0.05)
else:
    os.kill(pid, signal.SIGKILL); print('STAYS'); sys.exit(1)
print('STATUS', os.waitstatus_to_exitcode(status))
sys.stdout.buffer.write(seen)
`;

function inTerminal(word: string, act: 'close' | 'interrupt', env: NodeJS.ProcessEnv, ...argv: string[]) {
  const run = spawnSync('python3', ['-c', TERMINAL, word, act, ...argv], { env, encoding: 'utf8' });
  return { text: run.stdout, errors: run.stderr };
}

t.test('a server whose terminal is closed ends; one without a terminal reads its site again', { skip }, (t) => {
  const site = directory(t);
  writeFileSync(join(site, 'index.html'), 'small');
  const argv = [process.execPath, MAIN, '--port', '0', site];
  const { text, errors } = inTerminal('listening on', 'close', process.env, ...argv);
  t.match(text, /^STATUS 0\n/, errors);
  const shell = inTerminal('listening on', 'close', process.env, '/bin/sh', '-c', '"$@"; exit $?', 'sh', ...argv);
  t.notMatch(shell.text, /STAYS|NEVER/, 'behind a shell, as by npm start');
  t.end();
});

t.test('Ctrl-C in the midst of a bundle: the terminal is as it was, and nothing is left behind', { skip }, (t) => {
  const root = directory(t);
  mkdirSync(join(root, 'site'));
  writeFileSync(join(root, 'site', 'index.html'), 'small');
  writeFileSync(join(root, 'site', 'a.html'), 'small');
  writeFileSync(join(root, 'hold'), '');
  mkdirSync(join(root, 'out'));
  const env = { ...process.env, NODE_OPTIONS: `--import ${HOLD}`, HOLD: join(root, 'hold'), TERM: 'xterm' };
  const argv = [process.execPath, MAIN, 'bundle', join(root, 'site'), '-o', join(root, 'out', 'b')];
  const { text, errors } = inTerminal('\u001b[?25l', 'interrupt', env, ...argv);
  t.match(text, /^STATUS 130\n/, errors);
  const last = (on: string, off: string): boolean => text.lastIndexOf(on) > text.lastIndexOf(off);
  t.ok(last('\u001b[?25h', '\u001b[?25l'), 'the cursor is there');
  t.ok(last('\u001b[?7h', '\u001b[?7l'), 'lines wrap');
  t.strictSame(readdirSync(join(root, 'out')), []);
  t.end();
});
