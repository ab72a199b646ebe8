/** The status page: reads `<its own path>.json` once a second, and draws what it says. No request leaves the server. */
const STYLE = `
:root{color-scheme:light dark;--line:#8884;--accent:#0a7;--second:#c60}
body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1rem}
h1{font-size:1.3rem}h2{font-size:1rem;margin:1.6rem 0 .4rem}
#cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem}
#cards div{border:1px solid var(--line);border-radius:.5rem;padding:.5rem .7rem}
#cards b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.2rem .5rem;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}tbody button{font:inherit;background:none;border:0;padding:0;color:inherit;text-decoration:underline;cursor:pointer}
tr[aria-selected=true]{background:#0a72}svg{width:100%;height:12rem;border:1px solid var(--line);border-radius:.5rem}
polyline{fill:none;stroke-width:2;vector-effect:non-scaling-stroke}#cwnd{stroke:var(--accent)}#flight{stroke:var(--second)}
.cwnd{color:var(--accent)}.flight{color:var(--second)}dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}dd{margin:0}#error{color:#c33}`;

const SCRIPT = `
const $ = (id) => document.getElementById(id), url = location.pathname + '.json';
let before, picked, history = [];
const bytes = (n) => n === undefined ? '' : n < 1e4 ? n + ' B' : n < 1e7 ? (n / 1e3).toFixed(0) + ' kB' : (n / 1e6).toFixed(0) + ' MB';
const cell = (row, value) => { row.insertCell().textContent = value ?? ''; };
const pairs = (list, object) => { list.replaceChildren(...Object.entries(object).flatMap(([k, v]) => [Object.assign(document.createElement('dt'), { textContent: k }), Object.assign(document.createElement('dd'), { textContent: v })])); };
function cards(now, seconds) {
  const sum = (s) => Object.values(s.http.answers).reduce((a, b) => a + b, 0);
  const rate = before ? (sum(now) - sum(before)) / seconds : 0, volume = before ? (now.http.contentBytes - before.http.contentBytes) / seconds : 0;
  const open = Object.values(now.http.connections).reduce((a, b) => a + b, 0);
  const show = { 'requests a second': rate.toFixed(0), 'content a second': bytes(Math.round(volume)), 'answers': sum(now), 'open connections': open, 'idle': now.http.connections.idle, 'refused': now.http.refused };
  $('cards').replaceChildren(...Object.entries(show).map(([k, v]) => { const d = document.createElement('div'), b = document.createElement('b'); b.textContent = v; d.append(b, k); return d; }));
}
function table(now) {
  $('rows').replaceChildren(...now.connections.map((c) => {
    const row = document.createElement('tr'), id = c.address + ':' + c.port, button = document.createElement('button');
    button.textContent = id; button.onclick = () => { picked = id; history = []; draw(now); table(now); };
    row.setAttribute('aria-selected', id === picked); row.insertCell().append(button);
    for (const v of [c.doing, c.state, c.requests, c.srtt?.toFixed(1), bytes(c.cwnd), bytes(c.bytesInFlight), c.retransmissions, bytes(c.queued)]) cell(row, v);
    return row;
  }));
}
function draw(now) {
  const c = now.connections.find((c) => c.address + ':' + c.port === picked);
  $('plot').hidden = !picked;
  if (!c) return;
  history.push(c); if (history.length > 120) history.shift();
  $('picked').textContent = picked;
  const top = Math.max(1, ...history.map((h) => Math.max(h.cwnd ?? 0, h.bytesInFlight ?? 0)));
  for (const [id, key] of [['cwnd', 'cwnd'], ['flight', 'bytesInFlight']]) $(id).setAttribute('points', history.map((h, i) => i + ',' + (100 - 95 * (h[key] ?? 0) / top)).join(' '));
}
async function tick() {
  try {
    const answer = await fetch(url, { cache: 'no-store' });
    if (!answer.ok) throw new Error('status ' + answer.status);
    const now = { ...await answer.json(), at: performance.now() };
    cards(now, before ? (now.at - before.at) / 1000 : 1); table(now); draw(now);
    pairs($('facts'), now.facts); pairs($('answers'), now.http.answers); pairs($('network'), now.network);
    $('error').textContent = ''; before = now;
  } catch (error) { $('error').textContent = 'No answer: ' + error.message; }
  setTimeout(tick, 1000);
}
tick();`;

export const STATUS_DOCUMENT = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Status</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'">
<style>${STYLE}</style>
<h1>Status</h1><p id="error" role="status"></p>
<div id="cards"></div>
<section id="plot" hidden><h2><span id="picked"></span>: <span class="cwnd">congestion window</span>, <span class="flight">bytes in flight</span></h2>
<svg viewBox="0 0 120 100" preserveAspectRatio="none"><polyline id="cwnd"/><polyline id="flight"/></svg></section>
<h2>Connections</h2>
<div class="wide"><table><thead><tr><th>Peer<th>HTTP<th>TCP<th>Requests<th>RTT, ms<th>cwnd<th>In flight<th>Resent<th>Queued</tr></thead><tbody id="rows"></tbody></table></div>
<h2>Answers by status</h2><dl id="answers"></dl>
<h2>Network</h2><dl id="network"></dl>
<h2>Server</h2><dl id="facts"></dl>
<script>${SCRIPT}</script>
</html>
`;
