import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t, { type Test } from "tap";
import { request } from "undici";
import type { StatusReport } from "../../src/server/status-report.ts";
import { startStandin } from "../../src/standin/server.ts";
import { samplesOf } from "../support/exposition.ts";
import { admin, adminUser, basic, startTestGateway, type TestGateway } from "../support/gateway.ts";
import { sendRaw } from "../support/raw.ts";
import { type Chromium, findChromium, startChromium } from "./chromium.ts";

const chromium = findChromium();

const widths = [1280, 390] as const;

/** The contrast of every text with what is behind it, below what WCAG 2.2 asks for (1.4.3, AA). */
const pale = `(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const over = (front, back) => {
    const [r, g, b, a = 1] = front;
    return [r, g, b].map((value, at) => value * a + back[at] * (1 - a));
  };
  const backOf = (element) => {
    const layers = [];
    for (let at = element; at !== null; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((back, layer) => over(layer, back), [255, 255, 255]);
  };
  const light = (color) => {
    const [r, g, b] = color.map((value) => value / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return [...document.querySelectorAll("body *")]
    .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ""))
    .map((element) => {
      const back = backOf(element);
      const [high, low] = [light(over(parse(getComputedStyle(element).color), back)), light(back)].sort((a, b) => b - a);
      return { text: element.textContent.slice(0, 40), ratio: (high + 0.05) / (low + 0.05) };
    })
    .filter(({ ratio }) => ratio < 4.5)
    .map(({ text, ratio }) => text + " " + ratio.toFixed(2));
})()`;

/** Elements that reach out of the window at the right. */
const outside = `[...document.querySelectorAll("body *")]
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
  .map((element) => element.tagName + " " + element.className + " " + element.textContent.slice(0, 40))`;

