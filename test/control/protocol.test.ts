import t from 'tap';
import { parseRequest, RequestError } from '../../src/control/protocol.js';

t.test('a request of the protocol is read with the fields that it has', async (t) => {
  t.same(parseRequest('{"do":"status","more":1}'), { do: 'status' });
  t.same(parseRequest('{"do":"swap","bundle":"/a","id":"x"}'), {
    do: 'swap',
    bundle: '/a',
    id: 'x',
    bundleId: undefined,
  });
  t.same(parseRequest('{"do":"replace"}'), { do: 'replace', folder: undefined, id: undefined, args: undefined });
  t.same(parseRequest('{"do":"replace","folder":"/i","args":["--port","80"]}'), {
    do: 'replace',
    folder: '/i',
    id: undefined,
    args: ['--port', '80'],
  });
  t.same(parseRequest('{"do":"drain"}'), { do: 'drain', seconds: undefined });
  t.same(parseRequest('{"do":"drain","seconds":0}'), { do: 'drain', seconds: 0 });
  t.same(parseRequest('{"do":"retire","seconds":2.5}'), { do: 'retire', seconds: 2.5 });
  t.same(parseRequest('{"do":"surrender"}'), { do: 'surrender' });
});

t.test('a line that is no request is refused with what was expected', async (t) => {
  const wrong: readonly [line: string, message: RegExp][] = [
    ['{', /not JSON/],
    ['[]', /"do" is one of status/],
    ['null', /a JSON object is expected/],
    ['7', /a JSON object is expected/],
    ['{"do":"reboot"}', /"do" is one of .*; not "reboot"/],
    ['{"do":"swap"}', /"bundle" is the absolute path/],
    ['{"do":"swap","bundle":"a/b"}', /"bundle" is the absolute path/],
    ['{"do":"swap","bundle":"/a\\u0000b"}', /"bundle" is the absolute path/],
    ['{"do":"swap","bundle":"/b","id":7}', /"id" is the id/],
    ['{"do":"swap","bundle":"/b","bundleId":[]}', /"bundleId" is the id/],
    ['{"do":"replace","folder":"i"}', /"folder" is the absolute path/],
    ['{"do":"replace","args":"--port 80"}', /"args" is a list/],
    ['{"do":"replace","args":[80]}', /"args" is a list/],
    ['{"do":"drain","seconds":"soon"}', /"seconds" is a number/],
    ['{"do":"retire"}', /"seconds" is a number/],
    ['{"do":"retire","seconds":-1}', /"seconds" is a number/],
  ];
  for (const [line, message] of wrong) {
    t.throws(() => parseRequest(line), { name: 'RequestError', message }, line);
    t.throws(() => parseRequest(line), RequestError);
  }
});
