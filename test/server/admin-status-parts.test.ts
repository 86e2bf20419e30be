import t from "tap";
import { escapeHtml, html } from "../../src/server/html.ts";
import { findAttention } from "../../src/server/status-attention.ts";
import { formatAge, formatAgo, formatBytes, formatNumber, formatSeconds } from "../../src/server/status-format.ts";
import { plot } from "../../src/server/status-plot.ts";
import type { StatusReport } from "../../src/server/status-report.ts";

t.test("HTML from a template escapes every value that is not HTML", async (t) => {
  const evil = `<a href='x' title="y">&`;
  t.equal(escapeHtml(evil), "&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;");
  t.equal(html`<b title="${evil}">${evil}</b>`.text, `<b title="${escapeHtml(evil)}">${escapeHtml(evil)}</b>`);
  t.equal(html`<ul>${[html`<li>${1}</li>`, html`<li>${undefined}</li>`]}</ul>`.text, "<ul><li>1</li><li></li></ul>");
  t.equal(
    escapeHtml(`\u202egnp\u200b\u0000\n${String.fromCharCode(0xd800)} \u{e0001}`),
    "\\u{202e}gnp\\u{200b}\\u{0}\\u{a}\\u{d800} \\u{e0001}",
  );
  t.equal(escapeHtml("äöü 漢字 🙂"), "äöü 漢字 🙂");
});

t.test("numbers, sizes and times are short and read well", async (t) => {
  const cases: readonly (readonly [(value: number) => string, readonly (readonly [number, string])[]])[] = [
    [
      formatNumber,
      [
        [0, "0"],
        [0.004, "0"],
        [0.25, "0.25"],
        [3, "3"],
        [3.14, "3.1"],
        [42.4, "42"],
        [1234, "1,234"],
        [9999, "9,999"],
        [12_345, "12.3k"],
        [641_950_550, "642M"],
        [Number.NaN, "–"],
      ],
    ],
    [
      formatBytes,
      [
        [0, "0 B"],
        [999, "999 B"],
        [1500, "1.5 kB"],
        [96_400_000, "96.4 MB"],
        [44_936_538_500, "44.9 GB"],
      ],
    ],
    [
      formatSeconds,
      [
        [0, "0 ms"],
        [0.00035, "350 µs"],
        [0.0021, "2.1 ms"],
        [0.25, "250 ms"],
        [1.5, "1.5 s"],
      ],
    ],
    [
      formatAge,
      [
        [-1, "0 s"],
        [59, "59 s"],
        [60, "1 min"],
        [3600, "1 h"],
        [3720, "1 h 2 min"],
        [86_400, "1 d"],
        [100_000, "1 d 3 h"],
      ],
    ],
    [
      formatAgo,
      [
        [0.4, "just now"],
        [61, "1 min ago"],
      ],
    ],
  ];
  for (const [format, list] of cases) for (const [value, text] of list) t.equal(format(value), text, `${format.name}`);
});

t.test("a plot begins at zero, ends at the right, and says its numbers", async (t) => {
  const options = { label: "Writes", every: 5, format: (value: number) => `${value}/s` };
  const text = plot([0, 10, 5], options).text;
  t.match(text, 'aria-label="Writes: now 5/s, at most 10/s in the last 15 s"');
  t.match(text, '<path class="line" d="M219.1 42.5L229.6 1.5L240 22"/>');
  t.match(plot([0, 0], options).text, 'd="M229.6 42.5L240 42.5"', "no division by zero");
  for (const values of [[], [1]]) {
    t.match(plot(values, options).text, "not known yet");
    t.notMatch(plot(values, options).text, 'class="line"');
  }
});