/** Traffic of every kind, attacks included, for long enough that there is something to plot. */
async function makeTraffic(gateway: TestGateway, statusUrl: string): Promise<void> {
  const attack = (target: string): Promise<unknown> =>
    sendRaw(
      gateway.port,
      gateway.ca,
      `DELETE ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic("<script>name()</script>:correct horse")}\r\nConnection: close\r\n\r\n`,
    );
  await attack("/kapacitor/v1/tasks/<script>document.body.replaceChildren()</script>");
  await attack("/kapacitor/v1/tasks/%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E");
  await attack(`/kapacitor/v1/tasks/${"long".repeat(60)}`);
  for (let at = 0; at < 12; at += 1) await gateway.request("GET", `/kapacitor/v1/none/${at}`, { login: admin });
  await gateway.request("POST", `/write?db=${"d".repeat(90)}&rp=%3Cb%3E`, { login: admin, body: "cpu v=1" });
  for (let plotted = 0; plotted < 3; ) {
    for (let at = 0; at < 20; at += 1)
      await gateway.request("POST", "/write?db=telegraf&rp=autogen", { login: admin, body: "cpu v=1\ncpu v=2" });
    await gateway.request("GET", "/kapacitor/v1/tasks", { login: admin });
    const report: StatusReport = JSON.parse(await (await fetch(statusUrl)).text());
    plotted = report.instances[0]?.audit?.findings === 1 ? report.rates.writes.length : 0;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

t.test(
  "the status page in a browser: the numbers of /metrics, nothing loaded, nothing run, readable at every width and in both schemes",
  { skip: "missing" in chromium && chromium.missing },
  async (t) => {
    if ("missing" in chromium) return;
    const standin = await startStandin({});
    const definition = await request(`${standin.url}/kapacitor/v1/tasks`, {
      method: "POST",
      body: JSON.stringify({
        id: "restart",
        type: "stream",
        dbrps: [{ db: "telegraf", rp: "autogen" }],
        script: "stream|from()|alert().exec('/bin/restart')",
      }),
    });
    t.equal(definition.statusCode, 200);
    await definition.body.dump();
    const gateway = await startTestGateway(
      `${adminUser}[[user]]\nname = "<script>name()</script>"\nrole = "viewer"\ninstances = ["main"]\npassword-hash = "$2b$04$ORTTCCVxc3Xvr.AOESzlreDjEww8XFvHkGdvq0XYlpWdJiiVt7NMa"\n[alerts]\ndisable-handlers = ["exec"]\n[[kapacitor]]\nname = "main"\nurl = "${standin.url}"\n[[kapacitor]]\nname = "gone"\nurl = "http://127.0.0.1:9"\nhosts = ["two.test"]\n`,
      { version: "1.2.3", audits: undefined },
    );
    t.teardown(async () => {
      await gateway.close();
      await standin.close();
    });
    const base = `http://127.0.0.1:${gateway.gateway.adminAddress?.port}`;
    await makeTraffic(gateway, `${base}/-/status`);
    const browser = await startChromium(chromium.path);
    t.teardown(() => browser.close());

    const pictures = await mkdtemp(join(tmpdir(), "kapgate-status-page-"));
    t.comment(`pictures are in ${pictures}`);
    for (const scheme of ["light", "dark"] as const) {
      await browser.send("Emulation.setEmulatedMedia", {
        features: [{ name: "prefers-color-scheme", value: scheme }],
      });
      for (const width of widths) {
        await browser.send("Emulation.setDeviceMetricsOverride", {
          width,
          height: 900,
          deviceScaleFactor: 1,
          mobile: width < 500,
        });
        await browser.open(`${base}/-/status`);
        const what = `${width} px, ${scheme}`;
        t.strictSame(await browser.evaluate(outside), [], `${what}: nothing reaches out of the window`);
        t.equal(await browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), true, what);
        t.strictSame(await browser.evaluate(pale), [], `${what}: every text stands out`);
        await browser.screenshot(join(pictures, `${width}-${scheme}.png`));
      }
      const back = await browser.evaluate("getComputedStyle(document.body).backgroundColor");
      t.match(back, scheme === "light" ? /rgb\(2\d\d, 2\d\d, 2\d\d\)/ : /rgb\(\d\d, \d\d, \d\d\)/, `a ${scheme} page`);
    }

    await checkContent(t, browser, base);
    const { events } = browser;
    const requested = events
      .filter(({ method }) => method === "Network.requestWillBeSent")
      .map(({ params: { request } }) =>
        typeof request === "object" && request !== null && "url" in request ? request.url : "",
      );
    t.strictSame(
      [...new Set(requested)].filter((url) => !String(url).startsWith("data:image/svg+xml")),
      [`${base}/-/status`],
      "the page asks for nothing but itself",
    );
    for (const method of [
      "Log.entryAdded",
      "Runtime.consoleAPICalled",
      "Runtime.exceptionThrown",
      "Page.javascriptDialogOpening",
    ])
      t.strictSame(
        events.filter((event) => event.method === method),
        [],
        `no ${method}`,
      );
  },
);

async function checkContent(t: Test, browser: Chromium, base: string): Promise<void> {
  const text = await (await fetch(`${base}/metrics`)).text();
  const sum = (name: string, matches: (labels: Readonly<Record<string, string>>) => boolean = () => true): number =>
    samplesOf(text, name)
      .filter(({ labels }) => matches(labels))
      .reduce((total, { value }) => total + value, 0);
  const expected: Readonly<Record<string, number>> = {
    writes: sum("kapgate_requests_total", ({ lane, code }) => lane === "write" && code === "204"),
    points: sum("kapgate_write_points_total"),
    bytes: sum("kapgate_write_bytes_total"),
    refusals: sum("kapgate_requests_total", ({ reason }) => reason !== ""),
    "writes-main": sum("kapgate_requests_total", ({ lane, instance }) => lane === "write" && instance === "main"),
    "findings-main": sum("kapgate_audit_findings", ({ instance }) => instance === "main"),
    "reason-role_denied": 3,
    "reason-route_unknown": 12,
  };
  for (const [id, value] of Object.entries(expected)) {
    t.ok(value > 0, id);
    t.equal(await browser.evaluate(`document.getElementById(${JSON.stringify(id)})?.value`), String(value), id);
  }
  t.equal(await browser.evaluate(`document.querySelector("h1").textContent`), "Something is not working");
  t.match(
    await browser.evaluate(`document.querySelector("ul.attention").textContent`),
    "Kapacitor gone does not answer.",
  );
  t.match(await browser.evaluate(`document.querySelector(".findings").textContent`), "task:restart");
  t.equal(await browser.evaluate(`document.querySelectorAll("script, img, iframe, object, form").length`), 0);
  t.match(await browser.evaluate(`document.querySelector("table.refusals").textContent`), "<script>name()</script>");
  t.ok(Number(await browser.evaluate(`document.querySelectorAll(".tile .line").length`)) >= 4, "something is plotted");
}
