/**
 * The status page: reads `<its own path>.json` twice a second, and draws what it says. No request leaves the server.
 */
const STYLE = `
:root{color-scheme:light dark;--line:#8884;--accent:#0a7;--second:#c60}
body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1rem}
h1{font-size:1.3rem;margin:.2rem 0 .6rem}h2{font-size:1rem;margin:1.6rem 0 .4rem}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(7.5rem,1fr));gap:.6rem}
.cards div{border:1px solid var(--line);border-radius:.5rem;padding:.5rem .7rem;font-size:.85rem;opacity:.95}
.cards b{display:block;font-size:1.35rem;line-height:1.2;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.25rem .5rem;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:600;opacity:.75}th:first-child,td:first-child{text-align:left}
tbody button{font:inherit;background:none;border:0;padding:.3rem 0;color:inherit;text-decoration:underline;cursor:pointer}
tr[aria-selected=true]{background:#0a72}
/* In sight also of who has picked a connection far below. */
#plot{position:sticky;top:0;z-index:1;background:Canvas;padding-bottom:.5rem}#plot h2{margin-top:0;padding-top:.6rem}
.plot{position:relative}svg{box-sizing:border-box;width:100%;height:min(12rem,30vh);border:1px solid var(--line);border-radius:.5rem;display:block}
.plot span{position:absolute;right:.5rem;font-size:.8rem;opacity:.75}#top{top:.2rem}.plot .zero{bottom:.2rem}
polyline{fill:none;stroke-width:2;vector-effect:non-scaling-stroke}#cwnd{stroke:var(--accent)}#flight{stroke:var(--second);stroke-dasharray:5 3}
.cwnd{color:var(--accent)}.flight{color:var(--second)}.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));gap:0 2rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0}dt{opacity:.75}.many{grid-template-columns:repeat(auto-fit,minmax(11rem,max-content) minmax(6rem,1fr))}dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.none{opacity:.6;margin:0}#error{color:#c33;margin:0}
@media(max-width:40rem){body{padding:.7rem}thead{display:none}table,tbody{display:block}
tr{display:grid;grid-template-columns:minmax(0,1.2fr) minmax(0,1.9fr) minmax(0,1fr) minmax(0,1fr);gap:.1rem .5rem;border:1px solid var(--line);border-radius:.5rem;padding:.3rem .6rem .5rem;margin-bottom:.5rem}
td,td:first-child{border:0;padding:0;text-align:left}td:first-child{grid-column:1/-1}td:nth-child(3){font-size:.85rem;line-height:1.7}#plot h2{font-size:.85rem}td::before{content:attr(data-label);display:block;font-size:.75rem;opacity:.7}}`;

