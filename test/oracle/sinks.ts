import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** Something that left Kapacitor: which kind of alert handler sent it, and what. */
export interface Sent {
  readonly kind: string;
  readonly text: string;
}

/** Where everything that a Kapacitor sends goes to, on loopback. */
export interface Sinks {
  readonly sent: readonly Sent[];
  /** Sections for kapacitor.conf that send every kind of alert handler here. */
  readonly sections: string;
  /** Of the raw TCP sink of a kind, `host:port`. */
  address(kind: RawKind): string;
  /** `http://host:port/KIND` */
  url(kind: string): string;
  close(): Promise<void>;
}

const rawKinds = ["tcp", "smtp", "sensu", "kafka", "mqtt"] as const;
type RawKind = (typeof rawKinds)[number];

/** The kinds whose service posts to one URL, with what their section needs beside it. */
const postingSections: Readonly<Record<string, string>> = {
  alerta: `token = "t"\nenvironment = "e"`,
  bigpanda: `app-key = "a"\ntoken = "t"`,
  hipchat: `room = "r"\ntoken = "t"`,
  opsgenie: `api-key = "k"\nrecovery_url = "http://127.0.0.1:1/"`,
  opsgenie2: `api-key = "k"`,
  pagerduty: `service-key = "k"`,
  pagerduty2: `routing-key = "k"`,
  pushover: `token = "t"\nuser-key = "u"`,
  servicenow: "",
  talk: "",
  telegram: `token = "t"\nchat-id = "c"`,
  victorops: `api-key = "k"\nrouting-key = "r"`,
};

/** CONNACK: accepted. */
const connected = Buffer.from([0x20, 2, 0, 0]);

/** Starts them; a handler of a kind that the release does not have is left out with `without`. */
export async function startSinks(without: ReadonlySet<string> = new Set()): Promise<Sinks> {
  const sent: Sent[] = [];
  const open = new Set<Socket>();
  const http = createHttpServer((request, response) => {
    let text = `${request.url} `;
    request.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    request.on("end", () => {
      sent.push({ kind: /^\/(\w+)/.exec(request.url ?? "")?.[1] ?? "unknown", text });
      response.writeHead(200, { "content-type": "application/json" }).end(`{"ok":true,"status":"ok"}`);
    });
  });
  http.on("connection", (socket) => track(open, socket));
  await listen(http);

  const raw = new Map<RawKind, Server>();
  for (const kind of rawKinds) {
    const server = createServer((socket) => {
      track(open, socket);
      if (kind === "mqtt") return receiveMqtt(socket, sent);
      // A mail server speaks first. What follows is of no interest: that somebody came is enough.
      if (kind === "smtp") socket.write("554 no\r\n");
      let text = "";
      socket.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (kind === "sensu") socket.end("ok");
        if (kind === "kafka") socket.destroy();
      });
      socket.on("end", () => socket.end());
      socket.on("close", () => sent.push({ kind, text }));
      if (kind === "smtp") socket.setTimeout(50, () => socket.destroy());
    });
    await listen(server);
    raw.set(kind, server);
  }
  const traps = createSocket("udp4", (message) => sent.push({ kind: "snmptrap", text: message.toString("latin1") }));
  traps.bind(0, "127.0.0.1");
  await once(traps, "listening");

  const address = (kind: RawKind): string => `127.0.0.1:${portOf(raw.get(kind))}`;
  const url = (kind: string): string => `http://127.0.0.1:${portOf(http)}/${kind}`;
  return {
    sent,
    sections: sections(without, address, url, traps),
    address,
    url,
    close: async () => {
      for (const socket of open) socket.destroy();
      traps.close();
      for (const server of [http, ...raw.values()]) await new Promise((resolve) => server.close(resolve));
    },
  };
}

function sections(
  without: ReadonlySet<string>,
  address: (kind: RawKind) => string,
  url: (kind: string) => string,
  traps: DatagramSocket,
): string {
  const posting = Object.entries(postingSections)
    .filter(([kind]) => !without.has(kind))
    // Telegram's token is put right behind its URL.
    .map(
      ([kind, more]) => `[${kind}]\nenabled = true\nurl = "${url(kind)}${kind === "telegram" ? "/" : ""}"\n${more}\n`,
    );
  const optional: Readonly<Record<string, string>> = {
    discord: `[[discord]]\nenabled = true\ndefault = true\nurl = "${url("discord")}"\n`,
    teams: `[teams]\nenabled = true\nchannel-url = "${url("teams")}"\n`,
  };
  return [
    ...posting,
    ...Object.entries(optional)
      .filter(([kind]) => !without.has(kind))
      .map(([, text]) => text),
    `[[slack]]\nenabled = true\ndefault = true\nworkspace = ""\nurl = "${url("slack")}"\nchannel = "#c"\n`,
    `[[httppost]]\nendpoint = "example"\nurl = "${url("post")}"\n`,
    `[sensu]\nenabled = true\naddr = "${address("sensu")}"\n`,
    `[smtp]\nenabled = true\nhost = "127.0.0.1"\nport = ${address("smtp").split(":")[1]}\nfrom = "a@example.com"\nto = ["b@example.com"]\n`,
    `[snmptrap]\nenabled = true\naddr = "127.0.0.1:${traps.address().port}"\ncommunity = "c"\nretries = 0\n`,
    `[[kafka]]\nenabled = true\nid = "default"\nbrokers = ["${address("kafka")}"]\ntimeout = "1s"\nbatch-size = 1\nbatch-timeout = "10ms"\n`,
    `[[mqtt]]\nenabled = true\nname = "default"\ndefault = true\nurl = "tcp://${address("mqtt")}"\nclient-id = "c"\n`,
  ].join("\n");
}

/** MQTT 3.1.1, sections 3.1 to 3.3: a connection is answered, a publication (type 3) is what counts. */
function receiveMqtt(socket: Socket, sent: Sent[]): void {
  socket.on("data", (chunk: Buffer) => {
    const type = (chunk[0] ?? 0) >> 4;
    if (type === 1) socket.write(connected);
    if (type === 3) sent.push({ kind: "mqtt", text: chunk.toString("latin1") });
  });
}

function track(open: Set<Socket>, socket: Socket): void {
  open.add(socket);
  socket.on("error", () => socket.destroy());
  socket.on("close", () => open.delete(socket));
}

async function listen(server: Server): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
}

function portOf(server: Server | undefined): number {
  const address = server?.address();
  if (address === null || address === undefined || typeof address === "string") throw new Error("not listening");
  return (address as AddressInfo).port;
}