const well: Omit<StatusReport, "attention"> = {
  version: "1.2.3",
  node: "26.0.0",
  time: "2026-01-01T00:00:00.000Z",
  started_at: "2026-01-01T00:00:00.000Z",
  uptime_seconds: 0,
  ready: true,
  listeners: [{ name: "clients", address: "127.0.0.1:9443", https: true, connections: 3, max_connections: 100 }],
  certificate: {
    subject: "CN=x",
    issuer: "CN=y",
    names: ["x"],
    expires_at: "2026-03-01T00:00:00.000Z",
    days_left: 59,
    fingerprint: "AA",
  },
  totals: {
    requests: 0,
    refusals: 0,
    writes: 0,
    points: 0,
    bytes: 0,
    held: 0,
    groups: { requests: 0, writes: 0 },
  },
  rates: { every_seconds: 5, writes: [], points: [], bytes: [], refusals: [] },
  instances: [
    {
      name: "one",
      url: "http://127.0.0.1:9092",
      up: true,
      kapacitor: "1.7.5",
      writes: 0,
      api: 0,
      held: 0,
      waiting_bytes: 0,
      upstream_seconds: null,
      last_writes: [],
      rates: { writes: [], api: [], upstream_seconds: [] },
      audit: { time: null, findings: null, accepted: 0, listed: [], failure: null },
    },
  ],
  refusals_by_reason: [],
  handshake_failures: [],
  connections_closed: [],
  last_refusals: [],
  reload: { successful: true, loaded_at: "2026-01-01T00:00:00.000Z", last: null, problems: [] },
  process: {
    resident_memory_bytes: 1,
    cpu_seconds: 1,
    event_loop_delay_seconds: 0.01,
    open_fds: null,
    max_fds: null,
  },
  logs: [{ log: "log", dropped: 0, problem: null }],
};

t.test("what somebody should look at is said, the worst first, and nothing when all is well", async (t) => {
  const [instance] = well.instances;
  const [listener] = well.listeners;
  const { certificate } = well;
  if (instance === undefined || listener === undefined || certificate === null) throw new Error("the example is whole");
  const of = (change: Partial<typeof well>) =>
    findAttention({ ...well, ...change }).map(({ severity, text }) => `${severity}: ${text}`);
  const down = { ...instance, up: false, held: 1 };
  const audit = { time: "2026-01-01T00:00:00.000Z", findings: 1, accepted: 0, listed: [], failure: null };
  t.strictSame(of({}), []);
  const cases: readonly (readonly [Partial<typeof well>, RegExp])[] = [
    [{ ready: false }, /^warning: The gateway is stopping/],
    [{ certificate: { ...certificate, days_left: 29 } }, /^warning: The certificate expires in 29 days\.$/],
    [{ certificate: { ...certificate, days_left: 0 } }, /^warning: The certificate expires in less than a day\.$/],
    [{ certificate: { ...certificate, days_left: -1 } }, /^error: The certificate expired on 2026-03-01/],
    [{ reload: { ...well.reload, successful: false } }, /^warning: The last reload was refused/],
    [{ logs: [{ log: "audit", dropped: 0, problem: "ENOSPC" }] }, /^error: The audit log cannot be written \(ENOSPC\)/],
    [{ logs: [{ log: "log", dropped: 1, problem: null }] }, /^warning: The log lost 1 record\.$/],
    [{ listeners: [{ ...listener, connections: 90 }] }, /^warning: 90 of 100 connections are open/],
    [{ process: { ...well.process, event_loop_delay_seconds: 1.26 } }, /^warning: The process was busy for 1\.3 s/],
    [{ instances: [down] }, /^error: Kapacitor one does not answer; 1 write waits for it\.$/],
    [{ instances: [{ ...instance, audit }] }, /^warning: Kapacitor one has 1 stored object that/],
    [
      { instances: [{ ...instance, audit: { ...audit, findings: 0, failure: "no" } }] },
      /^warning: The audit of Kapacitor one is not complete: no\.$/,
    ],
  ];
  for (const [change, expected] of cases) {
    const found = of(change);
    t.equal(found.length, 1, String(expected));
    t.match(found[0], expected);
  }
  t.strictSame(
    of({ reload: { ...well.reload, successful: false }, instances: [down] }).map((text) => text.split(":")[0]),
    ["error", "warning"],
  );
  t.strictSame(of({ certificate: null }), [], "no certificate is no news");
});
