(() => {
  "use strict";
  const box = document.querySelector("[data-work-salt]");
  const form = box && box.closest("form");
  if (!form) return;
  const field = box.querySelector("input[name=answer]");
  const said = box.querySelector("[role=status]");
  const bits = Number(box.dataset.workDifficulty);
  const prefix = box.dataset.workSalt + ":";

  // SHA-256 (FIPS 180-4) of one block of at most 55 ASCII characters; crypto.subtle is missing on http pages.
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const fraction = (x) => ((x - Math.floor(x)) * 4294967296) | 0;
  const K = Int32Array.from(primes, (p) => fraction(Math.cbrt(p)));
  const H = Int32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p)));
  const W = new Int32Array(64);
  const turn = (x, n) => (x >>> n) | (x << (32 - n));
  const first = (text) => {
    W.fill(0, 0, 16);
    for (let i = 0; i < text.length; i++) W[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i & 3));
    W[text.length >> 2] |= 0x80 << (24 - 8 * (text.length & 3));
    W[15] = 8 * text.length;
    for (let i = 16; i < 64; i++) {
      const x = W[i - 15], y = W[i - 2];
      W[i] = W[i - 16] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + W[i - 7] + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
    }
    let [a, b, c, d, e, f, g, h] = H;
    for (let i = 0; i < 64; i++) {
      const t = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
      const u = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g; g = f; f = e; e = (d + t) | 0; d = c; c = b; b = a; a = (t + u) | 0;
    }
    return (a + H[0]) >>> 0;
  };

  let n = 0, begun = false, sender = null, waiting = false;
  const send = () => {
    said.textContent = box.dataset.workDone;
    if (form.requestSubmit) form.requestSubmit(sender);
    else form.submit();
  };
  const look = () => {
    const until = performance.now() + 30;
    while (performance.now() < until) {
      for (let i = 0; i < 200; i++, n++) {
        if (first(prefix + n) >>> (32 - bits) === 0) {
          field.value = String(n);
          if (waiting) send();
          return;
        }
      }
    }
    setTimeout(look, 0);
  };
  const begin = () => { if (!begun) { begun = true; setTimeout(look, 0); } };
  form.addEventListener("focusin", begin);
  form.addEventListener("submit", (event) => {
    if (field.value) return;
    event.preventDefault();
    waiting = true;
    sender = event.submitter;
    said.textContent = box.dataset.workWaiting;
    begin();
  });
})();
