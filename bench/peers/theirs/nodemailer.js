// nodemailer: a mail made for each reader, by its pool. Its readers come in memory, their links as they are made.
const {port, count, before, connections, subject, text, html, base} = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const pool = require('nodemailer').createTransport(
  {pool: true, host: '127.0.0.1', port, maxConnections: connections, maxMessages: Infinity, ignoreTLS: true});
const fill = (parts, values) => parts.map((part, n) => n % 2 ? values[part] : part).join('');
const escaped = text => text.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);

function send(n) {
  const id = n.toString(16).padStart(80, '0');
  const values = {name: `Reader ${n}`, first_name: 'Reader', email: `reader${n}@example.org`,
    unsubscribe_url: `${base}/u/${id}`, preferences_url: `${base}/p/${id}`};
  const safe = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, escaped(value)]));
  return pool.sendMail({from: 'Bench <news@example.org>', to: {name: values.name, address: values.email}, subject,
    list: {unsubscribe: values.unsubscribe_url}, textEncoding: 'quoted-printable',
    text: fill(text, values), html: fill(html, safe)});
}

async function sendAll(people) {
  let next = 0;
  const work = async () => { while (next < people) await send(next++); };
  await Promise.all(Array.from({length: 2 * connections}, work));
}

(async () => {
  await sendAll(10 * before);  // V8 makes its code fast while it runs
  const begun = process.hrtime.bigint(), used = process.cpuUsage();
  await sendAll(count);
  const cpu = process.cpuUsage(used);
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
  console.log(JSON.stringify({seconds, cpu: (cpu.user + cpu.system) / 1e6}));
  pool.close();
})();