const SCRIPT = `
const $ = (id) => document.getElementById(id), url = location.pathname + '.json', EVERY = 500, KEPT = 240;
let before, picked, history = [];
const bytes = (n) => n === undefined ? '' : n < 1e4 ? n + ' B' : n < 1e6 ? (n / 1e3).toFixed(0) + ' kB' : (n / 1e6).toFixed(n < 1e7 ? 1 : 0) + ' MB';
const span = (s) => s === null ? 'never ends' : s < 120 ? s.toFixed(0) + ' s' : s < 7200 ? (s / 60).toFixed(0) + ' min' : (s / 3600).toFixed(1) + ' h';
const idOf = (c) => (c.address.includes(':') ? '[' + c.address + ']' : c.address) + ':' + c.port;
const COLUMNS = ['HTTP', 'TCP', 'Requests', 'RTT, ms', 'cwnd', 'In flight', 'Resent', 'Queued'];
const make = (tag, text) => Object.assign(document.createElement(tag), { textContent: text ?? '' });
const pairs = (id, object, none) => {
  const entries = Object.entries(object ?? {}).filter(([, v]) => v !== undefined);
  $(id).replaceChildren(...entries.flatMap(([k, v]) => [make('dt', k), make('dd', v)]));
  if (entries.length === 0) $(id).replaceChildren(Object.assign(make('p', none), { className: 'none' }));
};
function cards(now, seconds) {
  const sum = (s) => Object.values(s.http.answers).reduce((a, b) => a + b, 0);
  const rate = before ? (sum(now) - sum(before)) / seconds : 0, volume = before ? (now.http.contentBytes - before.http.contentBytes) / seconds : 0;
  const open = Object.values(now.http.connections).reduce((a, b) => a + b, 0);
  const dropped = Object.values(now.drops).reduce((a, b) => a + b, 0);
  const show = { 'requests a second': rate.toFixed(0), 'content a second': bytes(Math.round(volume)), 'answers': sum(now), 'open connections': open, 'idle': now.http.connections.idle, 'refused': now.http.refused, 'dropped': dropped };
  $('cards').replaceChildren(...Object.entries(show).map(([k, v]) => { const d = document.createElement('div'); d.append(make('b', v), k); return d; }));
}
function table(now) {
  const rows = new Map([...$('rows').children].map((row) => [row.dataset.id, row]));
  $('rows').replaceChildren(...now.connections.map((c) => {
    const id = idOf(c), values = [c.doing, c.state, c.requests, c.srtt?.toFixed(1), bytes(c.cwnd), bytes(c.bytesInFlight), c.retransmissions, bytes(c.queued)];
    let row = rows.get(id);
    if (!row) {
      row = document.createElement('tr');
      row.dataset.id = id;
      const button = make('button', id);
      button.onclick = () => { picked = id; history = []; draw(before); table(before); };
      row.insertCell().append(button);
      for (const name of COLUMNS) row.insertCell().dataset.label = name;
    }
    row.setAttribute('aria-selected', id === picked);
    values.forEach((v, i) => { row.cells[i + 1].textContent = v ?? ''; });
    return row;
  }));
  $('empty').hidden = now.connections.length > 0;
}
function draw(now) {
  const c = now.connections.find((c) => idOf(c) === picked);
  $('plot').hidden = !picked;
  $('over').hidden = Boolean(c);
  if (!c) return;
  history.push(c); if (history.length > KEPT) history.shift();
  $('picked').textContent = picked;
  const top = Math.max(1, ...history.map((h) => Math.max(h.cwnd ?? 0, h.bytesInFlight ?? 0)));
  $('top').textContent = bytes(top);
  $('unknown').hidden = c.cwnd !== undefined;
  for (const [id, key] of [['cwnd', 'cwnd'], ['flight', 'bytesInFlight']]) $(id).setAttribute('points', history.map((h, i) => KEPT - history.length + i + 1 + ',' + (100 - 95 * (h[key] ?? 0) / top)).join(' '));
}
async function tick() {
  try {
    const answer = await fetch(url, { cache: 'no-store' });
    if (!answer.ok) throw new Error('status ' + answer.status);
    const now = { ...await answer.json(), at: performance.now() };
    cards(now, before ? (now.at - before.at) / 1000 : 1); table(now); draw(now);
    pairs('facts', now.facts); pairs('answers', now.http.answers, 'none yet'); pairs('network', now.network, 'nothing is counted here');
    pairs('drops', now.drops, 'nothing was dropped');
    const l = now.lease;
    pairs('lease', l && { address: l.address, gateway: l.gateway, server: l.server, state: l.state, 'given for': span(l.seconds), 'renewed in': span(l.renewsIn), 'ends in': span(l.expiresIn) }, 'no DHCP here: the address is given');
    $('error').textContent = ''; before = now;
  } catch (error) { $('error').textContent = 'No answer: ' + error.message; }
  setTimeout(tick, EVERY);
}
tick();`;

export const STATUS_DOCUMENT = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Status</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:">
<link rel="icon" href="data:,">
<style>${STYLE}</style>
<h1>Status</h1><p id="error" role="status"></p>
<div id="cards" class="cards"></div>
<div class="columns">
<div><h2>Answers by status</h2><dl id="answers"></dl></div>
<div><h2>Drops by reason</h2><dl id="drops"></dl></div>
<div><h2>DHCP lease</h2><dl id="lease"></dl></div>
<div><h2>Server</h2><dl id="facts"></dl></div>
</div>
<section id="plot" hidden><h2><span id="picked"></span>: <span class="cwnd">congestion window</span>, <span class="flight">bytes in flight</span></h2>
<div class="plot"><svg viewBox="0 0 240 100" preserveAspectRatio="none" role="img" aria-label="Congestion window and bytes in flight over the last two minutes"><polyline id="cwnd"/><polyline id="flight"/></svg>
<span id="top"></span><span class="zero">0</span></div>
<p id="over" class="none" hidden>This connection is over.</p><p id="unknown" class="none" hidden>The kernel's sockets do not tell; --net direct does.</p></section>
<h2>Connections</h2>
<div class="wide"><table><thead><tr><th>Peer<th>HTTP<th>TCP<th>Requests<th>RTT, ms<th>cwnd<th>In flight<th>Resent<th>Queued</tr></thead><tbody id="rows"></tbody></table></div>
<p id="empty" class="none" hidden>none</p>
<h2>Network</h2><dl id="network" class="many"></dl>
<script>${SCRIPT}</script>
</html>
`;
