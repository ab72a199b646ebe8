import t from 'tap';
import { Setup } from './setup.js';

function status(...lines: string[]): number {
  return new Setup().ask(['GET / HTTP/1.1', ...lines, '', ''].join('\r\n')).status;
}

t.test('RFC 9112 3.2: HTTP/1.1 without Host is 400, HTTP/1.0 is not', async (t) => {
  t.equal(status(), 400);
  t.equal(new Setup().ask('GET / HTTP/1.0\r\n\r\n').status, 200);
});

t.test('RFC 9112 3.2: two Host lines are 400, in HTTP/1.0 too', async (t) => {
  t.equal(status('Host: a', 'Host: a'), 400);
  t.equal(status('Host: a', 'hOST: b'), 400);
  t.equal(new Setup().ask('GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n').status, 400);
});

t.test('RFC 3986 3.2.2: hosts that are right', async (t) => {
  for (const host of [
    'example.org',
    'example.org:8080',
    'example.org:',
    '192.0.2.1:80',
    '[::1]',
    '[::]:80',
    '[1::]',
    '[fe80::1:2]',
    '[1:2:3:4:5:6:7:8]',
    '[1:2:3:4:5:6:7::]',
    '[::2:3:4:5:6:7:8]',
    '[1:2:3:4:5:6:192.0.2.255]',
    '[v1.a:b]',
    '[::ffff:192.0.2.1]:80',
    'a_b',
    'xn--bcher-kva.example',
    'a%20b',
    '',
  ]) {
    t.equal(status(`Host: ${host}`), 200, host);
  }
});

t.test('Hosts that are wrong are 400', async (t) => {
  for (const host of [
    'a b',
    'a/b',
    'a@b',
    'a:b',
    'a:65536',
    'a:80:80',
    '[::1',
    '[::1]x',
    '[zz::1]',
    '[]',
    '[:]',
    '[:::]',
    '[1]',
    '[::1::]',
    '[:1::2]',
    '[1:2:3:4:5:6:7]',
    '[1:2:3:4:5:6:7:8:9]',
    '[1:2:3:4::5:6:7:8]',
    '[1::]2',
    '[12345::]',
    '[::1:]',
    '[::1.2.3]',
    '[::1.2.3.4.5]',
    '[::256.1.1.1]',
    '[::01.2.3.4]',
    '[1.2.3.4]',
    '[1.2.3.4::]',
    '[::%25eth0]',
    '[v1]',
    '[v.a]',
    '[v1.]',
    'a%2',
    'a%zz',
    'a#b',
    'a?b',
    'a\\b',
    '<a>',
    'é',
    'http://a',
    `${'a'.repeat(256)}`,
  ]) {
    t.equal(status(`Host: ${host}`), 400, host);
  }
});
